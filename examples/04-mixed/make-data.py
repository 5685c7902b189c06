#!/usr/bin/env python3
"""Makes history.csv.gz, sensors.avro and live.ndjson.gz: November 2013 of the second example's three stations.

The observations are real; how they are written, what is sent twice and the three reports of a device named TST are
ours, as SOURCE.md says. Needs fastavro; the same version gives the same bytes.
"""

import csv
import gzip
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import fastavro

HERE = Path(__file__).parent
OBSERVATIONS = HERE.parent / "02-weather-stations" / "events.ndjson.gz"
NEW_YORK = ZoneInfo("America/New_York")
MPH_A_KNOT = Decimal("1.15078")
SENSOR = {
    "type": "record",
    "name": "Reading",
    "namespace": "org.example.weather",
    "fields": [
        {"name": "station", "type": "string"},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "temperature", "type": ["null", "double"]},
        {"name": "unit", "type": "string"},
        {"name": "wind", "type": ["null", "double"]},
        {"name": "wind_unit", "type": "string"},
        {"name": "pressure", "type": ["null", "double"]},
    ],
}


def november() -> list[dict]:
    """The observations: Fahrenheit and hectopascal as published, wind in the whole knots that were measured."""
    with gzip.open(OBSERVATIONS, "rt") as file:
        events = [json.loads(line, parse_float=Decimal) for line in file]
    return [
        {
            "station": event["station"],
            "time": datetime.fromisoformat(event["time"]),
            "fahrenheit": event["air"]["temperature_f"],
            "knots": mph if (mph := event["wind"]["speed_mph"]) is None else round(mph / MPH_A_KNOT),
            "pressure": event["air"]["pressure_hpa"],
        }
        for event in events
        if event["local"]["date"].startswith("2013-11")
    ]


def number(value, convert=lambda value: value) -> float | None:
    return None if value is None else float(convert(value))


def history(observations: list[dict]) -> bytes:
    """Newark's log: local times without an offset, -999 for what is missing, the station in small letters."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(["station", "local_time", "temperature", "unit", "wind", "wind_unit", "pressure"])
    for o in observations:
        values = [-999 if o[name] is None else o[name] for name in ("fahrenheit", "knots", "pressure")]
        local = o["time"].astimezone(NEW_YORK).strftime("%d.%m.%Y %H:%M")
        table.writerow([" ewr", local, values[0], "[degF]", values[1], "[kn_i]", values[2]])
    return text.getvalue().encode()


def sensors(observations: list[dict]) -> bytes:
    """Kennedy's sensors: Celsius and tenths of metres per second, in an Avro object container."""
    records = [
        {
            "station": o["station"],
            "time": o["time"],
            "temperature": number(o["fahrenheit"], lambda degrees: round((degrees - 32) / Decimal("1.8"), 1)),
            "unit": "Cel",
            "wind": number(o["knots"], lambda knots: round(knots * Decimal("0.514444"), 1)),
            "wind_unit": "m/s",
            "pressure": number(o["pressure"]),
        }
        for o in observations
    ]
    file = io.BytesIO()
    fastavro.writer(file, SENSOR, records, codec="deflate", sync_marker=b"04-mixed sensors")
    return file.getvalue()


def live(observations: list[dict]) -> bytes:
    """La Guardia's stream: CloudEvents, one in 97 sent again, and three of a device that is being tested."""
    lines = []
    for at, o in enumerate(observations):
        data = {
            "station": o["station"],
            "time": o["time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "temperature": number(o["fahrenheit"]),
            "unit": "[degF]",
            "wind": o["knots"],
            "wind_unit": "[kn_i]",
            "pressure": number(o["pressure"]),
        }
        lines.append(envelope(at, data))
        if at % 97 == 96:
            lines.append(lines[-1])
        if at % 240 == 120:
            lines.append(envelope(f"{at}-test", data | {"station": "TST"}))
    return "".join(line + "\n" for line in lines).encode()


def envelope(identifier, data: dict) -> str:
    return json.dumps({
        "specversion": "1.0",
        "id": f"lga-{identifier}",
        "source": "/stations/lga",
        "type": "observation",
        "datacontenttype": "application/json",
        "data": data,
    })


def main() -> None:
    observations = november()
    of = {name: [o for o in observations if o["station"] == name] for name in ("EWR", "JFK", "LGA")}
    (HERE / "history.csv.gz").write_bytes(gzip.compress(history(of["EWR"]), 9, mtime=0))
    (HERE / "sensors.avro").write_bytes(sensors(of["JFK"]))
    (HERE / "live.ndjson.gz").write_bytes(gzip.compress(live(of["LGA"]), 9, mtime=0))
    for name, rows in of.items():
        print(f"{name}: {len(rows)} observations")


if __name__ == "__main__":
    main()
