#!/bin/sh
# Installs the official JSON Schema test suite into the folder DIR: `tests` and `remotes`, as the source distribution of the
# Python package jsonschema carries them, in the version that requirements.txt pins. PYTHON names the interpreter.
set -eu

DIR=$1
cd "$(dirname "$0")"
version=$(sed -n 's/^jsonschema\[.*==//p' requirements.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "installing the JSON Schema test suite of jsonschema $version into $DIR"
"${PYTHON:-python3}" -m pip download --quiet --no-deps --no-binary jsonschema --dest "$work" "jsonschema==$version"
tar -xzf "$work/jsonschema-$version.tar.gz" -C "$work"
rm -rf "$DIR"
mkdir -p "$DIR"
cp -R "$work/jsonschema-$version/json/tests" "$work/jsonschema-$version/json/remotes" "$DIR"
