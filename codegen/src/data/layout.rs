//! What the axes of an array are.

use super::features::Features;

/// What the axes of an array are, the first of which (N) counts its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// N x channels x time: several readings at each of several times.
    Nct,
    /// N x height x width: maps of one channel.
    Nhw,
    /// N x channels x height x width: maps.
    Nchw,
    /// N x height x width x channels, as pictures in colour often are.
    Nhwc,
}

/// The axes of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Axes {
    /// Lengths as they are stored.
    lengths: Vec<usize>,
    /// Channels, height and width, for rows that are maps.
    pub map: Option<[usize; 3]>,
    /// Whether the channels are the last axis.
    channels_last: bool,
}

impl Axes {
    /// The axes of the rows of an array of this shape: as asked for, as the model has them, or as they can only be.
    pub fn of(
        shape: &[usize],
        layout: Option<Layout>,
        model: Option<&Features>,
    ) -> Result<Self, String> {
        let axes = |map, channels_last| Self {
            lengths: shape[1..].to_vec(),
            map,
            channels_last,
        };
        match (shape, layout) {
            (&[_, _], _) => Ok(axes(None, false)),
            (&[_, channels, time], Some(Layout::Nct)) => Ok(axes(Some([channels, 1, time]), false)),
            (&[_, height, width], Some(Layout::Nhw)) => Ok(axes(Some([1, height, width]), false)),
            (&[_, channels, height, width], Some(Layout::Nchw)) => {
                Ok(axes(Some([channels, height, width]), false))
            }
            (&[_, height, width, channels], Some(Layout::Nhwc)) => {
                Ok(axes(Some([channels, height, width]), true))
            }
            (&[_, _, _] | &[_, _, _, _], Some(_)) => Err(format!(
                "has the shape {shape:?}, which the layout does not fit: nct and nhw are of three axes, nchw and nhwc of four"
            )),
            (&[_, a, b], None) => match model.map(|model| model.shape) {
                Some(Some(map)) if map == [a, 1, b] => Ok(axes(Some(map), false)),
                // A list has the values in one order either way.
                Some(_) => Ok(axes(Some([1, a, b]), false)),
                None if a == 1 => Ok(axes(Some([1, 1, b]), false)),
                None => Err(format!(
                    "has three axes, {}, of which the second may be channels or the height of a map: --layout nct takes \
                     each row as {a} channels of {b} readings, --layout nhw as a map of {a} x {b}",
                    words(shape)
                )),
            },
            (&[_, a, b, c], None) => match model.and_then(|model| model.shape) {
                Some(map) if map == [c, a, b] && map != [a, b, c] => Ok(axes(Some(map), true)),
                None if (matches!(c, 1 | 3 | 4) && a > 4 && b > 4)
                    || (c == 3 && a > 3 && b > 3) =>
                {
                    Err(format!(
                        "has the axes {}, of which the last looks like channels: --layout nhwc takes it so, --layout nchw takes \
                     each row as {a} channels of {b} x {c}",
                        words(shape)
                    ))
                }
                _ => Ok(axes(Some([a, b, c]), false)),
            },
            _ => Err(format!(
                "has {} dimension{}; rows and columns are needed, a two-dimensional array, or maps: N x height x width, \
                 N x channels x height x width{}",
                shape.len(),
                if shape.len() == 1 { "" } else { "s" },
                if shape.len() == 1 {
                    "; array.reshape(-1, 1) makes a column of it"
                } else {
                    ""
                },
            )),
        }
    }

    /// Values of a row.
    pub fn values(&self) -> usize {
        self.lengths.iter().product()
    }

    /// For each value of a row, in the order in which they are stored, the column that it belongs to.
    pub fn places(&self, fortran: bool) -> Vec<usize> {
        let count = self.lengths.len();
        let mut places = Vec::with_capacity(self.values());
        let mut index = vec![0; count];
        for _ in 0..self.values() {
            let row_major = |order: &[usize]| {
                order
                    .iter()
                    .fold(0, |place, axis| place * self.lengths[*axis] + index[*axis])
            };
            places.push(if self.channels_last {
                row_major(&[2, 0, 1])
            } else {
                row_major(&(0..count).collect::<Vec<_>>())
            });
            // The axis that runs fastest first.
            for step in 0..count {
                let axis = if fortran { step } else { count - 1 - step };
                index[axis] += 1;
                if index[axis] < self.lengths[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        places
    }
}

fn words(shape: &[usize]) -> String {
    shape
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(
        shape: &[usize],
        layout: Option<Layout>,
        model: Option<&Features>,
    ) -> Option<[usize; 3]> {
        Axes::of(shape, layout, model).unwrap().map
    }

    #[test]
    fn axes_are_asked_for_where_they_are_not_plain() {
        let error = |shape: &[usize]| Axes::of(shape, None, None).unwrap_err();
        assert!(
            error(&[30, 2, 3]).contains("--layout nct takes each row as 2 channels of 3 readings")
        );
        assert!(error(&[30, 8, 8, 3]).contains("--layout nhwc"));
        assert!(error(&[60, 4, 4, 3]).contains("--layout nhwc"));
        assert!(error(&[30, 8, 8, 1]).contains("--layout nhwc"));
        assert_eq!(map(&[30, 1, 8], None, None), Some([1, 1, 8]));
        assert_eq!(map(&[30, 3, 8, 8], None, None), Some([3, 8, 8]));
        assert_eq!(map(&[30, 6], None, None), None);
        // Each hint leads to what it says.
        assert_eq!(map(&[30, 2, 3], Some(Layout::Nct), None), Some([2, 1, 3]));
        assert_eq!(map(&[30, 2, 3], Some(Layout::Nhw), None), Some([1, 2, 3]));
        assert_eq!(
            map(&[30, 8, 9, 3], Some(Layout::Nhwc), None),
            Some([3, 8, 9])
        );
        assert_eq!(
            map(&[30, 8, 9, 3], Some(Layout::Nchw), None),
            Some([8, 9, 3])
        );
        assert!(Axes::of(&[30, 2, 3], Some(Layout::Nchw), None).is_err());
        assert!(error(&[30]).contains("reshape(-1, 1)"));
    }

    #[test]
    fn the_model_tells_what_the_axes_are() {
        let channels = Features::map([2, 1, 3]);
        assert_eq!(map(&[30, 2, 3], None, Some(&channels)), Some([2, 1, 3]));
        let maps = Features::map([1, 2, 3]);
        assert_eq!(map(&[30, 2, 3], None, Some(&maps)), Some([1, 2, 3]));
        let colours = Features::map([3, 8, 8]);
        assert_eq!(map(&[30, 8, 8, 3], None, Some(&colours)), Some([3, 8, 8]));
        let list = Features::named(&["a", "b"]);
        assert!(Axes::of(&[30, 1, 2], None, Some(&list)).is_ok());
    }

    #[test]
    fn places_by_hand() {
        let axes = |shape: &[usize], layout| Axes::of(shape, Some(layout), None).unwrap();
        assert_eq!(axes(&[1, 2, 2], Layout::Nhw).places(false), [0, 1, 2, 3]);
        assert_eq!(axes(&[1, 2, 2], Layout::Nhw).places(true), [0, 2, 1, 3]);
        // y0x0: c0 c1, y0x1: c0 c1.
        assert_eq!(
            axes(&[1, 1, 2, 2], Layout::Nhwc).places(false),
            [0, 2, 1, 3]
        );
        assert_eq!(axes(&[1, 1, 2, 2], Layout::Nhwc).places(true), [0, 1, 2, 3]);
    }
}
