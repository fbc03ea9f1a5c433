//! The log-density row by row, beside known faults and the alarms.
//!
//! ```
//! use nvpico_codegen::report::plot::{Span, density_over_time};
//!
//! let leak = Span { rows: 1..2, label: "leak".into() };
//! let svg = density_over_time(&[-1.0, -9.0], &[false, true], &[leak], Some(-4.0), "time, s")?;
//! assert!(svg.contains("leak") && svg.contains("time, s"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, BLUE, DARK, FONT, ORANGE, PALE, PlotError, SIZE, digits, draw, fail, window};

/// Pixels to the right of the time plot.
const LEGEND: u32 = 170;
/// [`ORANGE`], thinned.
const SHADE: RGBColor = RGBColor(248, 229, 214);

/// A span of rows to shade, as in `120..360, "leak"`.
#[derive(Clone, Debug)]
pub struct Span {
    /// First row and the one after the last.
    pub rows: Range<usize>,
    /// What it is; empty for no words.
    pub label: String,
}

/// The log-density row by row, the spans of known faults shaded, and a tick in the strip at the
/// bottom for each row that alarms. `x_axis` names the rows, as in `time, s`. Values far below, and
/// `-inf`, are drawn at the lower edge.
///
/// # Errors
/// When plotters cannot draw it.
///
/// # Panics
/// When there are not as many alarms as log-densities.
pub fn density_over_time(
    log_prob: &[f32],
    alarms: &[bool],
    spans: &[Span],
    threshold: Option<f32>,
    x_axis: &str,
) -> Result<String, PlotError> {
    assert_eq!(
        log_prob.len(),
        alarms.len(),
        "an alarm or none for each log-density"
    );
    let in_span = |row: usize| spans.iter().any(|span| span.rows.contains(&row));
    let (low, high) = window(log_prob, |row| !in_span(row), threshold);
    let below = log_prob
        .iter()
        .filter(|value| value.is_nan() || f64::from(**value) < low)
        .count();
    let (bottom, strip) = (low - 0.10 * (high - low), low - 0.03 * (high - low));
    // Words stand above the curve.
    let top = high
        + if spans.iter().any(|span| !span.label.is_empty()) {
            0.30
        } else {
            0.02
        } * (high - low);
    let axis = if below > 0 {
        format!("log-density, nats (at the edge: below {low:.0})")
    } else {
        "log-density, nats".into()
    };
    draw((SIZE.0 + 320, SIZE.1), |area| {
        // The legend stands beside the chart: inside it would hide a fault or the alarms.
        let (left, right) = area.split_horizontally(SIZE.0 + 320 - LEGEND);
        key(&right, !spans.is_empty(), threshold)?;
        let mut chart = ChartBuilder::on(&left)
            .caption("Log-density over time", (FONT, 20).into_font().color(&DARK))
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..log_prob.len().max(1) as f64, bottom..top)
            .map_err(|error| fail(&error))?;
        let places = digits(low, high);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(DARK)
            .label_style((FONT, 14).into_font().color(&DARK))
            .axis_desc_style((FONT, 15).into_font().color(&DARK))
            .x_desc(x_axis)
            .y_desc(axis)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| {
                // Above the curve there are words, not values.
                if *value > high {
                    String::new()
                } else {
                    format!("{value:.places$}")
                }
            })
            .draw()
            .map_err(|error| fail(&error))?;
        let shade = spans.iter().map(|span| {
            let corners = [
                (span.rows.start as f64, bottom),
                (span.rows.end as f64, top),
            ];
            Rectangle::new(corners, SHADE.filled())
        });
        chart.draw_series(shade).map_err(|error| fail(&error))?;
        chart
            .draw_series(words(spans, top))
            .map_err(|error| fail(&error))?;
        chart
            .draw_series(trace(log_prob, low))
            .map_err(|error| fail(&error))?;
        let ticks = runs(alarms).into_iter().map(|run| {
            let corners = [(run.start as f64, bottom), (run.end as f64, strip)];
            Rectangle::new(corners, ORANGE.filled())
        });
        chart.draw_series(ticks).map_err(|error| fail(&error))?;
        if let Some(at) = threshold.filter(|value| value.is_finite()).map(f64::from) {
            let line = [(0.0, at), (log_prob.len() as f64, at)];
            chart
                .draw_series([PathElement::new(line, DARK.stroke_width(2))])
                .map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}

/// The legend of the time plot.
fn key(area: &Area<'_>, spans: bool, threshold: Option<f32>) -> Result<(), PlotError> {
    let mut entries = vec![
        (BLUE, 1, "log-density".to_string()),
        (ORANGE, 5, "alarm".into()),
    ];
    if spans {
        entries.push((SHADE, 5, "known fault".into()));
    }
    if let Some(threshold) = threshold.filter(|value| value.is_finite()) {
        entries.push((DARK, 1, format!("threshold {threshold:.2}")));
    }
    let style = (FONT, 14)
        .into_font()
        .color(&DARK)
        .pos(Pos::new(HPos::Left, VPos::Center));
    for ((color, half_height, name), y) in entries.into_iter().zip((56..).step_by(22)) {
        let sample = [(0, y - half_height), (18, y + half_height)];
        area.draw(&Rectangle::new(sample, color.filled()))
            .map_err(|error| fail(&error))?;
        area.draw(&Text::new(name, (26, y), style.clone()))
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

/// What each span is, written upwards from below the top edge so that narrow spans keep apart.
fn words(spans: &[Span], top: f64) -> Vec<Text<'static, (f64, f64), String>> {
    let style = (FONT, 13)
        .into_font()
        .transform(FontTransform::Rotate90)
        .color(&DARK)
        .pos(Pos::new(HPos::Left, VPos::Center));
    let word = |span: &Span| {
        let middle = (span.rows.start + span.rows.end) as f64 / 2.0;
        Text::new(span.label.clone(), (middle, top), style.clone())
    };
    spans
        .iter()
        .filter(|span| !span.label.is_empty())
        .map(word)
        .collect()
}

/// The curve. With many more rows than pixels, the smallest and largest of each group of rows in
/// their order: no dip is lost, and the file stays small.
fn trace(log_prob: &[f32], low: f64) -> [PathElement<(f64, f64)>; 1] {
    let clipped = |row: usize| {
        let value = f64::from(log_prob[row]);
        (row as f64, if value > low { value } else { low })
    };
    let group = (log_prob.len() / 2000).max(1);
    let mut points = Vec::new();
    for start in (0..log_prob.len()).step_by(group) {
        let rows = start..(start + group).min(log_prob.len());
        let by_value = |a: &usize, b: &usize| clipped(*a).1.total_cmp(&clipped(*b).1);
        let lowest = rows.clone().min_by(by_value).unwrap_or(start);
        let highest = rows.max_by(by_value).unwrap_or(start);
        points.push(clipped(lowest.min(highest)));
        if lowest != highest {
            points.push(clipped(lowest.max(highest)));
        }
    }
    [PathElement::new(points, BLUE.stroke_width(1))]
}

/// Runs of true.
fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (row, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_alarms() {
        assert_eq!(runs(&[true, true, false, true]), [0..2, 3..4]);
        assert!(runs(&[]).is_empty());
    }
}
