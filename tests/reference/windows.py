#!/usr/bin/env python3
"""Checks every window of a run against DuckDB's own calculation from the original input.

    windows.py EXAMPLE OUT [--input FILE]

EXAMPLE is a folder of manifests, OUT the `--out` folder of a drained `transect up`. Ends with 1 if anything differs.
"""

import argparse
import sys
from pathlib import Path

from compare import compare
from events import load
from expected import create, late
from manifest import read
from privacy import keys_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--input", type=Path, help="the events, in place of the manifest's file")
    parser.add_argument("--revised", action="store_true", help="some windows must have been issued more than once")
    args = parser.parse_args()

    study = read(args.example)
    db = load(study, args.input or study.inputs[0], keys_of(args.out))
    failed = revised = 0
    print(f"{'window':24}{'windows':>9}{'rows':>9}{'replaced':>10}{'late':>9}")
    for window in study.windows:
        create(db, study, window)
        result = compare(db, study, window, args.out)
        verdict = "ok" if not result.problems else "DIFFERS"
        print(f"{result.name:24}{result.windows:9}{result.rows:9}{result.revised:10}{late(db, window):9}  {verdict}")
        for problem in result.problems:
            print(f"    {problem}")
        failed += bool(result.problems)
        revised += result.revised
    total = len(study.windows)
    print(f"{args.example}: {total - failed} of {total} window definitions equal DuckDB's")
    if args.revised and not revised:
        print("no window was revised, so that revisions were not tried")
        return 1
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
