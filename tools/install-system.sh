#!/bin/sh
# Makes sure that a C compiler, clang, mold, Python with venv, and Rust are there. Installs by apt only what is missing.
set -eu

RUST=1.95

say() { echo "install-system: $*" >&2; }

missing=""
need() { # need PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

apt_install() {
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        say "these are missing and only root can install them: $*"
        say "run: sudo apt-get install -y $*"
        exit 1
    fi
    say "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
need gcc sh -c 'command -v cc'
need libc6-dev test -e /usr/include/stdio.h
need clang sh -c 'command -v clang'
need mold sh -c 'command -v mold'
need python3 sh -c 'command -v python3'
need python3-venv python3 -c 'import ensurepip, venv'
need util-linux sh -c 'command -v taskset'
# shellcheck disable=SC2086 # one word a package
[ -z "$missing" ] || apt_install $missing

if ! command -v cargo >/dev/null; then
    if ! apt-cache show rustup >/dev/null 2>&1; then
        say "Rust $RUST or newer is missing, and this system's apt has no rustup"
        say "install Rust from https://rustup.rs and run make again"
        exit 1
    fi
    command -v rustup >/dev/null || apt_install rustup
    say "installing Rust"
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
    rustup default stable
fi

found=$(rustc --version | cut -d' ' -f2)
oldest=$(printf '%s\n%s\n' "$RUST" "$found" | sort -V | head -n 1)
if [ "$oldest" != "$RUST" ]; then
    say "Rust $found is too old; $RUST or newer is needed: rustup update stable"
    exit 1
fi
