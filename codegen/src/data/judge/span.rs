//! The time column of a table: what it spans, and how often a row comes.

use super::super::SkippedColumn;
use super::super::find::Index;
use super::super::frame::Frame;
use super::super::overview::TimeSpan;
use super::clock::{GAP, rounded, usual};
use super::columns::values;
use super::{Series, time};

/// The span of the first column that is a time.
pub(super) fn of(
    frames: &[Frame],
    indexes: &[Index<'_>],
    left_out: &[SkippedColumn],
) -> Option<TimeSpan> {
    let text = frames[0]
        .columns
        .iter()
        .find(|c| c.times > 0 && 2 * c.times >= c.filled);
    if let Some(column) = text {
        let same = indexes.iter().filter_map(|frame| frame.get(&column.name));
        let seconds: Vec<f64> = same
            .flat_map(|column| column.seconds.iter().copied())
            .collect();
        return span(&column.name, &Series::new(seconds.into(), &[]), 0.0, 1.0);
    }
    left_out.iter().find_map(|column| {
        let series = Series::new(values(indexes, &column.name), &[]);
        let (seconds, _) = time::unit(&series)?;
        // Spreadsheets count the days since 30 December 1899.
        let origin = if seconds == 86_400.0 {
            -25_569.0 * 86_400.0
        } else {
            0.0
        };
        span(&column.name, &series, origin, seconds)
    })
}

fn span(name: &str, series: &Series<'_>, origin: f64, unit: f64) -> Option<TimeSpan> {
    let (from, to) = series.range();
    let usual = usual(&series.values)?;
    let steps = series.pairs().map(|(a, b)| b - a);
    let gaps = steps.filter(|step| *step > GAP * usual).count();
    Some(TimeSpan {
        column: name.into(),
        from: origin + unit * from,
        to: origin + unit * to,
        step: rounded(unit * usual),
        gaps,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::series;
    use super::*;

    #[test]
    fn span_step_and_gaps() {
        let days = [46_023.0, 46_023.5, 46_024.0, 46_026.0, 46_026.5];
        let found = span("day", &series(&days), -25_569.0 * 86_400.0, 86_400.0).unwrap();
        assert_eq!((found.from, found.to), (1_767_225_600.0, 1_767_528_000.0));
        assert_eq!((found.step, found.gaps), (43_200.0, 1));
        assert_eq!(span("t", &series(&[1.0, 1.0]), 0.0, 1.0), None);
    }
}
