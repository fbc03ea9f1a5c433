//! Rows that are maps, looked at: a sheet with a tile for each, in titled groups.
//!
//! One channel is shown in colours of a scale, three channels as red, green and blue, any other number of them side by
//! side. All tiles of a sheet share one range, so that they can be compared.
//!
//! ```
//! use nvpico_codegen::plot::{Group, Sheet, contact_sheet};
//!
//! let frames = Group {
//!     title: "frames".into(),
//!     rows: vec![20.0, 21.0, 22.0, 30.0, 20.0, 20.0, 20.0, 21.0],
//!     captions: vec!["-3 nats".into(), "2 nats".into()],
//! };
//! let png = contact_sheet(&Sheet {
//!     title: "Thermal array".into(),
//!     shape: [1, 2, 2],
//!     unit: "°C".into(),
//!     groups: vec![frames],
//! })?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), nvpico_codegen::plot::PlotError>(())
//! ```

use plotters::element::BitMapElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::bitmap::{self, DEPTH, MUTED, Page, point, text_width, words};
use super::colour::Range;
use super::key::{self, Key};
use super::{DARK, PlotError, fail};

/// All lengths are in pixels, two for one of a usual screen: a sheet stays sharp on a fine one.
const WIDEST: usize = 1720;
const MARGIN: usize = 44;
/// A tile's longer side comes near to this.
const TILE: usize = 144;
/// Between tiles, between the channels of one, and between groups.
const GAP: usize = 20;
const CHANNEL_GAP: usize = 4;
const GROUP_GAP: usize = 34;
const TITLE: (u32, usize) = (42, 70);
pub(super) const GROUP_TITLE: (u32, usize) = (31, 46);
pub(super) const CAPTION: (u32, usize) = (24, 36);
/// The key of the colours: its distance from the tiles, and its least and its greatest height.
const KEY_GAP: usize = 36;
const KEY_HEIGHTS: (usize, usize) = (150, 440);

/// Tiles that belong together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// What they are, as in "training rows".
    pub title: String,
    /// Rows of the sheet's shape, one after another.
    pub rows: Vec<f32>,
    /// Words under each tile, as in "-312 nats"; empty for none.
    pub captions: Vec<String>,
}

/// What a sheet shows.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Above all; empty for none.
    pub title: String,
    /// Channels, height and width of a row.
    pub shape: [usize; 3],
    /// What the values are in, as in "°C"; empty for none.
    pub unit: String,
    /// The groups, from the top.
    pub groups: Vec<Group>,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            title: String::new(),
            shape: [1, 1, 1],
            unit: String::new(),
            groups: Vec::new(),
        }
    }
}

/// The sheet as a PNG.
///
/// # Errors
/// When a group has half a row or too few captions, a row no pixel, or the sheet would be too large.
pub fn contact_sheet(sheet: &Sheet) -> Result<Vec<u8>, PlotError> {
    check(sheet)?;
    // Text is measured before there is a page.
    super::load_font()?;
    let layout = Layout::of(sheet)?;
    let values: Vec<f32> = sheet
        .groups
        .iter()
        .flat_map(|group| group.rows.iter().copied())
        .collect();
    let in_colour = sheet.shape[0] == 3;
    let range = if in_colour {
        Range::of_picture(&values)
    } else {
        Range::robust(&values)
    };
    bitmap::draw(layout.page()?, |page| {
        let mut y = MARGIN;
        if !sheet.title.is_empty() {
            words(page, &sheet.title, (MARGIN, y), TITLE.0, DARK, HPos::Left)?;
            y += TITLE.1;
        }
        let key_top = y + GROUP_TITLE.1;
        for group in &sheet.groups {
            draw_group(page, sheet, group, &layout, &range, y)?;
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
    })
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
        if rest > 0 || (!group.captions.is_empty() && group.captions.len() != rows) {
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

/// Where everything goes.
struct Layout {
    shape: [usize; 3],
    /// Pixels of the page for one of a row.
    scale: usize,
    /// Width and height of a tile, and the width it has with its caption.
    tile: (usize, usize),
    slot: usize,
    /// Room for words under a tile.
    caption: usize,
    columns: usize,
    /// Tiles of each group.
    counts: Vec<usize>,
    head: usize,
    /// Width of the widest line of words.
    text: usize,
    /// Whether the colour of what is not a number is explained.
    undefined: bool,
}

impl Layout {
    fn of(sheet: &Sheet) -> Result<Self, PlotError> {
        let [channels, height, width] = sheet.shape;
        let values = channels * height * width;
        let maps = if channels == 3 { 1 } else { channels };
        // Several channels side by side share the width of two tiles and more.
        let aim = if maps == 1 { TILE } else { TILE * 3 / 4 };
        let scale = (aim as f64 / height.max(width) as f64).round().max(1.0) as usize;
        let across = maps
            .saturating_mul(width.saturating_mul(scale) + CHANNEL_GAP)
            .saturating_sub(CHANNEL_GAP);
        let tile = (across, height.saturating_mul(scale));
        let captions = || sheet.groups.iter().flat_map(|group| &group.captions);
        let mut slot = tile.0;
        for caption in captions() {
            slot = slot.max(text_width(caption, CAPTION.0)?);
        }
        let mut text = text_width(&sheet.title, TITLE.0)?;
        for group in &sheet.groups {
            text = text.max(text_width(&group.title, GROUP_TITLE.0)?);
        }
        let counts: Vec<usize> = sheet
            .groups
            .iter()
            .map(|group| group.rows.len() / values)
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let room = WIDEST - 2 * MARGIN - KEY_GAP - key::WIDTH;
        let fit = ((room + GAP) / slot.saturating_add(GAP)).max(1);
        // As many lines as needed, of tiles spread evenly over them.
        let columns = most.div_ceil(most.div_ceil(fit));
        Ok(Self {
            shape: sheet.shape,
            scale,
            tile,
            slot,
            caption: if captions().next().is_some() {
                CAPTION.1
            } else {
                0
            },
            columns,
            counts,
            head: if sheet.title.is_empty() { 0 } else { TITLE.1 },
            text,
            undefined: sheet
                .groups
                .iter()
                .any(|group| group.rows.iter().any(|value| value.is_nan())),
        })
    }

    fn tiles(&self, group: &Group) -> usize {
        let [channels, height, width] = self.shape;
        group.rows.len() / (channels * height * width)
    }

    fn tiles_width(&self) -> usize {
        self.columns
            .saturating_mul(self.slot.saturating_add(GAP))
            .saturating_sub(GAP)
    }

    /// From one line of tiles to the next.
    fn line(&self) -> usize {
        self.tile.1.saturating_add(self.caption + GAP)
    }

    fn group_height(&self, tiles: usize) -> usize {
        let lines = tiles.div_ceil(self.columns);
        // A group without tiles says so in words.
        let below = lines.saturating_mul(self.line()).saturating_sub(GAP);
        GROUP_TITLE.1 + below.max(CAPTION.1)
    }

    fn groups_height(&self) -> usize {
        let heights = self.counts.iter().map(|count| self.group_height(*count));
        heights.fold(0, |sum, height| {
            sum + if sum > 0 { GROUP_GAP } else { 0 } + height
        })
    }

    /// As high as the tiles beside it, within limits.
    fn key_height(&self) -> usize {
        let beside = self
            .groups_height()
            .saturating_sub(GROUP_TITLE.1 + self.caption);
        beside.clamp(KEY_HEIGHTS.0, KEY_HEIGHTS.1)
    }

    fn page(&self) -> Result<(u32, u32), PlotError> {
        let right = KEY_GAP + key::WIDTH;
        let width = 2 * MARGIN + (self.tiles_width().saturating_add(right)).max(self.text);
        let key = if self.undefined {
            key::UNDEFINED_HEIGHT
        } else {
            0
        };
        let beside = GROUP_TITLE.1 + self.key_height() + key;
        let height = 2 * MARGIN + self.head + self.groups_height().max(beside);
        match (u32::try_from(width), u32::try_from(height)) {
            (Ok(width), Ok(height)) => Ok((width, height)),
            _ => Err(PlotError("the sheet would be too large".into())),
        }
    }
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
                at += width * layout.scale + CHANNEL_GAP;
            }
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
    let scale = layout.scale;
    let mut bytes = Vec::with_capacity(height * width * scale * scale * DEPTH);
    for row in 0..height {
        let line: Vec<u8> = (0..width)
            .flat_map(|column| {
                let RGBColor(red, green, blue) = pixel(row * width + column);
                [red, green, blue].repeat(scale)
            })
            .collect();
        bytes.extend(line.repeat(scale));
    }
    let size = ((width * scale) as u32, (height * scale) as u32);
    let element: BitMapElement<(i32, i32)> =
        BitMapElement::with_owned_buffer(point(at), size, bytes)
            .ok_or_else(|| PlotError("a tile could not be made".into()))?;
    page.draw(&element).map_err(|error| fail(&error))
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
