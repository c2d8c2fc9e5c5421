#!/usr/bin/env bash
# Fuzzing, with a stable toolchain and a C++ compiler.
#
#   tests/fuzz/run.sh replay                     runs seeds, regressions and what a corpus holds through all targets
#   tests/fuzz/run.sh fuzz SECONDS [TARGET…]     fuzzes each target for SECONDS, one after the other
#
# A replay takes a quick build, without coverage and without cargo-fuzz. Seeds are made from data/ each time. Findings are in
# artifacts/TARGET; `cargo fuzz tmin` makes them smaller, and once fixed they go to regressions/TARGET, to be replayed
# permanently.
set -euo pipefail
cd "$(dirname "$0")"

targets=(timestamp decimal pages container zip split event archive)

# The sanitizer's flags are not stable; the runtime comes with every toolchain.
export RUSTC_BOOTSTRAP=1
# Several crates contain parts of the same C libraries; and a stack for every allocation takes a tenth of the time.
export ASAN_OPTIONS="detect_odr_violation=0:malloc_context_size=4${ASAN_OPTIONS:+:$ASAN_OPTIONS}"

usage() {
    sed -n 's/^#   //p' run.sh >&2
    exit 2
}

prepare() {
    # The same versions of everything as the program.
    [ -e Cargo.lock ] || cp ../../Cargo.lock Cargo.lock
    python3 seeds.py
    for target in "${targets[@]}"; do
        mkdir -p {corpus,seeds,regressions}/"$target"
    done
}

# Options of the fuzzer for a target.
arguments() {
    case "$1" in
    timestamp) echo "-max_len=64 -use_value_profile=1" ;;
    decimal) echo "-max_len=96 -use_value_profile=1" ;;
    pages) echo "-max_len=512" ;;
    container | zip) echo "-max_len=2048" ;;
    *) echo "-max_len=2500 -dict=cloudtrail.dict" ;;
    esac
}

limits=(-rss_limit_mb=2048 -timeout=20 -print_final_stats=1)

replay() {
    local host
    host="$(rustc -vV | sed -n 's/^host: //p')"
    # With `--target` the flags do not apply to macros and build scripts.
    RUSTFLAGS="-Zsanitizer=address --cfg fuzzing" cargo build --bins --target "$host"
    for target in "${targets[@]}"; do
        "target/$host/debug/$target" {corpus,seeds,regressions}/"$target" "${limits[@]}" -runs=0
    done
}

# fuzz SECONDS TARGET…
fuzz() {
    command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
    cargo fuzz build --fuzz-dir . --sanitizer address
    for target in "${@:2}"; do
        # shellcheck disable=SC2046
        cargo fuzz run --fuzz-dir . --sanitizer address "$target" {corpus,seeds,regressions}/"$target" -- \
            "${limits[@]}" -max_total_time="$1" $(arguments "$target")
    done
}

case "${1:-}" in
replay)
    [ $# -eq 1 ] || usage
    prepare
    replay
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
    fuzz "$seconds" "$@"
    ;;
*) usage ;;
esac
