//! Filters in front of the features.

use super::{FeatureError, FeatureSpec};

/// A second-order section of a filter. Of a value `x` it makes `y = b[0] x + s`, with the states `s = b[1] x - a[0] y + t` and
/// `t = b[2] x - a[1] y` of the value before; both are 0 in front of a window.
///
/// Its response is `(b[0] + b[1] / z + b[2] / z^2) / (1 + a[0] / z + a[1] / z^2)`: the numbers are those of a row of
/// `scipy.signal.butter(..., output="sos")`, without the 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Section {
    /// Weights of the value and of the two before it, each of a magnitude of at most 2.
    pub b: [f32; 3],
    /// Weights of the last two results.
    pub a: [f32; 2],
}

impl Section {
    /// Most sections of a filter: order 8.
    pub const MOST: usize = 4;
    /// The least `1 - a[1]`, `2^-9`: with [`LEAST_SUM`](Self::LEAST_SUM) a section makes nothing more than `2^23` times as large.
    const LEAST_DAMPING: f32 = 1.0 / 512.0;
    /// The least `1 + a[1] - |a[0]|`, `2^-16`.
    const LEAST_SUM: f32 = 1.0 / 65_536.0;

    /// Whether it dies away, and so soon that no result leaves the range of floats. Written so that NaN does not.
    const fn is_stable(&self) -> bool {
        let [b0, b1, b2] = self.b;
        let [a1, a2] = self.a;
        let is_small = b0.abs() <= 2.0 && b1.abs() <= 2.0 && b2.abs() <= 2.0;
        // Two real poles on either side of 0 are no Butterworth filter's.
        is_small
            && a2 >= 0.0
            && 1.0 - a2 >= Self::LEAST_DAMPING
            && 1.0 + a2 - a1.abs() >= Self::LEAST_SUM
    }
}

// The limit that a message names.
const _: () = assert!(Section::MOST == 4);

impl FeatureSpec<'_> {
    pub(super) const fn validate_filter(&self) -> Result<(), FeatureError> {
        if self.filter.len() > Section::MOST {
            return Err(FeatureError::Sections {
                found: self.filter.len(),
            });
        }
        let mut sections = self.filter;
        let mut section = 0;
        while let [first, rest @ ..] = sections {
            if !first.is_stable() {
                return Err(FeatureError::Section { section });
            }
            section += 1;
            sections = rest;
        }
        Ok(())
    }
}
