#!/usr/bin/env python3
"""Checks every alert of a run against a plain calculation from the original input.

    alerts.py EXAMPLE OUT [--input FILE]

EXAMPLE is a folder of manifests, OUT the `--out` folder of a drained `transect up`. Each value is judged against a
list of those before it, by Python's `statistics`. Values of windows are those that the run has issued as final, which
`windows.py` checks; where the watermark ends is the last window's end. Ends with 1 if anything differs.
"""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from events import load, typed
from manifest import Detector, Study, field_kind, read
from privacy import keys_of

HISTORY = 2048
NEVER = -(2**63)


@dataclass(frozen=True)
class Row:
    """One value in the order in which it is judged; times in microseconds since 1970."""

    group: tuple
    time: int
    watermark: int
    value: float | None
    place: object


def group_of(names: list[str], values: list) -> tuple:
    """The values in the order of their names, numbers alike whether whole or not."""
    alike = (float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)
    return tuple(value for _, value in sorted(zip(names, alike), key=lambda pair: pair[0]))


def event_rows(db, study: Study, detector: Detector) -> list[Row]:
    """The accepted events, by line."""
    value = typed("number", detector.field) if detector.field else "NULL"
    by = detector.by or study.key
    group = ", ".join(typed(field_kind(study.schema, pointer), pointer) for pointer in by)
    rows = db.execute(f"SELECT line, t, before, {value}, {group} FROM accepted ORDER BY line").fetchall()
    newest = NEVER
    found = []
    for line, time, before, number, *key in rows:
        newest = max(newest, NEVER if before is None else before)
        found.append(Row(group_of(by, key), time, newest, number, line))
    return found


def window_rows(db, study: Study, detector: Detector, out: Path) -> list[Row]:
    """The final windows, by end, start and group."""
    window = next(w for w in study.windows if w.name == detector.window)
    files = sorted(str(file) for file in (out / "windows" / window.name).glob("**/*.parquet"))
    columns = db.execute(f"DESCRIBE SELECT * FROM read_parquet({files}, union_by_name = true)").fetchall()
    replaced = "AND replaced_by IS NULL" if any(c[0] == "replaced_by" for c in columns) else ""
    groups = "".join(f', "{name}"' for name in window.groups())
    rows = db.execute(f"""
        SELECT epoch_us(window_start), epoch_us(window_end), CAST("{detector.aggregate}" AS DOUBLE){groups}
        FROM read_parquet({files}, union_by_name = true) WHERE final {replaced} ORDER BY 2, 1{groups}
    """).fetchall()
    return [Row(group_of(window.group_by, key), end, end, value, (start, end)) for start, end, value, *key in rows]


def measure(detector: Detector, history: list[float], value: float) -> tuple[float, float] | None:
    """What was expected, and the distance from it; None if that can't be said."""
    if detector.method == "Threshold":
        expected = -detector.threshold if detector.side == "Both" and value < 0 else detector.threshold
        return expected, value - expected
    if len(history) < detector.min_count:
        return None
    match detector.method:
        case "ZScore":
            expected, spread = statistics.mean(history), statistics.stdev(history)
        case "RobustZScore":
            expected = statistics.median(history)
            deviation = statistics.median(abs(v - expected) for v in history)
            spread = deviation / statistics.NormalDist().inv_cdf(0.75)
        case "Iqr":
            first, _, third = statistics.quantiles(history, n=4, method="inclusive")
            expected, spread = min(max(value, first), third), third - first
        case "Ewma":
            decay = [(1 - detector.alpha) ** age for age in reversed(range(len(history)))]
            weights = [decay[0]] + [detector.alpha * weight for weight in decay[1:]]
            expected = sum(w * v for w, v in zip(weights, history))
            spread = sum(w * (v - expected) ** 2 for w, v in zip(weights, history)) ** 0.5
    # Where nothing varies, a sum by weights may be off by a rounding.
    return (expected, (value - expected) / spread) if spread > 1e-9 * abs(expected) else None


def is_beyond(detector: Detector, expected: float, distance: float) -> bool:
    reached = 0 if detector.method == "Threshold" else detector.threshold
    above, below = distance >= reached, distance <= -reached
    if detector.method == "Threshold" and detector.side == "Both":
        return above if expected > 0 else below
    return {"Above": above, "Below": below, "Both": above or below}[detector.side]


def judged(detector: Detector, rows: list[Row]) -> list[tuple]:
    """The anomalous values: state, group, time, place, value, expected, distance."""
    remembered: dict[tuple, list[tuple[int, float]]] = {}
    found = []
    for row in rows:
        if row.value is None:
            continue
        own = remembered.setdefault(row.group, [])
        cutoff = max([row.time, row.watermark] + [time for time, _ in own]) - detector.over
        if row.time <= cutoff:
            continue
        own[:] = [(time, value) for time, value in own if time > cutoff]
        own.sort(key=lambda pair: pair[0])
        del own[:-HISTORY]
        verdict = measure(detector, [value for _, value in own], row.value)
        own.append((row.time, row.value))
        if verdict and is_beyond(detector, *verdict):
            found.append(("Raised", row.group, row.time, row.place, row.value, *verdict))
    return found


def silent(detector: Detector, rows: list[Row], end: int) -> list[tuple]:
    """The silences up to a watermark, by a look at all groups before each event."""
    last: dict[tuple, int] = {}
    raised: set[tuple] = set()
    found = []
    expected = detector.over / 1e6

    def look(watermark: int) -> None:
        for group, time in last.items():
            if group not in raised and time + detector.over <= watermark:
                raised.add(group)
                found.append(("Raised", group, time + detector.over, None, expected, expected, 0.0))

    for row in rows:
        look(row.watermark)
        if row.time + detector.over <= row.watermark:
            continue
        if row.group in raised:
            raised.remove(row.group)
            length = (row.time - last[row.group]) / 1e6
            found.append(("Ended", row.group, row.time, row.place, length, expected, length - expected))
            last[row.group] = row.time
        last[row.group] = max(last.get(row.group, NEVER), row.time)
    look(end)
    return found


def drained(db, study: Study, out: Path) -> int:
    """The watermark at the end: of the greatest event time, or of the last window's end and lateness."""
    end = db.execute(f"SELECT max(t) - {study.delay} FROM accepted").fetchone()[0]
    for window in study.windows:
        files = sorted(str(file) for file in (out / "windows" / window.name).glob("**/*.parquet"))
        last = db.execute(f"SELECT max(epoch_us(window_end)) FROM read_parquet({files}, union_by_name = true)")
        gap = window.size if window.kind == "session" else 0
        end = max(end, last.fetchone()[0] + window.lateness + gap)
    return end


def micros(time: str) -> int:
    return (datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def written(out: Path) -> dict[str, list[tuple]]:
    """The run's alerts by detector."""
    found: dict[str, list[tuple]] = {}
    for file in sorted((out / "alerts").glob("*.ndjson")):
        for line in file.read_text(encoding="utf-8").splitlines():
            alert = json.loads(line)
            origin = alert.get("origin", {})
            place = origin.get("line")
            if "window_start" in origin:
                place = (micros(origin["window_start"]), micros(origin["window_end"]))
            group = group_of(list(alert["group"]), list(alert["group"].values()))
            found.setdefault(alert["detector"], []).append((
                alert["state"], group, micros(alert["time"]), place,
                alert["value"], alert["expected"], alert["distance"],
            ))
    return found


def differences(expected: list[tuple], actual: list[tuple]) -> list[str]:
    """In words; numbers may differ by 1e-9 of themselves."""
    key = lambda alert: repr(alert[:4])  # noqa: E731
    ours, theirs = ({key(a): a for a in alerts} for alerts in (expected, actual))
    problems = [f"missing: {ours[k]}" for k in ours.keys() - theirs.keys()]
    problems += [f"not expected: {theirs[k]}" for k in theirs.keys() - ours.keys()]
    problems += ["an alert stands twice"] * (len(theirs) != len(actual))
    for k in ours.keys() & theirs.keys():
        if any(abs(a - b) > 1e-9 * max(abs(a), abs(b), 1) for a, b in zip(ours[k][4:], theirs[k][4:])):
            problems.append(f"expected {ours[k]}, found {theirs[k]}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--input", type=Path, help="the events, in place of the manifest's file")
    args = parser.parse_args()

    study = read(args.example)
    if not study.detectors:
        return 0
    db = load(study, args.input or study.inputs[0], keys_of(args.out))
    found = written(args.out)
    counted = json.loads((args.out / "ledger.json").read_text()).get("alerts", {})
    failed = 0
    for detector in study.detectors:
        if detector.window:
            expected = judged(detector, window_rows(db, study, detector, args.out))
        elif detector.method == "Missing":
            expected = silent(detector, event_rows(db, study, detector), drained(db, study, args.out))
        else:
            expected = judged(detector, event_rows(db, study, detector))
        actual = found.pop(detector.name, [])
        problems = differences(expected, actual)
        if counted.get(detector.name, 0) != len(actual):
            problems.append(f"the ledger counts {counted.get(detector.name, 0)}")
        print(f"{detector.name:24}{len(actual):9} alerts  {'DIFFERS' if problems else 'ok'}")
        for problem in problems[:5]:
            print(f"    {problem}")
        failed += bool(problems)
    failed += bool(found)
    print(f"{args.example}: alerts of {len(study.detectors) - failed} of {len(study.detectors)} detectors as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
