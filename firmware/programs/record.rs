//! Records readings of the sensors: the normal data that a model for `detect` is trained on.
//!
//! In a board's folder `cargo run --release --bin record` leaves `record.csv` in the current folder. On a real board the
//! rows are in the log, after the word `row`:
//!
//! ```text
//! cargo run --release --bin record | sed -n 's/.*row,//p' > record.csv
//! ```
//!
//! 600 rows are a minute; the environment variable `NVPICO_ROWS`, set when it is built, asks for more.

#![no_std]
#![no_main]

use board::{COLUMNS, entry};
use nvpico_app::{Acquire, record};
use nvpico_support::DefmtLog;

const ROWS: usize = match option_env!("NVPICO_ROWS") {
    Some(text) => match usize::from_str_radix(text, 10) {
        Ok(rows) => rows,
        Err(_) => panic!("NVPICO_ROWS is not a number of rows"),
    },
    None => 600,
};

#[entry]
fn main() -> ! {
    let (Some((source, clock)), Some(mut store)) = (board::sensors(), board::store()) else {
        defmt::error!("no sensors nor a file readings.bin, or record.csv cannot be written here");
        board::fail()
    };
    defmt::info!("{=str}: recording {=usize} rows", board::NAME, ROWS);
    let mut acquire = Acquire::new(source, clock, DefmtLog);
    if record(&mut acquire, &COLUMNS, &mut store, ROWS) {
        board::halt()
    } else {
        board::fail()
    }
}
