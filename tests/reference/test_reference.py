"""Tests of the reference itself: results worked out by hand, and outputs spoiled on purpose that it must refuse.

    python -m unittest discover tests/reference
"""

import json
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import alerts
import compare
import duckdb
import table
from events import load
from expected import create, late
from manifest import Aggregate, Detector, Rule, Study, Version, Window, common, field_kind, micros, read
from rules import flags, is_broken

HOUR = 3_600_000_000
MINUTE = HOUR // 60
SCHEMA = {
    "type": "object",
    "required": ["id", "time", "x"],
    "properties": {
        "id": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "place": {"type": "object", "properties": {"site": {"type": ["string", "null"]}}},
        "x": {"type": ["number", "null"], "maximum": 100},
    },
}
ALL = [
    Aggregate("n", "Count", None, None),
    Aggregate("total", "Sum", "/x", None),
    Aggregate("mean", "Mean", "/x", None),
    Aggregate("low", "Min", "/x", None),
    Aggregate("high", "Max", "/x", None),
    Aggregate("sd", "StdDev", "/x", None),
    Aggregate("median", "Quantile", "/x", 0.5),
    Aggregate("ids", "Distinct", "/id", None),
    Aggregate("first", "First", "/id", None),
    Aggregate("last", "Last", "/x", None),
]
# (hour, site, x) in the order of arrival; ids are a, b, c, ...
ARRIVALS = [
    ("00:10", "p", 1.0),   # a
    ("00:50", "p", 3.0),   # b
    ("00:20", "q", None),  # c
    ("02:30", "p", 5.0),   # d: the watermark goes to 01:30
    ("00:40", "p", 7.0),   # e: late for the first hour, but for 30 minutes' grace
    ("04:00", "q", 9.0),   # f: the watermark goes to 03:00
    ("02:50", "p", 11.0),  # g: late but for some grace
    ("04:00", "q", 13.0),  # h: as late as f: the last read counts as Last, the first as First
    ("05:00", "q", 101.0), # i: invalid, moves nothing
]


def study(windows=()) -> Study:
    return Study("reading", SCHEMA, ["/id"], ["/place/site"], "/time", "Rfc3339", HOUR, [], list(windows))


def window(kind="tumbling", size=HOUR, every=None, longest=24 * HOUR, lateness=0, group_by=(), aggregates=ALL):
    return Window("w", kind, size, every or size, longest, lateness, list(group_by), aggregates)


def arrivals() -> list[str]:
    return [
        json.dumps({"id": name, "time": f"2026-01-01T{hour}:00Z", "place": {"site": site}, "x": x})
        for name, (hour, site, x) in zip("abcdefghi", ARRIVALS)
    ]


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)

    def load(self, lines):
        path = self.out / "events.ndjson"
        path.write_text("".join(line + "\n" for line in lines))
        return load(study(), path)

    def expect(self, window, rows, late_events, columns="n"):
        """Rows as (start hour, end hour, values) of the first day of 2026."""
        db = self.load(arrivals())
        create(db, study(), window)
        base = 1_767_225_600_000_000
        query = f"SELECT (start - {base}) / {HOUR}, (stop - {base}) / {HOUR}, {columns} FROM expected ORDER BY ALL"
        found = [tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in db.execute(query).fetchall()]
        self.assertEqual(found, rows)
        self.assertEqual(late(db, window), late_events)

    def test_durations_are_gos(self):
        self.assertEqual([micros(t) for t in ("0s", "1h30m", "250ms", "168h")], [0, 5400_000_000, 250_000, 168 * HOUR])

    def test_repeats_and_invalid_events_do_not_count(self):
        lines = arrivals()
        db = self.load(lines + [lines[0]])
        self.assertEqual(db.execute("SELECT max(line), count(*) FROM accepted").fetchall()[0], (8, 8))

    def test_the_watermark_is_that_before_the_event(self):
        db = self.load(arrivals())
        trail = db.execute("SELECT (before - min(t) OVER ()) / 6e7 FROM accepted ORDER BY line").fetchall()
        self.assertEqual([t for (t,) in trail], [None, -60, -20, -20, 80, 80, 170, 170])

    def test_tumbling_windows_turn_late_events_away(self):
        self.expect(window(), [(0, 1, 3), (2, 3, 1), (4, 5, 2)], 2)

    def test_lateness_lets_them_in(self):
        self.expect(window(lateness=HOUR // 2), [(0, 1, 3), (2, 3, 2), (4, 5, 2)], 1)
        self.expect(window(lateness=HOUR), [(0, 1, 4), (2, 3, 2), (4, 5, 2)], 0)

    def test_each_sliding_instance_is_judged_by_itself(self):
        rows = [(-1, 1, 3), (0, 2, 4), (1, 3, 1), (2, 4, 2), (3, 5, 2), (4, 6, 2)]
        self.expect(window("sliding", 2 * HOUR, HOUR), rows, 2)

    def test_sessions_merge_end_and_are_late(self):
        rows = [(1 / 6, 1 + 5 / 6, 3), (1 / 3, 1 + 1 / 3, 1), (2.5, 3 + 5 / 6, 2), (4.0, 5.0, 2)]
        rows = [(round(a, 9), round(b, 9), n) for a, b, n in rows]
        self.expect(window("session", group_by=["/place/site"]), rows, 0)

    def test_an_event_at_the_gap_begins_a_session(self):
        # 00:10 and 00:20 | 00:40, 20 minutes on, and 00:50 | 02:30 | 02:50 | 04:00 twice
        rows = [(1 / 6, 2 / 3, 2), (2 / 3, 7 / 6, 2), (5 / 2, 17 / 6, 1), (17 / 6, 19 / 6, 1), (4, 13 / 3, 2)]
        rows = [(round(a, 9), round(b, 9), n) for a, b, n in rows]
        self.expect(window("session", HOUR // 3, lateness=HOUR), rows, 0)

    def test_long_sessions_are_cut_at_multiples_of_their_longest(self):
        rows = [(round(1 / 6, 9), round(5 / 6 + 2, 9), 4), (2.5, round(2 + 5 / 6 + 2, 9), 2), (4.0, 6.0, 2)]
        self.expect(window("session", 2 * HOUR, longest=2 * HOUR, lateness=HOUR), rows, 0)

    def test_every_aggregate(self):
        day = window(size=24 * HOUR, lateness=HOUR)
        row = (0, 24, 8, 49.0, 7.0, 1.0, 13.0, 4.320493799, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0], 8, "a", 13.0)
        self.expect(day, [row], 0, "n, total, mean, low, high, sd, median, ids, first, last")


class Versions(unittest.TestCase):
    """Each event by its own version, and by its newest names."""

    def test_versions_and_rules(self):
        properties = SCHEMA["properties"]
        first = SCHEMA | {"properties": properties | {"x": {"type": "integer"}}, "additionalProperties": False}
        names = {"id": properties["id"], "time": properties["time"], "y": {"type": "number"}, "v": {"type": "integer"}}
        versions = [
            Version(1, first, {}),
            Version(2, {"type": "object", "required": ["y"], "properties": names}, {"/x": "/y"}),
        ]
        rules = [
            Rule("late", 'event.y < 5.0 || event.y > 8 && event.id != "e"', False), Rule("odd", "event.y != 3", True),
        ]
        both = replace(
            study(), schema=common(versions), versions=versions, version_field="/v", stated_version=1, rules=rules
        )
        self.assertEqual(list(both.schema["properties"]), ["id", "time", "y", "v", "place"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.ndjson"
            time = "2026-01-01T00:00:00Z"
            path.write_text("".join(json.dumps(event | {"time": time}) + "\n" for event in [
                {"id": "a", "x": 1}, {"id": "b", "v": 2, "y": 1.5}, {"id": "c", "x": 1.5}, {"id": "d", "v": 3, "y": 1},
                {"id": "e", "v": 2, "y": 9}, {"id": "f", "x": 9}, {"id": "g", "x": 3},
            ]))
            db = load(both, path)
        query = "SELECT line, json_extract_string(event, '/y'), version FROM accepted ORDER BY line"
        self.assertEqual(db.execute(query).fetchall(), [(1, "1", 1), (2, "1.5", 2), (6, "9", 1), (7, "3", 1)])
        errors = [json.loads(e)[0] for (e,) in db.execute("SELECT errors FROM input WHERE errors NOT NULL").fetchall()]
        self.assertEqual([e["reason"] for e in errors], ["SchemaViolation", "UnknownSchemaVersion", "Rule"])
        self.assertEqual(errors[2], {"reason": "Rule", "keyword": "late", "pointer": "/y"})
        flagged = db.execute(f"SELECT line FROM accepted WHERE len({flags(both)}) > 0").fetchall()
        self.assertEqual(flagged, [(7,)])

    def test_an_unknown_part_of_a_rule_is_refused(self):
        with self.assertRaises(SystemExit):
            is_broken(study(), Rule("r", "event.x.matches('a')", False))

    def test_tables_are_looked_up(self):
        sites = {"p": {"most": "3"}, "o'q": {}}
        given = replace(study(), lookups={"sites": sites})
        db = duckdb.connect()
        event = '{"place": {"site": %s}, "x": 4}'
        for rule, site, breaks in [
            ("event.place.site in lookup.sites", '"p"', False),
            ("event.place.site in lookup.sites", '"o\'q"', False),
            ("event.place.site in lookup.sites", '"r"', True),
            ("event.place.site in lookup.sites", "null", False),
            ("event.x <= lookup.sites[event.place.site].most", '"p"', True),
            ("event.x <= lookup.sites[event.place.site].most", '"o\'q"', False),
            ("event.x <= lookup.sites[event.place.site].most", '"r"', False),
        ]:
            sql, fields = is_broken(given, Rule("r", rule, False))
            found = db.execute(f"SELECT {sql} FROM (SELECT ? AS event)", [event % site]).fetchone()[0]
            self.assertEqual(found, breaks, (rule, site))
            self.assertIn("/place/site", fields)


class Spoiled(unittest.TestCase):
    """The comparison passes on what is right and refuses each single thing made wrong."""

    RIGHT = "n, total, mean, low, high, sd, median[len(median) // 2 + 1] AS median, ids, first, last"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        (self.out / "windows/w").mkdir(parents=True)
        path = self.out / "events.ndjson"
        path.write_text("".join(line + "\n" for line in arrivals()))
        self.study = study()
        self.db = load(self.study, path)

    def run_with(self, window, columns, tail=""):
        create(self.db, self.study, window)
        groups = "".join(f'"{name}", ' for name in window.groups())
        self.db.execute(f"""
            COPY (SELECT make_timestamp(start) AS window_start, make_timestamp(stop) AS window_end, {groups}{columns}
                  FROM expected, (SELECT NULL::VARCHAR AS nothing) {tail})
            TO '{self.out}/windows/w/part.parquet' (FORMAT parquet)
        """)
        return compare.compare(self.db, self.study, window, self.out).problems

    def test_right_output_passes(self):
        window_ = window(group_by=["/place/site"])
        self.assertEqual(self.run_with(window_, f"{self.RIGHT}, 1 AS revision, true AS final"), [])

    def test_only_the_last_revision_counts(self):
        older = "UNION ALL SELECT make_timestamp(start), make_timestamp(stop), 99, 1, false FROM expected"
        counts = window(aggregates=ALL[:1])
        self.assertEqual(self.run_with(counts, "n, 2 AS revision, true AS final", older), [])

    def test_each_wrong_value_is_found(self):
        for name, wrong in {
            "n": "n + 1", "total": "total * (1 + 1e-8)", "mean": "mean + 1e-6", "low": "low - 1e-12",
            "high": "NULL::DOUBLE", "sd": "sd + 1e-6", "median": "high + 1", "ids": "ids + 1", "first": "'z'",
            "last": "coalesce(last, 0) + 1",
        }.items():
            columns = self.RIGHT.split(", ")
            columns[[a.name for a in ALL].index(name)] = f"{wrong} AS {name}"
            problems = self.run_with(window(), ", ".join(columns) + ", 1 AS revision, true AS final")
            self.assertEqual(len(problems), 1, (name, problems))
            self.assertTrue(problems[0].startswith(name), problems)

    def test_missing_unexpected_and_open_windows_are_found(self):
        right = f"{self.RIGHT}, 1 AS revision"
        for what, columns, tail in [
            ("missing", f"{right}, true AS final", "LIMIT 2"),
            ("not expected", f"{right}, true AS final", """UNION ALL SELECT
                make_timestamp(0), make_timestamp(1), 1, 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, true"""),
            ("not final", f"{right}, n <> 1 AS final", ""),
        ]:
            problems = self.run_with(window(), columns, tail)
            self.assertEqual([p.split(":")[0] for p in problems], [what], problems)

    def test_replaced_sessions_do_not_count(self):
        sessions = window("session", group_by=["/place/site"], aggregates=ALL[:1])
        columns = "n, 1 AS revision, true AS final, {} AS replaced_by"
        self.assertEqual(self.run_with(sessions, columns.format("nothing")), [])
        problems = self.run_with(sessions, columns.format("CASE WHEN n = 3 THEN 'another' END"))
        self.assertEqual([p.split(":")[0] for p in problems], ["missing"])

    def test_sketches_may_err_as_stated(self):
        self.db.execute("CREATE TEMP TABLE joined (e STRUCT(start BIGINT, q DOUBLE[]), a STRUCT(q DOUBLE))")
        for found, problems in [(500, 0), (515, 0), (520, 0), (540, 1)]:
            self.db.execute(f"""CREATE OR REPLACE TEMP TABLE joined AS
                SELECT {{start: 0, q: list_transform(range(1000), lambda x: x::DOUBLE)}} AS e, {{q: {found}}} AS a""")
            result = compare.Result("w")
            compare.sketch(self.db, result, Aggregate("q", "Quantile", "/x", 0.5))
            self.assertEqual(len(result.problems), problems, (found, result))


class Table(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        path = self.out / "events.ndjson"
        path.write_text("".join(line + "\n" for line in arrivals()))
        self.study = replace(study(), rules=[Rule("small", "event.x < 6.0", True)])
        self.db = load(self.study, path)
        (self.out / "table/reading/day=2026-01-01").mkdir(parents=True)
        (self.out / "rejected").mkdir()

    def write(self, change="", where=""):
        columns = """json_extract_string(event, '/id') AS id, make_timestamp(t) AS time, make_timestamp(t) AS _time,
            {'site': json_extract_string(event, '/place/site')} AS place,
            CAST(json_extract_string(event, '/x') AS DOUBLE) AS x, line AS _line, NULL::VARCHAR AS extra,
            version AS _schema_version, _flags"""
        source = f"(SELECT *, {flags(self.study)} AS _flags FROM accepted)"
        self.db.execute(f"""
            COPY (SELECT * {change} FROM (SELECT {columns} FROM {source}) {where})
            TO '{self.out}/table/reading/day=2026-01-01/part.parquet' (FORMAT parquet)
        """)
        return table.check_table(self.db, self.study, self.out)

    def test_a_right_table_passes(self):
        self.assertEqual(self.write(), [])

    def test_each_wrong_thing_is_found(self):
        now = "make_timestamp(0)"
        for change, where, what in [
            ("", "WHERE _line <> 3", "lines that are not"),
            ("", f"UNION ALL SELECT 'a', {now}, {now}, {{'site': 'p'}}, 1, 9, NULL, 1, []", "lines that should not"),
            ("REPLACE (x + 1 AS x)", "", "/x"),
            ("REPLACE ({'site': 'z'} AS place)", "", "/place/site"),
            ("REPLACE ('{\"y\": 1}' AS extra)", "", "extra"),
            ("REPLACE (_time + INTERVAL 1 SECOND AS _time)", "", "rows with another"),
            ("REPLACE (_schema_version + 1 AS _schema_version)", "", "rows of another version"),
            ("REPLACE ([] AS _flags)", "", "rows with other flags"),
        ]:
            problems = self.write(change, where)
            self.assertTrue(problems and problems[0].startswith(what), (what, problems))

    def test_rejects(self):
        record = {"line": 9, "reason": "SchemaViolation", "pointer": "/x", "keyword": "maximum"}
        file = self.out / "rejected/part.ndjson"
        for records, problems in [([record], 0), ([], 1), ([record, record], 1), ([record | {"line": 1}], 2),
                                  ([record | {"keyword": "minimum"}], 1), ([record | {"pointer": ""}], 1)]:
            file.write_text("".join(json.dumps(r) + "\n" for r in records))
            self.assertEqual(len(table.check_rejects(self.db, self.out)), problems, records)

    def test_ledger(self):
        for accepted, problems in [(8, 0), (9, 1)]:
            ledger = {"read": 9, "accepted": accepted, "duplicate": 0, "rejected": 1}
            (self.out / "ledger.json").write_text(json.dumps({"total": ledger}))
            self.assertEqual(len(table.check_ledger(self.db, self.out)), problems)


class Examples(unittest.TestCase):
    """Each example has what it promises."""

    def test_kinds_functions_and_number_of_windows(self):
        for folder in sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*/")):
            example = read(folder)
            self.assertGreaterEqual(len(example.windows), 10, folder)
            self.assertEqual({w.kind for w in example.windows}, {"tumbling", "sliding", "session"})
            self.assertEqual({a.function for w in example.windows for a in w.aggregates}, {a.function for a in ALL})
            for w in example.windows:
                for a in w.aggregates:
                    if a.field:
                        self.assertNotEqual(field_kind(example.schema, a.field), "json", (folder, w.name, a))


def detector(method, threshold=2.0, side="Both", over=HOUR, min_count=3) -> Detector:
    return Detector("d", "/x", None, None, method, over, [], threshold, side, min_count, 0.5)


def rows(*values) -> list[alerts.Row]:
    """Values by minute, of one group, with a watermark that trails by ten."""
    return [alerts.Row(("p",), minute, minute - 10 * MINUTE, x, line)
            for line, (minute, x) in enumerate(((m * MINUTE, x) for m, x in values), start=1)]


class Alerts(unittest.TestCase):
    def test_methods_measure_from_what_was_before(self):
        for method, values, expected, distance in [
            ("ZScore", [1, 2, 3], 2, 3),
            ("RobustZScore", [1, 2, 3], 2, 3 / 1.482602218505602),
            ("Iqr", [1, 2, 3], 2.5, 2.5),
            ("Ewma", [1, 3], 2, 3),
            ("ZScore", [2, 2, 2], None, None),
            ("ZScore", [1, 3], None, None),
        ]:
            count = 2 if method == "Ewma" else 3
            found = alerts.measure(detector(method, min_count=count), values, 5)
            if expected is None:
                self.assertIsNone(found, (method, values))
            else:
                self.assertAlmostEqual(found[0], expected, msg=(method, values))
                self.assertAlmostEqual(found[1], distance, msg=(method, values))

    def test_values_beyond_the_look_back_are_forgotten(self):
        far = rows((0, 1), (1, 2), (2, 3), (3, 9), (64, 9), (65, 1))
        self.assertEqual([alert[3] for alert in alerts.judged(detector("ZScore"), far)], [4])

    def test_a_silence_begins_by_the_watermark_and_ends_with_an_event(self):
        found = alerts.silent(detector("Missing"), rows((0, None), (30, None), (85, None)), 130 * MINUTE)
        self.assertEqual(found, [])
        first, other = rows((0, None))[0], alerts.Row(("q",), 150 * MINUTE, 0, None, 9)
        late = alerts.Row(("p",), 200 * MINUTE, 140 * MINUTE, None, 10)
        found = alerts.silent(detector("Missing"), [first, other, late], 210 * MINUTE)
        self.assertEqual([(state, group[0], time // MINUTE) for state, group, time, *_ in found],
                         [("Raised", "p", 60), ("Ended", "p", 200), ("Raised", "q", 210)])

    def test_a_spoiled_alert_is_refused(self):
        right = ("Raised", ("p",), 5, 1, 9.0, 2.0, 7.0)
        self.assertEqual(alerts.differences([right], [right]), [])
        for actual in [[], [right, right], [(*right[:4], 9.0, 2.0, 7.1)], [(*right[:2], 6, *right[3:])]]:
            self.assertTrue(alerts.differences([right], actual), actual)


if __name__ == "__main__":
    unittest.main()
