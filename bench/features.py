#!/usr/bin/env python3
"""Measures what each feature of a study costs an event, alone and all together, and writes docs/benchmarks/features.md.

Every case is `transect up --drain` over the same file, on one core, with manifests that differ from the plain ones by
one feature. Cases take turns, round by round; what a feature costs is the difference to the plain case, of the fastest
runs.

TRANSECT names the binary.
"""

import argparse
import copy
import os
import shutil
from pathlib import Path

import yaml
from measure import Case, run
from run import CACHE, HERE, WORK, events, new_folder

NONE = "nothing: schema, dedup, table"

HEAD = """# What each feature costs

`make bench` writes this page. {events:,} nested JSON events of {bytes:.0f} bytes, validated, deduplicated and written
as Parquet on one core; each line adds one feature to that. Nanoseconds are the difference of the fastest of {rounds}
runs to the plain case; cases took turns.

| feature | events/s | ns an event | time to plain |
|---|---:|---:|---:|
"""

TAIL = """
- **windows**: an hourly mean and a 95th percentile by airport.
- **cleanse**: a trim, a null for a code, a conversion of units.
- **rules**: four, two of which flag; all for whole columns.
- **versions**: three versions; `newest` are events of the last, `oldest` of the first, with two columns that it
  lacks and one of another name.
- **pseudonymise**: one HMAC an event. **encrypt**: one value an event, with the key of one of 16 participants; and each
  event's participant.
- **anomalies**: a robust z-score and an EWMA by airport, over a day.
- **archive**: the bytes as they came. **sealed archive**: the same by participant, with the pseudonymised table.
"""


def windows(study: dict, pipeline: dict) -> None:
    pipeline["windows"] = yaml.safe_load((HERE / "manifests/pipeline.yaml").read_text())["spec"]["windows"]


def cleanse(study: dict, pipeline: dict) -> None:
    properties(study)["distance"] = {"type": "number"}
    study["cleanse"] = [
        {"field": "/carrier/tail", "trim": {}},
        {"field": "/air_time", "nullIf": [-999]},
        {"field": "/distance", "convert": {"from": "[mi_us]", "to": "km"}},
    ]


def rules(study: dict, pipeline: dict) -> None:
    study["rules"] = [
        {"name": "moves", "expression": "event.origin.airport != event.dest.airport"},
        {"name": "far-takes-long", "expression": "event.distance < 1000.0 || event.air_time > 60.0"},
        {"name": "late", "expression": "event.dest.delay < 120.0", "otherwise": "Flag"},
        {"name": "makes-up", "expression": "event.dest.delay <= event.origin.delay", "otherwise": "Flag"},
    ]


def versions(study: dict, pipeline: dict) -> None:
    first = study["versions"][0]["schema"]
    second, third = copy.deepcopy(first), copy.deepcopy(first)
    for schema in (second, third):
        schema["properties"]["gate"] = {"type": "string"}
        schema["properties"]["distance_flown"] = schema["properties"].pop("distance")
        schema["required"] = [name for name in schema["required"] if name != "distance"]
    third["properties"]["crew"] = {"type": "integer"}
    study["compatibility"] = "None"
    study["versions"] += [
        {"version": 2, "schema": second, "renamed": [{"from": "/distance", "to": "/distance_flown"}]},
        {"version": 3, "schema": third},
    ]


def newest(study: dict, pipeline: dict) -> None:
    versions(study, pipeline)
    # The events have the first version's names, so that it comes last here.
    old = study["versions"][0]["schema"]
    for number, version in enumerate(study["versions"]):
        version.pop("renamed", None)
        version["schema"] = copy.deepcopy(old)
        version["schema"]["properties"] |= {f"more_{n}": {"type": "string"} for n in range(number)}


def oldest(study: dict, pipeline: dict) -> None:
    versions(study, pipeline)
    pipeline["sources"][0]["version"] = 1


def pseudonymise(study: dict, pipeline: dict) -> None:
    study.setdefault("privacy", []).append({"field": "/carrier/tail", "treatment": "Pseudonymise"})


def encrypt(study: dict, pipeline: dict) -> None:
    study["event"]["participant"] = "/carrier/code"
    study.setdefault("privacy", []).append({"field": "/schedule/departure", "treatment": "Encrypt"})


def anomalies(study: dict, pipeline: dict) -> None:
    by = {"field": "/origin/delay", "by": ["/origin/airport"]}
    pipeline["anomalies"] = [
        {"name": "odd", "method": "RobustZScore", "threshold": 12, **by},
        {"name": "drift", "method": "Ewma", "threshold": 12, **by},
    ]


def archive(study: dict, pipeline: dict) -> None:
    pipeline["storage"]["cold"]["archive"] = {}


def sealed_archive(study: dict, pipeline: dict) -> None:
    pseudonymise(study, pipeline)
    study["event"]["participant"] = "/carrier/code"
    archive(study, pipeline)


def everything(study: dict, pipeline: dict) -> None:
    for feature in (newest, cleanse, rules, pseudonymise, encrypt, windows, anomalies, archive):
        feature(study, pipeline)


FEATURES = {
    NONE: lambda study, pipeline: None,
    "windows": windows,
    "cleanse": cleanse,
    "rules": rules,
    "versions, newest": newest,
    "versions, oldest": oldest,
    "pseudonymise": pseudonymise,
    "encrypt": encrypt,
    "anomalies": anomalies,
    "archive": archive,
    "sealed archive": sealed_archive,
    "all together": everything,
}


def properties(study: dict) -> dict:
    return study["versions"][-1]["schema"]["properties"]


def manifests(feature) -> Path:
    """A folder of manifests with one feature."""
    folder = new_folder()
    names = ("study.yaml", "pipeline.yaml")
    study, pipeline = (yaml.safe_load((HERE / "manifests" / name).read_text()) for name in names)
    pipeline["spec"].pop("windows")
    feature(study["spec"], pipeline["spec"])
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all([study, pipeline], sort_keys=False))
    return folder


def transect(binary: Path, folder: Path, source: Path):
    run_in = new_folder()
    command = [binary, "up", "-f", folder, "--input", f"flights={source}", "--out", run_in / "out", "--state",
               run_in / "state", "--threads", 1, "--drain"]
    return run([str(part) for part in command], "1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=3, help="a third of a million events each")
    args = parser.parse_args()
    binary = Path(os.environ.get("TRANSECT", CACHE / "target/dist/transect"))
    source, facts = events(args.copies)
    shutil.rmtree(WORK, ignore_errors=True)
    cases = {name: (Case(name, rows=facts["events"]), manifests(feature)) for name, feature in FEATURES.items()}
    for turn in range(args.rounds):
        for case, folder in cases.values():
            case.runs.append(transect(binary, folder, source))
        print(f"round {turn + 1} of {args.rounds} done", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    page = HEAD.format(events=facts["events"], bytes=facts["bytes"] / facts["events"], rounds=args.rounds)
    plain = cases[NONE][0]
    for case, _ in cases.values():
        more = (case.fastest().wall - plain.fastest().wall) / case.rows * 1e9
        cost = "" if case is plain else f"{more:+,.0f}"
        page += f"| {case.name} | {case.rate():,.0f} | {cost} | {1 / case.times_faster(plain):.2f} |\n"
    page += TAIL
    print(page)
    (HERE.parent / "docs/benchmarks/features.md").write_text(page)


if __name__ == "__main__":
    main()
