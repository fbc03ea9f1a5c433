//! How the log-densities of normal and of anomalous rows are spread.

use plotters::prelude::*;

use super::axes::{Axes, KEYS, Look, WIDTH, chart, keys, number, words_style};
use super::{BLUE, DARK, ORANGE, PlotError, draw, fail};
use crate::findings::Densities;

const HEIGHT: u32 = 340;
/// The bin for all that lies below begins so many widths left of the axis, and ends so many.
const END_BIN: (f64, f64) = (5.0, 1.5);
/// Thickness of an outline, as a line of the chart.
const OUTLINE: u32 = 2;

/// A histogram of the log-densities of normal and of anomalous rows, each as a share of its kind, with the threshold as a line.
/// Rows below the range shown, `-inf` with them, are in a bar of their own at the left, which says so.
///
/// # Errors
/// When plotters cannot draw it.
pub fn density_histogram(
    densities: &Densities,
    threshold: Option<f32>,
) -> Result<String, PlotError> {
    let bins = &densities.bins;
    let (low, width) = (bins.low, bins.width);
    let count = bins.normal.len();
    let totals = [&densities.normal]
        .into_iter()
        .chain(&densities.anomalous)
        .map(|own| own.rows);
    let totals: Vec<usize> = totals.collect();
    let share = |rows: usize, kind: usize| {
        100.0 * rows as f64 / totals.get(kind).copied().unwrap_or(0).max(1) as f64
    };
    let kinds = [
        (&bins.normal, bins.normal_below),
        (&bins.anomalous, bins.anomalous_below),
    ];
    let tallest = kinds
        .iter()
        .enumerate()
        .flat_map(|(kind, (rows, _))| rows.iter().map(move |rows| share(*rows, kind)));
    let top = 1.15 * tallest.fold(1.0, f64::max);
    let left = low - (END_BIN.0 + 0.5) * width;
    let right = low + (count as f64 + 0.5) * width;
    let below: usize = kinds.iter().map(|(_, below)| below).sum();
    let axis = if below > 0 {
        format!(
            "log-density, nats (the bar at the left: all {below} rows below {})",
            number(low, count as f64 * width / 8.0)
        )
    } else {
        "log-density, nats".into()
    };
    let mut entries = vec![(
        Look::Area,
        BLUE,
        format!("normal, {} rows", densities.normal.rows),
    )];
    if let Some(own) = &densities.anomalous {
        entries.push((
            Look::Outline,
            ORANGE,
            format!("labelled anomalous, {} rows", own.rows),
        ));
    }
    let limit = threshold
        .map(f64::from)
        .filter(|at| (left..right).contains(at));
    if let Some(at) = limit {
        entries.push((Look::Dashes, DARK, format!("threshold {}", number(at, 0.1))));
    }
    draw((WIDTH, HEIGHT), |area| {
        let (above, rest) = area.split_vertically(KEYS);
        keys(&above, &entries)?;
        let axes = Axes {
            x: &axis,
            y: "share of rows of its kind, %",
            x_ticks: 8,
            y_ticks: 6,
            x_lines: false,
        };
        let mut chart = chart(&rest, left..right, 0.0..top, &axes)?;
        for (kind, (rows, below)) in kinds.into_iter().enumerate() {
            let place = |bin: usize| low + bin as f64 * width;
            let bars = (0..count).map(|bin| (place(bin), place(bin + 1), share(rows[bin], kind)));
            let end = (
                low - END_BIN.0 * width,
                low - END_BIN.1 * width,
                share(below, kind),
            );
            let bars: Vec<(f64, f64, f64)> = bars.chain([end]).filter(|bar| bar.2 > 0.0).collect();
            let drawn = bars.iter().map(|&(from, to, share)| {
                let style = if kind == 0 {
                    BLUE.mix(0.55).filled()
                } else {
                    ORANGE.stroke_width(OUTLINE)
                };
                Rectangle::new([(from, 0.0), (to, share.min(top))], style)
            });
            chart.draw_series(drawn).map_err(|error| fail(&error))?;
            // A bar that towers above the others is cut, and says how high it is.
            if end.2 > top {
                let place = (end.1 + 0.6 * width, top * (0.97 - 0.07 * kind as f64));
                let text = format!("{:.0} %, bar cut off", end.2);
                let words = Text::new(text, place, words_style());
                chart.draw_series([words]).map_err(|error| fail(&error))?;
            }
        }
        if let Some(at) = limit {
            let line = DashedLineSeries::new([(at, 0.0), (at, top)], 7, 4, DARK.stroke_width(2));
            chart.draw_series(line).map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(log_probs: &[f32], anomalous: &[bool], threshold: Option<f32>) -> String {
        let found = Densities::of(log_probs, Some(anomalous), threshold);
        density_histogram(&found, threshold).unwrap()
    }

    #[test]
    fn far_rows_have_a_bar_of_their_own_that_says_so() {
        let normal = (0..400).map(|i| -5.0 - (i % 40) as f32);
        let log_probs: Vec<f32> = normal.chain([f32::NEG_INFINITY; 100]).collect();
        let anomalous: Vec<bool> = log_probs.iter().map(|l| l.is_infinite()).collect();
        let svg = drawn(&log_probs, &anomalous, Some(-40.0));
        for words in ["all 100 rows below", "100 %, bar cut off", "threshold -40"] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let svg = drawn(&log_probs[..400], &anomalous[..400], None);
        assert!(!svg.contains("cut off"));
    }

    #[test]
    fn nothing_one_value_and_equal_values_are_drawn() {
        for log_probs in [&[][..], &[-3.0], &[-3.0; 10], &[f32::NEG_INFINITY; 3]] {
            drawn(log_probs, &vec![false; log_probs.len()], Some(f32::MIN));
        }
    }
}
