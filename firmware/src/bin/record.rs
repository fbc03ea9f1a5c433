//! Records readings of the magnetometer and the thermometer: the normal data that a model for `detect` is trained on.
//!
//! `cargo run --release --bin record` leaves `record.csv` in the current folder. On a real board
//! (`cargo nrf52840-dk --bin record`) the rows are in the log, after the word `row`:
//!
//! ```text
//! cargo nrf52840-dk --bin record | sed -n 's/.*row,//p' > record.csv
//! ```
//!
//! 600 rows are a minute; the environment variable `NVPICO_ROWS`, set when it is built, asks for more.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, entry, exception};
use nvpico_firmware::{application, board};

const ROWS: usize = match option_env!("NVPICO_ROWS") {
    Some(text) => match usize::from_str_radix(text, 10) {
        Ok(rows) => rows,
        Err(_) => panic!("NVPICO_ROWS is not a number of rows"),
    },
    None => 600,
};

#[cfg(feature = "semihosting")]
fn sink() -> Option<impl application::RowSink> {
    application::CsvFile::create(c"record.csv")
}

#[cfg(not(feature = "semihosting"))]
fn sink() -> Option<impl application::RowSink> {
    Some(LoggedRows)
}

/// Rows in the log, for boards without a file system.
#[cfg(not(feature = "semihosting"))]
struct LoggedRows;

#[cfg(not(feature = "semihosting"))]
impl application::RowSink for LoggedRows {
    fn header(&mut self, columns: &[&str]) -> bool {
        if let [x, y, z, temperature] = columns {
            defmt::info!("row,{=str},{=str},{=str},{=str}", x, y, z, temperature);
        }
        true
    }

    fn row(&mut self, &[x, y, z, temperature]: &application::Reading) -> bool {
        defmt::info!("row,{=f32},{=f32},{=f32},{=f32}", x, y, z, temperature);
        true
    }
}

#[entry]
fn main() -> ! {
    let (Some(board), Some(mut sink)) = (board::sensors(), sink()) else {
        defmt::error!("no sensors on this board, or record.csv cannot be written here");
        board::fail()
    };
    defmt::info!("{=str}: recording {=usize} rows", board::NAME, ROWS);
    if application::record(board, &mut sink, ROWS) {
        board::halt()
    } else {
        board::fail()
    }
}

#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault");
    board::fail()
}

/// Says only that it happened.
#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    defmt::error!("panicked");
    board::fail()
}
