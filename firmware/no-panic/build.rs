//! A memory layout to link by, and the generated models: see `nvpico-firmware-build`.

fn main() {
    nvpico_firmware_build::memory_layout();
    nvpico_firmware_build::models();
}
