#!/bin/sh
# Makes sure that a C compiler, clang, mold, curl, Python with venv, and Rust are there. Installs by apt only what is missing.
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
need make sh -c 'command -v make'
need g++ sh -c 'command -v c++'
need pkg-config sh -c 'command -v pkg-config'
need libssl-dev pkg-config --exists openssl
need zlib1g-dev pkg-config --exists zlib
need clang sh -c 'command -v clang'
need mold sh -c 'command -v mold'
need python3 sh -c 'command -v python3'
need python3-venv python3 -c 'import ensurepip, venv'
need curl sh -c 'command -v curl'
need util-linux sh -c 'command -v taskset'
# shellcheck disable=SC2086 # one word a package
[ -z "$missing" ] || apt_install $missing

# The version that apt would install of a package, or nothing.
candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][^+~-]*\).*/\1/p'; }

new_enough() { # new_enough VERSION
    [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$RUST" "$1" | sort -V | head -n 1)" = "$RUST" ]
}

# Debian keeps a recent Rust, for its browsers, in rustc-web; its plain rustc is that of the release.
install_rust() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq # a new image knows no package yet
    fi
    for suffix in "" -web; do
        if new_enough "$(candidate "rustc$suffix")"; then
            apt_install "rustc$suffix" "cargo$suffix"
            return
        fi
    done
    if command -v rustup >/dev/null || [ -n "$(candidate rustup)" ]; then
        command -v rustup >/dev/null || apt_install rustup
        say "installing Rust with rustup"
        rustup toolchain install stable --profile minimal --component clippy --component rustfmt
        rustup default stable
        return
    fi
    say "Rust $RUST or newer is missing, and this system's packages have none"
    say "install it from https://rustup.rs and run make again"
    exit 1
}

command -v cargo >/dev/null || install_rust

found=$(rustc --version | cut -d' ' -f2)
if ! new_enough "$found"; then
    say "Rust $found is too old; $RUST or newer is needed: rustup update stable"
    exit 1
fi
