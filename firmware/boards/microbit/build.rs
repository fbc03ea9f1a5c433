//! The board's memory layout and the generated models: see `nvpico-firmware-build`.

fn main() {
    nvpico_firmware_build::board();
    nvpico_firmware_build::models();
}
