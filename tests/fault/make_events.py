#!/usr/bin/env python3
"""Makes a file of events with known faults, for tests that stop the process and compare what comes out.

    make_events.py FILE [--events N] [--seed S]

Of N lines 10 % repeat an earlier event (a third of them with another value), 2 % are invalid in one of twelve ways, 5 %
carry a time 15 minutes to 3 hours behind the rest. Times advance by half a second a line. Standard library only;
the same arguments give the same bytes. Prints the counts as JSON.
"""

import argparse
import json
import random
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

BASE = datetime(2026, 1, 1, tzinfo=timezone.utc)
EVENT = (
    '{{"id":"e{id}","time":"{time}","station":"s{station:02}","value":{value},'
    '"sensor":{{"serial":{serial},"battery":{battery}}}}}'
)


def put(member: str, value: str):
    """Gives the first such member another value."""
    return lambda line: re.sub(f'"{member}":[^,}}]+', f'"{member}":{value}', line, count=1)


# How a valid line is broken, each way by itself.
BREAKS = {
    "truncated": lambda line: line[: len(line) // 2],
    "not JSON": lambda line: "station 7 is offline",
    "empty object": lambda line: "{}",
    "array": lambda line: "[" + line + "]",
    "member twice": lambda line: '{"id":"e1",' + line[1:],
    "number beyond a double": put("value", "1e999"),
    "value out of range": put("value", "100.5"),
    "value is text": put("value", '"warm"'),
    "no time": lambda line: re.sub('"time":[^,]+,', "", line, count=1),
    "time that isn't": put("time", '"2026-13-01T00:00:00Z"'),
    "unknown member": lambda line: line.replace('"station"', '"stat":1,"station"'),
    "serial is a fraction": put("serial", "1.5"),
}


def stamp(half_seconds: int) -> str:
    moment = BASE + timedelta(milliseconds=500 * half_seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def lines(count: int, seed: int, counts: Counter):
    """The lines in order. Repeats come from the last 50,000 valid events, within the dedup window."""
    rng = random.Random(seed)
    recent: list[dict] = []
    breaks = list(BREAKS.items())
    for n in range(count):
        luck = rng.random()
        if luck < 0.10 and recent:
            fields = recent[rng.randrange(len(recent))]
            kind = "duplicate"
            if luck < 0.033:
                kind, fields = "conflicting", fields | {"value": -fields["value"] - 1}
            counts[kind] += 1
            yield EVENT.format(**fields)
            continue
        late = rng.randrange(1800, 21_600) if luck > 0.95 else 0
        fields = {
            "id": n,
            "time": stamp(max(0, n - late)),
            "station": rng.randrange(40),
            "value": rng.randrange(-5000, 5000) / 100,
            "serial": rng.randrange(1, 1000),
            "battery": "null" if n % 10 == 0 else rng.randrange(100) / 100,
        }
        line = EVENT.format(**fields)
        if luck < 0.12:
            name, broken = breaks[rng.randrange(len(breaks))]
            counts["invalid"] += 1
            counts[name] += 1
            yield broken(line)
            continue
        counts["late" if late else "in time"] += 1
        if len(recent) < 50_000:
            recent.append(fields)
        else:
            recent[n % 50_000] = fields
        yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    args.file.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter = Counter()
    with args.file.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines(args.events, args.seed, counts))
    print(json.dumps({"events": args.events, **counts}))


if __name__ == "__main__":
    main()
