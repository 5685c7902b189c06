"""Transect's reading of Avro against that of fastavro and of Apache's own package: random schemas, data of them, and
other schemas to read these with. Verdict and value must be those of both, or of one where the two differ.

    TRANSECT=… TRANSECT_AVRO_DATA=100000 python -m unittest tests/reference/test_avro.py
"""

import base64
import io
import json
import os
import random
import subprocess
import tempfile
import unittest
import zlib
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import avro.io
import avro.schema
import fastavro
from avro_random import Data, Readers, Schemas, length_first, long
from avro_same import Same, plain

TRANSECT = os.environ.get("TRANSECT", "")
DATA = int(os.environ.get("TRANSECT_AVRO_DATA", "10000"))
SEED = int(os.environ.get("TRANSECT_AVRO_SEED", "1"))
PER_PAIR = 50
SYNC = b"sixteen bytes ok"


class Refused:
    """Stands where data could not be read."""

    def __init__(self, why=""):
        self.why = why

    def __repr__(self):
        return f"refused ({self.why})"


@dataclass
class Pair:
    """Data of a writer's schema, and a reader's to read them with."""

    writer: dict
    reader: dict
    data: list[bytes]


def container(schema: dict, data: list[bytes], codec: str) -> bytes:
    out = b"Obj\1" + long(2)
    for key, value in [(b"avro.schema", json.dumps(schema).encode()), (b"avro.codec", codec.encode())]:
        out += length_first(key) + length_first(value)
    out += long(0) + SYNC
    for at in range(0, len(data), 7):
        block = data[at : at + 7]
        packed = b"".join(block)
        if codec == "deflate":
            compress = zlib.compressobj(wbits=-15)
            packed = compress.compress(packed) + compress.flush()
        out += long(len(block)) + length_first(packed) + SYNC
    return out


def by_transect(folder: Path, reader: dict, file: bytes, *, mode="data.avro") -> list:
    """The JSON of each datum, or Refused."""
    (folder / "reader.avsc").write_text(json.dumps(reader))
    (folder / mode).write_bytes(file)
    command = [TRANSECT, "schema", "check", "--format", "avro", "--values", "--schema"]
    ended = subprocess.run([*command, folder / "reader.avsc", folder / mode], capture_output=True, check=False)
    if ended.returncode not in (0, 1):
        raise AssertionError(f"{ended.stderr.decode()}\n{json.dumps(reader)}")
    lines = [json.loads(line, parse_float=Decimal) for line in ended.stdout.decode().splitlines()]
    return [line["json"] if line["valid"] else Refused(line["errors"]) for line in lines]


def by_fastavro(pair: Pair) -> list:
    writer, reader = fastavro.parse_schema(plain(pair.writer)), fastavro.parse_schema(plain(pair.reader))

    def read(datum: bytes):
        stream = io.BytesIO(datum)
        value = fastavro.schemaless_reader(stream, writer, reader)
        return value if not stream.read(1) else Refused("bytes are left")

    return [attempt(read, datum) for datum in pair.data]


def by_apache(pair: Pair) -> list:
    writer, reader = (avro.schema.parse(json.dumps(plain(schema))) for schema in (pair.writer, pair.reader))

    def read(datum: bytes):
        return avro.io.DatumReader(writer, reader).read(avro.io.BinaryDecoder(io.BytesIO(datum)))

    return [attempt(read, datum) for datum in pair.data]


def attempt(read, datum: bytes):
    # Both packages say by exceptions of all kinds that they can't read.
    try:
        return read(datum)
    except Exception as error:
        return Refused(repr(error)[:200])


def agree(same: Same, found, expected) -> bool:
    if isinstance(found, Refused) or isinstance(expected, Refused):
        return isinstance(found, Refused) and isinstance(expected, Refused)
    return same(found, expected)


@unittest.skipUnless(TRANSECT, "TRANSECT names no binary")
class Avro(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.counts = Counter()

    def hold(self, pair: Pair, codec: str) -> None:
        """Compares one pair of schemas."""
        found = by_transect(self.folder, pair.reader, container(pair.writer, pair.data, codec))
        self.assertEqual(len(found), len(pair.data))
        same = Same(pair.reader)
        for datum, *all_three in zip(pair.data, found, by_fastavro(pair), by_apache(pair), strict=True):
            ours, fast, apache = all_three
            with_fast, with_apache = agree(same, ours, fast), agree(same, ours, apache)
            self.counts["data"] += 1
            self.counts["refused"] += isinstance(ours, Refused)
            self.counts["as both"] += with_fast and with_apache
            self.counts["as fastavro alone"] += with_fast and not with_apache
            self.counts["as Apache's alone"] += with_apache and not with_fast
            if not (with_fast or with_apache):
                self.counts["as neither"] += 1
                self.fail(
                    f"writer {json.dumps(pair.writer)}\nreader {json.dumps(pair.reader)}\ndatum {datum.hex()}\n"
                    f"transect {ours}\nfastavro {fast}\napache   {apache}"
                )

    def tell(self, what: str) -> None:
        print(f"avro, {what}: " + ", ".join(f"{count:,} {name}" for name, count in self.counts.items()), flush=True)

    def test_data_are_read_as_they_were_written(self):
        chance = random.Random(SEED)
        while self.counts["data"] < DATA // 2:
            schema = Schemas(chance).root()
            data = Data(chance, schema)
            pair = Pair(schema, schema, [data.datum() for _ in range(PER_PAIR)])
            self.hold(pair, chance.choice(["null", "deflate"]))
        self.tell("round trips")
        self.assertEqual(self.counts["refused"], 0)
        self.assertEqual(self.counts["as both"], self.counts["data"])

    def test_data_are_read_as_other_schemas_have_them(self):
        chance = random.Random(SEED + 1)
        while self.counts["data"] < DATA - DATA // 2:
            schemas = Schemas(chance)
            writer = schemas.root()
            reader = Readers(chance, schemas).of(writer)
            data = Data(chance, writer)
            self.hold(Pair(writer, reader, [data.datum() for _ in range(PER_PAIR)]), "null")
        self.tell("resolution")
        self.assertGreater(self.counts["refused"], self.counts["data"] // 50)
        # Apache's package knows no aliases, makes UTF-8 of the bytes of a default, and refuses maps and arrays of what
        # is read as a union; fastavro leaves bytes that are read as a string, and the reverse, as they are.
        self.assertGreater(self.counts["as both"], self.counts["data"] // 2)

    def test_single_objects_are_known_by_the_same_fingerprints(self):
        chance = random.Random(SEED + 2)
        for _ in range(100):
            schema = Schemas(chance).root()
            form = fastavro.schema.to_parsing_canonical_form(schema)
            fingerprint = bytes.fromhex(fastavro.schema.fingerprint(form, "CRC-64-AVRO"))
            apache = avro.schema.parse(json.dumps(plain(schema))).fingerprint("CRC-64-AVRO")
            self.assertEqual(fingerprint, apache)
            datum = Data(chance, schema).datum()
            found = by_transect(self.folder, schema, b"\xc3\x01" + fingerprint + datum, mode="object.bin")
            pair = Pair(schema, schema, [datum])
            self.assertTrue(agree(Same(schema), found[0], by_fastavro(pair)[0]), found)
            other = bytes([fingerprint[0] ^ 1]) + fingerprint[1:]
            found = by_transect(self.folder, schema, b"\xc3\x01" + other + datum, mode="object.bin")
            self.assertEqual(found[0].why[0]["keyword"], "fingerprint")

    def test_a_wrong_value_is_seen(self):
        """The comparison itself can fail."""
        schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "bytes"]}]}
        same = Same(schema)
        raw = base64.b64encode(b"x").decode()
        self.assertTrue(same({"a": raw}, {"a": b"x"}) and same({}, {"a": None}))
        self.assertFalse(same({"a": raw}, {"a": b"y"}) or same({}, {"a": b""}) or same({"a": None}, {"a": None}))


if __name__ == "__main__":
    unittest.main()
