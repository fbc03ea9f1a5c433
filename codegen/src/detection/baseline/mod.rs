//! The detectors that a model is compared with. Those that go by distance or by random starts see rows that are
//! standardised by the training rows.
//!
//! The mixtures are those that a model's base is fitted with. For the others no crate that was looked at fits: linfa's trees of
//! neighbours gain nothing with 20 features, and the forests to be had take the number of features at compile time or no
//! seed. So these are short, and all are checked against scikit-learn.

mod forest;
mod nearest;
mod standard;

use nvpico::train::mixture::Mixture;
use serde::{Deserialize, Serialize};

use crate::fit::gaussian::Gaussian;
use crate::random::Source;
use forest::Forest;
use nearest::Nearest;
use standard::Standard;

/// A detector to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Baseline {
    /// A Gaussian with a full covariance matrix.
    Gaussian,
    /// A mixture of so many Gaussians with full covariance matrices.
    Mixture(usize),
    /// The distance to the k-th nearest training row.
    Nearest(usize),
    /// An isolation forest of 100 trees, of 256 rows each.
    Forest,
}

/// Starts of a mixture, and what is added to its variances: as scikit-learn's `GaussianMixture`.
const STARTS: u64 = 3;
const VARIANCE: f64 = 1e-6;

/// Bytes of a number on a chip: a 32-bit float.
const WORD: usize = 4;

impl Baseline {
    /// All, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Gaussian,
        Self::Mixture(4),
        Self::Mixture(16),
        Self::Nearest(1),
        Self::Nearest(5),
        Self::Forest,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Gaussian => "Gaussian".into(),
            Self::Mixture(count) => format!("GMM {count}"),
            Self::Nearest(count) => format!("{count}-NN"),
            Self::Forest => "forest".into(),
        }
    }

    /// Fits it to rows. The same seed gives the same detector.
    ///
    /// # Errors
    /// Why it has none for these rows.
    pub fn fit(self, rows: &[f32], dim: usize, seed: u64) -> Result<Fitted, String> {
        let count = rows.len() / dim.max(1);
        let too_few = |needed: usize| {
            let words = format!("{count} training rows, {needed} are needed");
            (count < needed).then_some(words).map_or(Ok(()), Err)
        };
        let standard = Standard::of(rows, dim);
        let kind = match self {
            Self::Gaussian => Kind::Gaussian(
                Gaussian::fit(rows, dim).ok_or("the training rows are not all finite")?,
            ),
            Self::Mixture(components) => {
                too_few(components)?;
                let rows = standard.rows(rows);
                let floor = vec![VARIANCE; dim];
                let starts = (0..STARTS).map(|start| seed.wrapping_mul(STARTS).wrapping_add(start));
                let fitted =
                    starts.filter_map(|seed| Mixture::fit(&rows, dim, components, &floor, seed));
                let best = fitted
                    .map(|fitted| (fitted.mean_log_prob(&rows), fitted))
                    .max_by(|(a, _), (b, _)| a.total_cmp(b));
                Kind::Mixture(best.ok_or("a covariance matrix is singular")?.1)
            }
            Self::Nearest(neighbours) => {
                too_few(neighbours)?;
                Kind::Nearest(Nearest::new(standard.rows(rows), dim, neighbours))
            }
            Self::Forest => {
                too_few(2)?;
                let mut random = Source::new(seed);
                Kind::Forest(Forest::fit(&standard.rows(rows), dim, &mut random))
            }
        };
        Ok(Fitted { kind, standard })
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Gaussian(Gaussian),
    Mixture(Mixture),
    Nearest(Nearest),
    Forest(Forest),
}

/// A detector fitted to training rows.
#[derive(Clone, Debug)]
pub struct Fitted {
    kind: Kind,
    standard: Standard,
}

impl Fitted {
    /// How anomalous each row is: more, the larger the number.
    #[must_use]
    pub fn scores(&self, rows: &[f32]) -> Vec<f64> {
        match &self.kind {
            Kind::Nearest(nearest) => self.each(rows, |row| nearest.distance(row)),
            Kind::Forest(forest) => self.each(rows, |row| forest.score(row)),
            Kind::Gaussian(_) | Kind::Mixture(_) => {
                let log_probs = self.log_probs(rows).unwrap_or_default();
                log_probs.into_iter().map(|log_prob| -log_prob).collect()
            }
        }
    }

    /// Log-density of each row, in nats of the rows' own units; `None` for a detector without a density.
    #[must_use]
    pub fn log_probs(&self, rows: &[f32]) -> Option<Vec<f64>> {
        let dim = self.standard.dim();
        match &self.kind {
            Kind::Gaussian(gaussian) => {
                let rows = rows.chunks_exact(dim);
                Some(rows.map(|row| gaussian.log_prob(row)).collect())
            }
            Kind::Mixture(mixture) => {
                let shift = self.standard.log_scale();
                Some(self.each(rows, |row| mixture.log_prob(row) - shift))
            }
            Kind::Nearest(_) | Kind::Forest(_) => None,
        }
    }

    fn each(&self, rows: &[f32], score: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let rows = rows.chunks_exact(self.standard.dim());
        rows.map(|row| score(&self.standard.rows(row))).collect()
    }

    /// Bytes of flash and RAM that it would take on a chip, in 32-bit floats, code left out. A detector that keeps its
    /// training rows has them in flash.
    #[must_use]
    pub fn bytes(&self) -> [usize; 2] {
        let dim = self.standard.dim();
        let scale = 2 * dim;
        let gaussian = dim + dim * (dim + 1) / 2 + 1;
        match &self.kind {
            Kind::Gaussian(_) => [WORD * gaussian, WORD * 2 * dim],
            Kind::Mixture(mixture) => [
                WORD * (scale + mixture.components() * gaussian),
                WORD * 2 * dim,
            ],
            Kind::Nearest(nearest) => [
                WORD * (scale + nearest.values()),
                WORD * (dim + nearest.neighbours()),
            ],
            // A node is a threshold, a feature and the place of its second branch.
            Kind::Forest(forest) => [WORD * scale + 8 * forest.nodes(), WORD * dim],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three groups of rows, by the congruence of the C library's example.
    fn clustered(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            ((state >> 8) as f64 / f64::from(1 << 23) - 0.5) as f32
        };
        let mut rows: Vec<f32> = (0..3 * count).map(|_| next()).collect();
        for (at, row) in rows.chunks_exact_mut(3).enumerate() {
            let group = (at % 3) as f32;
            row[0] += 4.0 * group;
            row[1] = row[1] * (group + 1.0) + row[0] * 0.5;
            row[2] -= 3.0 * (group % 2.0);
        }
        rows
    }

    /// Rows to train on, and to test on: of these the fourth and the eighth belong to no group.
    fn rows() -> [Vec<f32>; 2] {
        let mut tests = clustered(9, 99);
        tests[9..12].iter_mut().for_each(|x| *x += 2.0);
        tests[21..24].iter_mut().for_each(|x| *x = -*x);
        [clustered(150, 7), tests]
    }

    fn scores(baseline: Baseline, seed: u64) -> Vec<f64> {
        let [training, tests] = rows();
        baseline.fit(&training, 3, seed).unwrap().scores(&tests)
    }

    fn are_near(found: &[f64], expected: [f64; 9], most: f64) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= most, "{found} {expected}");
        }
    }

    // The figures are those of scikit-learn 1.9 on the same rows, standardised.

    #[test]
    fn densities_as_scikit_learn_has_them() {
        let gaussian = [
            4.952_804, 5.106_556, 5.153_479, 7.944_087, 5.331_695, 7.509_441, 4.798_579,
            10.795_772, 5.070_909,
        ];
        are_near(&scores(Baseline::Gaussian, 0), gaussian, 2e-6);
        let mixture = [
            1.315_346,
            1.547_277,
            1.572_388,
            54.207_392,
            1.613_063,
            2.601_402,
            1.022_938,
            223.645_457,
            1.838_851,
        ];
        for seed in 0..3 {
            are_near(&scores(Baseline::Mixture(3), seed), mixture, 1e-4);
        }
    }

    #[test]
    fn distances_as_scikit_learn_has_them() {
        let first = [
            0.063_813, 0.104_777, 0.116_216, 1.582_427, 0.106_589, 0.180_841, 0.031_141, 2.397_407,
            0.055_895,
        ];
        are_near(&scores(Baseline::Nearest(1), 0), first, 1e-6);
        let fifth = [
            0.169_037, 0.215_906, 0.184_191, 1.644_242, 0.228_665, 0.273_255, 0.125_101, 2.457_741,
            0.226_496,
        ];
        are_near(&scores(Baseline::Nearest(5), 0), fifth, 1e-6);
    }

    #[test]
    fn forests_agree_with_scikit_learn_on_the_mean() {
        // Means of 30 forests; one deviates by 0.012.
        let expected = [
            0.5038, 0.5091, 0.4845, 0.6003, 0.5095, 0.5561, 0.4931, 0.6272, 0.4885,
        ];
        let mut mean = vec![0.0; 9];
        for seed in 0..30 {
            let found = scores(Baseline::Forest, seed);
            mean.iter_mut()
                .zip(found)
                .for_each(|(sum, x)| *sum += x / 30.0);
        }
        are_near(&mean, expected, 0.01);
        assert_eq!(scores(Baseline::Forest, 4), scores(Baseline::Forest, 4));
    }

    #[test]
    fn constant_and_equal_rows_have_finite_scores() {
        for rows in [[2.0; 60], [0.0; 60]] {
            for baseline in Baseline::ALL {
                let fitted = baseline.fit(&rows, 3, 0).unwrap();
                let scores = fitted.scores(&[2.0, 2.0, 2.0, 9.0, 2.0, 1e30]);
                assert!(scores.iter().all(|score| score.is_finite()), "{baseline:?}");
            }
        }
        let error = Baseline::Mixture(16).fit(&[0.5; 12], 3, 0).unwrap_err();
        assert!(error.contains("16 are needed"), "{error}");
    }

    #[test]
    fn what_keeps_its_rows_has_them_in_flash() {
        let [training, _] = rows();
        let flash = |baseline: Baseline| baseline.fit(&training, 3, 0).unwrap().bytes()[0];
        assert_eq!(flash(Baseline::Nearest(5)), 4 * (6 + 450));
        assert_eq!(flash(Baseline::Gaussian), 4 * (3 + 6 + 1));
        assert_eq!(flash(Baseline::Mixture(4)), 4 * (6 + 4 * 10));
    }
}
