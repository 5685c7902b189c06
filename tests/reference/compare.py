"""Compares the last revisions of a window's output with what the reference expects.

Counts, extremes, First and Last must be equal; sums, means and deviations to 1e-9. A quantile's rank and a number of
distinct values may be off by what their sketches state: the rank by 1.65 % (KLL with k = 200, double-sided, 99 %), the
number by 3 standard errors of 1.625 % (HLL with 4,096 registers). As these are bounds of probability, one in a hundred
windows may lie beyond, none beyond twice the bound. Up to 200 values both are exact.
"""

from dataclasses import dataclass, field
from pathlib import Path

from manifest import Study, Window, field_kind

EXACT_UP_TO = 200
RANK_ERROR = 0.0165
DISTINCT_ERROR = 3 * 0.01625


@dataclass
class Result:
    """The outcome for one window definition."""

    name: str
    windows: int = 0
    rows: int = 0
    revised: int = 0
    problems: list[str] = field(default_factory=list)


def last_revisions(db, study: Study, window: Window, folder: Path) -> None:
    """Makes the tables `issued` (every row) and `actual` (the last of each window and group that was not replaced)."""
    files = sorted(str(file) for file in (folder / "windows" / window.name).glob("**/*.parquet"))
    if not files:
        raise SystemExit(f"{folder}/windows/{window.name} has no Parquet file")
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE issued AS
        SELECT * EXCLUDE (window_start, window_end),
               epoch_us(window_start) AS start, epoch_us(window_end) AS stop
        FROM read_parquet({files}, union_by_name = true)
    """)
    columns = ["start", "stop"] + [comparable(study, p, n) for p, n in zip(window.group_by, window.groups())]
    for aggregate in window.aggregates:
        numeric = aggregate.function not in ("First", "Last", "Min", "Max")
        columns.append(
            f'CAST("{aggregate.name}" AS DOUBLE) AS "{aggregate.name}"'
            if numeric
            else comparable(study, aggregate.field, aggregate.name)
        )
    keys = ", ".join(["start", "stop"] + [f'"{name}"' for name in window.groups()])
    replaced = "WHERE replaced_by IS NULL" if window.kind == "session" else ""
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE actual AS
        SELECT {", ".join(columns)}, final FROM (
            FROM issued QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY revision DESC, final DESC) = 1
        ) {replaced}
    """)


def comparable(study: Study, pointer: str, name: str) -> str:
    """SQL: an output column in the type that the reference uses for its field."""
    match field_kind(study.schema, pointer):
        case "number":
            return f'CAST("{name}" AS DOUBLE) AS "{name}"'
        case "time":
            return f'epoch_us("{name}") AS "{name}"'
        case "boolean":
            return f'CAST("{name}" AS BOOLEAN) AS "{name}"'
    return f'CAST("{name}" AS VARCHAR) AS "{name}"'


def compare(db, study: Study, window: Window, folder: Path) -> Result:
    """Compares `expected` with the output; the tables stay for whoever wants to look."""
    last_revisions(db, study, window, folder)
    same = " AND ".join(f'e."{name}" IS NOT DISTINCT FROM a."{name}"' for name in ["start", "stop"] + window.groups())
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE joined AS
        SELECT e, a FROM (SELECT e FROM expected e) FULL JOIN (SELECT a FROM actual a) ON {same}
    """)
    result = Result(window.name)
    result.windows, result.rows = db.execute(
        "SELECT (SELECT count(*) FROM expected), (SELECT count(*) FROM issued)"
    ).fetchall()[0]
    result.revised = result.rows - db.execute("SELECT count(*) FROM actual").fetchall()[0][0]
    check(db, result, "missing", "SELECT e FROM joined WHERE a IS NULL")
    check(db, result, "not expected", "SELECT a FROM joined WHERE e IS NULL")
    check(db, result, "not final", "SELECT a FROM joined WHERE a IS NOT NULL AND NOT a.final")
    for aggregate in window.aggregates:
        if aggregate.function in ("Quantile", "Distinct"):
            sketch(db, result, aggregate)
        else:
            plain(db, result, aggregate)
    return result


def check(db, result: Result, what: str, query: str) -> None:
    """Notes how many rows a query finds, and the first of them."""
    rows = db.execute(query).fetchall()
    if rows:
        result.problems.append(f"{what}: {len(rows)}, such as {rows[0]}")


def plain(db, result: Result, aggregate) -> None:
    e, a = f'e."{aggregate.name}"', f'a."{aggregate.name}"'
    wrong = f"{e} IS DISTINCT FROM {a}"
    if aggregate.function in ("Sum", "Mean", "StdDev"):
        # A deviation or sum near zero has no relative error: there the 1e-9 is absolute.
        wrong += f" AND NOT coalesce(abs({e} - {a}) <= 1e-9 * greatest(abs({e}), abs({a}), 1), false)"
    query = f"SELECT {e}, {a}, e FROM joined WHERE e IS NOT NULL AND a IS NOT NULL AND {wrong}"
    check(db, result, f"{aggregate.name} differs (expected, found, window)", query)


def sketch(db, result: Result, aggregate) -> None:
    e, a = f'e."{aggregate.name}"', f'a."{aggregate.name}"'
    if aggregate.function == "Quantile":
        size, bound = f"coalesce(len({e}), 0)", RANK_ERROR
        below, upto = (f"len(list_filter({e}, lambda x: x {sign} {a})) / len({e})" for sign in ("<", "<="))
        # The value found stands for the ranks from `below` to `upto`; how far is q from them?
        distance = f"greatest(0, {below} - {aggregate.q}, {aggregate.q} - {upto})"
        error = f"CASE WHEN {upto} > {below} THEN {distance} ELSE 1 END"
        error = f"CASE WHEN {size} = 0 THEN CAST({a} IS NOT NULL AS INT) ELSE coalesce({error}, 1) END"
    else:
        size, bound = e, DISTINCT_ERROR
        error = f"coalesce(abs({a} - {e}) / greatest({e}, 1), 1)"
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE errors AS
        SELECT {size} AS size, {error} AS error, {a} AS found, struct_pack(start := e.start, size := {size}) AS place
        FROM joined WHERE e IS NOT NULL AND a IS NOT NULL
    """)
    # 1e-9 for the division; half a value for an estimate that is not rounded.
    exact = "1e-9" if aggregate.function == "Quantile" else "0.5 / greatest(size, 1)"
    check(db, result, f"{aggregate.name} is not exact (found, error, window)",
          f"SELECT found, error, place FROM errors WHERE size <= {EXACT_UP_TO} AND error > {exact}")
    check(db, result, f"{aggregate.name} is beyond twice the stated error (found, error, window)",
          f"SELECT found, error, place FROM errors WHERE size > {EXACT_UP_TO} AND error > {2 * bound}")
    check(db, result, f"{aggregate.name} is too often beyond the stated error (windows, beyond)", f"""
        SELECT count(*) AS n, count(*) FILTER (error > {bound}) AS beyond FROM errors WHERE size > {EXACT_UP_TO}
        HAVING beyond > 1 + n / 100""")
