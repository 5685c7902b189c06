#!/usr/bin/env python3
"""Prints what a run of an example wrote: rows of the table, windows, rejects, the ledger, and where its report is.

    show.py EXAMPLE OUT
"""

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import duckdb
import yaml

FEW_ROWS = 8
FEW_COLUMNS = 5
WIDTH = 120


def manifests(example: Path) -> tuple[dict, dict]:
    """The schema and the pipeline of an example."""
    documents = [d for file in sorted(example.glob("*.yaml")) for d in yaml.safe_load_all(file.read_text())]
    by_kind = {d["kind"]: d for d in documents}
    return by_kind["StudySchema"], by_kind["ResearchPipeline"]


def column(pointer: str) -> str:
    """SQL: a field of the table, named by its last step."""
    steps = pointer.split("/")[1:]
    return ".".join(f'"{step}"' for step in steps) + f' AS "{steps[-1]}"'


def value(aggregate: dict) -> str:
    """SQL: an aggregate's column, rounded where it is calculated."""
    name = f'"{aggregate["name"]}"'
    return f"round({name}, 3) AS {name}" if aggregate["function"] in ("Sum", "Mean", "StdDev") else name


def title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def show(db, query: str) -> None:
    db.sql(query).show(max_width=max(shutil.get_terminal_size((WIDTH, 0)).columns, 80))


def show_table(db, schema: dict, pipeline: dict, out: Path) -> None:
    """The first rows: the id, the time, and what the windows are computed of."""
    folder = out / "table" / schema["metadata"]["name"]
    table = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = false)"
    rows, days = db.execute(f"SELECT count(*), count(DISTINCT _time::DATE) FROM {table}").fetchall()[0]
    fields = [a["field"] for w in pipeline["spec"]["windows"] for a in w["aggregates"] if "field" in a]
    event = schema["spec"]["event"]
    pointers = [p for p in dict.fromkeys(event["id"] + fields) if p != event["time"]][:FEW_COLUMNS]
    title(f"The table: {rows:,} events of {days} days in {folder}")
    show(db, f"SELECT _time, {', '.join(map(column, pointers))}, _late FROM {table} ORDER BY _time LIMIT {FEW_ROWS}")


def show_windows(db, pipeline: dict, out: Path) -> None:
    """All definitions with what they gave, and the last revisions of the richest."""
    definitions = pipeline["spec"]["windows"]
    parts = []
    for w in definitions:
        groups = [pointer.rsplit("/", 1)[-1] for pointer in w.get("groupBy", [])]
        keys = ", ".join(["window_start", "window_end", *(f'"{g}"' for g in groups)])
        kind = next(k for k in ("tumbling", "sliding", "session") if k in w)
        cut = " ".join(f"{name} {length}" for name, length in w[kind].items())
        lengths = f"'{kind}, {cut}' AS cut, '{', '.join(groups)}' AS \"group by\""
        parts.append(f"""
            SELECT '{w['name']}' AS "window", {lengths}, count(DISTINCT ({keys})) AS windows, count(*) AS revisions
            FROM '{out}/windows/{w['name']}/**/*.parquet'
        """)
    title(f"The windows, in {out}/windows")
    show(db, " UNION ALL ".join(parts))

    richest = max(definitions, key=lambda w: len(w["aggregates"]))
    groups = [pointer.rsplit("/", 1)[-1] for pointer in richest.get("groupBy", [])]
    names = ", ".join([f'"{g}"' for g in groups] + [value(a) for a in richest["aggregates"][:FEW_COLUMNS]])
    keys = ", ".join(["window_start", *(f'"{g}"' for g in groups)])
    title(f"The last revisions of {richest['name']}, by time and group")
    show(db, f"""
        SELECT window_start, {names}, count(*) OVER (PARTITION BY {keys}) AS revisions, final
        FROM '{out}/windows/{richest['name']}/**/*.parquet'
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY revision DESC, final DESC) = 1
        ORDER BY {keys} LIMIT {FEW_ROWS}
    """)


def show_rejects(out: Path) -> None:
    """How many events were refused for which reason, with an example of each."""
    lines = [line for file in sorted((out / "rejected").glob("**/*.ndjson")) for line in file.open()]
    title(f"The rejects: {len(lines)}" + (f", in {out}/rejected" if lines else ""))
    rejects = [json.loads(line) for line in lines]
    for (reason, pointer, keyword), n in Counter((r["reason"], r["pointer"], r["keyword"]) for r in rejects).items():
        first = next(r for r in rejects if (r["reason"], r["pointer"], r["keyword"]) == (reason, pointer, keyword))
        print(f"  {n:6}  {reason} {pointer} {keyword}\n          line {first['line']}: {first['message']}")


def main() -> None:
    example, out = map(Path, sys.argv[1:3])
    schema, pipeline = manifests(example)
    db = duckdb.connect()
    show_table(db, schema, pipeline, out)
    show_windows(db, pipeline, out)
    show_rejects(out)
    title(f"The ledger, in {out}/ledger.json")
    print(json.dumps(json.loads((out / "ledger.json").read_text()), indent=2))
    title("The report, a page to open in a browser")
    print((out / "report.html").resolve())


if __name__ == "__main__":
    main()
