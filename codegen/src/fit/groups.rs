//! A split that never has rows of one machine on both sides.

use anyhow::bail;

use super::split::Split;

/// Stretches of rows to train on, and stretches held out: the last machines that come, until they are the share of the
/// rows or more; the first machine is always trained on.
///
/// # Errors
/// Rows of one machine only.
pub fn split(groups: &[u32], share: f64) -> anyhow::Result<Split> {
    let machines = groups.iter().max().map_or(0, |last| *last as usize + 1);
    let mut counts = vec![0usize; machines];
    for group in groups {
        counts[*group as usize] += 1;
    }
    let present = counts.iter().filter(|count| **count > 0).count();
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
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    let mut from = 0;
    for run in groups.chunk_by(|a, b| held[*a as usize] == held[*b as usize]) {
        let own = from..from + run.len();
        from = own.end;
        if held[run[0] as usize] {
            held_out.push(own);
        } else {
            train.push(own);
        }
    }
    Ok(Split { train, held_out })
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
}
