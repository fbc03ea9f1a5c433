//! Which values a coupling keeps (paper section 3.4, equation 9).
//!
//! A kept value (`b = 1`) passes unchanged and feeds the conditioner; the others are transformed. Most masks
//! select channels (for a vector, features); a checkerboard selects places.
//!
//! ```
//! use nvpico::spec::Mask;
//!
//! assert_eq!(Mask::FirstHalf.kept(5), 2);
//! assert_eq!(Mask::Even.kept(5), 3);
//! assert!(Mask::Even.kept_features(5).eq([0, 2, 4]));
//! assert!(Mask::Even.transformed_features(5).eq([1, 3]));
//! ```

use super::{Feature, Shape, SpecError};

/// The values that a coupling keeps. `dim` is the number of channels; for a vector, of features.
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
    /// Keeps the listed features; indices are strictly increasing.
    Indices(&'a [usize]),
    /// Keeps places with odd `y + x`, in all channels: the paper's checkerboard. In a time window this is every
    /// other sample, starting with the second.
    CheckerboardOdd,
    /// Keeps places with even `y + x`: the paper's reversed checkerboard.
    CheckerboardEven,
}

impl<'a> Mask<'a> {
    /// Under a checkerboard, the parity of `y + x` of kept places.
    #[must_use]
    #[inline(always)]
    pub const fn parity(&self) -> Option<usize> {
        match self {
            Mask::CheckerboardEven if cfg!(feature = "feature-maps") => Some(0),
            Mask::CheckerboardOdd if cfg!(feature = "feature-maps") => Some(1),
            _ => None,
        }
    }

    /// Number of channels, out of `dim`, that are kept at some place.
    #[must_use]
    pub const fn kept(&self, dim: usize) -> usize {
        match self {
            Mask::CheckerboardOdd | Mask::CheckerboardEven => dim,
            Mask::FirstHalf | Mask::Odd => dim / 2,
            Mask::SecondHalf | Mask::Even => dim - dim / 2,
            Mask::Indices(indices) => indices.len(),
        }
    }

    /// Number of channels, out of `dim`, that are transformed at some place.
    #[must_use]
    pub const fn transformed(&self, dim: usize) -> usize {
        match self {
            Mask::CheckerboardOdd | Mask::CheckerboardEven => dim,
            _ => dim.saturating_sub(self.kept(dim)),
        }
    }

    /// Whether the value at `index` is kept, in a sample of this shape.
    #[must_use]
    pub const fn keeps_value(&self, index: usize, shape: Shape) -> bool {
        match self.parity() {
            Some(parity) => {
                (index / shape.width % shape.height + index % shape.width) % 2 == parity
            }
            None => self.keeps(index / shape.pixels(), shape.channels),
        }
    }

    /// Whether channel `index`, out of `dim`, is kept at some place.
    #[must_use]
    pub const fn keeps(&self, index: usize, dim: usize) -> bool {
        match *self {
            Mask::CheckerboardOdd | Mask::CheckerboardEven => true,
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

    /// Indices of the kept channels, increasing.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub const fn kept_features(&self, dim: usize) -> Features<'a> {
        match *self {
            Mask::CheckerboardOdd | Mask::CheckerboardEven => Features::every(1, 0, dim),
            Mask::FirstHalf => Features::every(1, 0, dim / 2),
            Mask::SecondHalf => Features::every(1, dim / 2, dim),
            Mask::Even => Features::every(2, 0, dim),
            Mask::Odd => Features::every(2, 1, dim),
            Mask::Indices(indices) => Features::among(indices, true, dim),
        }
    }

    /// Indices of the transformed channels, increasing.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub const fn transformed_features(&self, dim: usize) -> Features<'a> {
        match *self {
            Mask::CheckerboardOdd | Mask::CheckerboardEven => Features::every(1, 0, dim),
            Mask::FirstHalf => Mask::SecondHalf.kept_features(dim),
            Mask::SecondHalf => Mask::FirstHalf.kept_features(dim),
            Mask::Even => Mask::Odd.kept_features(dim),
            Mask::Odd => Mask::Even.kept_features(dim),
            Mask::Indices(indices) => Features::among(indices, false, dim),
        }
    }

    pub(super) const fn validate(&self, shape: Shape, layer: usize) -> Result<(), SpecError> {
        let dim = shape.channels;
        if let Mask::CheckerboardOdd | Mask::CheckerboardEven = self {
            if !cfg!(feature = "feature-maps") {
                return Err(SpecError::missing(layer, Feature::FeatureMaps));
            }
            // A single place has no neighbour.
            return if shape.pixels() < 2 {
                Err(SpecError::MaskCoverage {
                    layer,
                    kept: dim,
                    dim,
                })
            } else {
                Ok(())
            };
        }
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

/// Iterator over indices of features.
#[derive(Clone, Debug)]
pub struct Features<'a> {
    next: usize,
    step: usize,
    end: usize,
    /// The rest of an increasing list, and whether to return its members or the other indices.
    listed: &'a [usize],
    wanted: bool,
}

impl<'a> Features<'a> {
    const fn every(step: usize, next: usize, end: usize) -> Self {
        Self {
            next,
            step,
            end,
            listed: &[],
            wanted: false,
        }
    }

    const fn among(listed: &'a [usize], wanted: bool, end: usize) -> Self {
        Self {
            next: 0,
            step: 1,
            end,
            listed,
            wanted,
        }
    }
}

impl Iterator for Features<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.next < self.end {
            let index = self.next;
            self.next = index.saturating_add(self.step);
            let is_listed = match self.listed {
                [first, rest @ ..] if *first == index => {
                    self.listed = rest;
                    true
                }
                _ => false,
            };
            if is_listed == self.wanted {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterators_agree_with_keeps_and_counts() {
        let list = Mask::Indices(&[0, 3, 4]);
        for dim in 5..9 {
            for mask in [
                Mask::FirstHalf,
                Mask::SecondHalf,
                Mask::Even,
                Mask::Odd,
                list,
            ] {
                let kept = (0..dim).filter(|&index| mask.keeps(index, dim));
                assert!(mask.kept_features(dim).eq(kept));
                let transformed = (0..dim).filter(|&index| !mask.keeps(index, dim));
                assert!(mask.transformed_features(dim).eq(transformed));
                assert_eq!(mask.kept_features(dim).count(), mask.kept(dim));
                assert_eq!(mask.kept(dim) + mask.transformed(dim), dim);
            }
        }
    }

    #[test]
    fn refuses_unsorted_repeated_and_foreign_indices() {
        for indices in [&[1, 0][..], &[1, 1], &[0, 4]] {
            assert!(matches!(
                Mask::Indices(indices).validate(Shape::vector(4), 7),
                Err(SpecError::MaskIndex { layer: 7, .. })
            ));
        }
        for indices in [&[][..], &[0, 1, 2, 3]] {
            assert!(matches!(
                Mask::Indices(indices).validate(Shape::vector(4), 0),
                Err(SpecError::MaskCoverage { .. })
            ));
        }
    }
}
