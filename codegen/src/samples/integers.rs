//! The features of samples in integers: what a sample is counted in, and features as counts.

use nvpico::features::IntegerFeatures;
use nvpico::integer;
use nvpico::spec::features::FeatureError;

use super::spec::SampleSpec;
use crate::data::Table;

/// Samples of 16 bits reach so many times as far from 0 as any that was seen, as powers of two.
const HEADROOM: i32 = 2;
/// Bits of a sample beside its sign.
const BITS: i32 = 15;

/// The unit in which the samples of each channel are counted, an exponent of 2: whole numbers that fit in 16 bits as they are,
/// all others so that there is room for samples four times as large as any of these.
#[must_use]
pub fn sample_units(samples: &Table) -> Vec<i32> {
    let channels = samples.dim();
    (0..channels)
        .map(|channel| {
            let values = samples.values.iter().skip(channel).step_by(channels);
            let largest = values.clone().fold(0.0_f32, |a, x| a.max(x.abs()));
            let mut values = values;
            if largest <= f32::from(i16::MAX) && values.all(|x| x.fract().abs() <= 0.0) {
                return 0;
            }
            // Of a channel that is 0 throughout any unit will do.
            let bits = largest.max(f32::MIN_POSITIVE).log2().ceil() as i32;
            (bits + HEADROOM - BITS).clamp(*integer::UNITS.start(), *integer::UNITS.end())
        })
        .collect()
}

/// A sample's count of 16 bits; what is beyond them becomes their limit, as a converter clips.
#[must_use]
pub fn sample_count(sample: f32, unit: i32) -> i16 {
    let count = integer::count(sample, unit).unwrap_or(0);
    count.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

impl SampleSpec {
    /// The counts of samples, a value a channel after the other; none for features in floats.
    #[must_use]
    pub fn sample_counts(&self, samples: &[f32]) -> Vec<i16> {
        let units = self.units.iter().flatten().cycle();
        let pairs = samples.iter().zip(units);
        pairs
            .map(|(sample, unit)| sample_count(*sample, *unit))
            .collect()
    }

    /// Calls `act` with the features in integers; `units` are those of the features. Without units of samples, or with other
    /// units than there are features, it is an error.
    ///
    /// # Errors
    /// [`FeatureError`] says what integers do not have.
    pub fn with_integers<R>(
        &self,
        units: &[i32],
        act: impl FnOnce(&IntegerFeatures<'_>) -> R,
    ) -> Result<R, FeatureError> {
        let samples = self.units.as_deref().unwrap_or(&[]);
        let scales: Vec<f32> = samples.iter().map(|unit| 2.0_f32.powi(*unit)).collect();
        self.with(|spec| {
            spec.validate_integer()?;
            let mut tables = vec![0; spec.integer_table_len()];
            spec.fill_integer_tables(&mut tables);
            IntegerFeatures::new(spec, &scales, units, &tables).map(|features| act(&features))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fit_in_16_bits_with_room_for_larger_ones() {
        let table = Table {
            columns: ["counts", "g", "still", "large"]
                .map(str::to_owned)
                .to_vec(),
            rows: 2,
            values: vec![-2048.0, 0.98, 0.0, 70_000.0, 2047.0, -1.5, 0.0, 3.0],
            ..Table::default()
        };
        let units = sample_units(&table);
        assert_eq!((units[0], units[1], units[3]), (0, 1 + 2 - 15, 17 + 2 - 15));
        assert_eq!(sample_count(-1.5, units[1]), -6_144);
        assert_eq!(sample_count(1e9, units[1]), i16::MAX);
        assert_eq!(sample_count(-1e9, units[1]), i16::MIN);
        assert_eq!(sample_count(0.0, units[2]), 0);
    }
}
