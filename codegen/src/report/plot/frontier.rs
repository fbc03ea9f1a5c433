//! What a budget buys: the log-density of models against what they cost.
//!
//! ```
//! use nvpico_codegen::report::plot::{Point, frontier};
//!
//! let point = |cost, gain| Point { cost, gain, group: "i8".into(), chosen: cost > 2.0 };
//! let svg = frontier("flash, kB", &[point(1.0, -3.0), point(4.0, -2.0)])?;
//! assert!(svg.contains("held-out log-density"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;

use super::{BLUE, DARK, FONT, ORANGE, PALE, PlotError, draw, fail, legend};

/// A model that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it costs.
    pub cost: f64,
    /// Its log-density, in nats.
    pub gain: f64,
    /// What it is one of, by colour.
    pub group: String,
    /// Whether it was taken.
    pub chosen: bool,
}

/// Points by group, the line that none of them beats, and a ring around the one that was taken.
///
/// # Errors
/// When plotters cannot draw it.
pub fn frontier(cost: &str, points: &[Point]) -> Result<String, PlotError> {
    const COLORS: [RGBColor; 3] = [BLUE, ORANGE, RGBColor(0, 158, 115)];
    let finite = |value: &Point| value.cost.is_finite() && value.gain.is_finite();
    let points: Vec<&Point> = points.iter().filter(|point| finite(point)).collect();
    let span = |of: &dyn Fn(&Point) -> f64| {
        let low = points.iter().map(|p| of(p)).fold(f64::INFINITY, f64::min);
        let high = points
            .iter()
            .map(|p| of(p))
            .fold(f64::NEG_INFINITY, f64::max);
        if low <= high {
            let room = 0.06 * (high - low).max(1e-3);
            low - room..high + room
        } else {
            0.0..1.0
        }
    };
    draw((760, 480), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("What was tried", (FONT, 20).into_font().color(&DARK))
            .margin(14)
            .margin_right(24)
            .x_label_area_size(48)
            .y_label_area_size(70)
            .build_cartesian_2d(span(&|p| p.cost), span(&|p| p.gain))
            .map_err(|error| fail(&error))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(DARK)
            .label_style((FONT, 14).into_font().color(&DARK))
            .axis_desc_style((FONT, 15).into_font().color(&DARK))
            .x_desc(cost)
            .y_desc("held-out log-density, nats")
            .draw()
            .map_err(|error| fail(&error))?;
        chart
            .draw_series([PathElement::new(
                unbeaten(&points),
                DARK.mix(0.6).stroke_width(1),
            )])
            .map_err(|error| fail(&error))?
            .label("none better for less")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], DARK.mix(0.6)));
        let mut groups: Vec<&str> = points.iter().map(|p| p.group.as_str()).collect();
        groups.dedup();
        groups.sort_unstable();
        groups.dedup();
        for (index, group) in groups.into_iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let own = points.iter().filter(|p| p.group == group);
            chart
                .draw_series(own.map(|p| Circle::new((p.cost, p.gain), 4, color.filled())))
                .map_err(|error| fail(&error))?
                .label(group)
                .legend(move |(x, y)| Circle::new((x + 9, y), 4, color.filled()));
        }
        let chosen = points.iter().filter(|p| p.chosen);
        chart
            .draw_series(chosen.map(|p| Circle::new((p.cost, p.gain), 9, DARK.stroke_width(2))))
            .map_err(|error| fail(&error))?
            .label("taken")
            .legend(|(x, y)| Circle::new((x + 9, y), 6, DARK.stroke_width(2)));
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    })
}

/// The points that none beats for less, as stairs.
fn unbeaten(points: &[&Point]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(b.gain.total_cmp(&a.gain)));
    let mut stairs: Vec<(f64, f64)> = Vec::new();
    for point in sorted {
        let best = stairs.last().map_or(f64::NEG_INFINITY, |last| last.1);
        if point.gain > best {
            if best.is_finite() {
                stairs.push((point.cost, best));
            }
            stairs.push((point.cost, point.gain));
        }
    }
    stairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(cost: f64, gain: f64) -> Point {
        Point {
            cost,
            gain,
            group: "f32".into(),
            chosen: false,
        }
    }

    #[test]
    fn stairs_rise() {
        let all = [point(3.0, 1.0), point(1.0, 0.0), point(2.0, -1.0)];
        let stairs = unbeaten(&all.iter().collect::<Vec<_>>());
        assert_eq!(stairs, [(1.0, 0.0), (3.0, 0.0), (3.0, 1.0)]);
    }

    #[test]
    fn nothing_and_one_point_are_drawn() {
        frontier("cycles", &[]).unwrap();
        frontier("cycles", &[point(1.0, 2.0)]).unwrap();
        frontier("cycles", &[point(1.0, f64::NAN)]).unwrap();
    }
}
