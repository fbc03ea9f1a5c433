//! Plots of an evaluation: charts as SVG, sheets of images as PNG, drawn without system fonts.
//!
//! Colours of charts are those of Okabe and Ito, told apart with any colour vision; those of images grow evenly
//! brighter, so that they also work in grey.
//!
//! ```
//! use nvpico_codegen::report::plot::density_histogram;
//!
//! let log_prob = [-1.0, -1.5, -2.0, f32::NEG_INFINITY];
//! let svg = density_histogram(&log_prob, &[false, false, false, true], Some(-5.0))?;
//! assert!(svg.starts_with("<svg"));
//! assert!(svg.contains("log-density, nats"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

mod bitmap;
mod colour;
mod columns;
mod contents;
mod detectors;
mod dimensions;
mod frontier;
mod histogram;
mod key;
mod layout;
mod roc;
mod sheet;
mod timeline;

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;

pub use columns::{Strip, columns_over_rows};
pub use contents::{Group, Sheet};
pub use detectors::{DetectorPoints, detectors_on_sets};
pub use frontier::{Point, frontier};
pub use histogram::density_histogram;
pub use roc::roc;
pub use sheet::{captions, contact_sheet, contact_sheets};
pub use timeline::{Span, density_over_time};

/// A plot that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub struct PlotError(String);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (960, 420);
const FONT: &str = "sans-serif";
const PIXEL_FONT: &str = "Ubuntu Light";
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const DARK: RGBColor = RGBColor(60, 60, 60);
const PALE: RGBColor = RGBColor(228, 228, 228);

fn fail(error: &impl ToString) -> PlotError {
    PlotError(error.to_string())
}

/// Gives plotters typefaces: one to measure with what a browser will draw in its own, a little wider than those are so
/// that words stay in their frames, and one to draw pages of pixels with.
fn load_font() -> Result<(), PlotError> {
    static READABLE: OnceLock<bool> = OnceLock::new();
    let readable = READABLE.get_or_init(|| {
        let fonts = [
            (FONT, epaint_default_fonts::HACK_REGULAR),
            (PIXEL_FONT, epaint_default_fonts::UBUNTU_LIGHT),
        ];
        fonts.into_iter().all(|(name, font)| {
            plotters::style::register_font(name, FontStyle::Normal, font).is_ok()
        })
    });
    if *readable {
        Ok(())
    } else {
        Err(PlotError("the typefaces cannot be read".into()))
    }
}

/// Draws on a white page and gives the SVG.
fn draw(
    size: (u32, u32),
    picture: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    load_font()?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(|error| fail(&error))?;
        picture(&area)?;
        area.present().map_err(|error| fail(&error))?;
    }
    Ok(svg)
}

/// The range of log-densities worth showing: all of the normal rows but the last thousandth, and as
/// much again below, with the threshold in sight. What lies further down is drawn at the edge.
fn window(log_prob: &[f32], normal: impl Fn(usize) -> bool, threshold: Option<f32>) -> (f64, f64) {
    let finite = |only: &dyn Fn(usize) -> bool| -> Vec<f64> {
        let mut values: Vec<f64> = (0..log_prob.len())
            .filter(|row| only(*row) && log_prob[*row].is_finite())
            .map(|row| f64::from(log_prob[row]))
            .collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let mut values = finite(&normal);
    if values.is_empty() {
        values = finite(&|_| true);
    }
    let (Some(high), Some(low)) = (values.last(), values.get(values.len() / 1000)) else {
        return (-1.0, 1.0);
    };
    let threshold = threshold
        .filter(|value| value.is_finite())
        .map_or(*low, f64::from);
    let high = high.max(threshold);
    let low = low.min(threshold);
    let span = (high - low).max(1e-3);
    (low - 1.2 * span, high + 0.05 * span)
}

/// Digits after the point for the numbers on an axis.
fn digits(low: f64, high: f64) -> usize {
    if high - low >= 8.0 {
        0
    } else if high - low >= 0.8 {
        1
    } else {
        3
    }
}

fn legend<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Result<(), PlotError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(position)
        .label_font((FONT, 14).into_font().color(&DARK))
        .background_style(WHITE.mix(0.85))
        .border_style(PALE)
        .margin(8)
        .legend_area_size(26)
        .draw()
        .map_err(|error| fail(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_and_infinite_values_stay_on_the_page() {
        let mut log_prob: Vec<f32> = (0..500).map(|i| -5.0 - (i % 7) as f32).collect();
        log_prob.extend([f32::NEG_INFINITY, -1e30]);
        let anomalous: Vec<bool> = log_prob.iter().map(|value| *value < -100.0).collect();
        let (low, high) = window(&log_prob, |row| !anomalous[row], Some(-14.0));
        assert!(low < -14.0 && low > -40.0 && high > -5.0, "{low} {high}");
        let svg = density_histogram(&log_prob, &anomalous, Some(-14.0)).unwrap();
        assert!(svg.contains("2 rows lie below"));
        assert!(svg.contains("threshold -14.00"));
        assert!(!svg.contains("NaN") && !svg.contains("inf,"));
        let spans = [Span {
            rows: 500..502,
            label: "leak".into(),
        }];
        let svg = density_over_time(&log_prob, &anomalous, &spans, Some(-14.0), "time, s").unwrap();
        assert!(svg.contains("leak") && svg.contains("at the edge"));
    }

    #[test]
    fn nothing_one_value_and_equal_values_are_drawn() {
        for log_prob in [&[][..], &[-3.0], &[-3.0; 10], &[f32::NEG_INFINITY; 3]] {
            let none = vec![false; log_prob.len()];
            density_histogram(log_prob, &none, None).unwrap();
            density_over_time(log_prob, &none, &[], Some(f32::NEG_INFINITY), "row").unwrap();
        }
        roc(&[("flow".into(), Vec::new())]).unwrap();
    }

    #[test]
    fn a_long_trace_keeps_its_dips() {
        let mut log_prob = vec![0.0; 100_000];
        log_prob[54_321] = -9.0;
        let svg =
            density_over_time(&log_prob, &vec![false; 100_000], &[], Some(-9.0), "row").unwrap();
        assert!(svg.len() < 300_000, "{}", svg.len());
    }
}
