//! Sensors that stand still: a value held for a long stretch where it otherwise changes, and columns that have one
//! value but for a few rows.

use super::Series;

/// The shortest stretch that is said.
const LEAST: usize = 20;
/// A stretch this many times as long as the longest to be expected by chance.
const FACTOR: f64 = 2.5;
/// Share of the rows with one value, from which on a column is constant but for a few rows.
const NEARLY_ALL: f64 = 0.98;

/// One value, row after row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub value: f64,
    /// The first row, from 0.
    pub row: usize,
    pub rows: usize,
}

/// The longest stretch of one value, where the column otherwise changes too often for it.
pub(super) fn stretch(series: &Series<'_>) -> Option<Stretch> {
    let runs = runs(series);
    let longest = *runs.iter().max_by_key(|run| run.rows)?;
    // A state that comes again and again for as long, as a machine that is switched off, is no fault of the sensor.
    let again = runs
        .iter()
        .filter(|run| 3 * run.rows >= longest.rows)
        .count();
    if longest.rows < LEAST || again > 2 {
        return None;
    }
    let others = || runs.iter().filter(|run| **run != longest);
    let (rows, steps) = (
        others().map(|run| run.rows).sum::<usize>(),
        others().count(),
    );
    if 2 * rows < series.values.len() {
        return None;
    }
    // Each row repeats the one before with this share: the longest of as many runs is about ln n / -ln share.
    let share = 1.0 - steps as f64 / rows as f64;
    let by_chance = if share > 0.0 {
        (rows as f64).ln() / -share.ln()
    } else {
        1.0
    };
    (longest.rows as f64 > FACTOR * by_chance).then_some(longest)
}

fn runs(series: &Series<'_>) -> Vec<Stretch> {
    let mut runs: Vec<Stretch> = Vec::new();
    let mut before = f64::NAN;
    for (row, &value) in series.values.iter().enumerate() {
        if series.starts.binary_search(&row).is_ok() {
            before = f64::NAN;
        }
        if value == before {
            runs.last_mut().expect("has begun").rows += 1;
        } else if value.is_finite() {
            runs.push(Stretch {
                value,
                row,
                rows: 1,
            });
        }
        before = value;
    }
    runs
}

/// The value of a column that has it in nearly all rows, and the number of rows that have another.
pub(super) fn nearly_constant(series: &Series<'_>) -> Option<(f64, usize)> {
    let (value, count) = *series.runs.iter().max_by_key(|(_, count)| *count)?;
    let rows = series.readings();
    let others = rows - count;
    (others > 0 && count as f64 >= NEARLY_ALL * rows as f64).then_some((value, others))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    #[test]
    fn a_sensor_that_stands_still() {
        let mut values = noise(400);
        values[100..140].fill(0.25);
        let found = stretch(&series(&values)).unwrap();
        assert_eq!((found.value, found.row, found.rows), (0.25, 100, 40));
        // In coarse steps, where repetitions are usual.
        let mut coarse: Vec<f64> = noise(400).iter().map(|x| x.round()).collect();
        assert_eq!(stretch(&series(&coarse)), None);
        coarse[200..300].fill(1.0);
        assert!(stretch(&series(&coarse)).is_some());
    }

    #[test]
    fn states_that_come_again_are_none() {
        let mut values = noise(400);
        for start in [20, 120, 250] {
            values[start..start + 40].fill(0.0);
        }
        assert_eq!(stretch(&series(&values)), None);
        let levels: Vec<f64> = (0..400).map(|i| f64::from(i / 100)).collect();
        assert_eq!(stretch(&series(&levels)), None);
        assert_eq!(stretch(&series(&[3.0; 200])), None);
        assert_eq!(stretch(&series(&[])), None);
    }

    #[test]
    fn one_value_but_for_a_few_rows() {
        let mut values = [3.0; 200];
        assert_eq!(nearly_constant(&series(&values)), None);
        values[7] = 4.0;
        values[9] = 5.0;
        assert_eq!(nearly_constant(&series(&values)), Some((3.0, 2)));
        values[20..30].fill(1.0);
        assert_eq!(nearly_constant(&series(&values)), None);
    }
}
