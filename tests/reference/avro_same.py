"""Whether JSON is what a value of an Avro schema becomes, as docs/formats.md has it."""

import base64
import re
import struct
import uuid
from datetime import date, timedelta
from decimal import Decimal

from avro_random import Names, kind

MOMENT = re.compile(r"(-?\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z?)")
TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
EPOCH = date(1970, 1, 1)


def plain(schema):
    """The schema without logical types: what data are, and not what they mean."""
    if isinstance(schema, list):
        return [plain(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("logicalType", "precision", "scale")}
    for inner in ("items", "values"):
        if inner in kept:
            kept[inner] = plain(kept[inner])
    if "fields" in kept:
        kept["fields"] = [{**field, "type": plain(field["type"])} for field in kept["fields"]]
    return kept


class Same:
    """Holds JSON against values that were read without their logical types."""

    def __init__(self, schema):
        self.schema, self.names = schema, Names(schema)

    def __call__(self, json, value) -> bool:
        return self.part(json, value, self.schema)

    def part(self, json, value, schema) -> bool:
        schema = self.names.resolve(schema)
        match kind(schema):
            case "union":
                return any(self.part(json, value, branch) for branch in schema)
            case "record":
                return isinstance(value, dict) and isinstance(json, dict) and self.record(json, value, schema)
            case "array":
                return (
                    isinstance(value, list)
                    and isinstance(json, list)
                    and len(value) == len(json)
                    and all(self.part(*both, schema["items"]) for both in zip(json, value, strict=True))
                )
            case "map":
                return (
                    isinstance(value, dict)
                    and isinstance(json, dict)
                    and json.keys() == value.keys()
                    and all(self.part(json[key], value[key], schema["values"]) for key in value)
                )
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        return meant(json, value, schema, logical) if logical else scalar(json, value, schema)

    def record(self, json: dict, value: dict, schema: dict) -> bool:
        names = {field["name"] for field in schema["fields"]}
        there = {name for name in names if value.get(name) is not None}
        return (
            value.keys() == names
            and json.keys() == there
            and all(
                self.part(json.get(field["name"]), value[field["name"]], field["type"]) for field in schema["fields"]
            )
        )


def scalar(json, value, schema) -> bool:
    match kind(schema):
        case "null":
            return json is None and value is None
        case "boolean":
            return json is value
        case "int" | "long":
            return type(value) is int and type(json) is int and json == value
        case "float":
            return is_number(value) and is_number(json) and struct.pack("<f", float(json)) == struct.pack("<f", value)
        case "double":
            return is_number(value) and is_number(json) and struct.pack("<d", float(json)) == struct.pack("<d", value)
        case "string" | "enum":
            # Bytes that are read as a string stay bytes with some.
            value = value.decode(errors="replace") if isinstance(value, bytes) else value
            return json == value
        case "bytes" | "fixed":
            return isinstance(json, str) and is_base64(json, value)
    raise ValueError(schema)


def is_base64(json: str, value) -> bool:
    try:
        found = base64.b64decode(json, validate=True)
    except ValueError:
        return False
    # Both packages leave text where a string is read as bytes; fastavro also where a default is filled in, whose
    # characters stand for bytes.
    texts = [value.encode(), value.encode("latin-1", "replace")] if isinstance(value, str) else [value]
    return found in texts


def is_number(value) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def meant(json, value, schema: dict, logical: str) -> bool:
    if isinstance(value, str) and schema["type"] in ("bytes", "fixed"):
        # A default, as fastavro leaves it.
        value = value.encode("latin-1", "replace")
    if logical == "decimal":
        if not isinstance(value, bytes) or not is_number(json):
            return False
        return Decimal(json) == Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-schema["scale"])
    if logical == "uuid":
        return json == (str(uuid.UUID(bytes=value)) if isinstance(value, bytes) and len(value) == 16 else value)
    if logical == "duration":
        if not isinstance(value, bytes) or len(value) != 12:
            return False
        months, days, millis = struct.unpack("<III", value)
        return json == f"P{months}M{days}DT{millis // 1000}.{millis % 1000:03}S"
    if type(value) is not int or not isinstance(json, str):
        return False
    if logical == "date":
        # Another branch's value may be no date.
        return abs(value) < 700_000 and json == (EPOCH + timedelta(days=value)).isoformat()
    unit = logical.split("-")[-1]
    return nanos(json, logical) == value * {"millis": 10**6, "micros": 10**3, "nanos": 1}[unit]


def nanos(text: str, logical: str) -> int | None:
    """Nanoseconds since midnight or 1970."""
    if logical.startswith("time-"):
        found = TIME.fullmatch(text)
        if not found:
            return None
        days, clock = 0, found.groups()
    else:
        found = MOMENT.fullmatch(text)
        if not found or (found[8] == "Z") != logical.startswith("timestamp"):
            return None
        days = (date(int(found[1]), int(found[2]), int(found[3])) - EPOCH).days
        clock = found.groups()[3:7]
    hour, minute, second, fraction = clock
    seconds = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))
