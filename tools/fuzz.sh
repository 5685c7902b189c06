#!/bin/sh
# Builds the fuzz targets and runs each for FUZZ_SECONDS (by default 600), two at a time; prints a line each, and ends with an
# error if one has found something. FUZZ_TARGETS names some of them, by default all.
#
# The compiler is the stable one: LLVM's coverage for fuzzers is one of its passes, which is asked for as cargo-fuzz does.
# The sanitizers of memory need a nightly compiler and are left out: there is no `unsafe` here for them to look at.
set -eu

cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/transect
host=$(rustc -vV | sed -n 's/^host: //p')
# A folder of its own: flags that differ would make each build undo the other.
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$cache/fuzz-target}
# What a target has learnt is kept here from run to run; the seeds in the repository are only read.
work=${FUZZ_WORK_DIR:-$cache/fuzz}

# Runs one target.
one() {
    target=$1
    log=$work/$target.log
    found=$work/found/$target
    mkdir -p "$found" "$work/corpus/$target"
    set -- "$work/corpus/$target" "fuzz/corpus/$target"
    if [ -d "fuzz/regressions/$target" ]; then
        set -- "$@" "fuzz/regressions/$target"
    fi
    outcome=nothing
    "$CARGO_TARGET_DIR/$host/fuzz/$target" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=4096 -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/" "$@" >"$log" 2>&1 ||
        outcome="something: see $log and $found"
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2)
    printf '%-16s %10s executions, coverage %6s, found %s\n' "$target" "${executions:-?}" "${coverage:-?}" "$outcome"
    [ "$outcome" = nothing ]
}

if [ "${1:-}" = --one ]; then
    one "$2"
    exit
fi

RUSTFLAGS="-Clink-arg=-fuse-ld=mold -Cpasses=sancov-module"
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
    RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-$argument"
done
export RUSTFLAGS
# With a target named, the flags are for what is run, and not for what runs while it is built.
cargo build --locked -p transect-fuzz --bins --features libfuzzer --profile fuzz --target "$host"
# xargs ends with an error if one of them does.
printf '%s\n' ${FUZZ_TARGETS:-$(ls fuzz/corpus)} | xargs -n 1 -P 2 "$0" --one
