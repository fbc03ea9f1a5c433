#!/bin/sh
# Measures anew what `nvpico inspect --core` estimates by, and writes codegen/src/cost/table.json: models of many shapes,
# run in QEMU on every core, half an hour or so. To be run when the engine's kernels change; then commit the table.
#
#     scripts/costs.sh [--core CORE]... [--observations FILE]
#
# Cycles of the Cortex-M4F come from the tool mcu-cost, where NVPICO_SHARED (default ../shared) has it; without it they
# follow from the instructions.
set -eu
shared=${NVPICO_SHARED:-$(dirname "$0")/../../shared}
tool=$shared/tools/mcu-cost/mcu-cost
[ -f "$tool" ] && tool=$(realpath "$tool")
cd "$(dirname "$0")/.."
scripts/setup.sh
if [ -f "$tool" ]; then
    set -- "$@" --mcu-cost "$tool"
fi
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- \
    measure --out codegen/src/cost/table.json "$@"
