//! Whether p-values are uniform: over all rows, and in stretches of time.

use plotters::prelude::*;

use super::axes::{Axes, KEYS, Look, WIDTH, chart, keys};
use super::timeline::time_unit;
use super::{BLUE, DARK, PlotError, draw, fail};
use crate::findings::Uniformity;

const HEIGHT: u32 = 260;

/// The share of rows in each tenth of the p-values; a tenth is expected.
///
/// # Errors
/// When plotters cannot draw it.
pub fn p_value_tenths(found: &Uniformity) -> Result<String, PlotError> {
    let top = 1.15
        * found
            .tenths
            .iter()
            .map(|share| 100.0 * share)
            .fold(12.0, f64::max);
    draw((WIDTH, HEIGHT), |area| {
        let (above, rest) = area.split_vertically(KEYS);
        let entries = [
            (Look::Area, BLUE, "normal rows of the data".to_owned()),
            (Look::Dashes, DARK, "expected".into()),
        ];
        keys(&above, &entries)?;
        let axes = Axes {
            x: "p-value",
            y: "share of rows, %",
            x_ticks: 11,
            y_ticks: 6,
            x_lines: false,
        };
        let mut chart = chart(&rest, 0.0..1.0, 0.0..top, &axes)?;
        let width = 1.0 / found.tenths.len().max(1) as f64;
        let bars = found.tenths.iter().enumerate().map(|(at, share)| {
            let left = at as f64 * width;
            let corners = [
                (left + 0.06 * width, 0.0),
                (left + 0.94 * width, 100.0 * share),
            ];
            Rectangle::new(corners, BLUE.mix(0.55).filled())
        });
        chart.draw_series(bars).map_err(|error| fail(&error))?;
        let line = [(0.0, 100.0 * width), (1.0, 100.0 * width)];
        chart
            .draw_series(DashedLineSeries::new(line, 7, 4, DARK.stroke_width(2)))
            .map_err(|error| fail(&error))?;
        Ok(())
    })
}

/// The quartiles of the p-values in stretches of time; 0.25, 0.5 and 0.75 are expected.
///
/// # Errors
/// When plotters cannot draw it.
pub fn p_values_in_time(
    found: &Uniformity,
    rows: usize,
    rate: Option<f64>,
) -> Result<String, PlotError> {
    let (unit, rows_in_unit) = time_unit(rows, rate);
    let end = rows.max(1) as f64 / rows_in_unit;
    draw((WIDTH, HEIGHT), |area| {
        let (above, rest) = area.split_vertically(KEYS);
        let entries = [
            (Look::Area, BLUE, "half of the rows".to_owned()),
            (Look::Line, BLUE, "median".into()),
            (Look::Dashes, DARK, "expected quartiles and median".into()),
        ];
        keys(&above, &entries)?;
        let axes = Axes {
            x: unit,
            y: "p-value",
            x_ticks: 10,
            y_ticks: 5,
            x_lines: false,
        };
        let mut chart = chart(&rest, 0.0..end, 0.0..1.0, &axes)?;
        let place = |row: usize| row as f64 / rows_in_unit;
        let boxes = found.blocks.iter().map(|block| {
            let [low, _, high] = block.quartiles;
            Rectangle::new(
                [(place(block.from), low), (place(block.to), high)],
                BLUE.mix(0.35).filled(),
            )
        });
        chart.draw_series(boxes).map_err(|error| fail(&error))?;
        let medians = found.blocks.iter().map(|block| {
            let [_, median, _] = block.quartiles;
            let line = [(place(block.from), median), (place(block.to), median)];
            PathElement::new(line, BLUE.stroke_width(3))
        });
        chart.draw_series(medians).map_err(|error| fail(&error))?;
        for at in [0.25, 0.5, 0.75] {
            let line = DashedLineSeries::new([(0.0, at), (end, at)], 6, 5, DARK.stroke_width(1));
            chart.draw_series(line).map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}
