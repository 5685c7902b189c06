#!/usr/bin/env python3
"""Checks a run of examples/04-mixed: CSV, Avro and CloudEvents, cleansed, against a plain reading of the three files.

    mixed.py EXAMPLE OUT

The events are cleansed here once more, by Python's `decimal` and `zoneinfo`, and written down as NDJSON in the order
of their times. Of that the other checks compute what the table, the windows and the alerts must hold. No event is
late: each file is in order, and the watermark is that of the slowest. Ends with 1 if anything differs.
"""

import csv
import gzip
import json
import sys
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import alerts
import fastavro
import table
from compare import compare
from events import load
from expected import create
from manifest import read

NEW_YORK, UTC = ZoneInfo("America/New_York"), ZoneInfo("UTC")
UNITS = {
    "Cel": lambda value: value,
    "[degF]": lambda value: (value - 32) / Decimal("1.8"),
    "m/s": lambda value: value * Decimal("3.6"),
    "[kn_i]": lambda value: value * Decimal("1.852"),
}


def cleansed(event: dict) -> dict:
    """One event as the study's schema describes it; numbers as Decimal."""
    event = dict(event, station=event["station"].strip().upper())
    for name in ("temperature", "wind", "pressure"):
        if event.get(name) == -999:
            event[name] = None
    for name, unit in (("temperature", "unit"), ("wind", "wind_unit")):
        if event.get(name) is not None:
            event[name] = UNITS[event[unit]](event[name])
    if "local_time" in event:
        local = datetime.strptime(event.pop("local_time"), "%d.%m.%Y %H:%M").replace(tzinfo=NEW_YORK, fold=0)
        event["time"] = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return event


def from_csv(path: Path):
    """Pairs of the line on which a record begins, and its event."""
    with gzip.open(path, "rt", newline="") as file:
        for line, record in enumerate(csv.DictReader(file), start=2):
            numbers = {name: Decimal(record[name]) for name in ("temperature", "wind", "pressure") if record[name]}
            yield line, record | numbers


def from_avro(path: Path):
    """Pairs of a datum's number and its event; null fields are left out."""
    with path.open("rb") as file:
        for number, record in enumerate(fastavro.reader(file), start=1):
            exact = {name: Decimal(str(v)) if isinstance(v, float) else v for name, v in record.items()}
            event = {name: value for name, value in exact.items() if value is not None}
            yield number, event | {"time": record["time"].strftime("%Y-%m-%dT%H:%M:%SZ")}


def from_cloud_events(path: Path):
    """Pairs of a line and its envelope's data."""
    with gzip.open(path, "rt") as file:
        for line, text in enumerate(file, start=1):
            yield line, json.loads(text, parse_float=Decimal, parse_int=Decimal)["data"]


READERS = {"Csv": from_csv, "Avro": from_avro, "CloudEvents": from_cloud_events}


def written(example: Path, out: Path) -> list[tuple[str, int]]:
    """Writes all events, cleansed, in the order of their times; the file and the line of each."""
    study = read(example)
    found = []
    for path, form in zip(study.inputs, study.formats):
        found += [(path.name, line, cleansed(event)) for line, event in READERS[form](path)]
    # The sort is stable, so that of two events with one identity the first read stays first.
    found.sort(key=lambda entry: entry[2]["time"])
    with out.open("w") as file:
        for _, _, event in found:
            file.write(json.dumps(event, default=float) + "\n")
    return [(name, line) for name, line, _ in found]


def by_order(places: list[tuple[str, int]], out: Path, run: Path) -> Path:
    """A copy of a run's rejects with their place among all events in place of their own line."""
    at = {place: number for number, place in enumerate(places, start=1)}
    (out / "rejected").mkdir()
    with (out / "rejected" / "all.ndjson").open("w") as copy:
        for file in sorted((run / "rejected").glob("**/*.ndjson")):
            for text in file.read_text().splitlines():
                record = json.loads(text)
                record["line"] = at[Path(record["file"]).name, record["line"]]
                copy.write(json.dumps(record) + "\n")
    return out


def check_rows(db, study, places: list[tuple[str, int]], run: Path, out: Path) -> list[str]:
    """The table, each row by its place among all events."""
    db.execute("CREATE TEMP TABLE places (file VARCHAR, line BIGINT, number BIGINT)")
    db.executemany("INSERT INTO places VALUES (?, ?, ?)", [(*place, at) for at, place in enumerate(places, start=1)])
    folder = out / "table" / study.event_type
    folder.mkdir(parents=True)
    db.execute(f"""
        COPY (
            SELECT r.* REPLACE (number AS _line)
            FROM read_parquet('{run}/table/{study.event_type}/**/*.parquet', hive_partitioning = false) r
            JOIN places ON places.line = _line AND file = parse_filename(_file)
        ) TO '{folder}/all.parquet'
    """)
    counted = f"SELECT count(*) FROM read_parquet('{run}/table/{study.event_type}/**/*.parquet')"
    rows, mapped = (db.execute(q).fetchone()[0] for q in (counted, f"SELECT count(*) FROM '{folder}/all.parquet'"))
    lost = [f"{rows} rows, of which {mapped} have a place among the events"] if rows != mapped else []
    return lost + table.check_table(db, study, out)


def check_alerts(db, study, run: Path) -> list[str]:
    """Alerts by detector, group and time."""
    found, problems = alerts.written(run), []
    for detector in study.detectors:
        without_place = lambda alert: (*alert[:3], None, *alert[4:])  # noqa: E731
        expected = [without_place(a) for a in alerts.judged(detector, alerts.event_rows(db, study, detector))]
        actual = [without_place(a) for a in found.pop(detector.name, [])]
        print(f"{detector.name:24}{len(actual):9} alerts")
        problems += alerts.differences(expected, actual) + ([] if expected else [f"{detector.name} finds nothing"])
    return problems + [f"alerts of {name}" for name in found]


def main() -> int:
    example, run = map(Path, sys.argv[1:3])
    study = read(example)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        places = written(example, out / "events.ndjson")
        db = load(study, out / "events.ndjson")
        problems = check_rows(db, study, places, run, out)
        problems += table.check_rejects(db, by_order(places, out, run))
        problems += table.check_ledger(db, run)
        problems += check_alerts(db, study, run)
        for window in study.windows:
            create(db, study, window)
            result = compare(db, study, window, run)
            print(f"{window.name:24}{result.windows:9} windows")
            problems += [f"{window.name}: {problem}" for problem in result.problems]
    for problem in problems:
        print(f"    {problem}")
    print(f"{example}: {len(places)} events in {len(study.inputs)} files: {'DIFFERS' if problems else 'ok'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
