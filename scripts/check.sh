#!/bin/sh
# The quick check while you work: format, lints, unit tests and the system tests that need no emulator. scripts/test.sh
# adds the other feature sets, the chips, QEMU, documentation and licences.
set -eu
cd "$(dirname "$0")/.."
. scripts/steps.sh

step cargo fmt --all --check
step cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings
engine_with ""
counted cargo test --quiet --workspace --features "$desktop" --lib --test system --test architecture --test cli

report
