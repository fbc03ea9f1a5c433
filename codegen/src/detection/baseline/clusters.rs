//! k-means, as scikit-learn starts a mixture: k-means++ with several trials for each centre, then Lloyd's steps.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::uniform;

/// The most steps, and the movement of the centres, in variances of a column, that ends them.
const STEPS: usize = 300;
const TOLERANCE: f64 = 1e-4;

/// The cluster of each row.
pub(super) fn clusters(
    rows: &[f64],
    dim: usize,
    count: usize,
    random: &mut Xoshiro256PlusPlus,
) -> Vec<usize> {
    let mut centres = start(rows, dim, count, random);
    let enough = TOLERANCE * mean_variance(rows, dim);
    let mut own = assign(rows, dim, &centres);
    for _ in 0..STEPS {
        let moved = centred(rows, dim, &own, count);
        let movement = square(&moved, &centres);
        centres = moved;
        let next = assign(rows, dim, &centres);
        let same = next == own;
        own = next;
        if same || movement <= enough {
            break;
        }
    }
    own.into_iter().map(|(cluster, _)| cluster).collect()
}

pub(super) fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn mean_variance(rows: &[f64], dim: usize) -> f64 {
    let count = (rows.len() / dim) as f64;
    let variance = |at: usize| {
        let column = || rows.iter().skip(at).step_by(dim);
        let mean = column().sum::<f64>() / count;
        column().map(|value| (value - mean).powi(2)).sum::<f64>() / count
    };
    (0..dim).map(variance).sum::<f64>() / dim as f64
}

/// k-means++: each centre is a row drawn by its squared distance to the centres before it; of several draws the one
/// that leaves the smallest sum of squares.
fn start(rows: &[f64], dim: usize, count: usize, random: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let trials = 2 + (count as f64).ln() as usize;
    let number = rows.len() / dim;
    let row = |at: usize| &rows[at * dim..(at + 1) * dim];
    let first = super::below(random, number);
    let mut centres = row(first).to_vec();
    let mut nearest: Vec<f64> = (0..number).map(|at| square(row(at), row(first))).collect();
    for _ in 1..count {
        let total: f64 = nearest.iter().sum();
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..trials {
            let drawn = draw(&nearest, uniform(random) * total);
            let left: Vec<f64> = (nearest.iter().enumerate())
                .map(|(at, own)| own.min(square(row(at), row(drawn))))
                .collect();
            let sum = left.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| sum < *least) {
                best = Some((sum, drawn, left));
            }
        }
        if let Some((_, drawn, left)) = best {
            centres.extend_from_slice(row(drawn));
            nearest = left;
        }
    }
    centres
}

/// The first place at which the running sum of weights exceeds `at`.
fn draw(weights: &[f64], at: f64) -> usize {
    let mut sum = 0.0;
    let found = weights.iter().position(|weight| {
        sum += weight;
        sum > at
    });
    found.unwrap_or(weights.len() - 1)
}

/// The nearest centre of each row, and its squared distance.
fn assign(rows: &[f64], dim: usize, centres: &[f64]) -> Vec<(usize, f64)> {
    let nearest = |row: &[f64]| {
        let mut best = (0, f64::INFINITY);
        for (at, centre) in centres.chunks_exact(dim).enumerate() {
            let distance = square(row, centre);
            if distance < best.1 {
                best = (at, distance);
            }
        }
        best
    };
    rows.chunks_exact(dim).map(nearest).collect()
}

/// The means of the clusters; one without rows moves to the row that is farthest from its centre.
fn centred(rows: &[f64], dim: usize, own: &[(usize, f64)], count: usize) -> Vec<f64> {
    let mut sums = vec![0.0; count * dim];
    let mut sizes = vec![0_usize; count];
    for (row, (cluster, _)) in rows.chunks_exact(dim).zip(own) {
        sizes[*cluster] += 1;
        let sum = &mut sums[cluster * dim..(cluster + 1) * dim];
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    let mut farthest: Vec<usize> = Vec::new();
    if sizes.contains(&0) {
        farthest = (0..own.len()).collect();
        farthest.sort_by(|a, b| own[*b].1.total_cmp(&own[*a].1).then(a.cmp(b)));
    }
    let mut spare = farthest.into_iter();
    for (cluster, size) in sizes.iter().enumerate() {
        let sum = &mut sums[cluster * dim..(cluster + 1) * dim];
        if let Some(row) = (*size == 0).then(|| spare.next()).flatten() {
            sum.copy_from_slice(&rows[row * dim..(row + 1) * dim]);
        } else {
            for sum in sum {
                *sum /= (*size).max(1) as f64;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn groups_apart_are_clusters() {
        let rows: Vec<f64> = (0..60)
            .flat_map(|at| {
                [
                    f64::from(at % 3) * 10.0 + f64::from(at % 7) * 0.1,
                    f64::from(at % 5),
                ]
            })
            .collect();
        for seed in 0..5 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let found = clusters(&rows, 2, 3, &mut random);
            for at in 3..60 {
                assert_eq!(found[at], found[at % 3]);
            }
            assert!(found[0] != found[1] && found[1] != found[2] && found[0] != found[2]);
        }
    }

    #[test]
    fn equal_rows_give_fewer_clusters_and_end() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
        assert_eq!(clusters(&[1.0; 12], 2, 4, &mut random).len(), 6);
    }
}
