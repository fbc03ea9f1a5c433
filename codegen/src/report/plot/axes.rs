//! What the charts of a report share: a line of keys above the chart, axes, numbers on them.
//!
//! ```
//! use nvpico_codegen::report::plot::number;
//!
//! assert_eq!((number(0.25, 0.1), number(1234.0, 200.0)), ("0.25".into(), "1234".into()));
//! ```

#![allow(clippy::cast_possible_wrap, reason = "pixels of a picture are few")]

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, DARK, FONT, PALE, PlotError, fail};

/// Width of a chart in a report: at a phone's width its words are still legible when it scrolls.
pub(super) const WIDTH: u32 = 720;
/// Height of the line of keys.
pub(super) const KEYS: u32 = 30;
/// Room for the numbers on the left, and below with what they are.
pub(super) const LEFT: u32 = 64;
pub(super) const BOTTOM: u32 = 46;
pub(super) const MARGIN: u32 = 8;
/// Height of words, and about the width of a letter.
pub(super) const WORDS: u32 = 14;
const LETTER: f64 = 7.4;

/// How a series is drawn: colour alone tells too little in print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A filled area.
    Area,
    /// A line.
    Line,
    /// A line of dashes.
    Dashes,
    /// An outline.
    Outline,
    /// A dot.
    Dot,
    /// A cross.
    Cross,
    /// A circle.
    Circle,
}

/// An entry of the line of keys.
pub(super) type Key = (Look, RGBColor, String);

/// Pixels that words take.
pub(super) fn width_of(words: &str) -> i32 {
    (LETTER * words.chars().count() as f64).ceil() as i32
}

/// The keys in a line from the left.
pub(super) fn keys(area: &Area<'_>, entries: &[Key]) -> Result<(), PlotError> {
    let style = words_style().pos(Pos::new(HPos::Left, VPos::Center));
    let (mut x, y) = (LEFT as i32 + MARGIN as i32, KEYS as i32 / 2);
    for (look, color, name) in entries {
        sample(area, *look, *color, (x, y))?;
        area.draw(&Text::new(name.clone(), (x + 26, y), style.clone()))
            .map_err(|error| fail(&error))?;
        x += 26 + width_of(name) + 18;
    }
    Ok(())
}

fn sample(area: &Area<'_>, look: Look, color: RGBColor, at: (i32, i32)) -> Result<(), PlotError> {
    let (x, y) = at;
    let line =
        |from: i32, to: i32| PathElement::new([(x + from, y), (x + to, y)], color.stroke_width(2));
    let box_of = |style: ShapeStyle| Rectangle::new([(x, y - 5), (x + 18, y + 5)], style);
    let drawn = match look {
        Look::Area => area.draw(&box_of(color.mix(0.55).filled())),
        Look::Outline => area.draw(&box_of(color.stroke_width(2))),
        Look::Line => area.draw(&line(0, 18)),
        Look::Dashes => area
            .draw(&line(0, 7))
            .and_then(|()| area.draw(&line(11, 18))),
        Look::Dot => area.draw(&plotters::element::Circle::new(
            (x + 9, y),
            4,
            color.filled(),
        )),
        Look::Circle => area.draw(&plotters::element::Circle::new(
            (x + 9, y),
            5,
            color.stroke_width(2),
        )),
        Look::Cross => area.draw(&Cross::new((x + 9, y), 4, color.stroke_width(2))),
    };
    drawn.map_err(|error| fail(&error))
}

pub(super) fn words_style() -> TextStyle<'static> {
    (FONT, WORDS).into_font().color(&DARK)
}

pub(super) type Chart<'a> =
    ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What is written at the axes.
pub(super) struct Axes<'s> {
    pub x: &'s str,
    pub y: &'s str,
    pub x_ticks: usize,
    pub y_ticks: usize,
    /// Whether there are lines across at the numbers of the x axis, too.
    pub x_lines: bool,
}

/// A chart with its axes.
pub(super) fn chart<'a>(
    area: &Area<'a>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    axes: &Axes<'_>,
) -> Result<Chart<'a>, PlotError> {
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .margin_right(2 * MARGIN)
        .x_label_area_size(BOTTOM)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.clone(), y.clone())
        .map_err(|error| fail(&error))?;
    mesh(&mut chart, x, y, axes)?;
    Ok(chart)
}

fn mesh(
    chart: &mut Chart<'_>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    axes: &Axes<'_>,
) -> Result<(), PlotError> {
    let (x_step, y_step) = (
        (x.end - x.start) / axes.x_ticks as f64,
        (y.end - y.start) / axes.y_ticks as f64,
    );
    let x_words = |value: &f64| number(*value, x_step);
    let y_words = |value: &f64| number(*value, y_step);
    let mut mesh = chart.configure_mesh();
    if !axes.x_lines {
        mesh.disable_x_mesh();
    }
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .axis_style(DARK)
        .x_labels(axes.x_ticks)
        .y_labels(axes.y_ticks)
        .label_style(words_style())
        .axis_desc_style(words_style())
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&x_words)
        .y_label_formatter(&y_words)
        .draw()
        .map_err(|error| fail(&error))
}

/// A number on an axis whose numbers are about a step apart: no more digits than tell it from the next.
#[must_use]
pub fn number(value: f64, step: f64) -> String {
    if value == 0.0 || !value.is_finite() || !step.is_finite() {
        return format!("{value:.0}").replace("-0", "0");
    }
    if value.abs() >= 1e6 {
        return format!("{value:.1e}");
    }
    if value.abs() < 1e-4 && step < 1e-4 {
        return format!("{value:.1e}");
    }
    let places = (-(step.max(1e-12) * 0.5).log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return if text == "-0" {
            "0".into()
        } else {
            text.into()
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        let texts = [
            (0.0, 5.0),
            (-20.0, 5.0),
            (0.5, 0.25),
            (0.05, 0.01),
            (2_000_000.0, 500_000.0),
            (1e-7, 1e-7),
            (-0.0001, 0.5),
        ]
        .map(|(value, step)| number(value, step));
        assert_eq!(texts, ["0", "-20", "0.5", "0.05", "2.0e6", "1.0e-7", "0"]);
    }
}
