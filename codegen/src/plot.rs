//! Pictures of an evaluation, as SVG: readable in any browser, drawn without system fonts.
//!
//! Colours are those of Okabe and Ito, told apart with any colour vision.
//!
//! ```
//! use nvpico_codegen::plot::density_histogram;
//!
//! let log_prob = [-1.0, -1.5, -2.0, f32::NEG_INFINITY];
//! let svg = density_histogram(&log_prob, &[false, false, false, true], Some(-5.0))?;
//! assert!(svg.starts_with("<svg"));
//! assert!(svg.contains("log-density, nats"));
//! # Ok::<(), nvpico_codegen::plot::PlotError>(())
//! ```

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub struct PlotError(String);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (960, 420);
const FONT: &str = "sans-serif";
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const DARK: RGBColor = RGBColor(60, 60, 60);
const PALE: RGBColor = RGBColor(228, 228, 228);
/// Pixels to the right of the time plot.
const LEGEND: u32 = 190;
/// Bars of a histogram.
const BINS: usize = 80;

/// A span of rows to shade, as in `120..360, "leak"`.
#[derive(Clone, Debug)]
pub struct Span {
    /// First row and the one after the last.
    pub rows: Range<usize>,
    /// What it is; empty for no words.
    pub label: String,
}

fn fail(error: impl ToString) -> PlotError {
    PlotError(error.to_string())
}

/// Draws on a white page and gives the SVG.
fn draw(
    size: (u32, u32),
    picture: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(fail)?;
        picture(&area)?;
        area.present().map_err(fail)?;
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

/// A histogram of the log-densities of normal and of anomalous rows, each as a share of its kind,
/// with the threshold as a line. Values below the range shown, `-inf` with them, are in the bar at
/// the left edge, and the axis says how many.
///
/// # Errors
/// When plotters cannot draw it.
///
/// # Panics
/// When there are not as many labels as log-densities.
pub fn density_histogram(
    log_prob: &[f32],
    anomalous: &[bool],
    threshold: Option<f32>,
) -> Result<String, PlotError> {
    assert_eq!(
        log_prob.len(),
        anomalous.len(),
        "a label for each log-density"
    );
    let (low, high) = window(log_prob, |row| !anomalous[row], threshold);
    let width = (high - low) / BINS as f64;
    let mut counts = [[0usize; BINS]; 2];
    let mut below = 0;
    for (value, label) in log_prob.iter().zip(anomalous) {
        // Not-a-number, which no model gives, would be put with -inf.
        let place = (f64::from(*value) - low) / width;
        below += usize::from(place.is_nan() || place < 0.0);
        counts[usize::from(*label)][(place.max(0.0) as usize).min(BINS - 1)] += 1;
    }
    let totals = counts.map(|bars| bars.iter().sum::<usize>());
    let share =
        |kind: usize, bin: usize| 100.0 * counts[kind][bin] as f64 / totals[kind].max(1) as f64;
    let top = (0..BINS)
        .flat_map(|bin| [share(0, bin), share(1, bin)])
        .fold(0.0, f64::max)
        .max(1.0);
    let axis = if below > 0 {
        format!(
            "log-density, nats ({below} rows lie below {low:.0}, or at -inf: in the leftmost bar)"
        )
    } else {
        "log-density, nats".into()
    };
    draw(SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(
                "Log-density of normal and anomalous rows",
                (FONT, 20).into_font().color(&DARK),
            )
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(62)
            .build_cartesian_2d(low..high, 0.0..top * 1.08)
            .map_err(fail)?;
        let places = digits(low, high);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(DARK)
            .label_style((FONT, 14).into_font().color(&DARK))
            .axis_desc_style((FONT, 15).into_font().color(&DARK))
            .x_desc(axis)
            .y_desc("share of rows, %")
            .x_label_formatter(&|value| format!("{value:.places$}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .draw()
            .map_err(fail)?;
        for (kind, color, name) in [(0, BLUE, "normal"), (1, ORANGE, "anomalous")] {
            if totals[kind] == 0 {
                continue;
            }
            let bars = (0..BINS).filter(|bin| counts[kind][*bin] > 0).map(|bin| {
                let left = low + bin as f64 * width;
                Rectangle::new(
                    [(left, 0.0), (left + width, share(kind, bin))],
                    color.mix(0.55).filled(),
                )
            });
            chart
                .draw_series(bars)
                .map_err(fail)?
                .label(format!("{name} ({} rows)", totals[kind]))
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 6), (x + 18, y + 6)], color.mix(0.55).filled())
                });
        }
        if let Some(threshold) = threshold.filter(|value| value.is_finite()) {
            let at = f64::from(threshold);
            chart
                .draw_series([PathElement::new(
                    [(at, 0.0), (at, top * 1.08)],
                    DARK.stroke_width(2),
                )])
                .map_err(fail)?
                .label(format!("threshold {threshold:.2}"))
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.stroke_width(2)));
        }
        legend(&mut chart, SeriesLabelPosition::UpperMiddle)
    })
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
        .map_err(fail)
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
        let mut chart = ChartBuilder::on(area)
            .caption("Log-density over time", (FONT, 20).into_font().color(&DARK))
            .margin(14)
            // The legend stands here: inside it would hide a fault or the strip of alarms.
            .margin_right(LEGEND)
            .x_label_area_size(48)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..log_prob.len().max(1) as f64, bottom..top)
            .map_err(fail)?;
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
            .map_err(fail)?;
        if !spans.is_empty() {
            let shade = spans.iter().map(|span| {
                let corners = [
                    (span.rows.start as f64, bottom),
                    (span.rows.end as f64, top),
                ];
                Rectangle::new(corners, ORANGE.mix(0.16).filled())
            });
            chart
                .draw_series(shade)
                .map_err(fail)?
                .label("known fault")
                .legend(|(x, y)| {
                    Rectangle::new([(x, y - 6), (x + 18, y + 6)], ORANGE.mix(0.25).filled())
                });
            chart.draw_series(words(spans, top)).map_err(fail)?;
        }
        chart
            .draw_series(trace(log_prob, low))
            .map_err(fail)?
            .label("log-density")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE));
        let ticks = runs(alarms).into_iter().map(|run| {
            let corners = [(run.start as f64, bottom), (run.end as f64, strip)];
            Rectangle::new(corners, ORANGE.filled())
        });
        chart
            .draw_series(ticks)
            .map_err(fail)?
            .label("alarm (strip below)")
            .legend(|(x, y)| Rectangle::new([(x, y - 6), (x + 18, y + 6)], ORANGE.filled()));
        if let Some(threshold) = threshold.filter(|value| value.is_finite()) {
            let line = [
                (0.0, f64::from(threshold)),
                (log_prob.len() as f64, f64::from(threshold)),
            ];
            chart
                .draw_series([PathElement::new(line, DARK.stroke_width(2))])
                .map_err(fail)?
                .label(format!("threshold {threshold:.2}"))
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.stroke_width(2)));
        }
        let right = chart.plotting_area().dim_in_pixel().0 as i32 + 8;
        legend(&mut chart, SeriesLabelPosition::Coordinate(right, 40))
    })
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
            .map_err(fail)?;
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
            .map_err(fail)?;
        chart
            .draw_series(DashedLineSeries::new(
                [(0.0, 0.0), (100.0, 100.0)],
                6,
                5,
                DARK.mix(0.6).stroke_width(1),
            ))
            .map_err(fail)?
            .label("chance")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.mix(0.4)));
        for (index, (name, curve)) in curves.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let points: Vec<(f64, f64)> = thinned(curve);
            chart
                .draw_series([PathElement::new(points, color.stroke_width(2))])
                .map_err(fail)?
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
        assert_eq!(runs(&[true, true, false, true]), [0..2, 3..4]);
    }
}
