"""Random Avro schemas, data of them in Avro's binary encoding, and other schemas to read these with."""

import copy
import random
import struct

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
LOGICAL = [
    {"type": "int", "logicalType": "date"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-nanos"},
    {"type": "long", "logicalType": "local-timestamp-millis"},
    {"type": "long", "logicalType": "local-timestamp-micros"},
    {"type": "long", "logicalType": "local-timestamp-nanos"},
    {"type": "string", "logicalType": "uuid"},
    {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 0},
]
PROMOTED = {
    "int": ["long", "float", "double"],
    "long": ["float", "double"],
    "float": ["double"],
    "string": ["bytes"],
    "bytes": ["string"],
}
# From 1700 to 2250, so that every unit of time can say it.
SECONDS = (-8_520_336_000, 8_835_696_000)
SYMBOLS = ["RED", "GREEN", "BLUE", "NONE", "OTHER"]


class Schemas:
    """Makes schemas whose names are all different."""

    def __init__(self, chance: random.Random):
        self.chance = chance
        self.names = 0

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def root(self) -> dict:
        return self.record(3)

    def record(self, depth: int) -> dict:
        name = self.name("Record")
        record = {"type": "record", "name": name}
        if self.chance.random() < 0.3:
            record["namespace"] = self.chance.choice(["study.air", "x"])
        fields = [{"name": f"f{at}", "type": self.any(depth - 1)} for at in range(self.chance.randint(1, 5))]
        if self.chance.random() < 0.25:
            fields.append({"name": "next", "type": ["null", name]})
        if self.chance.random() < 0.1:
            fields.append({"name": "all", "type": {"type": "array", "items": name}})
        record["fields"] = fields
        return record

    def any(self, depth: int):
        kinds = ["primitive"] * 5 + ["logical"] * 3 + ["enum", "fixed"]
        if depth > 0:
            kinds += ["record", "array", "map", "union", "nullable", "nullable"]
        match self.chance.choice(kinds):
            case "primitive":
                return self.chance.choice(PRIMITIVES)
            case "logical":
                return self.logical()
            case "enum":
                symbols = self.chance.sample(SYMBOLS, self.chance.randint(1, 4))
                return {"type": "enum", "name": self.name("Enum"), "symbols": symbols}
            case "fixed":
                return {"type": "fixed", "name": self.name("Fixed"), "size": self.chance.randint(0, 9)}
            case "record":
                return self.record(depth)
            case "array":
                return {"type": "array", "items": self.any(depth - 1)}
            case "map":
                return {"type": "map", "values": self.any(depth - 1)}
            case "nullable":
                other = self.any(0)
                return ["null", other] if kind(other) != "null" else "null"
            case _:
                return self.union(depth)

    def logical(self):
        fixed = {"type": "fixed", "name": self.name("Fixed")}
        more = [
            {**fixed, "size": 12, "logicalType": "duration"},
            {**fixed, "size": 16, "logicalType": "uuid"},
            {**fixed, "size": 7, "logicalType": "decimal", "precision": 15, "scale": 2},
        ]
        return copy.deepcopy(self.chance.choice(LOGICAL + more))

    def union(self, depth: int) -> list:
        branches, kinds = [], set()
        for _ in range(self.chance.randint(2, 4)):
            branch = self.any(depth - 1)
            of = family(branch) if kind(branch) not in ("record", "enum", "fixed") else branch["name"]
            if of not in kinds and not isinstance(branch, list):
                kinds.add(of)
                branches.append(branch)
        return branches or ["null", "int"]


def kind(schema) -> str:
    """The type's word; of a name, the name."""
    if isinstance(schema, list):
        return "union"
    return schema["type"] if isinstance(schema, dict) else schema


def family(schema) -> str:
    """The types of which one is read as another.

    By the letter of the specification a union's first branch counts that takes a type by promotion, even if a later one is
    that type; both Python packages do so, Java's and Transect don't. Unions here have one of each family.
    """
    of = kind(schema)
    return {"int": "number", "long": "number", "float": "number", "double": "number", "bytes": "string"}.get(of, of)


class Names:
    """The named types of a schema, whatever their namespaces: their last parts are all different."""

    def __init__(self, schema):
        self.all = {}
        self.collect(schema)

    def collect(self, schema) -> None:
        for part in schema if isinstance(schema, list) else [schema]:
            if not isinstance(part, dict):
                continue
            if "name" in part and kind(part) in ("record", "enum", "fixed"):
                self.all[part["name"]] = part
            for field in part.get("fields", []):
                self.collect(field["type"])
            for inner in ("items", "values"):
                if inner in part:
                    self.collect(part[inner])

    def resolve(self, schema):
        return self.all.get(schema.split(".")[-1], schema) if isinstance(schema, str) else schema


def long(value: int) -> bytes:
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    rest &= (1 << 64) - 1
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def length_first(value: bytes) -> bytes:
    return long(len(value)) + value


class Data:
    """Makes data of a schema, as bytes."""

    def __init__(self, chance: random.Random, schema):
        self.chance, self.schema, self.names = chance, schema, Names(schema)

    def datum(self) -> bytes:
        return self.of(self.schema, 0)

    def of(self, schema, depth: int) -> bytes:
        chance, schema = self.chance, self.names.resolve(schema)
        match kind(schema):
            case "record":
                return b"".join(self.of(field["type"], depth + 1) for field in schema["fields"])
            case "union":
                at = chance.randrange(len(schema)) if depth < 8 or "null" not in schema else schema.index("null")
                return long(at) + self.of(schema[at], depth + 1)
            case "array":
                return self.blocks(depth, lambda: self.of(schema["items"], depth + 1))
            case "map":
                keys = set()
                return self.blocks(depth, lambda: self.key(keys) + self.of(schema["values"], depth + 1))
            case "enum":
                return long(chance.randrange(len(schema["symbols"])))
            case _:
                return self.scalar(schema)

    def blocks(self, depth: int, item) -> bytes:
        out = b""
        for _ in range(chance_of_blocks(self.chance) if depth < 5 else 0):
            items = [item() for _ in range(self.chance.randint(1, 3))]
            data = b"".join(items)
            # A negative count says the block's length in bytes, too.
            with_length = self.chance.random() < 0.3
            out += (long(-len(items)) + long(len(data)) if with_length else long(len(items))) + data
        return out + long(0)

    def key(self, keys: set) -> bytes:
        """A key that was not there yet: objects in JSON have each member once."""
        while (key := self.text()) in keys:
            pass
        keys.add(key)
        return key

    def text(self) -> bytes:
        letters = "abcxyzß€😀\"\\\n 09"
        return length_first("".join(self.chance.choices(letters, k=self.chance.randint(0, 9))).encode())

    def scalar(self, schema) -> bytes:
        chance, logical = self.chance, schema.get("logicalType") if isinstance(schema, dict) else None
        if logical:
            return self.meant(schema, logical)
        match kind(schema):
            case "null":
                return b""
            case "boolean":
                return chance.choice([b"\0", b"\1"])
            case "int":
                return long(chance.choice([0, -1, 2**31 - 1, -(2**31), chance.randint(-1000, 1000)]))
            case "long":
                return long(chance.choice([0, 2**63 - 1, -(2**63), 2**53 + 1, chance.randint(-(2**40), 2**40)]))
            case "float":
                return struct.pack("<f", chance.choice([0.0, -0.0, 0.1, 3e38, 1e-40, chance.gauss(0, 1e3)]))
            case "double":
                return struct.pack("<d", chance.choice([0.0, -0.0, 0.1, 1e308, 5e-324, chance.gauss(0, 1e3)]))
            case "string":
                return self.text()
            case "bytes":
                return length_first(chance.randbytes(chance.randint(0, 9)))
            case "fixed":
                return chance.randbytes(schema["size"])
        raise ValueError(schema)

    def meant(self, schema: dict, logical: str) -> bytes:
        chance = self.chance
        second = chance.randint(*SECONDS)
        match logical:
            case "date":
                return long(second // 86_400)
            case "time-millis":
                return long(chance.randrange(86_400_000))
            case "time-micros":
                return long(chance.randrange(86_400_000_000))
            case "uuid":
                raw = chance.randbytes(16)
                digits = raw.hex()
                parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
                return raw if schema["type"] == "fixed" else length_first("-".join(parts).encode())
            case "duration":
                return struct.pack("<III", chance.randrange(100), chance.randrange(2**32), chance.randrange(2**32))
            case "decimal":
                unscaled = chance.randint(-(10 ** schema["precision"]) + 1, 10 ** schema["precision"] - 1)
                if schema["type"] == "fixed":
                    return unscaled.to_bytes(schema["size"], "big", signed=True)
                size = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
                return length_first(unscaled.to_bytes(size, "big", signed=True))
        per_second = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}[logical.split("-")[-1]]
        return long(second * per_second + chance.randrange(per_second))


def chance_of_blocks(chance: random.Random) -> int:
    return chance.choice([0, 1, 1, 2])


class Readers:
    """Makes of a schema another one, as people change theirs: mostly one that reads its data."""

    def __init__(self, chance: random.Random, schemas: Schemas):
        self.chance, self.schemas = chance, schemas

    def of(self, writer: dict) -> dict:
        reader = copy.deepcopy(writer)
        for part in Names(reader).all.values():
            if kind(part) == "enum" and self.chance.random() < 0.4:
                self.change_enum(part)
            elif kind(part) == "fixed" and "logicalType" not in part and self.chance.random() < 0.05:
                part["size"] += 1
        for _ in range(self.chance.randint(1, 4)):
            # Those of defaults stay as the defaults have them.
            records = [Names(reader).all.get(name) for name, part in Names(writer).all.items() if kind(part) == "record"]
            records = [record for record in records if record]
            self.change_record(self.chance.choice(records))
        return reader

    def change_record(self, record: dict) -> None:
        fields, chance = record["fields"], self.chance
        field = chance.choice(fields) if fields else None
        match chance.choice(["add", "add", "remove", "order", "rename", "name", "type", "type", "type", "lack"]):
            case "add":
                fields.insert(chance.randint(0, len(fields)), self.with_default())
            case "lack" if chance.random() < 0.3:
                fields.append({"name": self.schemas.name("lacking"), "type": "int"})
            case "remove" if len(fields) > 1:
                # A type that is defined there may be named elsewhere.
                if not Names(field["type"]).all:
                    fields.remove(field)
            case "order":
                if not any(Names(field["type"]).all for field in fields):
                    chance.shuffle(fields)
            case "rename" if field and "aliases" not in field:
                field["aliases"] = [field["name"]]
                field["name"] = self.schemas.name("renamed")
            case "name" if chance.random() < 0.3:
                record["doc"] = "The same in other words."
            case "type" if field and "default" not in field:
                field["type"] = self.change_type(field["type"])

    def with_default(self) -> dict:
        of, default = self.chance.choice([
            ("int", 7), ("long", -(2**40)), ("double", 0.5), ("float", 0.25), ("string", "é\""), ("bytes", "\u00ff\u0000a"),
            ("boolean", True), ("null", None), (["null", "int"], None), (["string", "null"], "x"),
            ({"type": "array", "items": "int"}, [1, 2]), ({"type": "map", "values": "string"}, {"k": "v"}),
            ({"type": "long", "logicalType": "timestamp-millis"}, 1_769_851_800_500),
            ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, "\u0001\u0000"),
            ({"type": "enum", "name": self.schemas.name("Enum"), "symbols": ["A", "B"]}, "B"),
            ({"type": "fixed", "name": self.schemas.name("Fixed"), "size": 2}, "\u0001\u00fe"),
            ({"type": "record", "name": self.schemas.name("Record"), "fields": [
                {"name": "x", "type": "int"}, {"name": "y", "type": "string", "default": "y"}]}, {"x": 1, "y": "z"}),
        ])
        return {"name": self.schemas.name("added"), "type": of, "default": default}

    def change_type(self, schema):
        chance = self.chance
        if isinstance(schema, str) and schema in PROMOTED and chance.random() < 0.7:
            return chance.choice(PROMOTED[schema])
        if isinstance(schema, list) and chance.random() < 0.5:
            plain = [branch for branch in schema if not Names(branch).all and isinstance(branch, str)]
            return plain[0] if plain and len(schema) == 2 and plain[0] in PRIMITIVES else schema
        if isinstance(schema, list):
            more = [primitive for primitive in PRIMITIVES if family(primitive) not in map(family, schema)]
            return [*schema, chance.choice(more)] if more else schema
        if kind(schema) in ("array", "map") and chance.random() < 0.7:
            inner = "items" if kind(schema) == "array" else "values"
            return {**schema, inner: self.change_type(schema[inner])}
        if kind(schema) != "null" and chance.random() < 0.6:
            return chance.choice([["null", schema], [schema, "null"]])
        if isinstance(schema, str) and schema in PRIMITIVES and chance.random() < 0.2:
            return chance.choice(PRIMITIVES)
        return schema

    def change_enum(self, enum: dict) -> None:
        symbols = enum["symbols"]
        if len(symbols) > 1 and self.chance.random() < 0.5:
            symbols.pop(self.chance.randrange(len(symbols)))
        else:
            symbols.insert(0, "NEW")
        if self.chance.random() < 0.5:
            enum["default"] = symbols[-1]
