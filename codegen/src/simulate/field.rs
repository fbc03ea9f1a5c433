//! A magnetometer and a thermometer on a swaying mount: what the firmware's `record` program writes and its
//! `detect` program watches, in the same units and with the same quantisation.
//!
//! The mount sways through a sector of headings and tilts a little, so the normal readings of the earth's field lie
//! along a bent band, which a Gaussian fits badly. The temperature comes and goes with a heater's
//! thermostat, and with it the magnetometer's gain.
//!
//! ```
//! use nvpico_codegen::simulate::field::{COLUMNS, field_rows};
//!
//! let rows = field_rows(7, 600); // a minute
//! assert_eq!(COLUMNS[3], "temperature_c");
//! assert!(rows.iter().all(|row| (10.0..40.0).contains(&row[3])));
//! ```

use crate::random::Source;

/// Names of a row's values: those of the firmware's drivers (`nvpico_drivers::station::COLUMNS`).
pub const COLUMNS: [&str; 4] = ["field_x_ut", "field_y_ut", "field_z_ut", "temperature_c"];

/// Readings a second, as the firmware takes them.
pub const RATE: f64 = 10.0;

/// Horizontal and vertical part of the earth's field in central Europe, in microtesla.
const HORIZONTAL: f64 = 20.5;
const VERTICAL: f64 = 44.0;
/// The middle of the sector of headings and how far the mount sways, in radians.
const HEADING: f64 = 0.72;
const SWAY: f64 = 0.28;
const TILT: f64 = 0.03;
/// Of one axis of the magnetometer, in microtesla.
const FIELD_NOISE: f64 = 0.22;
const TEMPERATURE: f64 = 23.0;
const TEMPERATURE_SWING: f64 = 2.5;
const TEMPERATURE_NOISE: f64 = 0.06;
/// Relative change of the magnetometer's gain for a degree.
const GAIN_DRIFT: f64 = -0.0012;

/// Counts for a gauss (100 microtesla) along x, y and z at the finest gain; see the driver.
const COUNTS_PER_GAUSS: [i64; 3] = [1100, 1100, 980];
const NANOTESLA_PER_GAUSS: i64 = 100_000;
const MICROTESLA_PER_GAUSS: f32 = 100.0;

/// What surrounds the sensors at one moment, in the units of the emulator's properties `mag-x`, `mag-y`, `mag-z` and
/// `temperature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Magnetic field along x, y and z. The emulated magnetometer takes no negative field.
    pub nanotesla: [i64; 3],
    /// Temperature in thousandths of a degree Celsius.
    pub millidegrees: i64,
}

impl Surroundings {
    /// The reading that the sensors and their drivers make of it, bit for bit: a model's row.
    #[must_use]
    pub fn row(&self) -> [f32; 4] {
        let axis = |index: usize| {
            let per_gauss = COUNTS_PER_GAUSS[index];
            let counts = self.nanotesla[index] * per_gauss / NANOTESLA_PER_GAUSS;
            counts as f32 * MICROTESLA_PER_GAUSS / per_gauss as f32
        };
        // 1/256 of a degree in the register, of which the low four bits are not measured.
        let register = (self.millidegrees * 256 / 1000) & !0x0F;
        [axis(0), axis(1), axis(2), register as f32 / 256.0]
    }
}

/// Normal surroundings, ten a second.
#[must_use]
pub fn surroundings(seed: u64, count: usize) -> Vec<Surroundings> {
    let mut random = Source::new(seed);
    let turn = std::f64::consts::TAU;
    // Waves of periods that share no multiple: a recording of half an hour sees all of the band, and its last fifth
    // looks like the rest.
    let mut wave = |period: f64| {
        let phase = random.uniform(0.0, turn);
        move |seconds: f64| libm::sin(turn * seconds / period + phase)
    };
    let sways = [wave(29.0), wave(13.0)];
    let tilts = [wave(7.1), wave(8.9)];
    let warmth = [wave(67.0), wave(43.0)];
    (0..count)
        .map(|index| {
            let seconds = index as f64 / RATE;
            let heading = HEADING + SWAY * (0.7 * sways[0](seconds) + 0.3 * sways[1](seconds));
            let (pitch, roll) = (TILT * tilts[0](seconds), TILT * tilts[1](seconds));
            let warmth = 0.7 * warmth[0](seconds) + 0.3 * warmth[1](seconds);
            let temperature = TEMPERATURE + TEMPERATURE_SWING * warmth;
            let gain = 1.0 + GAIN_DRIFT * (temperature - TEMPERATURE);
            // Tilts are small, so their sines are themselves.
            let (north, east) = (
                HORIZONTAL * libm::cos(heading),
                HORIZONTAL * libm::sin(heading),
            );
            let field = [
                north + pitch * VERTICAL,
                east + roll * VERTICAL,
                VERTICAL - pitch * north - roll * east,
            ];
            Surroundings {
                nanotesla: field.map(|part| {
                    let measured = part * gain + random.normal(FIELD_NOISE);
                    libm::round(1000.0 * measured).max(0.0) as i64
                }),
                millidegrees: libm::round(1000.0 * (temperature + random.normal(TEMPERATURE_NOISE)))
                    as i64,
            }
        })
        .collect()
}

/// Rows as `record` writes them, of normal surroundings. A function of its arguments alone, on every platform.
#[must_use]
pub fn field_rows(seed: u64, rows: usize) -> Vec<[f32; 4]> {
    surroundings(seed, rows)
        .iter()
        .map(Surroundings::row)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_quantised_as_the_sensors_do() {
        let surroundings = Surroundings {
            nanotesla: [25_000, 1_000, 10_204],
            millidegrees: 23_280,
        };
        // 275, 11 and 99 counts; 23.25 degrees and less than a sixteenth more.
        let expected = [25.0, 1.0, 99.0 * 100.0 / 980.0, 23.25];
        assert_eq!(
            surroundings.row().map(f32::to_bits),
            expected.map(f32::to_bits)
        );
    }

    #[test]
    fn the_band_is_bent_and_inside_the_sensors_range() {
        let rows = field_rows(3, 6000);
        let squares = |row: &[f32; 4]| row[..3].iter().map(|v| v * v).sum::<f32>();
        for row in &rows {
            assert!((45.0..52.0).contains(&squares(row).sqrt()), "{row:?}");
            assert!(row[0] > 8.0 && row[1] > 4.0, "{row:?}");
        }
        let widest = |axis: usize| {
            let values = rows.iter().map(|row| row[axis]);
            values.clone().fold(f32::MIN, f32::max) - values.fold(f32::MAX, f32::min)
        };
        assert!(widest(0) > 5.0 && widest(1) > 5.0 && widest(3) > 3.0);
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(surroundings(1, 100), surroundings(1, 100));
        assert_eq!(surroundings(1, 100)[..50], surroundings(1, 50));
        assert_ne!(surroundings(1, 10), surroundings(2, 10));
    }
}
