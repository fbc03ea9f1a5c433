//! How the log-densities of normal and of anomalous rows are spread.
//!
//! ```
//! use nvpico_codegen::report::plot::density_histogram;
//!
//! let svg = density_histogram(&[-1.0, -9.0], &[false, true], Some(-4.0))?;
//! assert!(svg.contains("threshold -4.00"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;

use super::{BLUE, DARK, FONT, ORANGE, PALE, PlotError, SIZE, digits, draw, fail, legend, window};

/// Bars of a histogram.
const BINS: usize = 80;

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
        counts[usize::from(*label)][bin_of(place)] += 1;
    }
    let totals = counts.map(|bars| bars.iter().sum::<usize>());
    let share =
        |kind: usize, bin: usize| 100.0 * counts[kind][bin] as f64 / totals[kind].max(1) as f64;
    let tallest = |bins: std::ops::Range<usize>| {
        let shares = bins.flat_map(|bin| [share(0, bin), share(1, bin)]);
        shares.fold(0.0, f64::max).max(1.0)
    };
    // A leftmost bar that towers above the others, with all that lies far below, would make them too small to see.
    let (whole, others) = (tallest(0..BINS), tallest(1..BINS));
    let is_cut = whole > 2.0 * others;
    let top = 1.08 * if is_cut { 1.5 * others } else { whole };
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
            .build_cartesian_2d(low..high, 0.0..top)
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
            .x_desc(axis)
            .y_desc("share of rows, %")
            .x_label_formatter(&|value| format!("{value:.places$}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .draw()
            .map_err(|error| fail(&error))?;
        for (kind, color, name) in [(0, BLUE, "normal"), (1, ORANGE, "anomalous")] {
            if totals[kind] == 0 {
                continue;
            }
            let bars = (0..BINS).filter(|bin| counts[kind][*bin] > 0).map(|bin| {
                let left = low + bin as f64 * width;
                Rectangle::new(
                    [(left, 0.0), (left + width, share(kind, bin).min(top))],
                    color.mix(0.55).filled(),
                )
            });
            chart
                .draw_series(bars)
                .map_err(|error| fail(&error))?
                .label(format!("{name} ({} rows)", totals[kind]))
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 6), (x + 18, y + 6)], color.mix(0.55).filled())
                });
        }
        if let Some(threshold) = threshold.filter(|value| value.is_finite()) {
            let at = f64::from(threshold);
            chart
                .draw_series([PathElement::new(
                    [(at, 0.0), (at, top)],
                    DARK.stroke_width(2),
                )])
                .map_err(|error| fail(&error))?
                .label(format!("threshold {threshold:.2}"))
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.stroke_width(2)));
        }
        if is_cut {
            let text = format!("{whole:.0} %, cut off");
            let font = (FONT, 14).into_font().color(&DARK);
            let place = (low + 1.5 * width, 0.98 * top);
            chart
                .draw_series([Text::new(text, place, font)])
                .map_err(|error| fail(&error))?;
        }
        legend(&mut chart, SeriesLabelPosition::UpperMiddle)
    })
}

/// The bar of a place on the axis, in bars from the left edge.
#[allow(
    clippy::cast_sign_loss,
    reason = "negative places are put to the left edge first"
)]
fn bin_of(place: f64) -> usize {
    (place.max(0.0) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_above_all_others_is_cut_and_says_so() {
        let normal = (0..400).map(|i| -5.0 - (i % 40) as f32);
        let log_prob: Vec<f32> = normal.chain([f32::NEG_INFINITY; 100]).collect();
        let anomalous: Vec<bool> = log_prob.iter().map(|l| l.is_infinite()).collect();
        let svg = density_histogram(&log_prob, &anomalous, None).unwrap();
        assert!(svg.contains("100 %, cut off"), "{svg}");
        let svg = density_histogram(&log_prob[..400], &anomalous[..400], None).unwrap();
        assert!(!svg.contains("cut off"));
    }

    #[test]
    fn every_value_has_a_bar() {
        let bars = [
            -3.0,
            0.0,
            1.9,
            1e9,
            f64::NEG_INFINITY,
            f64::INFINITY,
            f64::NAN,
        ]
        .map(bin_of);
        assert_eq!(bars, [0, 0, 1, BINS - 1, 0, BINS - 1, 0]);
    }
}
