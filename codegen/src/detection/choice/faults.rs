//! Faults made of normal samples: the same ones for every set of features.

use crate::data::Table;
use crate::metrics;
use crate::random::Source;

/// What is made of normal samples. Sizes are in deviations of the channel: the median of those of stretches as long as the shortest
/// window that is tried, so that a slow drift does not make faults of vibration large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Swings 1.25 times as wide.
    Louder,
    /// A tone of an amplitude of half a deviation, of another frequency in every block.
    Tone,
    /// A knock of 4 deviations in every stretch as long as the shortest window.
    Knocks,
    /// White noise of half a deviation.
    Noise,
    /// Half a deviation higher.
    Offset,
    /// The first sample of the block, again and again.
    Stuck,
    /// Each sample in the place of its neighbour, in pairs.
    Order,
    /// The mean of a sample and the one before.
    Dull,
}

impl Fault {
    /// All, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::Louder,
        Self::Tone,
        Self::Knocks,
        Self::Noise,
        Self::Offset,
        Self::Stuck,
        Self::Order,
        Self::Dull,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Louder => "louder",
            Self::Tone => "tone",
            Self::Knocks => "knocks",
            Self::Noise => "noise",
            Self::Offset => "offset",
            Self::Stuck => "stuck",
            Self::Order => "order",
            Self::Dull => "dull",
        }
    }
}

/// Lengths in samples that faults go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    /// The shortest window that is tried.
    pub shortest: usize,
    /// A block: the longest window that is tried. Each has the fault in one channel.
    pub block: usize,
}

/// Mean of a channel, and the deviation that sizes go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    mean: f64,
    deviation: f64,
}

fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let square = values.map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, libm::sqrt(square / count))
}

/// The sizes of the channels.
pub(super) fn sizes(samples: &Table, lengths: Lengths) -> Vec<Size> {
    let channels = samples.dim();
    let of_channel = |channel: usize| {
        let values: Vec<f64> = (samples.iter().map(|row| f64::from(row[channel]))).collect();
        let (mean, whole) = moments(values.iter().copied());
        let stretches = values.chunks(lengths.shortest);
        let deviations = stretches.map(|own| moments(own.iter().copied()).1);
        let median = metrics::median(deviations.collect());
        let sized = [median.unwrap_or(0.0), whole].into_iter();
        let deviation = sized.filter(|own| *own > 0.0).find(|own| own.is_finite());
        Size {
            mean,
            // A channel that never changes: any change of it is one.
            deviation: deviation.unwrap_or(1.0),
        }
    };
    (0..channels).map(of_channel).collect()
}

/// The samples with a fault in every block, in one channel; channels that are given keep theirs.
pub(super) fn with_fault(
    samples: &Table,
    fault: Fault,
    sizes: &[Size],
    lengths: Lengths,
    seed: u64,
) -> Table {
    let mut changed = samples.clone();
    let channels = samples.dim();
    let judged = channels.saturating_sub(samples.given);
    if judged == 0 {
        return changed;
    }
    let mut random = Source::new(seed);
    for rows in changed.values.chunks_mut(lengths.block * channels) {
        let channel = samples.given + random.index(judged);
        let mut block: Vec<f64> = rows
            .chunks_exact(channels)
            .map(|row| f64::from(row[channel]))
            .collect();
        change(&mut block, fault, sizes[channel], lengths, &mut random);
        for (row, value) in rows.chunks_exact_mut(channels).zip(block) {
            row[channel] = value as f32;
        }
    }
    changed
}

fn change(block: &mut [f64], fault: Fault, size: Size, lengths: Lengths, random: &mut Source) {
    const LOUDER: f64 = 1.25;
    const KNOCK: f64 = 4.0;
    const HALF: f64 = 0.5;
    let deviation = size.deviation;
    match fault {
        Fault::Louder => {
            // About the block's own mean: what drifts does not become an offset.
            let (mean, _) = moments(block.iter().copied());
            for x in block.iter_mut() {
                *x = mean + LOUDER * (*x - mean);
            }
        }
        Fault::Tone => {
            // Turns a sample: neither so slow that it is a drift nor at half of the rate.
            let turn = std::f64::consts::TAU * random.uniform(0.05, 0.45);
            let start = random.uniform(0.0, std::f64::consts::TAU);
            for (at, x) in block.iter_mut().enumerate() {
                *x += HALF * deviation * libm::sin(turn * at as f64 + start);
            }
        }
        Fault::Knocks => {
            for stretch in block.chunks_mut(lengths.shortest) {
                let at = random.index(lengths.shortest);
                let sign = if random.index(2) == 0 { 1.0 } else { -1.0 };
                if let Some(x) = stretch.get_mut(at) {
                    *x += sign * KNOCK * deviation;
                }
            }
        }
        Fault::Noise => block
            .iter_mut()
            .for_each(|x| *x += random.normal(HALF * deviation)),
        Fault::Offset => block.iter_mut().for_each(|x| *x += HALF * deviation),
        Fault::Stuck => {
            let first = block.first().copied().unwrap_or(size.mean);
            block.fill(first);
        }
        Fault::Order => block.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
        Fault::Dull => {
            for at in (1..block.len()).rev() {
                block[at] = f64::midpoint(block[at], block[at - 1]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths {
        shortest: 16,
        block: 64,
    };

    fn samples() -> Table {
        let mut random = Source::new(1);
        let mut row = || [5.0, random.normal(2.0) as f32 + 100.0, 7.0];
        Table {
            columns: ["speed", "x", "still"].map(str::to_owned).to_vec(),
            given: 1,
            rows: 1024,
            values: (0..1024).flat_map(|_| row()).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn a_fault_is_in_one_channel_of_a_block_that_is_not_given() {
        let samples = samples();
        let sizes = sizes(&samples, LENGTHS);
        assert!((sizes[1].deviation - 2.0).abs() < 0.3);
        assert!((sizes[2].deviation - 1.0).abs() < 1e-9);
        for fault in Fault::ALL {
            let found = with_fault(&samples, fault, &sizes, LENGTHS, 3);
            assert_eq!(found, with_fault(&samples, fault, &sizes, LENGTHS, 3));
            assert!(found.values.iter().all(|value| value.is_finite()));
            let mut seen = [false; 3];
            let blocks = found
                .values
                .chunks(64 * 3)
                .zip(samples.values.chunks(64 * 3));
            for (now, before) in blocks {
                let differs = |channel: &usize| {
                    let mut pairs = now.iter().zip(before).skip(*channel).step_by(3);
                    pairs.any(|(a, b)| a.to_bits() != b.to_bits())
                };
                let own: Vec<usize> = (0..3).filter(differs).collect();
                assert!(own.len() <= 1, "{fault:?}");
                for channel in own {
                    seen[channel] = true;
                }
            }
            assert!(!seen[0] && seen[1], "{fault:?}");
        }
    }
}
