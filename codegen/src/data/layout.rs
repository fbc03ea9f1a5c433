//! What the axes of an array are.

use super::features::Features;

/// What the axes of an array are, the first of which (N) counts its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// N x channels x time: several readings at each of several times.
    Nct,
    /// N x time x channels, as recordings often are.
    Ntc,
    /// N x height x width: maps of one channel.
    Nhw,
    /// N x channels x height x width: maps.
    Nchw,
    /// N x height x width x channels, as pictures in colour often are.
    Nhwc,
}

/// Whether the last axis may be that of the channels. Maps are rarely of different sides where the last two axes are alike, and
/// never one value wide.
fn may_be_last(a: usize, b: usize, c: usize) -> bool {
    matches!(c, 1 | 3 | 4) && a > 1 && b > 1 && (b != c || a == b)
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nct, Self::Ntc, Self::Nhw, Self::Nchw, Self::Nhwc];

    /// Of recordings of so many channels, where only one axis can be theirs.
    fn of_samples(shape: &[usize], channels: usize) -> Option<Self> {
        match shape {
            [_, a, b] if *b == channels && *a != channels => Some(Self::Ntc),
            [_, a, b] if *a == channels && *b != channels => Some(Self::Nct),
            _ => None,
        }
    }

    /// Its name in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nct => "nct",
            Self::Ntc => "ntc",
            Self::Nhw => "nhw",
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
        }
    }
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
            (&[_, time, channels], Some(Layout::Ntc)) => Ok(axes(Some([channels, 1, time]), true)),
            (&[_, height, width], Some(Layout::Nhw)) => Ok(axes(Some([1, height, width]), false)),
            (&[_, channels, height, width], Some(Layout::Nchw)) => {
                Ok(axes(Some([channels, height, width]), false))
            }
            (&[_, height, width, channels], Some(Layout::Nhwc)) => {
                Ok(axes(Some([channels, height, width]), true))
            }
            (&[_, _, _] | &[_, _, _, _], Some(_)) => Err(format!(
                "has the shape {shape:?}, which the layout does not fit: nct, ntc and nhw are of three axes, nchw and nhwc of four"
            )),
            (&[_, a, b], None) => match model.map(|model| model.shape) {
                // As many channels as times: a model does not tell either.
                Some(Some(map)) if map == [a, 1, b] && a == b && a > 1 => Err(three(shape)),
                Some(Some(map)) if map == [a, 1, b] => Ok(axes(Some(map), false)),
                Some(Some(map)) if map == [b, 1, a] => Ok(axes(Some(map), true)),
                // A list has the values in one order either way.
                Some(_) => Ok(axes(Some([1, a, b]), false)),
                None if a == 1 => Ok(axes(Some([1, 1, b]), false)),
                None => Err(three(shape)),
            },
            (&[_, a, b, c], None) => match model.and_then(|model| model.shape) {
                Some(map) if map == [c, a, b] && map != [a, b, c] => Ok(axes(Some(map), true)),
                // A model of maps that are as long as they are wide as they are many does not tell either.
                other if may_be_last(a, b, c) && other.is_none_or(|_| a == b && b == c) => {
                    Err(format!(
                        "has the axes {}, of which the last may be channels: --layout nhwc takes it so, --layout nchw takes \
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

    /// The axes of samples: as asked for, or as the channels of the model tell.
    pub fn of_samples(
        shape: &[usize],
        layout: Option<Layout>,
        model: Option<&Features>,
    ) -> Result<Self, String> {
        let by_channels = || Layout::of_samples(shape, model?.dim());
        Self::of(shape, layout.or_else(by_channels), None)
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
        let mut order: Vec<usize> = (0..count).collect();
        if self.channels_last {
            order.rotate_right(1);
        }
        for _ in 0..self.values() {
            let row_major = |order: &[usize]| {
                order
                    .iter()
                    .fold(0, |place, axis| place * self.lengths[*axis] + index[*axis])
            };
            places.push(row_major(&order));
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

/// What to say of three axes.
fn three(shape: &[usize]) -> String {
    let (a, b) = (shape[1], shape[2]);
    format!(
        "has three axes, {}, of which the second may be channels, time or the height of a map: --layout nct takes each row \
         as {a} channels of {b} readings, --layout ntc as {b} channels of {a} readings, --layout nhw as a map of {a} x {b}",
        words(shape)
    )
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
        for shape in [
            [30, 8, 8, 1],
            [30, 3, 3, 3],
            [30, 4, 4, 1],
            [30, 4, 4, 4],
            [30, 3, 5, 4],
        ] {
            let text = error(&shape);
            assert!(text.contains("--layout nhwc") && text.contains("--layout nchw"));
        }
        for shape in [
            [30, 3, 4, 4],
            [30, 16, 2, 2],
            [30, 2, 3, 2],
            [30, 5, 1, 4],
            [30, 1, 6, 4],
            [30, 8, 1, 1],
        ] {
            assert_eq!(
                map(&shape, None, None),
                Some([shape[1], shape[2], shape[3]])
            );
        }
        assert_eq!(map(&[30, 1, 8], None, None), Some([1, 1, 8]));
        assert_eq!(map(&[30, 3, 8, 8], None, None), Some([3, 8, 8]));
        assert_eq!(map(&[30, 6], None, None), None);
        // Each hint leads to what it says.
        assert_eq!(map(&[30, 2, 3], Some(Layout::Nct), None), Some([2, 1, 3]));
        assert_eq!(map(&[30, 2, 3], Some(Layout::Ntc), None), Some([3, 1, 2]));
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
        assert_eq!(map(&[30, 3, 2], None, Some(&channels)), Some([2, 1, 3]));
        let square = Features::map([4, 1, 4]);
        assert!(Axes::of(&[30, 4, 4], None, Some(&square)).is_err());
        let maps = Features::map([1, 2, 3]);
        assert_eq!(map(&[30, 2, 3], None, Some(&maps)), Some([1, 2, 3]));
        let colours = Features::map([3, 8, 8]);
        assert_eq!(map(&[30, 8, 8, 3], None, Some(&colours)), Some([3, 8, 8]));
        let cubes = Features::map([3, 3, 3]);
        assert!(Axes::of(&[30, 3, 3, 3], None, Some(&cubes)).is_err());
        let four = Features::map([3, 5, 4]);
        assert_eq!(map(&[30, 3, 5, 4], None, Some(&four)), Some([3, 5, 4]));
        let list = Features::named(&["a", "b"]);
        assert!(Axes::of(&[30, 1, 2], None, Some(&list)).is_ok());
    }

    #[test]
    fn places_by_hand() {
        let axes = |shape: &[usize], layout| Axes::of(shape, Some(layout), None).unwrap();
        assert_eq!(axes(&[1, 2, 2], Layout::Nhw).places(false), [0, 1, 2, 3]);
        assert_eq!(axes(&[1, 2, 2], Layout::Nhw).places(true), [0, 2, 1, 3]);
        // t0: c0 c1, t1: c0 c1.
        assert_eq!(axes(&[1, 2, 2], Layout::Ntc).places(false), [0, 2, 1, 3]);
        // y0x0: c0 c1, y0x1: c0 c1.
        assert_eq!(
            axes(&[1, 1, 2, 2], Layout::Nhwc).places(false),
            [0, 2, 1, 3]
        );
        assert_eq!(axes(&[1, 1, 2, 2], Layout::Nhwc).places(true), [0, 1, 2, 3]);
    }
}
