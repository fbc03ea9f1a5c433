#!/bin/sh
# Measures the table that `nvpico inspect --core` estimates from, codegen/src/deploy/cost/table.json: models of many shapes,
# run in QEMU on every core, for an hour or so. Run it when the engine's kernels change, then commit the table.
#
#     scripts/costs.sh [--core CORE]... [--observations FILE]
#
# With --observations a run that was stopped continues; the file is valid for one state of the engine only. Cycles of the
# Cortex-M4F come from the tool mcu-cost in NVPICO_SHARED (default ../shared); without it they are derived from the
# instructions.
set -eu
cd "$(dirname "$0")/.."
tool=${NVPICO_SHARED:-../shared}/tools/mcu-cost/mcu-cost
scripts/setup.sh
if [ -f "$tool" ]; then
    set -- "$@" --mcu-cost "$tool"
fi
exec cargo run --quiet --release --package nvpico-codegen --bin nvpico -- \
    measure --out codegen/src/deploy/cost/table.json "$@"
