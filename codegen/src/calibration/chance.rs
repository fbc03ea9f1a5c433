//! How many of further rows fall below the k-th lowest of n: a beta-binomial distribution, whatever the distribution
//! of the rows.

/// The distribution of the number of rows among `rows` that are below the k-th lowest of n.
struct BelowRank {
    rows: f64,
    /// The rate's distribution is Beta(k, n + 1 - k).
    alpha: f64,
    beta: f64,
}

impl BelowRank {
    fn new(rank: f64, of: f64, rows: f64) -> Self {
        Self {
            rows: rows.round().max(1.0),
            alpha: rank,
            beta: (of + 1.0 - rank).max(1e-3),
        }
    }

    /// The probabilities of 0, 1, ... rows.
    fn probabilities(&self) -> impl Iterator<Item = f64> {
        let Self { rows, alpha, beta } = *self;
        let log_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
        // In logarithms: the first of many terms would be too small for a number.
        let mut log = log_beta(alpha, rows + beta) - log_beta(alpha, beta);
        (0..=rows as usize).map(move |count| {
            let own = libm::exp(log);
            let count = count as f64;
            let ratio =
                (rows - count) * (count + alpha) / ((count + 1.0) * (rows - count - 1.0 + beta));
            log += libm::log(ratio.max(f64::MIN_POSITIVE));
            own
        })
    }

    /// The lowest count that this share of cases does not exceed.
    fn quantile(&self, share: f64) -> f64 {
        let mut sum = 0.0;
        for (count, own) in self.probabilities().enumerate() {
            sum += own;
            if sum >= share {
                return count as f64;
            }
        }
        self.rows
    }
}

/// The range of rates in which this share of further recordings of `of` rows lies.
pub(super) fn interval(rank: f64, of: f64, share: f64) -> (f64, f64) {
    let counts = BelowRank::new(rank, of, of);
    let outside = (1.0 - share) / 2.0;
    // Half a row on either side: a recording of another length does not have the same fractions.
    (
        ((counts.quantile(outside) - 0.5) / counts.rows).max(0.0),
        ((counts.quantile(1.0 - outside) + 0.5) / counts.rows).min(1.0),
    )
}

/// The probability that at least `count` of `rows` further rows are below the k-th lowest of n.
pub(super) fn at_least(count: f64, rows: f64, rank: f64, of: f64) -> f64 {
    let counts = BelowRank::new(rank, of, rows);
    let below: f64 = counts
        .probabilities()
        .take(count.max(0.0).round() as usize)
        .sum();
    (1.0 - below).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_counting() {
        // Below the lowest of two: of one further row a third, of two (1, 0) with 1/2 and 1/3.
        let one: Vec<f64> = BelowRank::new(1.0, 2.0, 1.0).probabilities().collect();
        assert!((one[0] - 2.0 / 3.0).abs() < 1e-12 && (one[1] - 1.0 / 3.0).abs() < 1e-12);
        let two: Vec<f64> = BelowRank::new(1.0, 2.0, 2.0).probabilities().collect();
        let expected = [1.0 / 2.0, 1.0 / 3.0, 1.0 / 6.0];
        for (own, expected) in two.iter().zip(expected) {
            assert!((own - expected).abs() < 1e-12, "{two:?}");
        }
        let many = BelowRank::new(4_000.0, 400_000.0, 400_000.0);
        let sum: f64 = many.probabilities().sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }

    #[test]
    fn intervals_narrow_with_the_rows() {
        assert_eq!(interval(1.0, 100.0, 0.9).0.to_bits(), 0.0_f64.to_bits());
        let (low, high) = interval(100.0, 10_000.0, 0.9);
        assert!(low > 0.007 && low < 0.008, "{low}");
        assert!(high > 0.012 && high < 0.013, "{high}");
        let (_, few) = interval(1.0, 6.0, 0.9);
        assert!(few > 0.4 && few < 0.9, "{few}");
    }

    #[test]
    fn many_alarms_are_unlikely() {
        let p = |count| at_least(count, 1_000.0, 10.0, 999.0);
        assert!((p(0.0) - 1.0).abs() < 1e-12);
        assert!(p(10.0) > 0.3 && p(30.0) < 1e-3, "{} {}", p(10.0), p(30.0));
    }
}
