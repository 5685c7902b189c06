"""Polars: NDJSON to Parquet, zstd level 1. `polars_peer.py IN OUT THREADS auto|columns`; prints seconds and rows.

`auto` lets Polars detect the columns from a sample, `columns` names them. Both parse the time, as Transect does.
"""

import json
import os
import sys
import time

# Polars reads it when it is imported.
os.environ["POLARS_MAX_THREADS"] = sys.argv[3]

import polars as pl  # noqa: E402

COLUMNS = {
    "id": pl.String,
    "time": pl.String,
    "carrier": pl.Struct({"code": pl.String, "flight": pl.Int64, "tail": pl.String}),
    "origin": pl.Struct({"airport": pl.String, "delay": pl.Int64}),
    "dest": pl.Struct({"airport": pl.String, "delay": pl.Int64, "lat": pl.Float64, "lon": pl.Float64}),
    "schedule": pl.Struct({"departure": pl.Int64, "arrival": pl.Int64}),
    "air_time": pl.Int64,
    "distance": pl.Int64,
}


def main(source: str, target: str, _threads: str, how: str) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    events = pl.scan_ndjson(source, schema=COLUMNS if how == "columns" else None)
    events = events.with_columns(pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"))
    events.sink_parquet(target, compression="zstd", compression_level=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rows = pl.scan_parquet(target).select(pl.len()).collect().item()
    print(json.dumps({"wall": wall, "cpu": cpu, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
