#!/bin/sh
# Runs each example with the real binary and holds what comes out against the reference.
# TRANSECT names the binary, PYTHON the interpreter with the packages.
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$PYTHON" tests/reference/grow.py "$TRANSECT"
for example in examples/[0-9]*/; do
    example=${example%/}
    out=$work/$(basename "$example")
    echo "== $example"
    "$TRANSECT" validate -f "$example"
    "$TRANSECT" up -f "$example" --drain --out "$out" --state "$out.state"
    # Several inputs of several formats are read and cleansed by a reference of their own.
    if [ "$example" = examples/04-mixed ]; then
        "$PYTHON" tests/reference/mixed.py "$example" "$out"
        "$TRANSECT" up -f "$example" --drain --out "$out.steps" --state "$out.steps.state" --epoch-bytes 20000 --threads 2 >"$work/steps"
        "$PYTHON" tests/reference/mixed.py "$example" "$out.steps"
        continue
    fi
    "$PYTHON" tests/reference/table.py "$example" "$out"
    "$PYTHON" tests/reference/windows.py "$example" "$out"
    "$PYTHON" tests/reference/alerts.py "$example" "$out"

    # In small steps windows are issued early and revised; the last revisions must be the same.
    "$TRANSECT" up -f "$example" --drain --out "$out.steps" --state "$out.steps.state" --epoch-bytes 20000 --threads 2 >"$work/steps"
    "$PYTHON" tests/reference/table.py "$example" "$out.steps"
    "$PYTHON" tests/reference/windows.py "$example" "$out.steps" --revised
    "$PYTHON" tests/reference/alerts.py "$example" "$out.steps"
done
