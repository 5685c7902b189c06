#!/bin/sh
# Makes sure that Debian's chromium is there, in which the tests look at the report. Installs by apt only what is missing.
set -eu

say() { echo "install-browser: $*" >&2; }

command -v chromium >/dev/null && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    say "chromium is missing and only root can install it"
    say "run: sudo apt-get install -y --no-install-recommends chromium fonts-dejavu-core"
    exit 1
fi
say "installing chromium; this takes a minute"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
