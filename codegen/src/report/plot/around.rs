//! The readings of a column around an event, and what they should have been.

use plotters::prelude::*;

use super::axes::{Axes, KEYS, Look, chart, keys};
use super::timeline::time_unit;
use super::{ALARM_SHADE, BLUE, DARK, ORANGE, PlotError, draw, fail};
use crate::findings::{Around, Event};

const SIZE: (u32, u32) = (480, 250);

/// The readings of a column around the worst row of an event: the event shaded, the range that was seen between dashed lines, and
/// what each reading to blame should have been.
///
/// # Errors
/// When plotters cannot draw it.
pub fn readings_around(
    event: &Event,
    around: &Around,
    rows: usize,
    rate: Option<f64>,
) -> Result<String, PlotError> {
    let (unit, rows_in_unit) = time_unit(rows, rate);
    let values = around
        .readings
        .iter()
        .flat_map(|own| own.value.into_iter().chain(own.normal));
    let finite = values.map(f64::from).filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let room = (0.12 * (high - low)).max(1e-3 * low.abs()).max(1e-9);
    let (low, high) = (low - room, high + room);
    // Rows have their numbers, as in tables; time begins at 0.
    let number = if rate.is_some() {
        0.0
    } else {
        event.row as f64 - event.worst as f64
    };
    let x = |row: usize| (row as f64 + number) / rows_in_unit;
    let first = around.readings.first().map_or(0, |own| own.at);
    let last = around.readings.last().map_or(1, |own| own.at);
    draw(SIZE, |area| {
        let (above, rest) = area.split_vertically(KEYS);
        let entries = [
            (Look::Line, BLUE, "read".to_owned()),
            (Look::Cross, ORANGE, "should be".into()),
            (Look::Dashes, DARK, "range seen".into()),
            (Look::Area, ORANGE, "alarm".into()),
        ];
        keys(&above, &entries)?;
        let axes = Axes {
            x: unit,
            y: &around.column,
            x_ticks: 5,
            y_ticks: 5,
            x_lines: false,
        };
        let ends = x(first)..x(last.max(first + 1));
        let mut chart = chart(&rest, ends.clone(), low..high, &axes)?;
        let (from, to) = (x(event.from).max(ends.start), x(event.to).min(ends.end));
        let shade = Rectangle::new([(from, low), (to, high)], ALARM_SHADE.filled());
        chart.draw_series([shade]).map_err(|error| fail(&error))?;
        for end in around.seen.into_iter().flatten().map(f64::from) {
            if (low..high).contains(&end) {
                let line = [(ends.start, end), (ends.end, end)];
                chart
                    .draw_series(DashedLineSeries::new(line, 6, 5, DARK.stroke_width(1)))
                    .map_err(|error| fail(&error))?;
            }
        }
        // A reading that is no number is a gap.
        for stretch in around
            .readings
            .chunk_by(|a, b| a.value.is_some() && b.value.is_some())
        {
            let points = stretch
                .iter()
                .filter_map(|own| Some((x(own.at), f64::from(own.value?))));
            let line = PathElement::new(points.collect::<Vec<_>>(), BLUE.stroke_width(2));
            chart.draw_series([line]).map_err(|error| fail(&error))?;
        }
        let normal = around.readings.iter().filter_map(|own| {
            let at = (x(own.at), f64::from(own.normal?));
            Some(Cross::new(at, 3, ORANGE.stroke_width(2)))
        });
        chart.draw_series(normal).map_err(|error| fail(&error))?;
        let worst = around.readings.iter().find(|own| own.at == event.worst);
        if let Some(value) = worst.and_then(|own| own.value) {
            let circle = Circle::new((x(event.worst), f64::from(value)), 5, DARK.stroke_width(2));
            chart.draw_series([circle]).map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}
