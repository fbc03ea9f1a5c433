//! Splits that never have rows of one machine on both sides.

use anyhow::bail;

use super::split::{Fold, Split, Stretches};

/// Stretches of rows to train on, and stretches held out: the last machines that come, until they are the share of the
/// rows or more; the first machine is always trained on.
///
/// # Errors
/// Rows of one machine only.
pub fn split(groups: &[u32], share: f64) -> anyhow::Result<Split> {
    let counts = counts(groups);
    let machines = counts.len();
    let present = machines_of(groups);
    if present < 2 {
        bail!(
            "--group: the rows are those of one machine, so that none can be held out: leave the option away"
        );
    }
    let wanted = share * groups.len() as f64;
    let (mut held, mut rows, mut left) = (vec![false; machines], 0usize, present);
    for machine in (0..machines).rev().filter(|machine| counts[*machine] > 0) {
        if left == 1 || rows as f64 >= wanted {
            break;
        }
        held[machine] = true;
        rows += counts[machine];
        left -= 1;
    }
    let (held_out, train) = apart(groups, |machine| held[machine]);
    Ok(Split { train, held_out })
}

/// Deals whole machines to folds, so that these have about as many rows each: every row is scored by a model that saw
/// none of its machine. At most as many folds as machines.
#[must_use]
pub fn folds(groups: &[u32], folds: usize) -> Vec<Fold> {
    let counts = counts(groups);
    let mut machines: Vec<usize> = (0..counts.len()).filter(|at| counts[*at] > 0).collect();
    machines.sort_by_key(|machine| std::cmp::Reverse(counts[*machine]));
    let mut rows = vec![0usize; folds.min(machines.len())];
    let mut dealt = vec![0usize; counts.len()];
    for machine in machines {
        let Some((fold, own)) = rows.iter_mut().enumerate().min_by_key(|(_, own)| **own) else {
            break;
        };
        dealt[machine] = fold;
        *own += counts[machine];
    }
    (0..rows.len())
        .map(|fold| {
            let (scored, others) = apart(groups, |machine| dealt[machine] == fold);
            Fold { scored, others }
        })
        .collect()
}

/// Number of machines.
#[must_use]
pub fn machines_of(groups: &[u32]) -> usize {
    counts(groups).iter().filter(|count| **count > 0).count()
}

/// Rows of each machine.
fn counts(groups: &[u32]) -> Vec<usize> {
    let machines = groups.iter().max().map_or(0, |last| *last as usize + 1);
    let mut counts = vec![0; machines];
    for group in groups {
        counts[*group as usize] += 1;
    }
    counts
}

/// The stretches of rows of some machines, and those of the others.
fn apart(groups: &[u32], chosen: impl Fn(usize) -> bool) -> (Stretches, Stretches) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut from = 0;
    for run in groups.chunk_by(|a, b| chosen(*a as usize) == chosen(*b as usize)) {
        let range = from..from + run.len();
        from = range.end;
        let of = if chosen(run[0] as usize) {
            &mut own
        } else {
            &mut others
        };
        of.push(range);
    }
    (own, others)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    #[test]
    fn machines_stay_together() {
        // Three machines that take turns, and a fourth at the end.
        let groups: Vec<u32> = (0..60).map(|i| i / 5 % 3).chain([3; 10]).collect();
        let Split { train, held_out } = split(&groups, 0.2).unwrap();
        let of = |ranges: &[Range<usize>]| -> Vec<u32> {
            let mut found: Vec<u32> = ranges
                .iter()
                .flat_map(|own| groups[own.clone()].to_vec())
                .collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        assert_eq!((of(&train), of(&held_out)), (vec![0, 1], vec![2, 3]));
        let rows = |ranges: &[Range<usize>]| ranges.iter().map(Range::len).sum::<usize>();
        assert_eq!(rows(&train) + rows(&held_out), groups.len());
        let found = split(&[0, 1, 1, 1], 0.9).unwrap();
        assert_eq!(
            found.train.iter().cloned().flatten().collect::<Vec<_>>(),
            [0]
        );
        assert!(
            split(&[5; 9], 0.2)
                .unwrap_err()
                .to_string()
                .contains("one machine")
        );
    }

    #[test]
    fn folds_have_whole_machines() {
        // Seven machines of different lengths, the first of them in two stretches.
        let lengths = [40, 10, 30, 20, 50, 10, 20];
        let mut groups: Vec<u32> = (0..7).flat_map(|m| vec![m; lengths[m as usize]]).collect();
        groups.extend([0; 15]);
        let folds = folds(&groups, 5);
        assert_eq!(folds.len(), 5);
        let mut seen = vec![0; groups.len()];
        for fold in &folds {
            let machines = |own: &Stretches| -> Vec<u32> {
                own.iter()
                    .cloned()
                    .flatten()
                    .map(|row| groups[row])
                    .collect()
            };
            let (scored, others) = (machines(&fold.scored), machines(&fold.others));
            assert!(!scored.is_empty() && scored.len() + others.len() == groups.len());
            assert!(scored.iter().all(|machine| !others.contains(machine)));
            fold.scored
                .iter()
                .cloned()
                .flatten()
                .for_each(|row| seen[row] += 1);
        }
        assert_eq!(seen, vec![1; groups.len()]);
        assert_eq!(super::folds(&[3, 3, 4], 5).len(), 2);
    }
}
