//! The receiver operating characteristic: what is caught at which price in false alarms.

use plotters::prelude::*;

use super::axes::{Axes, KEYS, Look, chart, keys};
use super::{BLUE, DARK, ORANGE, PlotError, draw, fail};
use crate::findings::Separation;

const SIZE: (u32, u32) = (560, 520);

/// The receiver operating characteristic with its area filled and the threshold marked.
///
/// # Errors
/// When plotters cannot draw it.
pub fn roc(separation: &Separation) -> Result<String, PlotError> {
    let percent = separation.curve.iter();
    let points: Vec<(f64, f64)> = percent
        .map(|point| (100.0 * point.false_alarms, 100.0 * point.caught))
        .collect();
    let mut entries = vec![
        (
            Look::Line,
            BLUE,
            format!("model, area {:.3}", separation.area),
        ),
        (Look::Dashes, DARK, "chance, area 0.5".into()),
    ];
    if separation.at_threshold.is_some() {
        entries.push((Look::Circle, ORANGE, "at the threshold".into()));
    }
    draw(SIZE, |area| {
        let (above, rest) = area.split_vertically(KEYS);
        keys(&above, &entries)?;
        let axes = Axes {
            x: "false alarms, % of normal rows",
            y: "caught, % of anomalous rows",
            x_ticks: 6,
            y_ticks: 6,
            x_lines: true,
        };
        let mut chart = chart(&rest, 0.0..100.0, 0.0..100.0, &axes)?;
        chart
            .draw_series(AreaSeries::new(points.clone(), 0.0, BLUE.mix(0.15)))
            .map_err(|error| fail(&error))?;
        let chance = [(0.0, 0.0), (100.0, 100.0)];
        chart
            .draw_series(DashedLineSeries::new(chance, 6, 5, DARK.stroke_width(1)))
            .map_err(|error| fail(&error))?;
        chart
            .draw_series([PathElement::new(points, BLUE.stroke_width(2))])
            .map_err(|error| fail(&error))?;
        if let Some(point) = separation.at_threshold {
            let at = (100.0 * point.false_alarms, 100.0 * point.caught);
            chart
                .draw_series([Circle::new(at, 7, ORANGE.stroke_width(3))])
                .map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}
