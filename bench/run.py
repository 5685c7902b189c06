#!/usr/bin/env python3
"""Measures `transect up` against DuckDB and Polars on the same file, and writes docs/benchmarks/files.{md,json}.

The peers only turn NDJSON into Parquet. Transect validates against a schema, removes repeats, computes an hourly mean
and 95th percentile, and writes the same columns, with the same codec and level, plus where each row is from. Programs
take turns, each pinned to its cores; rows, columns and codec of what they wrote are checked. The peers are timed from
after the start of Python; Transect from its start to its end.

TRANSECT names the binary. Ends with 1 if a target is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Case, Run, run
from report import Report, write

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "transect"
EVENTS = CACHE / "bench"
WORK = EVENTS / "work"
"""A folder a run, all removed at the end of the measurement. Removed sooner, their pages go back to the host where the
machine is a guest, and whoever runs next pays for getting them again: a tenth to a fifth of its time."""
ONE_CORE, TWO_CORES = "1", "0,1"
BUSY = 0.5
CORES = {1: ONE_CORE, 2: TWO_CORES}


def events(copies: int) -> tuple[Path, dict]:
    """The file of so many copies of each flight, made if it isn't there, read once so that it is in memory."""
    path = EVENTS / f"flights-{copies}.ndjson"
    if not path.exists():
        subprocess.run([sys.executable, HERE / "make_events.py", EVENTS, "--copies", str(copies)], check=True)
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
    return path, json.loads(path.with_suffix(".json").read_text())


def new_folder() -> Path:
    WORK.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=WORK))


def transect(binary: Path, manifest: str, source: Path, threads: int) -> tuple[Run, Path]:
    """One drained run on fresh folders; gives back the folder of its table."""
    folder = new_folder()
    out, state = folder / "out", folder / "state"
    manifests = [arg for name in ("study.yaml", manifest) for arg in ("-f", str(HERE / "manifests" / name))]
    command = [binary, "up", *manifests, "--input", f"flights={source}", "--out", out, "--state", state,
               "--threads", threads, "--drain"]
    return run([str(part) for part in command], CORES[threads]), out / "table"


def peer(script: str, how: str, source: Path, threads: int) -> tuple[Run, Path]:
    """One run of a peer, with the times that it took itself."""
    target = new_folder() / "peer.parquet"
    command = [sys.executable, HERE / "peers" / script, source, target, threads, how]
    done = run([str(part) for part in command], CORES[threads])
    said = json.loads(done.output)
    return Run(said["wall"], said["cpu"], done.peak, done.output), target


def written(target: Path) -> dict:
    output = subprocess.run([sys.executable, HERE / "peers/rows.py", target], check=True, capture_output=True).stdout
    return json.loads(output)


def check(case: Case, target: Path, expected: int, columns: list[str]) -> None:
    """Every program must have written every event, the same columns, by the same codec."""
    found = written(target)
    wanted = {"rows": expected, "columns": columns, "codecs": ["ZSTD"]}
    for name, value in wanted.items():
        if found[name] != value:
            raise SystemExit(f"{case.name} wrote {name} {found[name]}, not {value}")
    case.rows = found["rows"]


def cases(binary: Path | None) -> dict[str, tuple]:
    """Name → (function, arguments before the source, threads). What is compared runs shortly after each other."""
    out = {}
    for name, script in (("DuckDB", "duckdb_peer.py"), ("Polars", "polars_peer.py")):
        for how in ("auto", "columns"):
            for threads in (1, 2):
                out[f"{name}, {how}, {threads}"] = (peer, (script, how), threads)
    if binary:
        for threads in (1, 2):
            out[f"Transect, {threads}"] = (transect, (binary, "pipeline.yaml"), threads)
        out["Transect with archive, 1"] = (transect, (binary, "pipeline-archive.yaml"), 1)
    return out


def measure(binary: Path | None, rounds: int) -> Report:
    """All cases in turns, round by round. The first round warms up, checks what was written, and doesn't count."""
    source, facts = events(3)
    columns = ["air_time", "carrier", "dest", "distance", "id", "origin", "schedule", "time"]
    table = cases(binary)
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"the machine is busy (load {load:.1f}): figures on two cores will mean little", flush=True)
    results = {name: Case(name) for name in table}
    shutil.rmtree(WORK, ignore_errors=True)
    for turn in range(rounds + 1):
        for name, (function, arguments, threads) in table.items():
            done, target = function(*arguments, source, threads)
            if turn == 0:
                check(results[name], target, facts["events"], columns)
            else:
                results[name].runs.append(done)
        print(f"round {turn} of {rounds} done" + (" (warm-up)" if turn == 0 else ""), flush=True)
    return Report(facts, results, load)


def measure_large(binary: Path, report: Report) -> None:
    """One run over ten times the events, for its memory."""
    source, report.large_facts = events(30)
    shutil.rmtree(WORK, ignore_errors=True)
    report.large = Case("Transect, 1, ten times the events")
    done, target = transect(binary, "pipeline.yaml", source, 1)
    report.large.runs.append(done)
    report.large.rows = written(target)["rows"]
    if report.large.rows != report.large_facts["events"]:
        raise SystemExit(f"{report.large.name} wrote {report.large.rows} rows, not {report.large_facts['events']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--no-large", action="store_true", help="leave out the run over ten times the events")
    parser.add_argument("--peers-only", action="store_true", help="measure DuckDB and Polars alone; writes no report")
    args = parser.parse_args()

    default = Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target")) / "dist/transect"
    binary = None if args.peers_only else Path(os.environ.get("TRANSECT", default))
    if binary and not binary.exists():
        raise SystemExit(f"{binary} is not there; build it with `make build`, or name another in TRANSECT")
    report = measure(binary, args.rounds)
    if binary and not args.no_large:
        measure_large(binary, report)
    shutil.rmtree(WORK, ignore_errors=True)
    print(report.table())
    if not binary:
        return 0
    write(report, HERE.parent / "docs/benchmarks", binary)
    for line in report.verdicts():
        print(line)
    return 1 if any(line.startswith("FAIL") for line in report.verdicts()) else 0


if __name__ == "__main__":
    sys.exit(main())
