"""The events of an input file as the pipeline must see them: which are valid, which are repeats, and the watermark
that stood before each. Validity is the Python `jsonschema` package's verdict, the rest is DuckDB's.
"""

import gzip
import json
from pathlib import Path

import duckdb
import jsonschema
import pyarrow
from manifest import Study

TO_MICROS = {"UnixSeconds": 1e6, "UnixMillis": 1e3, "UnixMicros": 1.0}


def text(pointer: str, event: str = "event") -> str:
    """SQL: a field as text; NULL where it is null or absent."""
    return f"json_extract_string({event}, '{pointer}')"


def typed(kind: str, pointer: str) -> str:
    """SQL: a field as DOUBLE, BOOLEAN, microseconds since 1970, or text."""
    match kind:
        case "number":
            return f"CAST({text(pointer)} AS DOUBLE)"
        case "boolean":
            return f"CAST({text(pointer)} AS BOOLEAN)"
        case "time":
            return f"epoch_us(CAST({text(pointer)} AS TIMESTAMP))"
        case "text":
            return text(pointer)
    raise ValueError(f"{pointer} holds no scalar")


def event_time(study: Study) -> str:
    """SQL: the event time in microseconds since 1970."""
    if study.time_format == "Rfc3339":
        return typed("time", study.time)
    return f"CAST(round(CAST({text(study.time)} AS DOUBLE) * {TO_MICROS[study.time_format]}) AS BIGINT)"


def read_lines(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n") for line in file]


def verdicts(study: Study, lines: list[str]) -> list[list[dict]]:
    """For each line the ways in which it breaks the schema; none for a valid event."""
    validator = jsonschema.Draft202012Validator(study.schema, format_checker=jsonschema.FormatChecker())
    return [
        [{"keyword": e.validator, "pointer": "".join(f"/{step}" for step in e.absolute_path)} for e in found]
        for found in (list(validator.iter_errors(json.loads(line))) for line in lines)
    ]


def load(study: Study, path: Path) -> duckdb.DuckDBPyConnection:
    """A database of the input.

    `input(line, event, errors)` has every line. `accepted(line, event, t, before)` has each valid identity once, at
    its first line; `t` is the event time and `before` the watermark that stood before the line, both in microseconds
    since 1970, `before` NULL on the first.
    """
    lines = read_lines(path)
    errors = [json.dumps(e) if e else None for e in verdicts(study, lines)]
    db = duckdb.connect()
    db.register("lines", pyarrow.table({"line": range(1, len(lines) + 1), "event": lines, "errors": errors}))
    db.execute("CREATE TABLE input AS FROM lines")
    identity = ", ".join(f"json_extract(event, '{p}')" for p in study.key + study.id) or "event"
    db.execute(f"""
        CREATE TABLE accepted AS
        WITH first_reads AS (
            SELECT line, event, {event_time(study)} AS t FROM input WHERE errors IS NULL
            QUALIFY row_number() OVER (PARTITION BY {identity} ORDER BY line) = 1
        )
        SELECT *, max(t) OVER (ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - {study.delay} AS before
        FROM first_reads
    """)
    return db
