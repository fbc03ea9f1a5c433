#!/bin/sh
# Measures models on every emulated core and rewrites the table in docs/costs.md, between its two marks.
#
#     scripts/bench.sh
#
# The models: flow_8x64 and flow_8x32, which other engines were measured on, from NVPICO_SHARED (default ../shared), and
# a network of convolutions on frames of 8 x 8; each in floats and in integers. Without the shared folder the first two are
# skipped, and the table is printed instead of written. Estimated cycles come from the tool mcu-cost in that folder.
set -eu
cd "$(dirname "$0")/.."
shared=${NVPICO_SHARED:-../shared}
scripts/setup.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
nvpico() {
    cargo run --quiet --release --package nvpico-codegen --bin nvpico -- "$@"
}

set --
page="--page docs/costs.md"
for name in flow_8x64 flow_8x32; do
    given=$shared/bench/$name
    if [ -f "$given.weights.safetensors" ]; then
        nvpico import --from plain "$given.weights.safetensors" --check "$given.vectors.safetensors" \
            --out "$folder/$name.safetensors"
        set -- "$@" "$name=$folder/$name.safetensors"
    else
        echo "bench: skipped $name, there is no $given.weights.safetensors: set NVPICO_SHARED to the folder that has" \
            "bench/; the table is printed, docs/costs.md is not changed" >&2
        page=""
    fi
done

nvpico simulate thermal --rows 1500 --out "$folder/thermal.npy"
nvpico train --data "$folder/thermal.npy" --seed 1 --out "$folder/thermal.safetensors"
set -- "$@" "thermal 8 x 8=$folder/thermal.safetensors"

if [ -f "$shared/tools/mcu-cost/mcu-cost" ]; then
    set -- "$@" --mcu-cost "$shared/tools/mcu-cost/mcu-cost"
else
    echo "bench: no estimated cycles, there is no $shared/tools/mcu-cost/mcu-cost" >&2
fi
# shellcheck disable=SC2086 # nothing, or two words
nvpico bench models "$@" $page
