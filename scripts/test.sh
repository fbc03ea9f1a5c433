#!/bin/sh
# All checks, from nothing: set-up, format, lints on every feature set, tests on the desktop and in QEMU, builds for
# the chips, licences. Prints a count of the tests at the end.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

# The same, with the closing lines of the test runner kept for the count.
counted() {
    printf '\n== %s\n' "$*"
    status=$(mktemp)
    { "$@" 2>&1 || echo $? >"$status"; } | tee -a "$log"
    if [ -s "$status" ]; then
        code=$(cat "$status")
        rm -f "$status"
        exit "$code"
    fi
    rm -f "$status"
}

step cargo fmt --all --check
step cargo fmt --manifest-path firmware/Cargo.toml --all --check

# The engine must be clean with each feature and in the combinations that are used.
for features in "" micromath foreign feature-maps feature-maps,assembly foreign,feature-maps assembly,defmt std \
    std,micromath,defmt; do
    step cargo clippy --quiet --package nvpico --no-default-features --features "$features" -- --deny warnings
done
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

# Optimised: the tests train models.
counted cargo test --release --package nvpico --all-features
counted cargo test --release --package nvpico-codegen
counted cargo test --release --package nvpico --no-default-features --lib
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

awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
