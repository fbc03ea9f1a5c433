//! Plots of an evaluation: charts as SVG, sheets of images as PNG, drawn without system fonts.
//!
//! Colours of charts are those of Okabe and Ito, told apart with any colour vision; those of images grow evenly
//! brighter, so that they also work in grey.
//!
//! ```
//! use nvpico_codegen::findings::Densities;
//! use nvpico_codegen::report::plot::density_histogram;
//!
//! let log_probs = [-1.0, -1.5, -2.0, f32::NEG_INFINITY];
//! let found = Densities::of(&log_probs, Some(&[false, false, false, true]), Some(-5.0));
//! let svg = density_histogram(&found, Some(-5.0))?;
//! assert!(svg.starts_with("<svg"));
//! assert!(svg.contains("log-density, nats"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

mod around;
mod axes;
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
mod loss;
mod p_values;
mod pairs;
mod roc;
mod sheet;
mod timeline;

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;

pub use around::readings_around;
pub use axes::number;
pub use columns::{Strip, columns_over_rows};
pub use contents::{Group, Sheet};
pub use detectors::{DetectorPoints, detectors_on_sets};
pub use frontier::{Point, frontier};
pub use histogram::density_histogram;
pub use loss::loss_curves;
pub use p_values::{p_value_tenths, p_values_in_time};
pub use pairs::pair_plots;
pub use roc::roc;
pub use sheet::{captions, contact_sheet, contact_sheets};
pub use timeline::{density_over_time, time_unit};

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
const GREEN: RGBColor = RGBColor(0, 158, 115);
const DARK: RGBColor = RGBColor(60, 60, 60);
const PALE: RGBColor = RGBColor(228, 228, 228);
/// [`GREEN`], thinned.
const SHADE: RGBColor = RGBColor(217, 240, 233);
/// Behind a curve while the alarm is on.
const ALARM_SHADE: RGBColor = RGBColor(252, 232, 218);

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
