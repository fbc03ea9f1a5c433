//! In what units the values of a sample are counted.

use nvpico::integer::UNITS;

use super::IN_Q16;
use crate::data::{Table, column_stats};
use crate::deployed::Deployed;
use crate::model::Layer;

/// Counts finer than the standard deviation by so many powers of two: what a reading is rounded to.
const FINENESS: i32 = 14;
/// Bits that a mean and 256 standard deviations may take of a count's 31.
const COUNT_BITS: i32 = 30;
/// A count reaches so many times as far from the mean as any reading that was seen; beyond its 32 bits, a
/// reading is impossible.
const ROOM: f64 = 128.0;

/// The unit in which each value of a sample is counted: whole numbers as they are, all others in a power of two
/// well below their standard deviation; both coarser where that is needed for readings 128 times as far from the mean
/// as any of `rows`, which are normal rows in the units of the sensors.
#[must_use]
pub fn units(model: &Deployed, rows: &[f32]) -> Vec<i32> {
    let dim = model.spec.dim();
    let [channels, height, width] = model.spec.shape.0;
    let pixels = height * width;
    match model.spec.layers.first() {
        Some(Layer::Standardize) => {}
        Some(Layer::Logit { .. }) => return vec![0; dim],
        // The layers begin in Q16.
        _ => return vec![IN_Q16; dim],
    }
    (0..dim)
        .map(|at| {
            let channel = at / pixels;
            let values = rows.chunks_exact(dim);
            let values = values.flat_map(|row| &row[channel * pixels..(channel + 1) * pixels]);
            let (mean, scale) = (model.params[channel], model.params[channels + channel]);
            unit(values, f64::from(mean), 1.0 / f64::from(scale))
        })
        .collect()
}

/// The unit of each column of a table, as [`units`] has them for a model that standardises these rows.
#[must_use]
pub fn units_of_columns(table: &Table) -> Vec<i32> {
    let stats = column_stats(table).into_iter().enumerate();
    stats
        .map(|(at, own)| {
            let values = table.values.iter().skip(at).step_by(table.dim());
            let deviation = if own.std > 0.0 { own.std } else { 1.0 };
            unit(values, own.mean, deviation)
        })
        .collect()
}

/// The unit of values with such a mean and standard deviation.
fn unit<'v>(values: impl Iterator<Item = &'v f32>, mean: f64, deviation: f64) -> i32 {
    let (mut all_whole, mut farthest) = (true, 0.0_f64);
    for &value in values {
        all_whole &= value.fract().abs() <= 0.0;
        if value.is_finite() {
            farthest = farthest.max((f64::from(value) - mean).abs());
        }
    }
    let span = mean.abs() + ROOM * farthest;
    // The span is below 2^31 units; a column of zeros has none.
    let coarsest = (span.log2().floor() as i32).saturating_sub(30);
    let unit = if all_whole {
        coarsest.max(0)
    } else {
        let finest = deviation.log2().floor() as i32 - FINENESS;
        let span = mean.abs() + 256.0 * deviation;
        let coarse = span.log2().ceil() as i32 - COUNT_BITS;
        finest.max(coarse).max(coarsest)
    };
    unit.clamp(*UNITS.start(), *UNITS.end())
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus as Random;

    use super::super::tests::{errors, model, parts};
    use super::*;
    use crate::fit::architecture::vector;
    use crate::model::{ActivationName, MaskName, NetsName, ScaleName, ShapeName, TransformName};
    use crate::precision::Precision;

    fn unit_of(values: &[f32], deviation: f64) -> i32 {
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        unit(values.iter(), mean, deviation)
    }

    #[test]
    fn whole_numbers_stay_as_they_are_while_there_is_room() {
        assert_eq!(unit_of(&[0.0, 4095.0], 1182.0), 0);
        // All of 24 bits, and some more.
        assert_eq!(unit_of(&[-8_388_608.0, 8_388_607.0], 4.8e6), 0);
        assert_eq!(unit_of(&[0.0, 33_554_432.0], 9.7e6), 1);
        assert_eq!(unit_of(&[7.0; 3], 1e-3), 0);
        assert_eq!(unit_of(&[0.0; 3], 1.0), 0);
        for (values, deviation) in [
            ([0.0, 3e9], 8.7e8),
            ([5e9, 5.001e9], 3e5),
            ([5e9; 2], 1.0),
            ([-3e38, 3e38], 1e38),
            ([0.25, 0.5], 0.1),
            ([1e-30, 2.5e-30], 1e-31),
        ] {
            let unit = unit_of(&values, deviation);
            let mean = f64::from(values[0]) / 2.0 + f64::from(values[1]) / 2.0;
            let farthest = f64::from(values[1]) - mean;
            for far in [mean - ROOM * farthest, mean + ROOM * farthest] {
                let count = far / 2.0_f64.powi(unit);
                assert!(count.abs() < f64::from(i32::MAX), "{values:?}: {count}");
            }
        }
    }

    /// Columns that 32 bits do not hold in counts of one.
    #[test]
    fn columns_beyond_32_bits_score_right_and_far_readings_are_impossible() {
        let mut values = Random::seed_from_u64(8);
        let mut random = Random::seed_from_u64(9);
        let mut uniform = || f64::from(values.next_u32()) / f64::from(u32::MAX);
        for (least, span) in [(0.0, 3e9), (5e9, 1e7), (-5e9, 3e3), (-2e9, 4e9)] {
            let rows: Vec<f32> = (0..400)
                .flat_map(|_| {
                    let ticks = (least + span * uniform()).round() as f32;
                    [ticks, (20.0 + 5.0 * uniform()) as f32]
                })
                .collect();
            let masks = [MaskName::FirstHalf, MaskName::SecondHalf];
            let transform = TransformName::Affine(ScaleName::ClampedTanh(2.0));
            let parts = parts(transform, ActivationName::Relu, None);
            let layers = vector(&parts, &masks, &[16], NetsName::One);
            let model = model(ShapeName::vector(2), layers, &rows, &mut random);
            for precision in [Precision::I8, Precision::I16] {
                let [largest, _] = errors(&model, precision, &rows);
                assert!(largest < 0.3, "{least}, {precision}: {largest}");
                let ready = model.ready(Some(precision)).unwrap();
                for far in [1e12, -1e12, 3.4e38, -3.4e38] {
                    for row in [[far, 22.5], [rows[0], far]] {
                        let found = ready.log_probs(&row)[0];
                        let is_impossible = found.is_infinite() && found < 0.0;
                        assert!(is_impossible, "{precision}: {row:?} scores {found}");
                    }
                }
            }
        }
    }
}
