//! Rows that are maps, looked at: a sheet with a tile for each, in titled groups.
//!
//! One channel is shown in colours of a scale, three channels as red, green and blue, any other number of them side by
//! side. All tiles of a sheet share one range, so that they can be compared.
//!
//! ```
//! use nvpico_codegen::report::plot::{Group, Sheet, contact_sheet};
//!
//! let frames = Group {
//!     title: "frames".into(),
//!     rows: vec![20.0, 21.0, 22.0, 30.0, 20.0, 20.0, 20.0, 21.0],
//!     captions: vec!["-3 nats".into(), "2 nats".into()],
//!     ..Group::default()
//! };
//! let png = contact_sheet(&Sheet {
//!     title: "Thermal array".into(),
//!     shape: [1, 2, 2],
//!     unit: "°C".into(),
//!     groups: vec![frames],
//!     ..Sheet::default()
//! })?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::element::BitMapElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::bitmap::{self, DEPTH, MUTED, Page, point, words};
use super::colour::Range;
use super::contents::{Group, Sheet};
use super::dimensions::{
    CAPTION, CHANNEL_GAP, GAP, GROUP_GAP, GROUP_TITLE, KEY_GAP, MARGIN, TITLE,
};
use super::key::Key;
use super::layout::Layout;
use super::{DARK, PlotError, fail};

/// Log-densities, in nats, as the captions of tiles.
#[must_use]
pub fn captions(log_probs: &[f32]) -> Vec<String> {
    let caption = |l: &f32| match l.abs() {
        // So many digits say nothing, and are wider than a small picture.
        1e5.. => format!("{l:.1e} nats"),
        _ => format!("{l:.0} nats"),
    };
    log_probs.iter().map(caption).collect()
}

/// The sheet as a PNG.
///
/// # Errors
/// When a group has half a row or too few captions, a row no pixel, or the sheet would be too large.
pub fn contact_sheet(sheet: &Sheet) -> Result<Vec<u8>, PlotError> {
    contact_sheets(std::slice::from_ref(sheet))
}

/// Sheets one below another, each with its own colours and their key: pictures and maps that belong to them.
///
/// # Errors
/// As [`contact_sheet`].
pub fn contact_sheets(sheets: &[Sheet]) -> Result<Vec<u8>, PlotError> {
    // Text is measured before there is a page.
    super::load_font()?;
    let mut parts = Vec::new();
    let (mut width, mut height) = (0, 0);
    for sheet in sheets {
        check(sheet)?;
        let layout = Layout::of(sheet)?;
        let size = layout.size();
        if height > 0 {
            height += GROUP_GAP;
        }
        parts.push((sheet, layout, MARGIN + height));
        (width, height) = (width.max(size.0), size.1.saturating_add(height));
    }
    let side = |length: usize| u32::try_from(length.saturating_add(2 * MARGIN));
    let (Ok(width), Ok(height)) = (side(width), side(height)) else {
        return Err(PlotError("the sheet would be too large".into()));
    };
    bitmap::draw((width, height), |page| {
        for (sheet, layout, top) in &parts {
            draw_sheet(page, sheet, layout, *top)?;
        }
        Ok(())
    })
}

fn draw_sheet(
    page: &Page<'_>,
    sheet: &Sheet,
    layout: &Layout,
    top: usize,
) -> Result<(), PlotError> {
    let groups = sheet.groups.iter();
    let values: Vec<f32> = groups.flat_map(|group| group.rows.clone()).collect();
    let in_colour = sheet.shape[0] == 3;
    let range = match sheet.ends {
        Some((low, high)) => Range::over(low, high, &values),
        None if in_colour => Range::of_picture(&values),
        None => Range::robust(&values),
    };
    let mut y = top;
    if !sheet.title.is_empty() {
        words(page, &sheet.title, (MARGIN, y), TITLE.0, DARK, HPos::Left)?;
        y += TITLE.1;
    }
    let key_top = y + GROUP_TITLE.1;
    for group in &sheet.groups {
        draw_group(page, sheet, group, layout, &range, y)?;
        y += layout.group_height(layout.tiles(group)) + GROUP_GAP;
    }
    let key = Key {
        range: &range,
        unit: &sheet.unit,
        left: MARGIN + layout.tiles_width() + KEY_GAP,
        top: key_top,
        height: layout.key_height(),
    };
    if in_colour {
        key.draw_words(page)
    } else {
        key.draw_scale(page)
    }
}

fn check(sheet: &Sheet) -> Result<(), PlotError> {
    let [channels, height, width] = sheet.shape;
    let values = channels
        .checked_mul(height)
        .and_then(|area| area.checked_mul(width))
        .filter(|values| *values > 0);
    let Some(values) = values else {
        return Err(PlotError(format!(
            "rows of {channels} x {height} x {width} have no pixels"
        )));
    };
    for group in &sheet.groups {
        let (rows, rest) = (group.rows.len() / values, group.rows.len() % values);
        let fits = |count: usize| count == 0 || count == rows;
        if rest > 0 || !fits(group.captions.len()) || !fits(group.marks.len()) {
            return Err(PlotError(format!(
                "group {:?} has {} values and {} captions, for rows of {values} values",
                group.title,
                group.rows.len(),
                group.captions.len()
            )));
        }
    }
    Ok(())
}

fn draw_group(
    page: &Page<'_>,
    sheet: &Sheet,
    group: &Group,
    layout: &Layout,
    range: &Range,
    y: usize,
) -> Result<(), PlotError> {
    words(
        page,
        &group.title,
        (MARGIN, y),
        GROUP_TITLE.0,
        DARK,
        HPos::Left,
    )?;
    let y = y + GROUP_TITLE.1;
    if group.rows.is_empty() {
        return words(page, "none", (MARGIN, y), CAPTION.0, MUTED, HPos::Left);
    }
    let [channels, height, width] = sheet.shape;
    for (index, row) in group
        .rows
        .chunks_exact(channels * height * width)
        .enumerate()
    {
        let left = MARGIN + index % layout.columns * (layout.slot + GAP);
        let top = y + index / layout.columns * layout.line();
        let middle = left + layout.slot / 2;
        let mut at = middle - layout.tile.0 / 2;
        if channels == 3 {
            let area = height * width;
            let pixel = |i: usize| range.mixed([row[i], row[area + i], row[2 * area + i]]);
            map(page, layout, (at, top), pixel)?;
        } else {
            for channel in row.chunks_exact(height * width) {
                map(page, layout, (at, top), |i| range.colour(channel[i]))?;
                at += width * layout.scale.0 + CHANNEL_GAP;
            }
        }
        if let Some(pixel) = group.marks.get(index) {
            let corner = (middle - layout.tile.0 / 2, top);
            mark(page, layout, corner, (pixel % width, pixel / width))?;
        }
        if let Some(caption) = group.captions.get(index) {
            let below = top + layout.tile.1 + 8;
            words(
                page,
                caption,
                (middle, below),
                CAPTION.0,
                MUTED,
                HPos::Center,
            )?;
        }
    }
    Ok(())
}

/// One map, each of its pixels a square.
fn map(
    page: &Page<'_>,
    layout: &Layout,
    at: (usize, usize),
    pixel: impl Fn(usize) -> RGBColor,
) -> Result<(), PlotError> {
    let [_, height, width] = layout.shape;
    let (across, down) = layout.scale;
    let mut bytes = Vec::with_capacity(height * width * across * down * DEPTH);
    for row in 0..height {
        let line: Vec<u8> = (0..width)
            .flat_map(|column| {
                let RGBColor(red, green, blue) = pixel(row * width + column);
                [red, green, blue].repeat(across)
            })
            .collect();
        bytes.extend(line.repeat(down));
    }
    let size = ((width * across) as u32, (height * down) as u32);
    let element: BitMapElement<(i32, i32)> =
        BitMapElement::with_owned_buffer(point(at), size, bytes)
            .ok_or_else(|| PlotError("a tile could not be made".into()))?;
    page.draw(&element).map_err(|error| fail(&error))
}

/// A white frame around one pixel, with a dark line on either side, so that it is seen on any colour.
fn mark(
    page: &Page<'_>,
    layout: &Layout,
    corner: (usize, usize),
    (x, y): (usize, usize),
) -> Result<(), PlotError> {
    let (across, down) = layout.scale;
    let (left, top) = point((corner.0 + x * across, corner.1 + y * down));
    let (right, bottom) = point((corner.0 + (x + 1) * across, corner.1 + (y + 1) * down));
    for (out, colour) in [(3, DARK), (2, WHITE), (1, WHITE), (0, DARK)] {
        let corners = [(left - out, top - out), (right - 1 + out, bottom - 1 + out)];
        page.draw(&Rectangle::new(corners, colour.stroke_width(1)))
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
