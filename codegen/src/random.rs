//! Random numbers with the same bits everywhere.
//!
//! `rand_distr` would take `exp` and `ln` from the platform; here they come from the `libm` crate.
//!
//! ```
//! use nvpico_codegen::simulate::Pump;
//!
//! // The same seed, the same bits.
//! assert_eq!(Pump::new(3).record_normal(5), Pump::new(3).record_normal(5));
//! ```

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A seeded source.
#[derive(Clone, Debug)]
pub(crate) struct Source(Xoshiro256PlusPlus);

impl Source {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        // 53 random bits fill the significand exactly.
        let unit = (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
        low + (high - low) * unit
    }

    /// Uniform in `0..count`.
    #[allow(clippy::cast_sign_loss, reason = "the numbers are not negative")]
    pub fn index(&mut self, count: usize) -> usize {
        self.uniform(0.0, count as f64) as usize % count
    }

    /// Normal with mean 0 and this standard deviation, by Marsaglia's polar method.
    pub fn normal(&mut self, deviation: f64) -> f64 {
        loop {
            let (u, v) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                // The second value of the pair is let go: the state stays one generator.
                return deviation * u * libm::sqrt(-2.0 * libm::log(s) / s);
            }
        }
    }

    /// Lognormal with median 1.
    pub fn lognormal(&mut self, deviation: f64) -> f64 {
        libm::exp(self.normal(deviation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_a_normal() {
        let mut source = Source::new(1);
        let values: Vec<f64> = (0..20_000).map(|_| source.normal(2.0)).collect();
        let moment = |power: i32| values.iter().map(|v| v.powi(power)).sum::<f64>() / 20_000.0;
        assert!(moment(1).abs() < 0.05, "{}", moment(1));
        assert!((moment(2) - 4.0).abs() < 0.15, "{}", moment(2));
        assert!((moment(4) - 48.0).abs() < 4.0, "{}", moment(4));
    }

    #[test]
    fn uniform_and_index_stay_inside() {
        let mut source = Source::new(2);
        assert!(
            (0..1000)
                .map(|_| source.uniform(-1.0, 3.0))
                .all(|v| (-1.0..3.0).contains(&v))
        );
        let mut seen = [0; 3];
        (0..1000).for_each(|_| seen[source.index(3)] += 1);
        assert!(seen.iter().all(|count| *count > 250));
    }
}
