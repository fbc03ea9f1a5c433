//! Limits of the charts, from blocks of normal readings.
//!
//! How far a block goes on a chart is its highest value there, less the beginning of the tail of such values over blocks, over their mean
//! excess: for an exponential tail the logarithm of how rare it is, whatever the chart. The highest of these over the charts is the block's
//! score. With exchangeable blocks a further block goes beyond the k-th highest score of n with a probability of at most `k / (n + 1)`. The
//! tail for a block's score is that of the other blocks, so that the block that decides does not make its own limit.

/// The least mean excess of a chart's highest values, in bits: a chart that never moves is not one that any move is far for.
const LEAST_EXCESS: f64 = 0.05;
/// The highest one of so many values are the tail.
const TAIL: usize = 5;

/// Values of a chart over the readings of a record, and whether high or low ones are far.
pub(super) struct Track {
    /// In bits; low ones with their sign turned.
    pub values: Vec<f64>,
}

/// The limits of all tracks.
pub(super) struct Limits {
    /// In bits, by track.
    pub values: Vec<f64>,
    /// Scores of the blocks, the highest first.
    pub scores: Vec<f64>,
}

/// Limits at the `rank`-th highest of the scores of blocks of `length` readings; `None` with fewer than three blocks.
pub(super) fn limits(tracks: &[Track], length: usize, rank: usize) -> Option<Limits> {
    let highest = |track: &Track| -> Vec<f64> {
        let blocks = track.values.chunks_exact(length.max(1));
        blocks
            .map(|block| block.iter().copied().fold(f64::MIN, f64::max))
            .collect()
    };
    let highest: Vec<Vec<f64>> = tracks.iter().map(highest).collect();
    let blocks = highest.first()?.len();
    if blocks < 3 {
        return None;
    }
    let mut scores: Vec<f64> = (0..blocks)
        .map(|block| {
            let of = |own: &Vec<f64>| {
                let (begin, excess) = tail(own, Some(block));
                (own[block] - begin) / excess
            };
            highest.iter().map(of).fold(f64::MIN, f64::max)
        })
        .collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let score = *scores.get(rank.checked_sub(1)?)?;
    let values = highest.iter().map(|own| {
        let (begin, excess) = tail(own, None);
        begin + score * excess
    });
    Some(Limits {
        values: values.collect(),
        scores,
    })
}

/// Where the tail of values begins, and how fast it falls: the least of the highest fifth, without one of the values, and their mean excess
/// over it.
fn tail(values: &[f64], without: Option<usize>) -> (f64, f64) {
    let mut used: Vec<f64> = (values.iter().enumerate())
        .filter(|(at, _)| Some(*at) != without)
        .map(|(_, value)| *value)
        .collect();
    used.sort_by(|a, b| b.total_cmp(a));
    let count = (used.len() / TAIL).max(2).min(used.len() - 1);
    let begin = used[count];
    let excess = used[..count].iter().map(|value| value - begin).sum::<f64>() / count as f64;
    (begin, excess.max(LEAST_EXCESS))
}

/// The share of blocks that go beyond a score, by an exponential tail behind the highest fifth of them (peaks over threshold): an
/// estimate, not a promise.
pub(super) fn tail_estimate(scores: &[f64], score: f64) -> f64 {
    let count = (scores.len() / TAIL).max(2).min(scores.len() - 1);
    let threshold = scores[count];
    let excess = scores[..count]
        .iter()
        .map(|own| own - threshold)
        .sum::<f64>()
        / count as f64;
    let share = count as f64 / scores.len() as f64;
    share * libm::exp(-(score - threshold).max(0.0) / excess.max(1e-9))
}

/// The share of further blocks that go beyond the k-th highest of n is at most this in 95 of 100 records: the 0.95-quantile of
/// Beta(k, n + 1 - k). Of the highest, `1 - 0.05^(1/n)`.
pub(super) fn upper_bound(rank: usize, blocks: usize) -> f64 {
    const MISSED: f64 = 0.05;
    if rank > blocks {
        return 1.0;
    }
    // Fewer than `rank` of n blocks beyond, where the share is p: falls with p.
    let fewer = |share: f64| {
        let mut term = libm::pow(1.0 - share, blocks as f64);
        let mut sum = 0.0;
        for count in 0..rank {
            sum += term;
            term *= (blocks - count) as f64 / (count + 1) as f64 * share / (1.0 - share);
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0 - 1e-12);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if fewer(middle) > MISSED {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Source;

    #[test]
    fn the_bound_of_the_highest_has_a_closed_form() {
        for blocks in [3, 24, 168, 5_000] {
            let exact = 1.0 - libm::pow(0.05, 1.0 / blocks as f64);
            assert!(
                (upper_bound(1, blocks) / exact - 1.0).abs() < 1e-9,
                "{blocks}"
            );
            assert!(upper_bound(2, blocks) > upper_bound(1, blocks));
        }
        // A day, three days, one and three weeks of hours: alarms a week.
        let weekly =
            [24, 72, 168, 504].map(|hours| format!("{:.1}", 168.0 * upper_bound(1, hours)));
        assert_eq!(weekly, ["19.7", "6.8", "3.0", "1.0"]);
        assert_eq!(upper_bound(4, 3).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn the_block_that_decides_is_not_beyond_its_limit_and_the_share_is_kept() {
        let mut random = Source::new(3);
        let (mut beyond, mut blocks) = (0, 0);
        for _ in 0..200 {
            let mut tracks = || -> Vec<Track> {
                (0..4)
                    .map(|_| Track {
                        values: (0..2_000).map(|_| random.normal(1.0)).collect(),
                    })
                    .collect()
            };
            let found = limits(&tracks(), 50, 1).unwrap();
            assert_eq!(found.scores.len(), 40);
            let over = |tracks: &[Track]| {
                let far = |block: usize| {
                    tracks.iter().zip(&found.values).any(|(track, limit)| {
                        track.values[50 * block..50 * (block + 1)]
                            .iter()
                            .any(|value| value > limit)
                    })
                };
                (0..40).filter(|block| far(*block)).count()
            };
            beyond += over(&tracks());
            blocks += 40;
        }
        // One in 41 by exchangeability: 195 of 8,000, give or take 4 standard deviations of its own spread.
        let share = f64::from(u32::try_from(beyond).unwrap()) / f64::from(blocks);
        assert!((0.015..0.034).contains(&share), "{share}");
    }

    #[test]
    fn few_blocks_have_no_limits() {
        let track = || Track {
            values: vec![1.0, 2.0, 3.0, 4.0],
        };
        assert!(limits(&[track()], 2, 1).is_none());
        assert!(limits(&[], 1, 1).is_none());
        assert!(limits(&[track()], 1, 5).is_none());
        let found = limits(&[track()], 1, 1).unwrap();
        assert!(found.values[0] >= 4.0);
    }

    #[test]
    fn the_tail_goes_on_as_it_fell() {
        let scores: Vec<f64> = (1..=1_000)
            .map(|at| -libm::log(f64::from(at) / 1_001.0))
            .collect();
        let estimate = tail_estimate(&scores, libm::log(10_000.0));
        assert!((0.5e-4..2e-4).contains(&estimate), "{estimate}");
    }
}
