#!/bin/sh
# Installs a Kafka broker for the tests into the folder DIR: its jars, from Maven, in the version that kafka/pom.xml pins, and
# by apt the Java and the Maven that are missing.
set -eu

DIR=$1
cd "$(dirname "$0")"

say() { echo "install-kafka: $*" >&2; }

missing=""
command -v java >/dev/null || missing="$missing openjdk-17-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        say "these are missing and only root can install them:$missing"
        say "run: sudo apt-get install -y$missing"
        exit 1
    fi
    say "installing$missing; this takes a minute"
    apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
say "installing the broker into $DIR"
rm -rf "$DIR"
mkdir -p "$DIR"
mvn --quiet --batch-mode --file kafka/pom.xml dependency:copy-dependencies "-DoutputDirectory=$DIR"
