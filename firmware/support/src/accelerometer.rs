//! The accelerometer as a source of samples.

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use nvpico_app::Source;
use nvpico_drivers::lis3dh::{Error, I2cBus, Lis3dh, Settings};

/// An LIS3DH on I2C, whose samples in g come as fast as its settings say: see
/// [`COLUMNS`](nvpico_drivers::lis3dh::COLUMNS). Lost samples are a fault, at which `nvpico_app::detect_windows` ends its window.
#[derive(Debug)]
pub struct Accelerometer<I2C> {
    driver: Lis3dh<I2cBus<I2C>>,
    settings: Settings,
}

impl<I2C: I2c> Accelerometer<I2C> {
    /// The device at [`LOW`](nvpico_drivers::lis3dh::LOW) or [`HIGH`](nvpico_drivers::lis3dh::HIGH).
    pub const fn new(i2c: I2C, address: u8, settings: Settings) -> Self {
        Self {
            driver: Lis3dh::on_i2c(i2c, address, settings),
            settings,
        }
    }
}

impl<I2C: I2c> Source<3> for Accelerometer<I2C> {
    /// The device's FIFO keeps the time.
    const PERIOD_MS: u32 = 0;
    type Value = f32;
    type Fault = Error;

    fn read(&mut self, clock: &mut impl DelayNs) -> Option<Result<[f32; 3], Error>> {
        let counts = self.driver.read(clock);
        Some(counts.map(|counts| counts.acceleration(self.settings.range)))
    }
}
