# Shared by check.sh and test.sh: timed steps and a count of the tests. Source it from the root of the repository.

log=$(mktemp)
times=$(mktemp)
trap 'rm -f "$log" "$times"' EXIT

# Runs a step and records its time.
step() {
    printf '\n== %s\n' "$*"
    began=$(date +%s)
    "$@"
    printf '%5d s  %s\n' $(($(date +%s) - began)) "$*" >>"$times"
}

# The same, and keeps the test runner's summary lines for the count.
counted() {
    printf '\n== %s\n' "$*"
    began=$(date +%s)
    status=$(mktemp)
    { "$@" 2>&1 || echo $? >"$status"; } | tee -a "$log"
    code=$(cat "$status")
    rm -f "$status"
    if [ -n "$code" ]; then
        exit "$code"
    fi
    printf '%5d s  %s\n' $(($(date +%s) - began)) "$*" >>"$times"
}

# The engine with exactly these features: lints and unit tests. No other package in the build turns on more.
engine_with() {
    step cargo clippy --quiet --package nvpico --tests --no-default-features --features "$1" -- --deny warnings
    counted env NVPICO_FEATURES="$1" \
        cargo test --quiet --package nvpico --lib --no-default-features --features "$1"
}

# The engine's features on the desktop: one set for all tests, so that it is compiled once.
desktop="nvpico/std,nvpico/micromath"

# Steps by their time, then the count of the tests.
report() {
    printf '\n'
    sort -rn "$times"
    awk '{ seconds += $1 } END { printf "%5d s  in all\n", seconds }' "$times"
    awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
         END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
}
