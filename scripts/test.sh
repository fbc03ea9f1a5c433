#!/bin/sh
# All checks on a fresh machine: set-up, format, lints and unit tests on every feature set, tests on the desktop and in
# QEMU, builds for the chips, licences. Ends with the time of each step and a count of the tests. The tests run in the
# dev profile: overflow checks and debug assertions are on.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh browser
. scripts/steps.sh

step cargo fmt --all --check
step cargo fmt --manifest-path firmware/Cargo.toml --all --check

# Each feature by itself, and the combinations that are used; `std` comes with the tests of the workspace.
for features in "" micromath extra-layers feature-maps extra-layers,feature-maps,micromath feature-maps,assembly assembly,defmt; do
    engine_with "$features"
done
step cargo clippy --quiet --package nvpico --tests --no-default-features --features std -- --deny warnings
step cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings
# The firmware's chip-independent packages, then each board where the toolchain that has clippy has `core` for its target.
for package in nvpico-app nvpico-drivers nvpico-flash nvpico-firmware-build; do
    step cargo clippy --quiet --manifest-path firmware/Cargo.toml --package "$package" --all-targets --all-features -- --deny warnings
done
for board in firmware/boards/*; do
    target=$(sed -n 's/^target = "\(.*\)"$/\1/p' "$board/.cargo/config.toml")
    if ls "$(rustc --print target-libdir --target "$target")"/libcore-*.rlib >/dev/null 2>&1; then
        step cargo clippy --quiet --manifest-path "$board/Cargo.toml" --target "$target" -- --deny warnings
    else
        echo "skipped clippy for $board: rustup target add $target"
    fi
done

counted env NVPICO_FEATURES=std,micromath cargo test --workspace --features "$desktop"
step scripts/fuzz.sh 60
step env RUSTDOCFLAGS="--deny warnings" cargo doc --quiet --workspace --no-deps --all-features

# The application, the drivers and the memory in flash run on the desktop.
counted cargo test --manifest-path firmware/Cargo.toml --package nvpico-app --package nvpico-drivers --package nvpico-flash --features nvpico-drivers/async

if command -v cargo-deny >/dev/null 2>&1; then
    step cargo deny check licenses bans sources
    # The advisory database may be out of reach: that is reported and does not fail.
    step cargo deny check advisories || echo "advisories: the database could not be checked"
else
    echo "cargo deny is not installed: licences were checked by the tests, advisories were not"
fi

report
