//! Features of two channels, in floats.

use super::moments::{Blocks, Level};
use crate::arithmetic::elementary::sqrt;

/// Correlation of `count` samples of two channels.
pub(super) fn correlation(
    a: Level,
    of_a: impl Iterator<Item = f32>,
    b: Level,
    of_b: impl Iterator<Item = f32>,
    count: usize,
) -> f32 {
    if a.is_constant() || b.is_constant() {
        return 0.0;
    }
    let mut products = Blocks::default();
    for (first, second) in of_a.zip(of_b) {
        products.add(a.centred(first) * b.centred(second));
    }
    let correlation = products.total() / count as f32 / sqrt(a.square * b.square);
    // Rounding.
    correlation.clamp(-1.0, 1.0)
}

/// Ratio of the deviations.
pub(super) fn ratio(a: Level, b: Level, floor: f32) -> f32 {
    let (own, least) = (b.deviation(), sqrt(floor));
    let ratio = a.deviation() / if own > least { own } else { least };
    if ratio < f32::MAX { ratio } else { f32::MAX }
}
