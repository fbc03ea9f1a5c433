#!/bin/sh
# The main job on a fresh machine: set up what is missing, then record, train, evaluate, export and verify a simulated
# pump on the emulated Cortex-M4F; `scripts/demo.sh thermal` does it with a thermal array of 8 x 8 pixels, and draws
# what the model makes of its frames. Options go to `nvpico demo`.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- demo "$@"
