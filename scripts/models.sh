#!/bin/sh
# Trains and exports the models in firmware/models again, from simulated recordings. The same program gives the same files.
#
#     scripts/models.sh [DIR]        leaves pump.safetensors and field.safetensors in DIR
set -eu
folder=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
nvpico() {
    cargo run --quiet --release --package nvpico-codegen --bin nvpico -- "$@"
}

nvpico simulate pump --rows 12000 --out "$folder/pump.csv"
# Couplings onto a standard normal, so that the boards run these.
nvpico train --data "$folder/pump.csv" --rate 1Hz --seed 1 --base normal --kernels 0 --out "$folder/pump.safetensors"
nvpico export --model "$folder/pump.safetensors" --out firmware/models/pump.rs

# The sensors that `detect` reads: a magnetometer and a thermometer.
nvpico simulate field --rows 6000 --out "$folder/field.csv"
nvpico train --data "$folder/field.csv" --rate 10Hz --seed 1 --couplings 4 --hidden 8 --base normal --kernels 0 --false-alarm-rate 0.001 \
    --out "$folder/field.safetensors"
nvpico export --model "$folder/field.safetensors" --out firmware/models/field.rs
