#!/bin/sh
# The whole workflow on a fresh machine: installs what is missing, then records, trains, evaluates, exports and verifies a
# simulated pump on the emulated Cortex-M4F. `scripts/demo.sh thermal` does so with a thermal array of 8 x 8 pixels and
# draws frames, samples and anomalies. Options go to `nvpico demo`.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- demo "$@"
