#!/usr/bin/env bash
# Fuzzing, with a stable toolchain and a C++ compiler.
#
#   tests/fuzz/run.sh replay                     builds all targets; runs seeds, regressions and what a corpus holds
#   tests/fuzz/run.sh fuzz SECONDS [TARGET…]     fuzzes each target for so many seconds, one after the other
#
# Seeds are made from data/ each time. What is found is in artifacts/TARGET; `cargo fuzz tmin` makes it smaller, and once
# it is mended it goes to regressions/TARGET, so that it is replayed for good.
set -euo pipefail
cd "$(dirname "$0")"

targets=(timestamp decimal container zip split event archive)

# The sanitizer's flags are not stable; the runtime comes with every toolchain.
export RUSTC_BOOTSTRAP=1
# Several crates bring parts of the same C libraries; and a stack for every allocation takes a tenth of the time.
export ASAN_OPTIONS="detect_odr_violation=0:malloc_context_size=4${ASAN_OPTIONS:+:$ASAN_OPTIONS}"

usage() {
    sed -n 's/^#   //p' run.sh >&2
    exit 2
}

prepare() {
    command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
    # The same versions of everything as the program.
    [ -e Cargo.lock ] || cp ../../Cargo.lock Cargo.lock
    python3 seeds.py
    cargo fuzz build --fuzz-dir . --sanitizer address
}

# What the fuzzer is told about a target.
arguments() {
    case "$1" in
    timestamp) echo "-max_len=64 -use_value_profile=1" ;;
    decimal) echo "-max_len=96 -use_value_profile=1" ;;
    container | zip) echo "-max_len=2048" ;;
    *) echo "-max_len=2500 -dict=cloudtrail.dict" ;;
    esac
}

# Runs a target on its folders; more arguments go to the fuzzer.
run() {
    local target="$1" folders=("corpus/$1" "seeds/$1" "regressions/$1")
    shift
    mkdir -p "${folders[@]}"
    cargo fuzz run --fuzz-dir . --sanitizer address "$target" "${folders[@]}" -- \
        -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 "$@"
}

case "${1:-}" in
replay)
    [ $# -eq 1 ] || usage
    prepare
    for target in "${targets[@]}"; do
        run "$target" -runs=0
    done
    ;;
fuzz)
    [[ "${2:-}" =~ ^[0-9]+$ ]] || usage
    seconds="$2"
    shift 2
    [ $# -gt 0 ] || set -- "${targets[@]}"
    for target in "$@"; do
        [[ " ${targets[*]} " == *" $target "* ]] || usage
    done
    prepare
    for target in "$@"; do
        # shellcheck disable=SC2046
        run "$target" -max_total_time="$seconds" $(arguments "$target")
    done
    ;;
*) usage ;;
esac
