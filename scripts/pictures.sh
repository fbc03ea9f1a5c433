#!/bin/sh
# Draws the pictures of docs/ again: the plots of a report on a simulated pump. The same program gives the same files.
#
#     scripts/pictures.sh
set -eu
cd "$(dirname "$0")/.."
exec cargo run --quiet --release --package nvpico-codegen --example pictures -- docs/pictures
