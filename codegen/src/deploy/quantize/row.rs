//! One output of a layer in integers: its weights, its bias, and the step that its sum counts in.

use nvpico::image::panel_words;
use nvpico::integer::Weights;

/// The largest magnitude of an activation of 16 bits.
pub(super) const LARGEST_ACTIVATION: f64 = 32_768.0;

/// Weights and bias of an output. The weights are times the steps of what they are for, so a sum of
/// weight times activation is the output's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub weights: Vec<f64>,
    pub bias: f64,
}

/// A row in whole steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IntegerRow {
    pub weights: Vec<i32>,
    pub bias: i32,
    /// The value that one step of the sum is worth.
    pub step: f64,
}

impl Row {
    /// Zeros.
    pub(super) fn zero(inputs: usize) -> Self {
        Self {
            weights: vec![0.0; inputs],
            bias: 0.0,
        }
    }

    /// The finest step that the weights' bits and the sum's 32 allow.
    pub(super) fn finest_step<W: Weights>(&self) -> f64 {
        let most = self
            .weights
            .iter()
            .fold(0.0_f64, |most, w| most.max(w.abs()));
        let total: f64 = self.weights.iter().map(|w| w.abs()).sum();
        // Rounding may add half a step to every weight, and half an activation step to the bias.
        let slack = (self.weights.len() + 4) as f64 * LARGEST_ACTIVATION;
        let room = f64::from(i32::MAX) - slack - f64::from(1 << 24);
        let by_weight = most / f64::from(W::LARGEST);
        let by_sum = (total * LARGEST_ACTIVATION + self.bias.abs()) / room;
        // A row of zeros may have any step.
        by_weight.max(by_sum).max(f64::MIN_POSITIVE * 1e30)
    }

    /// The row in steps of a size, or slightly larger ones; `half` is added to the bias. No inputs of 16 bits
    /// make the sum leave its 32: [`IntegerRow::worst_sum`] is the proof.
    pub(super) fn in_steps(&self, step: f64, half: i32) -> IntegerRow {
        let mut step = step;
        loop {
            let whole = |value: f64| (value / step).round() as i32;
            let row = IntegerRow {
                weights: self.weights.iter().map(|&w| whole(w)).collect(),
                bias: whole(self.bias).saturating_add(half),
                step,
            };
            if row.worst_sum() <= i64::from(i32::MAX) {
                return row;
            }
            step *= 1.001;
        }
    }
}

impl IntegerRow {
    /// The largest magnitude that the sum can have, whatever the inputs.
    pub(super) fn worst_sum(&self) -> i64 {
        let weights = self.weights.iter().map(|w| i64::from(w.abs()));
        weights.sum::<i64>() * (LARGEST_ACTIVATION as i64) + i64::from(self.bias).abs()
    }
}

/// The words of a layer's panels.
pub(super) fn panels<W: Weights>(rows: &[IntegerRow]) -> Vec<i32> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.bias, &row.weights[..]))
        .collect();
    panel_words::<W>(&rows)
}

#[cfg(test)]
mod tests {
    use nvpico::integer::{I8, I16};
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus as Random;

    use super::super::tests::uniform;
    use super::*;

    #[test]
    fn every_row_of_weights_is_proved() {
        fn check<W: Weights>(random: &mut Random) {
            for inputs in [1, 4, 33, 256] {
                for size in [1e-6_f32, 1.0, 1e6] {
                    let row = Row {
                        weights: (0..inputs)
                            .map(|_| f64::from(size * uniform(random)))
                            .collect(),
                        bias: f64::from(1e5 * uniform(random)),
                    };
                    let whole = row.in_steps(row.finest_step::<W>(), 1 << 20);
                    assert!(whole.worst_sum() <= i64::from(i32::MAX));
                    assert!(whole.weights.iter().all(|w| w.abs() <= W::LARGEST));
                }
            }
        }
        let mut random = Random::seed_from_u64(5);
        check::<I8>(&mut random);
        check::<I16>(&mut random);
    }
}
