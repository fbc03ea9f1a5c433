//! Least squares: coefficients from measurements.

use std::collections::BTreeMap;

use super::table::{Coefficients, deepest};
use super::work::Work;

/// Passes over all coefficients.
const PASSES: usize = 100_000;
/// Ridge, as a share of a coefficient's weight: draws coefficients that the measurements do not determine to zero.
const RIDGE: f64 = 1e-9;

/// The non-negative coefficients whose prices of the work deviate least from the costs, in the sum of squared
/// relative deviations, by cyclic coordinate descent.
///
/// Work is never done at a gain, so a coefficient below zero is only the shadow of an error in another.
#[must_use]
pub fn fit(measured: &[(Work, f64)]) -> Coefficients {
    let mut names = BTreeMap::new();
    for (work, _) in measured {
        for (part, _) in work.parts() {
            names.entry(part.to_owned()).or_insert(0);
        }
    }
    for (index, at) in names.values_mut().enumerate() {
        *at = index;
    }
    let count = names.len();
    // Every measurement weighs as its relative deviation.
    let rows: Vec<Vec<f64>> = (measured.iter())
        .map(|(work, cost)| {
            let mut row = vec![0.0; count];
            for (part, count) in work.parts() {
                row[names[part]] = count / cost.max(1.0);
            }
            row
        })
        .collect();
    // Each column scaled to length 1: descent is then as quick for a rare part as for a frequent one.
    let lengths: Vec<f64> = (0..count)
        .map(|at| rows.iter().map(|row| row[at] * row[at]).sum::<f64>().sqrt())
        .collect();
    let product = |a: usize, b: usize| -> f64 {
        let sum: f64 = rows.iter().map(|row| row[a] * row[b]).sum();
        sum / (lengths[a] * lengths[b])
    };
    let normal: Vec<Vec<f64>> = (0..count)
        .map(|a| (0..count).map(|b| product(a, b)).collect())
        .collect();
    let target: Vec<f64> = (0..count)
        .map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / lengths[at])
        .collect();
    let mut solution = vec![0.0_f64; count];
    for _ in 0..PASSES {
        for at in 0..count {
            let predicted: f64 = (normal[at].iter().zip(&solution)).map(|(n, x)| n * x).sum();
            let step = (target[at] - predicted) / (1.0 + RIDGE);
            solution[at] = (solution[at] + step).max(0.0);
        }
    }
    names
        .into_iter()
        .map(|(name, at)| (name, solution[at] / lengths[at]))
        .collect()
}

/// The coefficients whose maximum over the parts of a work is its cost, as closely as can be.
///
/// No part costs more than any work that it is in; the largest costs of which that is true give no work too much. All
/// are then raised so far that the largest deviations above and below are equal.
#[must_use]
pub fn fit_deepest(measured: &[(Work, f64)]) -> Coefficients {
    let mut found = Coefficients::new();
    for (work, cost) in measured {
        for (part, _) in work.parts() {
            let own = found.entry(part.to_owned()).or_insert(*cost);
            *own = own.min(*cost);
        }
    }
    let lacking = (measured.iter())
        .map(|(work, cost)| cost / deepest(work, &found).unwrap_or(*cost))
        .fold(1.0, f64::max);
    for own in found.values_mut() {
        *own *= 2.0 * lacking / (1.0 + lacking);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::cost::table::price;

    #[test]
    fn exact_costs_are_found_again() {
        let work = |first: usize, second: usize| {
            let mut work = Work::default();
            work.add("one", 1);
            work.add("first", first);
            work.add("second", second);
            work
        };
        let measured: Vec<(Work, f64)> = [(1, 0), (2, 7), (10, 3), (4, 40)]
            .into_iter()
            .map(|(a, b)| (work(a, b), 50.0 + 3.0 * a as f64 + 7.0 * b as f64))
            .collect();
        let found = fit(&measured);
        let priced = price(&work(100, 200), &found).unwrap();
        assert!((priced / 1750.0 - 1.0).abs() < 1e-4, "{found:?}");
        for (work, cost) in &measured {
            assert!((price(work, &found).unwrap() / cost - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn the_deepest_part_decides() {
        let of = |parts: &[&str]| {
            let mut work = Work::default();
            for part in parts {
                work.add(part, 3);
            }
            work
        };
        let measured = [
            (of(&["a"]), 10.0),
            (of(&["a", "b"]), 30.0),
            (of(&["a", "b", "c"]), 30.0),
        ];
        let found = fit_deepest(&measured);
        assert_eq!(deepest(&of(&["a"]), &found), Ok(10.0));
        assert_eq!(deepest(&of(&["b"]), &found), Ok(30.0));
        assert_eq!(deepest(&of(&["d"]), &found), Err("d".into()));
    }

    #[test]
    fn nothing_costs_less_than_nothing() {
        let mut work = Work::default();
        work.add("a", 1);
        let mut other = work.clone();
        other.add("b", 1);
        let found = fit(&[(work, 10.0), (other, 5.0)]);
        assert!(found.values().all(|&cost| cost >= 0.0), "{found:?}");
    }
}
