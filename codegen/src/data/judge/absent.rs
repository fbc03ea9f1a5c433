//! The question about values that stand for no reading.

use std::borrow::Cow;
use std::path::Path;

use super::super::error::DataError;
use super::super::missing::short;
use super::super::overview::ColumnOverview;
use super::super::{Hint, Missing, SKIP_BAD};
use super::fill::{Fill, Outside};

/// Refuses values that stand for no reading, with the options that say so.
pub(super) fn refuse_fills(
    path: &Path,
    kept: &[(&String, Cow<'_, [f64]>)],
    judged: &[(ColumnOverview, Outside)],
) -> Result<(), DataError> {
    let found: Vec<(&String, &Fill)> = (kept.iter().zip(judged))
        .flat_map(|((name, _), (_, found))| found.fills.iter().map(|fill| (*name, fill)))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let mut what: Vec<String> = (found.iter().take(5))
        .map(|(name, Fill { value, count, rest })| {
            let often = if *count == 1 {
                "once".into()
            } else {
                format!("{count} times")
            };
            format!(
                "column {name:?}: {} comes {often}, far outside the other values ({} to {})",
                short(*value),
                short(rest.0),
                short(rest.1)
            )
        })
        .collect();
    if found.len() > 5 {
        what.push(format!("{} more of the kind", found.len() - 5));
    }
    // Where a value is a reading of another column, only this one's is missing.
    let elsewhere = |fill: &Fill| {
        kept.iter().any(|(name, readings)| {
            !found
                .iter()
                .any(|(other, f)| other == name && f.value == fill.value)
                && readings.contains(&fill.value)
        })
    };
    let mut hint = Hint::default();
    for (name, fill) in &found {
        let missing = Missing {
            column: elsewhere(fill).then(|| (*name).clone()),
            value: fill.value,
        };
        if !hint.missing.contains(&missing) {
            hint.missing.push(missing);
        }
    }
    let rows = kept[0].1.len();
    let cells: Vec<(&[f64], f64)> = (kept.iter().zip(judged))
        .flat_map(|((_, readings), (_, found))| {
            found.fills.iter().map(|fill| (&**readings, fill.value))
        })
        .collect();
    let holds = |row: &usize| {
        cells
            .iter()
            .any(|(readings, value)| readings[*row] == *value)
    };
    let missing = (0..rows).filter(holds).count();
    let share = missing as f64 / rows as f64;
    // A little more than counted, for rows that are bad otherwise.
    let allowed = ((100.0 * 1.1 * share).ceil() / 100.0).min(1.0);
    hint.skip_bad = Some(allowed.max(SKIP_BAD));
    let readings = if found.len() == 1 {
        "reading"
    } else {
        "readings"
    };
    let reason = format!(
        "{}: no {readings}, it seems; {hint} leaves {missing} of {rows} rows out, --missing=none takes all values as readings",
        what.join("; ")
    );
    Err(DataError::Unclear {
        path: path.into(),
        reason,
        hint: Box::new(hint),
    })
}
