//! What is tried, on which rows, and against which outliers.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::data::Table;
use crate::fit::recipe::Recipe;

/// Widths of the hidden layers of vector models that are tried.
const HIDDEN: [&[usize]; 8] = [
    &[8],
    &[16],
    &[8, 8],
    &[16, 16],
    &[24, 24],
    &[32, 32],
    &[48, 48],
    &[64, 64],
];
/// Couplings that are tried; of maps, in a row.
const COUPLINGS: [usize; 4] = [2, 4, 6, 8];
const COUPLINGS_OF_MAPS: [usize; 2] = [1, 2];
/// Channels inside the networks of models for maps that are tried.
const FILTERS: [usize; 4] = [4, 8, 12, 16];
/// Rows that a structure is tried on.
const ROWS: usize = 4000;

/// Structures to try: those of the recipe where it fixes them.
pub(super) fn structures(recipe: &Recipe, is_map: bool) -> Vec<Recipe> {
    let couplings: &[usize] = match (&recipe.couplings, is_map) {
        (Some(own), _) => &[*own],
        (None, true) => &COUPLINGS_OF_MAPS,
        (None, false) => &COUPLINGS,
    };
    let inside: Vec<Recipe> = if is_map {
        let filters = recipe.filters.map_or(FILTERS.to_vec(), |own| vec![own]);
        let with = |filters| Recipe {
            filters: Some(filters),
            ..recipe.clone()
        };
        filters.into_iter().map(with).collect()
    } else {
        let hidden: Vec<Vec<usize>> = match &recipe.hidden {
            Some(own) => vec![own.clone()],
            None => HIDDEN.iter().map(|widths| widths.to_vec()).collect(),
        };
        let with = |hidden| Recipe {
            hidden: Some(hidden),
            ..recipe.clone()
        };
        hidden.into_iter().map(with).collect()
    };
    let with = |own: &Recipe, couplings| Recipe {
        couplings: Some(couplings),
        ..own.clone()
    };
    (couplings.iter())
        .flat_map(|&couplings| inside.iter().map(move |own| with(own, couplings)))
        .collect()
}

/// Every n-th row, so that there are at most [`ROWS`].
pub(super) fn thinned(table: &Table) -> Table {
    let step = table.rows.div_ceil(ROWS).max(1);
    let dim = table.dim();
    let rows = table.values.chunks_exact(dim).step_by(step);
    let values: Vec<f32> = rows.flatten().copied().collect();
    Table {
        columns: table.columns.clone(),
        shape: table.shape,
        given: table.given,
        rows: values.len() / dim,
        values,
        row_numbers: table.row_numbers.iter().step_by(step).copied().collect(),
        ..Table::default()
    }
}

/// Rows that are like held-out ones but for one value, which is none of the given ones.
pub(super) fn outliers(rows: &[f32], dim: usize, given: usize) -> Vec<f32> {
    let count = rows.len() / dim;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut below = |limit: usize| random.next_u32() as usize % limit.max(1);
    let mut out = rows.to_vec();
    let deviation = |at: usize| {
        let values = || rows.iter().skip(at).step_by(dim).map(|&x| f64::from(x));
        let mean = values().sum::<f64>() / count as f64;
        (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64).sqrt()
    };
    let deviations: Vec<f64> = (0..dim).map(deviation).collect();
    for (index, row) in out.chunks_exact_mut(dim).enumerate() {
        let at = given + below(dim - given);
        if index % 2 == 0 {
            row[at] = rows[below(count) * dim + at];
        } else {
            let sign = if below(2) == 0 { 4.0 } else { -4.0 };
            row[at] += (sign * deviations[at]) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_differ_in_one_value() {
        let rows: Vec<f32> = (0..40).map(|i| (i * i % 17) as f32).collect();
        for (row, strange) in rows.chunks(4).zip(outliers(&rows, 4, 1).chunks(4)) {
            let differing = row
                .iter()
                .zip(strange)
                .filter(|(a, b)| a.to_bits() != b.to_bits());
            assert!(differing.count() <= 1);
            assert_eq!(row[0].to_bits(), strange[0].to_bits());
        }
    }

    #[test]
    fn what_the_recipe_fixes_stays() {
        let fixed = Recipe {
            hidden: Some(vec![5]),
            ..Recipe::default()
        };
        let all = structures(&fixed, false);
        assert_eq!(all.len(), COUPLINGS.len());
        assert!(all.iter().all(|own| own.hidden == fixed.hidden));
    }
}
