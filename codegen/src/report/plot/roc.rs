//! The receiver operating characteristic: what is caught at which price in false alarms.
//!
//! ```
//! use nvpico_codegen::{metrics::roc_curve, report::plot::roc};
//!
//! let curve = roc_curve(&[0.5, 2.0, 1.0], &[false, true, true]);
//! let svg = roc(&[("flow".into(), curve)])?;
//! assert!(svg.contains("flow"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;

use super::{BLUE, DARK, FONT, ORANGE, PALE, PlotError, draw, fail, legend};

/// The receiver operating characteristic of [`crate::metrics::roc_curve`]; each curve has a name,
/// as in `flow (AUROC 0.95)`.
///
/// # Errors
/// When plotters cannot draw it.
pub fn roc(curves: &[(String, Vec<(f64, f64)>)]) -> Result<String, PlotError> {
    const COLORS: [RGBColor; 4] = [BLUE, ORANGE, RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
    draw((520, 520), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(
                "Alarms: caught against false",
                (FONT, 20).into_font().color(&DARK),
            )
            .margin(14)
            .margin_right(24)
            .x_label_area_size(48)
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..100.0, 0.0..100.0)
            .map_err(|error| fail(&error))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(DARK)
            .x_labels(6)
            .y_labels(6)
            .label_style((FONT, 14).into_font().color(&DARK))
            .axis_desc_style((FONT, 15).into_font().color(&DARK))
            .x_desc("false alarms, % of normal rows")
            .y_desc("caught, % of anomalous rows")
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .draw()
            .map_err(|error| fail(&error))?;
        chart
            .draw_series(DashedLineSeries::new(
                [(0.0, 0.0), (100.0, 100.0)],
                6,
                5,
                DARK.mix(0.6).stroke_width(1),
            ))
            .map_err(|error| fail(&error))?
            .label("chance")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.mix(0.4)));
        for (index, (name, curve)) in curves.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let points: Vec<(f64, f64)> = thinned(curve);
            chart
                .draw_series([PathElement::new(points, color.stroke_width(2))])
                .map_err(|error| fail(&error))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2))
                });
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    })
}

/// In percent, without points that a pixel would hide.
fn thinned(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (index, (x, y)) in curve
        .iter()
        .map(|(x, y)| (100.0 * x, 100.0 * y))
        .enumerate()
    {
        let far = points
            .last()
            .is_none_or(|last| (x - last.0).abs() + (y - last.1).abs() > 0.2);
        if far || index + 1 == curve.len() {
            points.push((x, y));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_the_corners() {
        let curve: Vec<(f64, f64)> = (0..=10_000)
            .map(|i| (0.0, f64::from(i) / 1e4))
            .chain([(1.0, 1.0)])
            .collect();
        let thin = thinned(&curve);
        assert!(thin.len() < 600, "{}", thin.len());
        assert_eq!(
            (thin[0], thin[thin.len() - 1]),
            ((0.0, 0.0), (100.0, 100.0))
        );
        assert!(thin[thin.len() - 2].1 > 99.5);
    }
}
