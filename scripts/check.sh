#!/bin/sh
# The quick check while working: format, lints, unit tests, and the tests of the whole without the emulator. What it
# leaves out - other feature sets, the chips, QEMU, documentation, licences - is in scripts/test.sh.
set -eu
cd "$(dirname "$0")/.."
. scripts/steps.sh

step cargo fmt --all --check
step cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings
engine_with ""
counted cargo test --quiet --workspace --features "$desktop" --lib --test system --test architecture --test cli

report
