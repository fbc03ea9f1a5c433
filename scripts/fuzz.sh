#!/bin/sh
# Damaged and hostile files against everything that reads files, for an hour or for so many seconds. Findings are kept in
# target/fuzz. With NVPICO_SHARED also state dicts by the libraries themselves are damaged.
#
#     scripts/fuzz.sh [SECONDS [SEED [KIND...]]]       kinds: models tables arrays imports settings
set -eu
cd "$(dirname "$0")/.."
# The dev profile: overflow checks and debug assertions are on. With the whole workspace cargo takes the features of the tests, so that after
# them nothing is compiled anew.
cargo build --quiet --workspace --features nvpico/std,nvpico/micromath --example fuzz
exec "${CARGO_TARGET_DIR:-target}/debug/examples/fuzz" "${@:-3600}"
