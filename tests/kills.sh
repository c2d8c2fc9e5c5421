#!/usr/bin/env bash
# Kills a real run with SIGKILL at random moments, repeatedly, and lets the next one complete the lake: its data files
# must be those of an undisturbed run, byte for byte, and `check` must find nothing.
#
#   tests/kills.sh BINARY [COUNT]      SEED=N repeats the same input and moments
#
# COUNT (100) is the number of kills that hit a running process. Two histories alternate: a new lake, and one in
# which rows are replaced because archives were repaired. One to four kills come before a run may finish.
set -euo pipefail
shopt -s globstar nullglob

[[ $# -ge 1 && -x $1 && ${2:-1} =~ ^[0-9]+$ ]] || { echo "usage: $0 BINARY [COUNT]" >&2; exit 2; }
binary=$(realpath "$1")
count=${2:-100}
seed=${SEED:-$(date +%s)}
RANDOM=$((seed % 32768))
echo "kills: seed $seed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "kills: $* (SEED=$seed)" >&2
    exit 1
}

# Archives of a trail, some of them delivered to another prefix as well, some damaged.
generate() {
    "$binary" generate --out "$1" --mix "$2" --archives "$3" --events-per-archive "$4" --seed "$seed" >generate.log 2>&1
}
generate whole/org org 24 120
generate whole/metering metering 6 60
mkdir copies
whole=(whole/**/*.json.gz)
for ((at = 0; at < ${#whole[@]}; at += 4)); do
    cp "${whole[at]}" "copies/${whole[at]##*/}"
done
mkdir in
cp -r whole copies in
harmed=(in/whole/**/*.json.gz)
for ((at = 1; at < ${#harmed[@]}; at += 7)); do
    size=$(stat -c %s "${harmed[at]}")
    truncate -s $((size * 2 / 3)) "${harmed[at]}"
done

bytes=0
for archive in in/**/*.json.gz; do
    bytes=$((bytes + $(stat -c %s "$archive")))
done
step=$((bytes / 6))

run() {
    exec "$binary" convert in --out lake --step-size "${step}B" --retry-quarantined --reconvert-changed --quiet
}
begun() { rm -rf lake; }
mended() { rm -rf lake && cp -r before lake; }

# The files that readers see, except the manifest, which has the time of day.
data() {
    (cd lake && sha256sum {events,usage_records,quarantine}/**/*.parquet)
}

# Runs to the end, and prints the microseconds that this took.
finish() {
    local start=${EPOCHREALTIME/./} code=0
    (run) 2>run.log || code=$?
    [[ $code -le 1 ]] || fail "a run that was left alone ended with $code: $(<run.log)"
    took=$((${EPOCHREALTIME/./} - start))
    "$binary" check lake >check.log 2>&1 || fail "$(<check.log)"
}

declare -A expected time
begun
finish
cp -r lake before
commits=(lake/archives/*.parquet)
[[ ${#commits[@]} -ge 4 ]] || fail "only ${#commits[@]} commits"
# From here on the lake `before` is of another day: damaged archives are whole, and new ones have come.
for at in "${!harmed[@]}"; do
    archive=${harmed[at]}
    whole_size=$(stat -c %s "${archive#in/}")
    [[ $(stat -c %s "$archive") == "$whole_size" ]] || cp "${archive#in/}" "$archive"
done
generate in/more org 6 80
for history in begun mended; do
    "$history"
    finish
    expected[$history]=$(data)
    time[$history]=$took
done
[[ ${expected[begun]} != "${expected[mended]}" ]] || fail "nothing was replaced"

kills=0
late=0
torn=0
while ((kills < count)); do
    for history in begun mended; do
        "$history"
        for ((left = 1 + RANDOM % 4; left > 0 && kills < count; left--)); do
            run 2>run.log &
            pid=$!
            moment=$(((RANDOM * 32768 + RANDOM) % time[$history]))
            sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
            kill -9 "$pid" 2>/dev/null || true
            code=0
            wait "$pid" 2>/dev/null || code=$?
            if ((code == 137)); then
                kills=$((kills + 1))
            elif ((code <= 1)); then
                late=$((late + 1))
                ((late < 10 * count + 100)) || fail "runs are too short to be hit"
                break
            else
                fail "a run ended with $code: $(<run.log)"
            fi
            # Every file with a name that readers look at ends like a Parquet file.
            parts=(lake/{events,usage_records,archives,quarantine}/**/*.parquet)
            if ((${#parts[@]} > 0)); then
                ends=$(tail -qc 4 "${parts[@]}" | tr -d '\0')
                [[ ${#ends} == $((4 * ${#parts[@]})) && -z ${ends//PAR1/} ]] || torn=$((torn + 1))
            fi
        done
        finish
        [[ $(data) == "${expected[$history]}" ]] || fail "the lake ($history) differs after $kills kills"
        [[ ! -e lake/_trailmill/staging ]] || fail "staging was left"
    done
done
((torn == 0)) || fail "a file was torn after $torn of $kills kills"
echo "kills: $kills kills hit a running process, and every lake survived ($late came too late)"
