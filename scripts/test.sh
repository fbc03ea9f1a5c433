#!/bin/sh
# All checks, from nothing: set-up, format, lints and unit tests on every feature set, tests on the desktop and in QEMU,
# builds for the chips, licences. Prints the time of each step and a count of the tests at the end. The tests run in the
# development profile: overflow checks and debug assertions are on.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
. scripts/steps.sh

step cargo fmt --all --check
step cargo fmt --manifest-path firmware/Cargo.toml --all --check

# Each feature by itself, and the combinations that are used; `std` comes with the tests of the workspace.
for features in "" micromath foreign feature-maps foreign,feature-maps,micromath feature-maps,assembly assembly,defmt; do
    engine_with "$features"
done
step cargo clippy --quiet --package nvpico --tests --no-default-features --features std -- --deny warnings
step cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings
# The firmware, checked as if for the desktop: its own tests build it for the chips.
for board in mps2-an386 mps2-an385 mps2-an500 mps2-an505 microbit; do
    step cargo clippy --quiet --manifest-path firmware/Cargo.toml --no-default-features --features "$board" -- \
        --deny warnings
done

# Where the compiler that has clippy has `core` for RISC-V, that board, too.
riscv=riscv32imc-unknown-none-elf
if ls "$(rustc --print target-libdir --target "$riscv")"/libcore-*.rlib >/dev/null 2>&1; then
    step cargo clippy --quiet --manifest-path firmware/Cargo.toml --target "$riscv" --no-default-features \
        --features riscv-virt -- --deny warnings
else
    echo "clippy for the RISC-V board was left out: rustup target add $riscv"
fi

counted env NVPICO_FEATURES=std,micromath cargo test --workspace --features "$desktop"
step env RUSTDOCFLAGS="--deny warnings" cargo doc --quiet --workspace --no-deps --all-features

# The drivers' protocol tests run on the desktop.
host=$(rustc -vV | sed -n 's/^host: //p')
counted cargo test --manifest-path firmware/Cargo.toml --package nvpico-drivers --target "$host"

if command -v cargo-deny >/dev/null 2>&1; then
    step cargo deny check licenses bans sources
    # The advisory database may be out of reach; that is said, not failed.
    step cargo deny check advisories || echo "advisories: the database could not be checked"
else
    echo "cargo deny is not installed: licences were checked by the tests, advisories were not"
fi

report
