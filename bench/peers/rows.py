"""What a program wrote: `rows.py FILE-OR-FOLDER` prints rows, columns without provenance, their codecs, and the size of
all files, as JSON."""

import json
import sys
from pathlib import Path

import duckdb


def main(target: str) -> None:
    path = Path(target)
    files = [str(f) for f in (sorted(path.glob("**/*.parquet")) if path.is_dir() else [path])]
    db = duckdb.connect()
    db.execute(f"CREATE VIEW written AS FROM read_parquet({files}, hive_partitioning = false)")
    columns = [row[0] for row in db.execute("DESCRIBE written").fetchall()]
    codecs = db.execute(
        f"SELECT DISTINCT compression FROM parquet_metadata({files})"
        " WHERE NOT starts_with(path_in_schema, '_') AND path_in_schema <> 'extra'"
        " AND total_uncompressed_size > 256"
    ).fetchall()
    print(json.dumps({
        "rows": db.execute("SELECT count(*) FROM written").fetchall()[0][0],
        "columns": sorted(c for c in columns if not c.startswith("_") and c != "extra"),
        "codecs": sorted(codec for (codec,) in codecs),
        "bytes": sum(Path(f).stat().st_size for f in files),
    }))


if __name__ == "__main__":
    main(sys.argv[1])
