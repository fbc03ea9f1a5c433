//! How far rows resemble their neighbours, by the variance of means over blocks of them.
//!
//! The mean of b independent values has a b-th of their variance. In values that resemble their neighbours it has more, and the
//! factor tends to the number of rows for an independent one (statistical inefficiency: Flyvbjerg and Petersen 1989, J.
//! Chem. Phys. 91) as blocks grow longer than the correlation. A factor counts where independent rows would hardly ever
//! give it, so that rows in no order are as many as there are.

use rayon::prelude::*;

/// The fewest blocks that a variance is taken of.
const LEAST_BLOCKS: usize = 4;
/// How unlikely a factor must be in independent rows, in standard deviations of a normal distribution; more for the
/// columns of a table, which are many.
const UNLIKELY: f64 = 4.0;
const UNLIKELY_IN_COLUMNS: f64 = 4.8;
/// Alarms come in bursts even where a tenth of the rows is needed to see it.
const LEAST_LIKELY: f64 = 0.1;
/// Log-densities are one, but for one of so many at either end.
const ALL_BUT: usize = 100;
/// Rows after which the correlation is gone, for each row of inefficiency: an exponential one falls to a twentieth.
const GONE: f64 = 1.5;

/// The number of independent rows that rows stand for, where a rate is counted: by their log-densities, in the order in which they
/// were recorded. At least 1, or 0 without rows.
#[must_use]
pub fn effective_rows(log_probs: &[f32], rate: f64) -> f64 {
    let rows = log_probs.len();
    let sorted = super::ascending(log_probs);
    // Rows that are all alike are one row, however often it comes.
    let ends = rows / ALL_BUT;
    if rows > 1 && sorted[ends].total_cmp(&sorted[rows - 1 - ends]).is_eq() {
        return 1.0;
    }
    let of_the_lowest = |share: f64| {
        let count = (share * rows as f64).ceil() as usize;
        let limit = *sorted.get(count.max(1) - 1)?;
        let low: Vec<f64> = (log_probs.iter())
            .map(|value| f64::from(u8::from(*value <= limit)))
            .collect();
        Some(inefficiency(&low, UNLIKELY))
    };
    let factors = [rate, rate.max(LEAST_LIKELY)].map(of_the_lowest);
    let factor = factors.into_iter().flatten().fold(1.0, f64::max);
    (rows as f64 / factor).max(1.0).min(rows as f64)
}

/// How many rows further on a row-major table no longer resembles a row, in the slowest of its columns; 0 for rows in no
/// order.
#[must_use]
pub fn correlated_rows(values: &[f32], dim: usize) -> usize {
    let factor = (0..dim)
        .into_par_iter()
        .map(|column| {
            let cells: Vec<f32> = values.iter().skip(column).step_by(dim).copied().collect();
            inefficiency(&ranks(&cells), UNLIKELY_IN_COLUMNS)
        })
        .reduce(|| 1.0, f64::max);
    if factor > 1.0 {
        (GONE * factor).ceil() as usize
    } else {
        0
    }
}

/// The place of each value among all; equal values have the middle of their places. Ranks have no far outliers, whose
/// few blocks would be all of the variance.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let equal = |at: &&usize| values[**at].total_cmp(&values[order[from]]).is_eq();
        let count = order[from..].iter().take_while(equal).count();
        let middle = from as f64 + (count as f64 - 1.0) / 2.0;
        for &at in &order[from..from + count] {
            ranks[at] = middle;
        }
        from += count;
    }
    ranks
}

/// Rows for an independent one; 1 where nothing speaks against independence.
fn inefficiency(values: &[f64], unlikely: f64) -> f64 {
    let rows = values.len();
    let count = rows as f64;
    let mean = values.iter().sum::<f64>() / count;
    let moment = |power| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / count;
    let variance = moment(2);
    if rows < 2 * LEAST_BLOCKS || variance <= f64::MIN_POSITIVE {
        return 1.0;
    }
    let excess = (moment(4) / (variance * variance) - 3.0).max(0.0);
    let mut largest = 1.0_f64;
    let mut sums = values.to_vec();
    let mut length = 1.0;
    while sums.len() / 2 >= LEAST_BLOCKS {
        sums = sums.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        length *= 2.0;
        let blocks = sums.len() as f64;
        let own = sums.iter().sum::<f64>() / blocks;
        let spread = sums.iter().map(|s| (s - own).powi(2)).sum::<f64>() / (blocks - 1.0);
        let factor = spread / (length * variance);
        // Of independent rows: chi-squared over its degrees of freedom, fewer for values with heavy tails.
        let degrees = 2.0 / (2.0 / (blocks - 1.0) + excess / count);
        if normal_score(factor, degrees) > unlikely {
            // One standard deviation more: few blocks may by chance be too much alike.
            largest = largest.max(factor * (1.0 + (2.0 / (blocks - 1.0)).sqrt()));
        }
    }
    largest
}

/// Chi-squared over its degrees of freedom as a normal variable (Wilson and Hilferty 1931).
fn normal_score(factor: f64, degrees: f64) -> f64 {
    let width = 2.0 / (9.0 * degrees);
    (libm::cbrt(factor) - (1.0 - width)) / width.sqrt()
}
