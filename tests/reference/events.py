"""The events of an input file as the pipeline must see them: which are valid, which are repeats, and the watermark
that stood before each. Validity is the Python `jsonschema` package's verdict, the rest is DuckDB's.
"""

import gzip
import json
from pathlib import Path

import duckdb
import jsonschema
import pyarrow
from manifest import Study, newer_name
from privacy import treated
from rules import first_broken

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


def version_of(study: Study, event) -> int:
    """Which version an event is of: as it says, as its source says, or the newest."""
    said = event.get(study.version_field[1:]) if study.version_field else None
    said = said if said is not None else study.stated_version
    return study.all_versions()[-1].number if said is None else int(said)


def verdicts(study: Study, events: list) -> list[list[dict]]:
    """For each event the ways in which it breaks the schema of its own version; none for a valid event."""
    checker = jsonschema.FormatChecker()
    validators = {
        v.number: jsonschema.Draft202012Validator(v.schema, format_checker=checker) for v in study.all_versions()
    }
    return [verdict(study, validators, event) for event in events]


def verdict(study: Study, validators: dict, event) -> list[dict]:
    validator = validators.get(version_of(study, event))
    if validator is None:
        return [{"reason": "UnknownSchemaVersion", "keyword": "", "pointer": study.version_field}]
    return [
        {
            "reason": "SchemaViolation",
            "keyword": e.validator,
            "pointer": "".join(f"/{step}" for step in e.absolute_path),
        }
        for e in validator.iter_errors(event)
    ]


def by_newest_names(study: Study, event):
    """An event with its members at the top by the names of the newest version."""
    versions = study.all_versions()
    if not any(v.renamed for v in versions):
        return event
    number = version_of(study, event)
    return {newer_name(versions, number, f"/{name}")[1:]: value for name, value in event.items()}


def load(study: Study, path: Path, keys: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database of the input.

    `input(line, event, errors, version)` has every line, the event by its newest names. `accepted(line, event, version,
    t, before)` has each valid identity once, at its first line; `t` is the event time and `before` the watermark that
    stood before the line, both in microseconds since 1970, `before` NULL on the first.
    Personal fields are treated there, with the keys of a folder.
    """
    lines = read_lines(path)
    events = [json.loads(line) for line in lines]
    errors = [json.dumps(e) if e else None for e in verdicts(study, events)]
    renamed = [by_newest_names(study, event) for event in events]
    texts = [line if new is old else json.dumps(new) for line, old, new in zip(lines, events, renamed)]
    columns = {
        "line": range(1, len(lines) + 1), "event": texts, "errors": pyarrow.array(errors, pyarrow.string()),
        "version": [version_of(study, event) for event in events],
    }
    db = duckdb.connect()
    db.register("lines", pyarrow.table(columns))
    db.execute("CREATE TABLE input AS FROM lines")
    if any(not rule.flags for rule in study.rules):
        db.execute(f"UPDATE input SET errors = {first_broken(study)} WHERE errors IS NULL")
    identity = ", ".join(f"json_extract(event, '{p}')" for p in study.key + study.id) or "event"
    db.execute(f"""
        CREATE TABLE accepted AS
        WITH first_reads AS (
            SELECT line, event, version, {event_time(study)} AS t FROM input WHERE errors IS NULL
            QUALIFY row_number() OVER (PARTITION BY {identity} ORDER BY line) = 1
        )
        SELECT *, max(t) OVER (ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - {study.delay} AS before
        FROM first_reads
    """)
    if study.privacy:
        rows = db.execute("SELECT line, event FROM accepted").fetchall()
        kept = [treated(study, event, keys) for _, event in rows]
        db.register("kept", pyarrow.table({"line": [line for line, _ in rows], "event": kept}))
        db.execute("UPDATE accepted SET event = kept.event FROM kept WHERE kept.line = accepted.line")
    return db
