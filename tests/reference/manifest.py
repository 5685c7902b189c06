"""Reads an example's manifests: what the reference needs of a StudySchema and a ResearchPipeline, and no more.

One schema and one pipeline a folder; the product's own parser is the one that checks them.
"""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1}


@dataclass(frozen=True)
class Aggregate:
    name: str
    function: str
    field: str | None
    q: float | None


@dataclass(frozen=True)
class Window:
    """One definition; lengths of time in microseconds."""

    name: str
    kind: str
    size: int
    every: int
    longest: int
    lateness: int
    group_by: list[str]
    aggregates: list[Aggregate]

    def groups(self) -> list[str]:
        """The output columns of the groups: the last step of each pointer."""
        return [pointer.rsplit("/", 1)[-1] for pointer in self.group_by]


@dataclass(frozen=True)
class Rule:
    """One rule, as the manifest has it."""

    name: str
    expression: str
    flags: bool


@dataclass(frozen=True)
class Version:
    """One version of a schema, and the names that it has changed, by pointers from old to new."""

    number: int
    schema: dict
    renamed: dict[str, str]


@dataclass(frozen=True)
class Detector:
    """One detector of anomalies with its defaults; lengths of time in microseconds."""

    name: str
    field: str | None
    window: str | None
    aggregate: str | None
    method: str
    over: int
    by: list[str]
    threshold: float
    side: str
    min_count: int
    alpha: float


@dataclass(frozen=True)
class Study:
    """One schema with one pipeline; lengths of time in microseconds.

    `schema` describes the table: the newest version, with the fields that only older ones have. `lookups` has SQL
    literals by table, key and column.
    """

    event_type: str
    schema: dict
    id: list[str]
    key: list[str]
    time: str
    time_format: str
    delay: int
    inputs: list[Path]
    windows: list[Window]
    versions: list[Version] = field(default_factory=list)
    version_field: str | None = None
    stated_version: int | None = None
    rules: list[Rule] = field(default_factory=list)
    detectors: list[Detector] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    lookups: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    privacy: dict[str, str] = field(default_factory=dict)

    def all_versions(self) -> list[Version]:
        """The versions, the oldest first."""
        return self.versions or [Version(1, self.schema, {})]


def micros(duration: str) -> int:
    """A Go duration (`1h30m`) in microseconds."""
    parts = re.findall(r"([0-9.]+)(h|ms|us|m|s)", duration)
    return round(sum(float(number) * UNITS[unit] for number, unit in parts))


def read(folder: Path) -> Study:
    """The study in a folder of manifests."""
    documents = [d for file in sorted(folder.glob("*.yaml")) for d in yaml.safe_load_all(file.read_text())]
    schema, pipeline = (
        next(d for d in documents if d["kind"] == kind) for kind in ("StudySchema", "ResearchPipeline")
    )
    event, spec = schema["spec"]["event"], pipeline["spec"]
    versions = sorted((version(v) for v in schema["spec"]["versions"]), key=lambda v: v.number)
    return Study(
        event_type=schema["metadata"]["name"],
        schema=common(versions),
        id=event.get("id", []),
        key=event.get("key", []),
        time=event["time"],
        time_format=event.get("timeFormat", "Rfc3339"),
        delay=micros(event.get("delay", "0s")),
        inputs=[folder / path for source in spec["sources"] for path in source.get("files", {}).get("paths", [])],
        windows=[window(w) for w in spec.get("windows", [])],
        versions=versions,
        version_field=event.get("version"),
        stated_version=next((source["version"] for source in spec["sources"] if "version" in source), None),
        rules=[Rule(r["name"], r["expression"], r.get("otherwise") == "Flag") for r in schema["spec"].get("rules", [])],
        detectors=[detector(a) for a in spec.get("anomalies", [])],
        formats=[source.get("files", {}).get("format", "Json") for source in spec["sources"]],
        lookups={table["name"]: lookup(folder, table) for table in spec.get("lookups", [])},
        privacy={p["field"]: p["treatment"] for p in schema["spec"].get("privacy", [])},
    )


def lookup(folder: Path, spec: dict) -> dict[str, dict[str, str]]:
    """A table of a CSV file, by its text keys; cells that are empty are left out."""
    with (folder / spec["file"]["path"]).open(encoding="utf-8", newline="") as file:
        return {
            row[spec["key"]["name"]]: {
                column["name"]: literal(column.get("type", "Text"), row[column["name"]])
                for column in spec.get("columns", [])
                if row[column["name"]]
            }
            for row in csv.DictReader(file)
        }


def literal(kind: str, text: str) -> str:
    """A cell as SQL; a time in microseconds since 1970."""
    if kind == "Time":
        return f"epoch_us(CAST('{text}' AS TIMESTAMPTZ))"
    return text if kind in ("Number", "Boolean") else "'" + text.replace("'", "''") + "'"


def detector(spec: dict) -> Detector:
    return Detector(
        name=spec["name"],
        field=spec.get("field"),
        window=spec.get("window"),
        aggregate=spec.get("aggregate"),
        method=spec["method"],
        over=micros(spec.get("over", "24h")),
        by=spec.get("by", []),
        threshold=spec.get("threshold", 0),
        side=spec.get("side", "Above" if spec["method"] == "Threshold" else "Both"),
        min_count=spec.get("minCount", 10),
        alpha=spec.get("alpha", 0.2),
    )


def version(spec: dict) -> Version:
    return Version(spec["version"], spec["schema"], {r["from"]: r["to"] for r in spec.get("renamed", [])})


def newer_name(versions: list[Version], number: int, pointer: str) -> str:
    """What the newest version calls a field of an older one."""
    for later in versions:
        if later.number > number:
            pointer = later.renamed.get(pointer, pointer)
    return pointer


def common(versions: list[Version]) -> dict:
    """The newest schema, with the fields at the top that only older versions have, by their newest names."""
    newest = versions[-1].schema
    properties = dict(newest.get("properties", {}))
    for older in reversed(versions[:-1]):
        for name, described in older.schema.get("properties", {}).items():
            properties.setdefault(newer_name(versions, older.number, f"/{name}")[1:], described)
    return newest | {"properties": properties}


def window(spec: dict) -> Window:
    kind = next(k for k in ("tumbling", "sliding", "session") if k in spec)
    cut = spec[kind]
    size = micros(cut["gap"] if kind == "session" else cut["size"])
    return Window(
        name=spec["name"],
        kind=kind,
        size=size,
        every=micros(cut["every"]) if kind == "sliding" else size,
        longest=micros(cut.get("max", "24h")),
        lateness=micros(spec.get("allowedLateness", "0s")),
        group_by=spec.get("groupBy", []),
        aggregates=[Aggregate(a["name"], a["function"], a.get("field"), a.get("q")) for a in spec["aggregates"]],
    )


def field_schema(schema: dict, pointer: str) -> dict:
    """The subschema of a field that is reached through `properties` alone."""
    for step in pointer.split("/")[1:]:
        schema = schema["properties"][step]
    return schema


def field_kind(schema: dict, pointer: str) -> str:
    """Whether a field holds a `number`, a `boolean`, a `time`, `text`, or something else (`json`)."""
    found = field_schema(schema, pointer)
    types = found.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    types.discard("null")
    if "const" in found and not types:
        types = {"string"} if isinstance(found["const"], str) else {"number"}
    if types and types <= {"integer", "number"}:
        return "number"
    if types == {"string"}:
        return "time" if found.get("format") == "date-time" else "text"
    return "boolean" if types == {"boolean"} else "json"


def leaves(schema: dict, pointer: str = "") -> list[str]:
    """Pointers to all named fields that are not objects."""
    out = []
    for name, child in schema.get("properties", {}).items():
        path = f"{pointer}/{name}"
        out += leaves(child, path) if "properties" in child else [path]
    return out
