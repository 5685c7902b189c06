#!/usr/bin/env python3
"""Checks the table, the rejects and the ledger of a run against its original input.

    table.py EXAMPLE OUT [--input FILE]

Every valid identity must stand in the table once, at its first line, with every field as it was, under its newest
name; every event that the Python `jsonschema` package refuses by the event's own version must be among the rejects with
a place and a keyword that this package names too, and every event that breaks a rule with the rule's name.
Ends with 1 if anything differs.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from events import load, text, typed
from manifest import Study, field_kind, leaves, read
from privacy import SEALED, keys_of
from rules import flags


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--input", type=Path, help="the events, in place of the manifest's file")
    args = parser.parse_args()

    study = read(args.example)
    db = load(study, args.input or study.inputs[0], keys_of(args.out))
    problems = check_table(db, study, args.out) + check_rejects(db, args.out) + check_ledger(db, args.out)
    for problem in problems:
        print(f"    {problem}")
    rows, refused = db.execute("SELECT (SELECT count(*) FROM accepted), count(errors) FROM input").fetchall()[0]
    print(f"{args.example}: {rows} rows and {refused} rejects expected: {'DIFFERS' if problems else 'ok'}")
    return 1 if problems else 0


def check_table(db, study: Study, out: Path) -> list[str]:
    """Lines, times and every named field of the table, and what went to `extra`."""
    files = f"{out}/table/{study.event_type}/**/*.parquet"
    db.execute(f"""
        CREATE OR REPLACE TEMP VIEW rows AS
        FROM read_parquet('{files}', hive_partitioning = false, union_by_name = true)
    """)
    joined = "FROM accepted JOIN rows ON line = _line SELECT line WHERE"
    problems = []
    for what, query in {
        "lines that are not in the table": "FROM accepted SELECT line WHERE line NOT IN (SELECT _line FROM rows)",
        "lines that should not be there": "FROM rows SELECT _line WHERE _line NOT IN (SELECT line FROM accepted)",
        "lines in the table more than once": "FROM rows SELECT _line GROUP BY 1 HAVING count(*) > 1",
        "rows with another time": f"{joined} t <> epoch_us(_time)",
        "rows of another version": f"{joined} version <> _schema_version",
        "rows with other flags": f"{joined} {flagged(study)}",
    }.items():
        if found := db.execute(query).fetchall():
            problems.append(f"{what}: {len(found)}, such as line {found[0][0]}")
    for pointer in leaves(study.schema):
        problems += check_field(db, study, pointer)
    return problems + check_extra(db, study)


def flagged(study: Study) -> str:
    """SQL that is true of rows whose flags are not those of the rules."""
    return f"_flags IS DISTINCT FROM {flags(study)}" if any(rule.flags for rule in study.rules) else "false"


def check_field(db, study: Study, pointer: str) -> list[str]:
    """One named field of every row; arrays and other shapes as JSON."""
    column = ".".join(f'"{step}"' for step in pointer.split("/")[1:])
    match field_kind(study.schema, pointer):
        case "number":
            wanted, found = typed("number", pointer), f"CAST({column} AS DOUBLE)"
        case "time":
            wanted, found = typed("time", pointer), f"epoch_us({column})"
        case "boolean":
            wanted, found = typed("boolean", pointer), column
        case "text":
            # A `date` has a column of its own type, which prints as it was written.
            wanted, found = text(pointer), f"CAST({column} AS VARCHAR)"
        case _:
            wanted, found = f"CAST({text(pointer)} AS DOUBLE[])", f"CAST({column} AS DOUBLE[])"
    if study.privacy.get(pointer) == "Encrypt":
        found = f"substr({found}, 1, {len(SEALED)})"
    query = f"""
        SELECT line, {wanted} AS wanted, {found} AS found FROM accepted JOIN rows ON line = _line
        WHERE wanted IS DISTINCT FROM found
    """
    rows = db.execute(query).fetchall()
    return [f"{pointer}: {len(rows)} rows differ, such as (line, expected, found) {rows[0]}"] if rows else []


def check_extra(db, study: Study) -> list[str]:
    """The `extra` column holds the values of the fields that the schema allows but doesn't name, and no others."""
    known, problems = set(leaves(study.schema)), []
    rows = db.execute("""SELECT line, event, CAST("extra" AS VARCHAR) FROM accepted JOIN rows ON line = _line""")
    for line, event, extra in rows.fetchall():
        wanted = Counter(str(v) for pointer, v in scalars(json.loads(event)) if not is_named(pointer, known))
        found = Counter(str(v) for _, v in scalars(json.loads(extra))) if extra else Counter()
        if wanted != found:
            problems.append(f"extra of line {line} holds {dict(found)}, not {dict(wanted)}")
    return problems[:3]


def is_named(pointer: str, known: set[str]) -> bool:
    """Whether a value stands in a named field or within one."""
    steps = pointer.split("/")
    return any("/".join(steps[:n]) in known for n in range(2, len(steps) + 1))


def scalars(value, pointer: str = ""):
    """Pairs of pointer and value of everything in a document that holds nothing else."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield pointer, value
        return
    for name, child in children:
        yield from scalars(child, f"{pointer}/{name}")


def check_rejects(db, out: Path) -> list[str]:
    """Every invalid line was rejected once, for a reason that the schema gives."""
    files = sorted((out / "rejected").glob("**/*.ndjson"))
    found = {}
    problems = []
    for record in (json.loads(line) for file in files for line in file.read_text().splitlines()):
        if record["line"] in found:
            problems.append(f"line {record['line']} was rejected twice")
        found[record["line"]] = record
    wanted = dict(db.execute("SELECT line, errors FROM input WHERE errors IS NOT NULL").fetchall())
    for line in sorted(wanted.keys() ^ found.keys()):
        verb = "was not rejected" if line in wanted else "was rejected"
        problems.append(f"line {line} {verb}: {found.get(line, wanted.get(line))}")
    for line in wanted.keys() & found.keys():
        record = found[line]
        named = {name: record[name] for name in ("reason", "keyword", "pointer")}
        if named not in json.loads(wanted[line]):
            problems.append(f"line {line} was rejected as {named}, not as {wanted[line]}")
    return problems


def check_ledger(db, out: Path) -> list[str]:
    """The ledger's sums are those of the input."""
    query = "SELECT count(*), (SELECT count(*) FROM accepted), count(errors) FROM input"
    read_, accepted, rejected = db.execute(query).fetchall()[0]
    wanted = {
        "read": read_, "accepted": accepted, "duplicate": read_ - accepted - rejected, "rejected": rejected,
    }
    ledger = json.loads((out / "ledger.json").read_text())
    total = ledger.get("total", ledger)
    found = {name: total.get(name) for name in wanted}
    return [] if found == wanted else [f"ledger.json counts {found}, not {wanted}"]


if __name__ == "__main__":
    sys.exit(main())
