#!/usr/bin/env python3
"""Checks that a table which has grown over several runs is read as one, by DuckDB and by pyarrow.

    grow.py TRANSECT

The same state folder is run with one version of a schema, then with two, then with three; each run adds events of its
newest version. Files of earlier runs stay as they are, with fewer or narrower columns. Ends with 1 if anything differs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import yaml

TEXT, TIME = {"type": "string"}, {"type": "string", "format": "date-time"}
SITE = {"type": "object", "properties": {"site": TEXT}}
ROOM = {"type": "object", "properties": {"site": TEXT, "room": TEXT}}
VERSIONS = [
    {"weight": {"type": "integer"}, "kind": {"enum": ["a", "b"]}, "place": SITE},
    {"weight": {"type": "number"}, "kind": {"enum": ["a", "c"]}, "place": ROOM},
    {"weight": {"type": "number"}, "label": TEXT, "place": ROOM, "note": TEXT},
]
EVENTS = [
    {"weight": 1, "kind": "a", "place": {"site": "north"}},
    {"weight": 2.5, "kind": "c", "place": {"site": "south", "room": "12"}},
    {"weight": 3, "label": "d", "place": {"room": "13"}, "note": "new"},
]
WANTED = [
    {"id": 0, "weight": 1.0, "label": "a", "site": "north", "room": None, "note": None},
    {"id": 1, "weight": 2.5, "label": "c", "site": "south", "room": "12", "note": None},
    {"id": 2, "weight": 3.0, "label": "d", "site": None, "room": "13", "note": "new"},
]


def manifests(count: int) -> list[dict]:
    """The two resources, with so many versions and files."""
    of_all = {"id": {"type": "integer"}, "time": TIME, "v": {"type": "integer"}}
    schemas = [{"type": "object", "properties": of_all | properties} for properties in VERSIONS[:count]]
    versions = [{"version": at + 1, "schema": schema} for at, schema in enumerate(schemas)]
    if count == 3:
        versions[2]["renamed"] = [{"from": "/kind", "to": "/label"}]
    event = {"id": ["/id"], "time": "/time", "version": "/v"}
    files = {"paths": [f"{at}.ndjson" for at in range(count)]}
    about = {"apiVersion": "transect.dev/v1alpha1", "metadata": {"name": "reading"}}
    schema = {"study": "s", "compatibility": "None", "versions": versions, "event": event}
    spec = {"study": "s", "schemas": [{"name": "reading"}], "sources": [{"name": "files", "files": files}]}
    return [about | {"kind": "StudySchema", "spec": schema}, about | {"kind": "ResearchPipeline", "spec": spec}]


def grow(transect: str, folder: Path) -> Path:
    """Runs one, two and three versions on the same state; the table's folder."""
    for at, event in enumerate(EVENTS):
        event = {"id": at, "time": f"2026-01-0{at + 1}T12:00:00Z", "v": at + 1} | event
        (folder / f"{at}.ndjson").write_text(json.dumps(event) + "\n")
        (folder / "study.yaml").write_text(yaml.safe_dump_all(manifests(at + 1)))
        subprocess.run([transect, "up", "-f", folder, "--out", folder / "out"], check=True, stdout=subprocess.DEVNULL)
    return folder / "out/table/reading"


def by_duckdb(table: Path) -> list[dict]:
    columns = "id, weight, coalesce(label, kind) AS label, place.site AS site, place.room AS room, note"
    files = f"read_parquet('{table}/**/*.parquet', union_by_name = true)"
    rows = duckdb.sql(f"SELECT {columns} FROM {files} ORDER BY id")
    return [dict(zip(rows.columns, row)) for row in rows.fetchall()]


def by_pyarrow(table: Path) -> list[dict]:
    files = sorted(table.glob("**/*.parquet"))
    schemas = [pyarrow.parquet.read_schema(file) for file in files]
    common = pyarrow.unify_schemas(schemas, promote_options="permissive")
    rows = pyarrow.dataset.dataset(files, schema=common).to_table().sort_by("id").to_pylist()
    flat = []
    for row in rows:
        place = row["place"] or {}
        label = row["label"] if row["label"] is not None else row["kind"]
        flat.append({"id": row["id"], "weight": row["weight"], "label": label, "site": place.get("site"),
                     "room": place.get("room"), "note": row["note"]})
    return flat


def main() -> int:
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        table = grow(sys.argv[1], Path(folder))
        for name, read in (("DuckDB", by_duckdb), ("pyarrow", by_pyarrow)):
            if (found := read(table)) != WANTED:
                problems.append(f"{name} reads {found}, not {WANTED}")
    for problem in problems:
        print(f"    {problem}")
    print(f"a table that has grown is read as one: {'DIFFERS' if problems else 'ok'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
