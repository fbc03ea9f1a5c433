#!/bin/sh
# The main job on a fresh machine: set up what is missing, then record, train, evaluate, export and verify a simulated
# pump on the emulated Cortex-M4F. Options go to `nvpico demo`.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- demo "$@"
