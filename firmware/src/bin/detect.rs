//! Reads the magnetometer and the thermometer, scores each reading with the model of the normal field, and raises an
//! alarm when too many readings are not normal.
//!
//! `cargo run --release --bin detect` runs it on emulated sensors, whose readings QEMU's control protocol moves;
//! `cargo nrf52840-dk --bin detect` flashes it to a real board. The model is `models/field.rs`, or the module that
//! the environment variable `NVPICO_MODEL` names.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, entry, exception};
use nvpico::detector::Detector;
use nvpico_firmware::application::{self, COLUMNS, RULE};
use nvpico_firmware::board;

include!(concat!(env!("OUT_DIR"), "/field.rs"));

const _: () = assert!(
    application::same_names(&model::COLUMNS, &COLUMNS),
    "the model was trained on other columns than this program reads"
);

const THRESHOLD: f32 = match model::THRESHOLD {
    Some(threshold) => threshold,
    None => panic!("the model has no threshold: it was not calibrated"),
};

#[entry]
fn main() -> ! {
    let Some(board) = board::sensors() else {
        board::fail()
    };
    let Ok(mut detector) = Detector::new(model::FLOW.anomalous_below(THRESHOLD), RULE) else {
        defmt::error!("threshold or alarm rule make no sense");
        board::fail()
    };
    defmt::info!("{=str}: watching, threshold {=f32}", board::NAME, THRESHOLD);
    application::detect::<_, _, { model::WORKSPACE }>(board, &mut detector)
}

#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault");
    board::fail()
}

/// Says only that it happened: formatting the message would cost more flash than the engine.
#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    defmt::error!("panicked");
    board::fail()
}
