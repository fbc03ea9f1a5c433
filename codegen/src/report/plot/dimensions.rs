//! Lengths of a sheet and its key.

/// All lengths are in pixels, two for one of a usual screen: a sheet stays sharp on a fine one.
pub(super) const WIDEST: usize = 1720;
pub(super) const MARGIN: usize = 44;
/// A tile's longer side comes near to this.
pub(super) const TILE: usize = 144;
/// The least height of a tile.
pub(super) const STRIP: usize = 24;
/// Between tiles, between the channels of one, and between groups.
pub(super) const GAP: usize = 20;
pub(super) const CHANNEL_GAP: usize = 4;
pub(super) const GROUP_GAP: usize = 34;
pub(super) const TITLE: (u32, usize) = (42, 70);
pub(super) const GROUP_TITLE: (u32, usize) = (31, 46);
pub(super) const CAPTION: (u32, usize) = (24, 36);
/// The key of the colours: its distance from the tiles, and its least and its greatest height.
pub(super) const KEY_GAP: usize = 36;
pub(super) const KEY_HEIGHTS: (usize, usize) = (150, 440);
/// Width of the scale of colours without its numbers, and with them.
pub(super) const BAR: usize = 30;
pub(super) const KEY_WIDTH: usize = BAR + 118;
/// Least distance between the numbers beside it.
pub(super) const TICK: usize = 44;
/// Height of the line below it for values that are not numbers.
pub(super) const UNDEFINED_HEIGHT: usize = 56;
