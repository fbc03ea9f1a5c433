//! Reads sensors, scores each reading with the model of the normal field, and raises the alarm
//! that the model brings. Where the model has limits of recalibration, it follows a machine that ages and a sensor that is mounted
//! anew, and the board's flash keeps what it learned. The model may be in floats or in integers, of readings as they are or of the features of windows of them.
//!
//! In a board's folder `cargo run --release --bin detect` runs it: on emulated sensors, whose readings QEMU's control
//! protocol moves; on a recording where the emulated board has no sensors; on a real board flashed by probe-rs. The
//! model is `models/field.rs`, or the module that the environment variable `NVPICO_MODEL` names.

#![no_std]
#![no_main]

use board::{COLUMNS, entry};
use nvpico_app::{Acquire, Nats, same_names};
use nvpico_support::DefmtLog;

include!(concat!(env!("OUT_DIR"), "/field.rs"));

const _: () = assert!(
    same_names(&readings!(), &COLUMNS),
    "the model was trained on other columns than this program reads"
);

const THRESHOLD: model::Value = match model::THRESHOLD {
    Some(threshold) => threshold,
    None => panic!("the model has no threshold: it was not calibrated"),
};

const ZERO: model::Value = model::Value::from_ne_bytes([0; 4]);

#[entry]
fn main() -> ! {
    let Some((source, clock)) = board::sensors() else {
        defmt::error!("no sensors, nor a file readings.bin in their place");
        board::fail()
    };
    let mut monitor = const { model::monitor() };
    defmt::info!(
        "{=str}: watching, threshold {=f32}",
        board::NAME,
        THRESHOLD.nats()
    );
    let mut acquire = Acquire::new(source, clock, DefmtLog);
    let mut workspace = [ZERO; model::WORKSPACE + model::DIM];
    watch!(&mut acquire, &mut workspace, &mut monitor);
    board::halt()
}
