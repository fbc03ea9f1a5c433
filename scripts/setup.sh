#!/bin/sh
# Installs what it takes to build for a microcontroller and to emulate one, or says exactly what is missing.
#
#     scripts/setup.sh [browser]
#
# Needed: a Rust that compiles for the chips' targets, a C linker for desktop programs, and QEMU. With access to Rust's
# servers, `rustup target add` suffices for the first. Without, Debian's Rust brings the sources of `core`, which cargo then
# builds along; firmware/ is set to that Rust, so that a plain `cargo run --release` works there.
# Prints nothing when everything is there. Safe to run again. Installs packages only as root or with passwordless sudo.
set -eu

debian_packages="rustc-web cargo-web rust-web-src lld"
# The oldest Rust that compiles this project: `rust-version` in Cargo.toml.
oldest_minor=95
toolchain_name=nvpico-debian

repository=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$repository"
# Each board names its target.
targets=$(sed -n 's/^target = "\(.*\)"$/\1/p' firmware/boards/*/.cargo/config.toml | sort -u | tr '\n' ' ')
missing=""

lacks() {
    missing="$missing
  - $1"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command, and prints its output and exits only if it fails.
loud() {
    if ! output=$("$@" 2>&1); then
        printf 'setup: %s failed:\n%s\n' "$*" "$output" >&2
        exit 1
    fi
}

# Installs Debian packages, or fails silently.
install_packages() {
    have apt-get || return 1
    if [ "$(id -u)" = 0 ]; then as_root=""; elif have sudo && sudo -n true 2>/dev/null; then as_root="sudo"; else return 1; fi
    echo "setup: installing $*"
    $as_root apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 # an empty $as_root must vanish
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

has_targets() {
    for target in $targets; do
        libraries=$(rustc --print target-libdir --target "$target" 2>/dev/null) || return 1
        ls "$libraries"/libcore-*.rlib >/dev/null 2>&1 || return 1
    done
}

has_debian_rust() {
    [ -x /usr/bin/cargo ] && [ "$(/usr/bin/rustc --print sysroot 2>/dev/null)" = /usr ] || return 1
    [ -d /usr/lib/rustlib/src/rust/library/core ] && have ld.lld || return 1
    minor=$(/usr/bin/rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge "$oldest_minor" ]
}

# Makes Debian's Rust a toolchain of rustup that builds `core` along, and chooses it in firmware/.
use_debian_rust_in_firmware() {
    have rustup || return 0
    folder="${XDG_DATA_HOME:-$HOME/.local/share}/nvpico/debian-toolchain"
    if [ ! -x "$folder/bin/cargo" ] || ! rustup toolchain list | grep -q "^$toolchain_name"; then
        mkdir -p "$folder/bin"
        # rustup takes a folder with bin and lib for a toolchain.
        ln -sfn /usr/lib "$folder/lib"
        ln -sf /usr/bin/rustc /usr/bin/rustdoc "$folder/bin/"
        # Debian's Rust has no formatter; the project's toolchain has one.
        for tool in cargo-fmt rustfmt; do
            if found=$(rustup which "$tool" 2>/dev/null); then ln -sf "$found" "$folder/bin/"; fi
        done
        {
            echo '#!/bin/sh'
            echo '# Debian cargo that builds core from its sources; written by scripts/setup.sh of nvpico.'
            echo 'export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=core'
            for target in $targets; do
                echo "export CARGO_TARGET_$(echo "$target" | tr 'a-z.-' 'A-Z__')_LINKER=ld.lld"
            done
            echo 'exec /usr/bin/cargo "$@"'
        } >"$folder/bin/cargo"
        chmod +x "$folder/bin/cargo"
        loud rustup toolchain link "$toolchain_name" "$folder"
    fi
    if ! rustup override list | grep -q "^$repository/firmware[[:space:]]*$toolchain_name"; then
        loud rustup override set "$toolchain_name" --path "$repository/firmware"
        echo "setup: firmware/ builds with Debian's Rust (undo: rustup override unset --path firmware)"
    fi
}

if ! have cargo || ! have rustc; then
    lacks "Rust: https://rustup.rs tells how to install it"
fi

if ! have cc && ! install_packages gcc libc6-dev; then
    lacks "a C linker, \`cc\`: apt-get install gcc libc6-dev"
fi

if have rustc && ! has_targets; then
    # A failed attempt at rustup takes time: skip it where Debian's Rust is ready.
    if ! has_debian_rust && have rustup; then
        echo "setup: rustup target add $targets"
        # shellcheck disable=SC2086 # a list of words
        rustup target add $targets >/dev/null 2>&1 || true
    fi
    if ! has_targets; then
        # shellcheck disable=SC2086 # a list of words
        has_debian_rust || install_packages $debian_packages || true
        if has_debian_rust; then
            use_debian_rust_in_firmware
        else
            lacks "Rust for the chips: rustup target add $targets
    (or, on Debian without access to Rust's servers: apt-get install $debian_packages)"
        fi
    fi
fi

if ! have qemu-system-arm && ! install_packages qemu-system-arm; then
    lacks "the emulator of Arm cores: apt-get install qemu-system-arm"
fi
if ! have qemu-system-riscv32 && ! install_packages qemu-system-misc; then
    lacks "the emulator of RISC-V cores: apt-get install qemu-system-misc"
fi

# A test opens a report in it; nothing else needs it, and the test says where it skips that.
if [ "${1:-}" = browser ] && ! have chromium && ! have chromium-browser && ! have google-chrome; then
    install_packages chromium || echo "setup: no chromium: reports are not opened in a browser"
fi

if [ -n "$missing" ]; then
    echo "setup: still missing, and could not be installed from here:$missing" >&2
    exit 1
fi
