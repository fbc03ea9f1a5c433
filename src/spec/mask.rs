//! Which features a coupling keeps: paper section 3.4, equation 9, for vectors.
//!
//! A kept feature (`b = 1`) passes unchanged and feeds the conditioner; the others are transformed.
//!
//! ```
//! use nvpico::spec::Mask;
//!
//! assert_eq!(Mask::FirstHalf.kept(5), 2);
//! assert_eq!(Mask::Even.kept(5), 3);
//! assert!(Mask::Even.iter(5).eq([true, false, true, false, true]));
//! ```

use super::SpecError;

/// The kept features of a coupling on a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mask<'a> {
    /// Keeps features `0 .. dim / 2`.
    FirstHalf,
    /// Keeps features `dim / 2 .. dim`.
    SecondHalf,
    /// Keeps features 0, 2, 4, ...
    Even,
    /// Keeps features 1, 3, 5, ...
    Odd,
    /// Keeps the listed features; indices rise strictly.
    Indices(&'a [usize]),
}

impl<'a> Mask<'a> {
    /// How many of `dim` features are kept.
    #[must_use]
    pub const fn kept(&self, dim: usize) -> usize {
        match self {
            Mask::FirstHalf | Mask::Odd => dim / 2,
            Mask::SecondHalf | Mask::Even => dim - dim / 2,
            Mask::Indices(indices) => indices.len(),
        }
    }

    /// How many of `dim` features are transformed.
    #[must_use]
    pub const fn transformed(&self, dim: usize) -> usize {
        dim.saturating_sub(self.kept(dim))
    }

    /// Whether feature `index` of `dim` is kept.
    #[must_use]
    pub const fn keeps(&self, index: usize, dim: usize) -> bool {
        match *self {
            Mask::FirstHalf => index < dim / 2,
            Mask::SecondHalf => index >= dim / 2,
            Mask::Even => index & 1 == 0,
            Mask::Odd => index & 1 == 1,
            Mask::Indices(mut indices) => {
                while let [first, rest @ ..] = indices {
                    if *first == index {
                        return true;
                    }
                    indices = rest;
                }
                false
            }
        }
    }

    /// One `bool` per feature, in order: kept or not. Walks an index list once.
    #[inline]
    #[must_use]
    pub const fn iter(&self, dim: usize) -> MaskIter<'a> {
        let indices = match *self {
            Mask::Indices(indices) => indices,
            _ => &[],
        };
        MaskIter {
            mask: *self,
            indices,
            index: 0,
            dim,
        }
    }

    pub(super) const fn validate(&self, dim: usize, layer: usize) -> Result<(), SpecError> {
        if let Mask::Indices(mut indices) = *self {
            let mut next = 0;
            while let [first, rest @ ..] = indices {
                if *first < next || *first >= dim {
                    return Err(SpecError::MaskIndex {
                        layer,
                        index: *first,
                    });
                }
                next = *first + 1;
                indices = rest;
            }
        }
        let kept = self.kept(dim);
        if kept == 0 || kept >= dim {
            return Err(SpecError::MaskCoverage { layer, kept, dim });
        }
        Ok(())
    }
}

/// Iterator of [`Mask::iter`].
#[derive(Clone, Debug)]
pub struct MaskIter<'a> {
    mask: Mask<'a>,
    indices: &'a [usize],
    index: usize,
    dim: usize,
}

impl Iterator for MaskIter<'_> {
    type Item = bool;

    #[inline]
    fn next(&mut self) -> Option<bool> {
        if self.index >= self.dim {
            return None;
        }
        let kept = match self.mask {
            Mask::FirstHalf => self.index < self.dim / 2,
            Mask::SecondHalf => self.index >= self.dim / 2,
            Mask::Even => self.index & 1 == 0,
            Mask::Odd => self.index & 1 == 1,
            Mask::Indices(_) => match self.indices {
                [first, rest @ ..] if *first == self.index => {
                    self.indices = rest;
                    true
                }
                _ => false,
            },
        };
        self.index += 1;
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterator_agrees_with_keeps_and_counts() {
        let list = Mask::Indices(&[0, 3, 4]);
        for dim in 5..9 {
            for mask in [
                Mask::FirstHalf,
                Mask::SecondHalf,
                Mask::Even,
                Mask::Odd,
                list,
            ] {
                assert!(
                    mask.iter(dim)
                        .eq((0..dim).map(|index| mask.keeps(index, dim)))
                );
                assert_eq!(mask.iter(dim).filter(|kept| *kept).count(), mask.kept(dim));
                assert_eq!(mask.kept(dim) + mask.transformed(dim), dim);
            }
        }
    }

    #[test]
    fn refuses_unsorted_repeated_and_foreign_indices() {
        for indices in [&[1, 0][..], &[1, 1], &[0, 4]] {
            assert!(matches!(
                Mask::Indices(indices).validate(4, 7),
                Err(SpecError::MaskIndex { layer: 7, .. })
            ));
        }
        for indices in [&[][..], &[0, 1, 2, 3]] {
            assert!(matches!(
                Mask::Indices(indices).validate(4, 0),
                Err(SpecError::MaskCoverage { .. })
            ));
        }
    }
}
