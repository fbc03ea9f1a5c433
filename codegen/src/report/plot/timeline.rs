//! The log-density row by row, beside known faults and the alarms.
//!
//! The curve is an SVG of its own within the picture: another part of it is shown by its `viewBox`, which is all that a page
//! needs to look closer.

#![allow(clippy::cast_possible_wrap, reason = "pixels of a picture are few")]

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{
    Axes, BOTTOM, KEYS, LEFT, Look, MARGIN, WORDS, keys, number, width_of, words_style,
};
use super::{BLUE, DARK, GREEN, ORANGE, PlotError, SHADE, draw, fail};
use crate::findings::{Marks, Timeline};

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 380;
/// Lines for the names of faults, above the curve.
const LANES: usize = 2;
const LANE: u32 = WORDS + 4;
/// Pixels of the curve within which two ends are one.
const TOLD_APART: i32 = 10;
/// Height of the strip of alarms, above the curve.
const STRIP: u32 = 16;
/// The curve is drawn so much wider than it is shown: places are whole pixels, and it is looked at closely.
const WIDER: u32 = 20;

/// A unit for the time of a record, and how many rows there are in one.
#[must_use]
pub fn time_unit(rows: usize, rate: Option<f64>) -> (&'static str, f64) {
    let Some(rate) = rate.filter(|rate| *rate > 0.0) else {
        return ("row", 1.0);
    };
    let seconds = rows as f64 / rate;
    let units = [
        ("time, days", 86_400.0),
        ("time, hours", 3_600.0),
        ("time, minutes", 60.0),
        ("time, s", 1.0),
    ];
    let (name, length) = units
        .into_iter()
        .find(|(_, length)| seconds >= 3.0 * length)
        .unwrap_or(units[3]);
    (name, length * rate)
}

/// The log-density row by row, the spans of known faults shaded with their names above, the alarms in a strip between. Values
/// far below, and `-inf`, are drawn at the lower edge.
///
/// # Errors
/// When plotters cannot draw it.
pub fn density_over_time(
    timeline: &Timeline,
    marks: &Marks,
    threshold: Option<f32>,
) -> Result<String, PlotError> {
    let (unit, rows_in_unit) = time_unit(timeline.rows, timeline.rate);
    let (low, high) = (timeline.low, timeline.high);
    let y_step = (high - low) / 6.0;
    let y_axis = if timeline.below > 0 {
        format!(
            "log-density, nats (at the edge: below {})",
            number(low, y_step)
        )
    } else {
        "log-density, nats".into()
    };
    let limit = threshold
        .map(f64::from)
        .filter(|at| (low..high).contains(at));
    let mut entries = vec![(Look::Line, BLUE, "log-density".to_owned())];
    if let Some(at) = limit {
        entries.push((
            Look::Line,
            DARK,
            format!("threshold {}", number(at, y_step / 10.0)),
        ));
    }
    if !marks.faults.is_empty() {
        entries.push((Look::Area, GREEN, "labelled anomalous".into()));
    }
    entries.push((
        Look::Area,
        ORANGE,
        "alarm on (strip above the curve)".into(),
    ));
    let names = if marks.faults.iter().any(|(_, name)| !name.is_empty()) {
        LANES as u32 * LANE
    } else {
        0
    };
    let end = timeline.rows.max(1) as f64 / rows_in_unit;
    let place = Place {
        left: LEFT + MARGIN,
        top: KEYS + names + MARGIN,
        width: WIDTH - LEFT - 3 * MARGIN,
        height: HEIGHT - KEYS - BOTTOM - 2 * MARGIN + STRIP,
    };
    let frame = draw((WIDTH, HEIGHT + names + STRIP), |area| {
        let (above, rest) = area.split_vertically(KEYS);
        keys(&above, &entries)?;
        let (_, rest) = rest.split_vertically(names + STRIP);
        let axes = Axes {
            x: unit,
            y: &y_axis,
            x_ticks: 10,
            y_ticks: 6,
            x_lines: false,
        };
        super::axes::chart(&rest, 0.0..end, low..high, &axes)?;
        write_names(area, marks, timeline.rows, &place)
    })?;
    let curve = draw((WIDER * place.width, place.height), |area| {
        curve(area, timeline, marks, limit)
    })?;
    Ok(merged(&frame, &curve, &place, timeline.rows, rows_in_unit))
}

/// Where the curve is in the picture.
struct Place {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// The curve, with what is marked beside it, over the whole area.
fn curve(
    area: &super::Area<'_>,
    timeline: &Timeline,
    marks: &Marks,
    limit: Option<f64>,
) -> Result<(), PlotError> {
    let (width, height) = area.dim_in_pixel();
    let (low, high) = (timeline.low, timeline.high);
    let x = |row: usize| (row as f64 / timeline.rows.max(1) as f64 * f64::from(width)) as i32;
    let y = |value: f64| {
        let share = (high - value.clamp(low, high)) / (high - low);
        STRIP as i32 + (share * f64::from(height - STRIP)) as i32
    };
    let edge = STRIP as i32;
    // What ends where the one before it does cannot be told from it: the curve is many times as wide as what is seen of it.
    let (mut fault_end, mut alarm_end) = (-1, -1);
    for (rows, _) in &marks.faults {
        if x(rows.end) / TOLD_APART <= fault_end {
            continue;
        }
        fault_end = x(rows.end) / TOLD_APART;
        let corners = [(x(rows.start), edge), (x(rows.end), height as i32)];
        area.draw(&Rectangle::new(corners, SHADE.filled()))
            .map_err(|error| fail(&error))?;
        let bar = [(x(rows.start), edge), (x(rows.end), edge + 5)];
        area.draw(&Rectangle::new(bar, GREEN.filled()))
            .map_err(|error| fail(&error))?;
        // One of a few rows in a long record is no wider than this.
        let line = [(x(rows.start), edge), (x(rows.start), edge + 5)];
        area.draw(&PathElement::new(line, GREEN.stroke_width(2)))
            .map_err(|error| fail(&error))?;
    }
    let points: Vec<(i32, i32)> = (timeline.curve.iter())
        .map(|dot| {
            let value = f64::from(dot.log_prob);
            (x(dot.at), y(if value.is_nan() { low } else { value }))
        })
        .collect();
    area.draw(&PathElement::new(points, BLUE.stroke_width(1)))
        .map_err(|error| fail(&error))?;
    if let Some(at) = limit {
        let line = [(0, y(at)), (width as i32, y(at))];
        area.draw(&PathElement::new(line, DARK.stroke_width(2)))
            .map_err(|error| fail(&error))?;
    }
    for rows in &marks.alarms {
        if x(rows.end) / TOLD_APART <= alarm_end {
            continue;
        }
        alarm_end = x(rows.end) / TOLD_APART;
        // A line beside the area, so that an alarm of one row is seen.
        let corners = [(x(rows.start), 0), (x(rows.end), edge - 3)];
        area.draw(&Rectangle::new(corners, ORANGE.filled()))
            .map_err(|error| fail(&error))?;
        let line = [(x(rows.start), 0), (x(rows.start), edge - 3)];
        area.draw(&PathElement::new(line, ORANGE.stroke_width(2)))
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

/// The names of faults above the curve, each where it does not touch another one; a table tells the others.
fn write_names(
    area: &super::Area<'_>,
    marks: &Marks,
    rows: usize,
    place: &Place,
) -> Result<(), PlotError> {
    let style = words_style().pos(Pos::new(HPos::Left, VPos::Top));
    let mut free = [0; LANES];
    for (span, name) in &marks.faults {
        let from = place.left as i32
            + (span.start as f64 / rows.max(1) as f64 * f64::from(place.width)) as i32;
        // Near the right edge a name begins before its fault.
        let from = from.min(WIDTH as i32 - width_of(name));
        let lane = (0..LANES).rev().find(|lane| free[*lane] <= from);
        if let Some(lane) = lane {
            free[lane] = from + width_of(name) + 8;
            let y = (KEYS + MARGIN) as i32 + lane as i32 * LANE as i32 - 4;
            area.draw(&Text::new(name.clone(), (from, y), style.clone()))
                .map_err(|error| fail(&error))?;
        }
    }
    Ok(())
}

/// The curve put into the frame.
fn merged(frame: &str, curve: &str, place: &Place, rows: usize, rows_in_unit: f64) -> String {
    let inner = curve.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.trim_end().trim_end_matches("</svg>");
    // The page behind the curve, which the first rectangle paints, is that of the frame.
    let inner = inner.split_once("/>").map_or(inner, |(_, rest)| rest);
    let Place {
        left,
        top,
        width,
        height,
    } = place;
    let window = format!(
        "<style>.curve *{{vector-effect:non-scaling-stroke}}</style>\n<svg class=\"curve\" x=\"{left}\" y=\"{top}\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {height}\" preserveAspectRatio=\"none\" \
         data-rows=\"{rows}\" data-unit=\"{rows_in_unit}\">\n{inner}</svg>\n</svg>\n",
        WIDER * width
    );
    format!("{}{window}", frame.trim_end().trim_end_matches("</svg>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(log_probs: &[f32], marks: &Marks) -> String {
        let timeline = Timeline::of(log_probs, None, Some(-14.0), Some(1.0));
        density_over_time(&timeline, marks, Some(-14.0)).unwrap()
    }

    #[test]
    fn far_values_stay_on_the_page_and_names_off_the_curve() {
        let mut log_probs: Vec<f32> = (0..500).map(|i| -5.0 - (i % 7) as f32).collect();
        log_probs.extend([f32::NEG_INFINITY, -1e30]);
        let marks = Marks {
            faults: vec![
                (495..502, "leak".into()),
                (496..502, "stuck".into()),
                (497..502, "third".into()),
            ],
            alarms: vec![500..502, 501..501],
        };
        let svg = drawn(&log_probs, &marks);
        assert!(svg.contains("at the edge: below -"), "{svg}");
        assert!(svg.contains("leak") && svg.contains("stuck"));
        // There is no room for a third name: none is written over another one.
        assert!(!svg.contains("third"));
        assert!(!svg.contains("NaN") && !svg.contains("inf,"));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn nothing_and_one_value_are_drawn() {
        for log_probs in [&[][..], &[-3.0], &[f32::NEG_INFINITY; 3]] {
            drawn(log_probs, &Marks::default());
        }
    }

    #[test]
    fn times_have_a_unit_that_fits() {
        assert_eq!(time_unit(1_000, None), ("row", 1.0));
        assert_eq!(time_unit(100, Some(1.0)), ("time, s", 1.0));
        assert_eq!(time_unit(30_000, Some(1.0)), ("time, hours", 3_600.0));
        assert_eq!(time_unit(6_000, Some(0.1)), ("time, hours", 360.0));
    }
}
