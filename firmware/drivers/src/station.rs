//! Both sensors as one source of rows: three axes of the magnetic field and a temperature.
//!
//! A sensor that failed is set up again at the next reading, so one that comes back, or that lost its settings with
//! its power, is used again. The sensors may be on one bus or on two.
//!
//! ```
//! # use embedded_hal_mock::eh1::{delay::NoopDelay, i2c::{Mock, Transaction}};
//! use nvpico_drivers::station::{Sensor, Station};
//!
//! # let nothing_answers = |address| Mock::new(&[Transaction::write_read(address, vec![0x0A], vec![0; 3])
//! #     .with_error(embedded_hal::i2c::ErrorKind::Bus)]);
//! # let (mut bus, thermometer_bus) = (nothing_answers(0x1E), Mock::new(&[]));
//! # let mut delay = NoopDelay;
//! let mut station = Station::new(bus.clone(), thermometer_bus);
//! match station.read(&mut delay) {
//!     Ok([x, y, z, temperature]) => println!("{x} {y} {z} uT, {temperature} degrees"),
//!     Err(fault) => assert_eq!(fault.sensor, Sensor::Magnetometer),
//! }
//! # bus.done();
//! # let (_, mut bus) = station.release();
//! # bus.done();
//! ```

use core::fmt;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use crate::Error;
use crate::lsm303dlhc::{Gain, Lsm303Magnetometer, Rate};
use crate::tmp105::{self, Tmp105};

/// Values in a row.
pub const FEATURES: usize = 4;

/// Names of a row's values, with their units: the header of recorded data, hence the columns of a model.
pub const COLUMNS: [&str; FEATURES] = ["field_x_ut", "field_y_ut", "field_z_ut", "temperature_c"];

/// How often the magnetometer measures: more often than any application of this crate reads.
pub const RATE: Rate = Rate::Hz30;
/// The finest gain; the earth's field is half its range.
pub const GAIN: Gain = Gain::Gauss1_3;

/// A measurement that is not there is asked for so often again, a millisecond apart: one period and some more.
const READY_POLLS: u32 = RATE.period_ms() + 6;

/// One of the sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Sensor {
    Magnetometer,
    Thermometer,
}

/// Which sensor failed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fault {
    /// The sensor.
    pub sensor: Sensor,
    /// What is wrong.
    pub error: Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sensor = match self.sensor {
            Sensor::Magnetometer => "magnetometer",
            Sensor::Thermometer => "thermometer",
        };
        write!(f, "{sensor}: {}", self.error)
    }
}

impl core::error::Error for Fault {}

/// The two sensors, each with its handle of a bus.
#[derive(Debug)]
pub struct Station<M, T> {
    magnetometer: Lsm303Magnetometer<M>,
    thermometer: Tmp105<T>,
    magnetometer_is_set: bool,
    thermometer_is_set: bool,
}

impl<M: I2c, T: I2c> Station<M, T> {
    /// A station that has not spoken to its sensors yet.
    pub const fn new(magnetometer_bus: M, thermometer_bus: T) -> Self {
        Self {
            magnetometer: Lsm303Magnetometer::new(magnetometer_bus),
            thermometer: Tmp105::new(thermometer_bus),
            magnetometer_is_set: false,
            thermometer_is_set: false,
        }
    }

    /// Gives the handles of the buses back.
    pub fn release(self) -> (M, T) {
        (self.magnetometer.release(), self.thermometer.release())
    }

    /// One row, in the order of [`COLUMNS`]. Sets up what is not set up yet, which takes a third of a second.
    ///
    /// # Errors
    /// A [`Fault`] of the first sensor that has one. The next call sets that sensor up again.
    pub fn read(&mut self, delay: &mut impl DelayNs) -> Result<[f32; FEATURES], Fault> {
        let field = self.read_field(delay).map_err(|error| {
            // A field beyond the range is a measurement, not a failure of the device.
            self.magnetometer_is_set &= matches!(error, Error::Overflow(_));
            Fault {
                sensor: Sensor::Magnetometer,
                error,
            }
        })?;
        let temperature = self.read_temperature(delay).map_err(|error| {
            self.thermometer_is_set = false;
            Fault {
                sensor: Sensor::Thermometer,
                error,
            }
        })?;
        let [x, y, z] = field;
        Ok([x, y, z, temperature])
    }

    fn read_field(&mut self, delay: &mut impl DelayNs) -> Result<[f32; 3], Error> {
        if !self.magnetometer_is_set {
            self.magnetometer.configure(RATE, GAIN)?;
            self.magnetometer_is_set = true;
            // The measurement under way still has the old settings.
            delay.delay_ms(2 * RATE.period_ms());
        }
        for _ in 0..READY_POLLS {
            match self.magnetometer.read() {
                Err(Error::NotReady) => delay.delay_ms(1),
                result => return result.map(|field| [field.x, field.y, field.z]),
            }
        }
        Err(Error::NotReady)
    }

    fn read_temperature(&mut self, delay: &mut impl DelayNs) -> Result<f32, Error> {
        if !self.thermometer_is_set {
            self.thermometer.configure()?;
            self.thermometer_is_set = true;
            delay.delay_ms(tmp105::PERIOD_MS);
        }
        self.thermometer.read()
    }
}
