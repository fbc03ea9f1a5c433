//! The shape of a sample, and how squeeze and factor-out change it.
//!
//! A sample is stored channel by channel, each channel row by row, as in `N x C x H x W` arrays. A vector of
//! features is `C x 1 x 1`, a window of a time series `C x 1 x T`.
//!
//! ```
//! use nvpico::spec::{Shape, Squeeze};
//!
//! # if !cfg!(feature = "feature-maps") { return }
//! let frame = Shape::map(1, 24, 32);
//! let squeezed = Squeeze::Cells.output_shape(frame).unwrap();
//! assert_eq!(squeezed, Shape::map(4, 12, 16));
//! assert_eq!(squeezed.len(), frame.len());
//! assert_eq!(Squeeze::Cells.output_shape(Shape::series(3, 16)), None);
//! ```

/// Channels, height and width of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    /// Number of values per place.
    pub channels: usize,
    /// Rows; 1 for vectors and time windows.
    pub height: usize,
    /// Columns, or samples of a time window; 1 for vectors.
    pub width: usize,
}

impl Shape {
    /// A map of `height` times `width` places with `channels` values each.
    #[must_use]
    pub const fn map(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// A vector of `features` values.
    #[must_use]
    pub const fn vector(features: usize) -> Self {
        Self {
            channels: features,
            height: 1,
            width: 1,
        }
    }

    /// A window of a time series.
    #[must_use]
    pub const fn series(channels: usize, samples: usize) -> Self {
        Self {
            channels,
            height: 1,
            width: samples,
        }
    }

    /// Number of places per channel. Always 1 without feature `feature-maps`.
    #[must_use]
    #[inline(always)]
    pub const fn pixels(self) -> usize {
        if cfg!(feature = "feature-maps") {
            self.height.saturating_mul(self.width)
        } else {
            1
        }
    }

    /// Total number of values; `usize::MAX` on overflow.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::len_without_is_empty, reason = "a valid shape is not empty")]
    pub const fn len(self) -> usize {
        self.channels.saturating_mul(self.pixels())
    }

    /// The same places with other channels.
    pub(crate) const fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

/// Space to depth: each cell of 2 x 2 places (or pair of samples) becomes one place with four (two) times the
/// channels (paper section 3.6, figure 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Squeeze {
    /// Cells of 2 x 2. Channel `4 c + 2 dy + dx` holds place `(2 y + dy, 2 x + dx)` of channel `c`.
    Cells,
    /// Cells of 2 x 2, ordered so that factor-out keeps places of every cell: with `C` input channels, channel
    /// `k C + c` holds place `k` of channel `c`'s cell, in the order (0, 0), (1, 1), (0, 1), (1, 0).
    CellsAlternate,
    /// Pairs of samples along the width. Channel `2 c + dx` holds sample `2 x + dx` of channel `c`.
    Pairs,
}

impl Squeeze {
    /// Height and width of a cell.
    #[must_use]
    pub const fn cell(self) -> (usize, usize) {
        match self {
            Squeeze::Cells | Squeeze::CellsAlternate => (2, 2),
            Squeeze::Pairs => (1, 2),
        }
    }

    /// Shape after squeezing; `None` if the map is not a whole number of cells.
    #[must_use]
    pub const fn output_shape(self, shape: Shape) -> Option<Shape> {
        let (height, width) = self.cell();
        if !shape.height.is_multiple_of(height)
            || !shape.width.is_multiple_of(width)
            || shape.height == 0
            || shape.width == 0
        {
            return None;
        }
        Some(Shape {
            channels: shape.channels.saturating_mul(height * width),
            height: shape.height / height,
            width: shape.width / width,
        })
    }

    /// Shape before squeezing, given that after it; `None` if the channels are not a whole number of cells.
    #[must_use]
    pub const fn input_shape(self, shape: Shape) -> Option<Shape> {
        let (height, width) = self.cell();
        if !shape.channels.is_multiple_of(height * width) || shape.channels == 0 {
            return None;
        }
        Some(Shape {
            channels: shape.channels / (height * width),
            height: shape.height.saturating_mul(height),
            width: shape.width.saturating_mul(width),
        })
    }
}

impl Squeeze {
    /// Index, in the map before squeezing (of shape `input`), of the value at `index` in the squeezed map.
    #[must_use]
    #[inline]
    pub const fn source(self, input: Shape, index: usize) -> usize {
        let (cell_height, cell_width) = self.cell();
        let (height, width) = (input.height / cell_height, input.width / cell_width);
        if height == 0 || width == 0 || input.channels == 0 {
            return index;
        }
        let (column, rest) = (index % width, index / width);
        let (row, channel) = (rest % height, rest / height);
        let (from, dy, dx) = match self {
            Squeeze::Cells => (channel / 4, channel / 2 % 2, channel % 2),
            Squeeze::CellsAlternate => {
                let place = channel / input.channels;
                // (0, 0), (1, 1), (0, 1), (1, 0)
                (channel % input.channels, place % 2, place.div_ceil(2) % 2)
            }
            Squeeze::Pairs => (channel / 2, 0, channel % 2),
        };
        (from * input.height + row * cell_height + dy) * input.width + column * cell_width + dx
    }
}

#[cfg(all(test, feature = "feature-maps"))]
mod tests {
    use super::*;
    #[cfg(feature = "feature-maps")]
    use std::vec::Vec;

    #[cfg(feature = "feature-maps")]
    #[test]
    fn squeezing_moves_every_value_once_and_as_documented() {
        let input = Shape {
            channels: 3,
            height: 4,
            width: 6,
        };
        for squeeze in [Squeeze::Cells, Squeeze::CellsAlternate, Squeeze::Pairs] {
            let output = squeeze.output_shape(input).unwrap();
            assert_eq!(squeeze.input_shape(output), Some(input));
            let mut sources: Vec<_> = (0..input.len()).map(|i| squeeze.source(input, i)).collect();
            let at = |channel: usize, row: usize, column: usize| {
                sources[(channel * output.height + row) * output.width + column]
            };
            let of = |channel: usize, row: usize, column: usize| (channel * 4 + row) * 6 + column;
            match squeeze {
                Squeeze::Cells => assert_eq!(at(4 * 2 + 2, 1, 2), of(2, 3, 4)),
                Squeeze::CellsAlternate => {
                    for (place, (dy, dx)) in
                        [(0, 0), (1, 1), (0, 1), (1, 0)].into_iter().enumerate()
                    {
                        assert_eq!(at(3 * place + 2, 1, 2), of(2, 2 + dy, 4 + dx));
                    }
                }
                Squeeze::Pairs => assert_eq!(at(2 * 2 + 1, 3, 2), of(2, 3, 5)),
            }
            sources.sort_unstable();
            assert!(sources.into_iter().eq(0..input.len()));
        }
    }

    #[test]
    fn odd_maps_are_not_squeezed() {
        for (height, width) in [(3, 4), (4, 3), (0, 2)] {
            let shape = Shape {
                channels: 1,
                height,
                width,
            };
            assert_eq!(Squeeze::Cells.output_shape(shape), None);
        }
        assert_eq!(Squeeze::Pairs.output_shape(Shape::series(2, 5)), None);
        assert_eq!(Squeeze::Cells.input_shape(Shape::vector(6)), None);
    }
}
