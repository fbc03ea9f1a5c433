//! Features against each other: rows of the data beside rows drawn from the model.

#![allow(clippy::cast_possible_wrap, reason = "pixels of a picture are few")]

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{KEYS, Key, Look, keys, number, width_of, words_style};
use super::{Area, BLUE, ORANGE, PALE, PlotError, draw, fail};
use crate::findings::Pairs;

/// Side of a plot of two features, and the room for names and numbers beside them.
const SIDE: u32 = 150;
const NAMES: u32 = 112;
const NUMBERS: u32 = 40;
const GAP: u32 = 8;
/// Share of the rows of the data at either end that may lie outside.
const BEYOND: f64 = 0.005;

/// Every two features against each other, without those above the diagonal, which would be the same.
///
/// # Errors
/// When plotters cannot draw it.
pub fn pair_plots(pairs: &Pairs) -> Result<String, PlotError> {
    let count = pairs.columns.len() as u32;
    let side = (count.saturating_sub(1)).max(1) * (SIDE + GAP);
    let size = (NAMES + side + GAP, KEYS + side + NUMBERS);
    let mut entries: Vec<Key> = vec![(Look::Dot, BLUE, format!("data, {} rows", pairs.data.len()))];
    if !pairs.drawn.is_empty() {
        entries.push((
            Look::Cross,
            ORANGE,
            format!("drawn from the model, {} rows", pairs.drawn.len()),
        ));
    }
    let ranges: Vec<(f64, f64)> = (0..pairs.columns.len())
        .map(|at| range(pairs, at))
        .collect();
    draw((size.0.max(560), size.1), |area| {
        let (above, _) = area.split_vertically(KEYS);
        keys(&above, &entries)?;
        for y in 1..pairs.columns.len() {
            for x in 0..y {
                let corner = (
                    NAMES + x as u32 * (SIDE + GAP),
                    KEYS + (y as u32 - 1) * (SIDE + GAP),
                );
                let place = area.clone().shrink(corner, (SIDE, SIDE));
                plot(&place, pairs, (x, y), &ranges)?;
            }
        }
        names(area, pairs, &ranges)
    })
}

/// All values of the data but a few at either end, and some room.
fn range(pairs: &Pairs, at: usize) -> (f64, f64) {
    let mut values: Vec<f64> = pairs.data.iter().map(|row| f64::from(row[at])).collect();
    values.sort_by(f64::total_cmp);
    let skip = (BEYOND * values.len() as f64) as usize;
    let (Some(low), Some(high)) = (values.get(skip), values.iter().rev().nth(skip)) else {
        return (-1.0, 1.0);
    };
    let room = (0.12 * (high - low)).max(1e-6 * low.abs().max(1e-6));
    (low - room, high + room)
}

fn plot(
    area: &Area<'_>,
    pairs: &Pairs,
    (x, y): (usize, usize),
    ranges: &[(f64, f64)],
) -> Result<(), PlotError> {
    let frame = Rectangle::new(
        [(0, 0), (SIDE as i32 - 1, SIDE as i32 - 1)],
        PALE.stroke_width(1),
    );
    area.draw(&frame).map_err(|error| fail(&error))?;
    let pixel = |value: f32, (low, high): (f64, f64)| {
        let share = (f64::from(value) - low) / (high - low);
        // What lies outside is drawn at the edge.
        (share.clamp(0.0, 1.0) * f64::from(SIDE - 6)) as i32 + 3
    };
    let place = |row: &Vec<f32>| {
        (
            pixel(row[x], ranges[x]),
            SIDE as i32 - pixel(row[y], ranges[y]),
        )
    };
    for row in &pairs.data {
        area.draw(&plotters::element::Circle::new(
            place(row),
            2,
            BLUE.mix(0.6).filled(),
        ))
        .map_err(|error| fail(&error))?;
    }
    for row in &pairs.drawn {
        area.draw(&Cross::new(place(row), 2, ORANGE.stroke_width(1)))
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

/// Names and ends of the axes, at the left and below.
fn names(area: &Area<'_>, pairs: &Pairs, ranges: &[(f64, f64)]) -> Result<(), PlotError> {
    let write = |text: String, at: (i32, i32), h: HPos, v: VPos| {
        let style = words_style().pos(Pos::new(h, v));
        area.draw(&Text::new(text, at, style))
            .map_err(|error| fail(&error))
    };
    let last = pairs.columns.len() - 1;
    for (at, name) in pairs.columns.iter().enumerate() {
        let (low, high) = ranges[at];
        let ends = [low, high].map(|value| number(value, (high - low) / 4.0));
        if at > 0 {
            let top = (KEYS + (at as u32 - 1) * (SIDE + GAP)) as i32;
            let right = NAMES as i32 - 6;
            write(
                shortened(name, NAMES),
                (right, top + SIDE as i32 / 2),
                HPos::Right,
                VPos::Center,
            )?;
            write(ends[1].clone(), (right, top + 2), HPos::Right, VPos::Top)?;
            write(
                ends[0].clone(),
                (right, top + SIDE as i32 - 2),
                HPos::Right,
                VPos::Bottom,
            )?;
        }
        if at < last {
            let left = (NAMES + at as u32 * (SIDE + GAP)) as i32;
            let below = (KEYS + last as u32 * (SIDE + GAP)) as i32;
            write(ends[0].clone(), (left, below), HPos::Left, VPos::Top)?;
            write(
                ends[1].clone(),
                (left + SIDE as i32, below),
                HPos::Right,
                VPos::Top,
            )?;
            let middle = left + SIDE as i32 / 2;
            write(
                shortened(name, SIDE),
                (middle, below + 18),
                HPos::Center,
                VPos::Top,
            )?;
        }
    }
    Ok(())
}

/// A name that fits: its beginning and its end tell most names apart.
fn shortened(name: &str, room: u32) -> String {
    if width_of(name) <= room as i32 - 8 {
        return name.to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let most = ((room as i32 - 8) / width_of("x")).max(5) as usize;
    let half = most.saturating_sub(1) / 2;
    let (head, tail) = (&letters[..half], &letters[letters.len() - half..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_features_that_are_constant_and_far_rows_are_drawn() {
        let rows = vec![vec![1.0, 2.0], vec![1.0, 1e30], vec![1.0, -3.0]];
        let pairs = Pairs {
            columns: vec!["temperature_of_the_bearing".into(), "b".into()],
            of: 7,
            temperature: Some(1.0),
            not_drawn: None,
            data: rows.clone(),
            drawn: rows,
        };
        let svg = pair_plots(&pairs).unwrap();
        assert!(svg.contains('…') && !svg.contains("NaN"), "{svg}");
    }
}
