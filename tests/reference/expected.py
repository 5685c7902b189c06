"""What the windows must hold, from the original events: one SQL statement for each window definition.

The rules. A window [start, start + size) takes an event in if its end plus the allowed lateness lies beyond the
watermark that stood before the event; each instance of a sliding window is judged by itself. Tumbling and sliding
windows are aligned to 1970-01-01T00:00:00Z. Events of a group nearer to each other than the gap share a session; one
that spans more than its longest is cut at the multiples of that. An event is late for its session if even a session
of its own would have closed.
"""

from events import typed
from manifest import Aggregate, Study, Window, field_kind

AGGREGATES = {
    "Count": "count({x})",
    "Sum": "fsum({x})",
    "Mean": "favg({x})",
    "Min": "min({x})",
    "Max": "max({x})",
    "StdDev": "stddev_samp({x})",
    "Distinct": "count(DISTINCT {x})",
    "First": "arg_min({x}, (t, line))",
    "Last": "arg_max({x}, (t, line))",
    # All values: how far a quantile's rank is off is judged against them.
    "Quantile": "list({x} ORDER BY {x}) FILTER ({x} IS NOT NULL)",
}


def column(study: Study, aggregate: Aggregate) -> str:
    """SQL: the value of one aggregate."""
    x = "1" if aggregate.field is None else typed(field_kind(study.schema, aggregate.field), aggregate.field)
    if aggregate.function in ("Sum", "Mean"):
        # None of no values, in place of DuckDB's 0.
        return f"CASE WHEN count({x}) > 0 THEN {AGGREGATES[aggregate.function].format(x=x)} END"
    return AGGREGATES[aggregate.function].format(x=x)


def members(study: Study, window: Window) -> str:
    """SQL: the events with each window that takes them in, as `start` and `stop` in microseconds since 1970."""
    groups = "".join(
        f", {typed(field_kind(study.schema, p), p)} AS \"{name}\"" for p, name in zip(window.group_by, window.groups())
    )
    if window.kind == "session":
        return sessions(window, groups)
    latest = f"t // {window.every} * {window.every}"
    return f"""
        SELECT * FROM (
            SELECT *, start + {window.size} AS stop FROM (
                SELECT *{groups}, unnest(range({latest}, t - {window.size}, -{window.every})) AS start FROM accepted
            )
        ) WHERE before IS NULL OR stop + {window.lateness} > before
    """


def sessions(window: Window, groups: str) -> str:
    """SQL: as `members`, for sessions."""
    by = "PARTITION BY " + ", ".join([f'"{name}"' for name in window.groups()] + ["true"])
    return f"""
        SELECT *, min(t) OVER ({by}, run, piece) AS start, max(t) OVER ({by}, run, piece) + {window.size} AS stop FROM (
            SELECT *, CASE WHEN max(t) OVER w - min(t) OVER w > {window.longest} THEN t // {window.longest} END AS piece
            FROM (
                SELECT *, count(*) FILTER (is_first) OVER ({by} ORDER BY t, line) AS run FROM (
                    SELECT *, coalesce(t - lag(t) OVER ({by} ORDER BY t, line) >= {window.size}, true) AS is_first
                    FROM (SELECT *{groups} FROM accepted)
                    WHERE before IS NULL OR t + {window.size} + {window.lateness} > before
                )
            ) WINDOW w AS ({by}, run)
        )
    """


def create(db, study: Study, window: Window) -> None:
    """Makes the table `expected`: start, stop, the groups and the aggregates by name."""
    names = ["start", "stop"] + window.groups()
    keys = ", ".join(f'"{name}"' for name in names)
    values = "".join(f', {column(study, a)} AS "{a.name}"' for a in window.aggregates)
    db.execute(f"CREATE OR REPLACE TEMP TABLE members AS {members(study, window)}")
    db.execute(f"CREATE OR REPLACE TEMP TABLE expected AS SELECT {keys}{values} FROM members GROUP BY {keys}")


def late(db, window: Window) -> int:
    """How many (event, window instance) pairs came too late; for sessions, events."""
    if window.kind == "session":
        return db.execute("SELECT (SELECT count(*) FROM accepted) - (SELECT count(*) FROM members)").fetchall()[0][0]
    latest = f"t // {window.every} * {window.every}"
    all_pairs = f"SELECT sum(len(range({latest}, t - {window.size}, -{window.every}))) FROM accepted"
    return int(db.execute(f"SELECT ({all_pairs}) - (SELECT count(*) FROM members)").fetchall()[0][0])
