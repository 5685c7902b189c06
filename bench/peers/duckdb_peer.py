"""DuckDB: NDJSON to Parquet, zstd level 1. `duckdb_peer.py IN OUT THREADS auto|columns`; prints seconds and rows.

`auto` lets DuckDB detect the columns from a sample, `columns` names them with the types of Transect's table.
"""

import json
import sys
import time

import duckdb

COLUMNS = {
    "id": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "carrier": "STRUCT(code VARCHAR, flight BIGINT, tail VARCHAR)",
    "origin": "STRUCT(airport VARCHAR, delay BIGINT)",
    "dest": "STRUCT(airport VARCHAR, delay BIGINT, lat DOUBLE, lon DOUBLE)",
    "schedule": "STRUCT(departure BIGINT, arrival BIGINT)",
    "air_time": "BIGINT",
    "distance": "BIGINT",
}


def main(source: str, target: str, threads: str, how: str) -> None:
    columns = f", columns = {COLUMNS}" if how == "columns" else ""
    wall, cpu = time.perf_counter(), time.process_time()
    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    rows = db.execute(f"""
        COPY (FROM read_json('{source}', format = 'newline_delimited'{columns}))
        TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
    """).fetchall()[0][0]
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
