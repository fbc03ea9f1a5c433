//! Where the tiles of a sheet, their words and the key of their colours go.
//!
//! ```
//! use nvpico_codegen::report::plot::{Sheet, contact_sheet};
//!
//! // Even a sheet without a row has room for its key.
//! let png = contact_sheet(&Sheet::default())?;
//! # assert!(!png.is_empty());
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use super::PlotError;
use super::bitmap::text_width;
use super::contents::{Group, Sheet};
use super::dimensions::{
    CAPTION, CHANNEL_GAP, GAP, GROUP_GAP, GROUP_TITLE, KEY_GAP, KEY_HEIGHTS, KEY_WIDTH, MARGIN,
    STRIP, TILE, TITLE, UNDEFINED_HEIGHT, WIDEST,
};

/// Where everything goes.
pub(super) struct Layout {
    pub shape: [usize; 3],
    /// Width and height, in pixels of the page, of one of a row.
    pub scale: (usize, usize),
    /// Width and height of a tile, and the width it has with its caption.
    pub tile: (usize, usize),
    pub slot: usize,
    /// Room for words under a tile.
    caption: usize,
    pub columns: usize,
    /// Tiles of each group.
    counts: Vec<usize>,
    head: usize,
    /// Width of the widest line of words.
    text: usize,
    /// Whether the colour of what is not a number is explained.
    undefined: bool,
}

impl Layout {
    pub fn of(sheet: &Sheet) -> Result<Self, PlotError> {
        let [channels, height, width] = sheet.shape;
        let values = channels * height * width;
        let maps = if channels == 3 { 1 } else { channels };
        // Several channels side by side share the width of two tiles and more.
        let aim = if maps == 1 { TILE } else { TILE * 3 / 4 };
        let scale = (aim as f64 / height.max(width) as f64).round().max(1.0) as usize;
        let across = maps
            .saturating_mul(width.saturating_mul(scale) + CHANNEL_GAP)
            .saturating_sub(CHANNEL_GAP);
        // A strip, such as a window of a time series, is made high enough to be seen.
        let scale = (scale, scale.max(STRIP / height));
        let tile = (across, height.saturating_mul(scale.1));
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
        let room = WIDEST - 2 * MARGIN - KEY_GAP - KEY_WIDTH;
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

    pub fn tiles(&self, group: &Group) -> usize {
        let [channels, height, width] = self.shape;
        group.rows.len() / (channels * height * width)
    }

    pub fn tiles_width(&self) -> usize {
        self.columns
            .saturating_mul(self.slot.saturating_add(GAP))
            .saturating_sub(GAP)
    }

    /// From one line of tiles to the next.
    pub fn line(&self) -> usize {
        self.tile.1.saturating_add(self.caption + GAP)
    }

    pub fn group_height(&self, tiles: usize) -> usize {
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
    pub fn key_height(&self) -> usize {
        let beside = self
            .groups_height()
            .saturating_sub(GROUP_TITLE.1 + self.caption);
        beside.clamp(KEY_HEIGHTS.0, KEY_HEIGHTS.1)
    }

    /// Width and height of all, without margins.
    pub fn size(&self) -> (usize, usize) {
        let right = KEY_GAP + KEY_WIDTH;
        let width = (self.tiles_width().saturating_add(right)).max(self.text);
        let key = if self.undefined { UNDEFINED_HEIGHT } else { 0 };
        let beside = GROUP_TITLE.1 + self.key_height() + key;
        let height = self.head.saturating_add(self.groups_height().max(beside));
        (width, height)
    }
}
