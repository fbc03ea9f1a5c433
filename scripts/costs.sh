#!/bin/sh
# Measures anew what `nvpico inspect --core` estimates by, and writes codegen/src/deploy/cost/table.json: models of many shapes,
# run in QEMU on every core, an hour or so. To be run when the engine's kernels change; then commit the table.
#
#     scripts/costs.sh [--core CORE]... [--observations FILE]
#
# With --observations a run that was stopped goes on where it was; the file is of one state of the engine. Cycles of the
# Cortex-M4F come from the tool mcu-cost in NVPICO_SHARED (default ../shared); without it they follow from the instructions.
set -eu
cd "$(dirname "$0")/.."
tool=${NVPICO_SHARED:-../shared}/tools/mcu-cost/mcu-cost
scripts/setup.sh
if [ -f "$tool" ]; then
    set -- "$@" --mcu-cost "$tool"
fi
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- \
    measure --out codegen/src/deploy/cost/table.json "$@"
