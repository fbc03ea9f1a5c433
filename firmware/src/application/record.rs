//! Gathers readings, to train a model on.

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use embedded_hal_bus::i2c::AtomicDevice;
use embedded_hal_bus::util::AtomicCell;
use nvpico_drivers::station::Station;

use super::{FaultLog, Reading, next_reading};
use crate::board::SensorBoard;

/// So many faults in a row end a recording: three seconds without a sensor.
const FAULTS_TO_GIVE_UP: u32 = 30;

/// Where rows go.
pub trait RowSink {
    /// Takes the names of the columns; false when it cannot take anything.
    fn header(&mut self, columns: &[&str]) -> bool;
    /// Takes a row; false when it cannot.
    fn row(&mut self, reading: &Reading) -> bool;
}

/// Records `rows` readings; false when the sensors or the sink failed before. Readings that a sensor could not give
/// are left out.
pub fn record<I: I2c, D: DelayNs>(
    board: SensorBoard<I, D, impl FnMut()>,
    sink: &mut impl RowSink,
    rows: usize,
) -> bool {
    let SensorBoard {
        i2c,
        mut delay,
        mut still_alive,
    } = board;
    let bus = AtomicCell::new(i2c);
    let mut station = Station::new(AtomicDevice::new(&bus), AtomicDevice::new(&bus));
    let mut log = FaultLog::default();
    let mut recorded = 0;
    let mut faults_in_a_row = 0;
    if !sink.header(&super::COLUMNS) {
        return false;
    }
    while recorded < rows {
        still_alive();
        let reading = next_reading(&mut station, &mut delay);
        log.note(&reading);
        let Ok(reading) = reading else {
            faults_in_a_row += 1;
            if faults_in_a_row >= FAULTS_TO_GIVE_UP {
                defmt::error!("no readings any more, after {=usize} rows", recorded);
                return false;
            }
            continue;
        };
        faults_in_a_row = 0;
        if !sink.row(&reading) {
            defmt::error!("a row could not be written, after {=usize} rows", recorded);
            return false;
        }
        recorded += 1;
    }
    defmt::info!("recorded {=usize} rows", recorded);
    true
}
