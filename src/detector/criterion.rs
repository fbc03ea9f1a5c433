//! A density and the log-density that divides normal from anomalous.

use crate::flow::{Density, Flow};
use crate::integer::{IntegerFlow, Weights};

/// A model and its threshold: what a [`Detector`](super::Detector) judges a reading by. Made by
/// [`Flow::anomalous_below`] or [`IntegerFlow::anomalous_below`], and checked by
/// [`Detector::new`](super::Detector::new).
///
/// It holds the sizes that the check needs, because a `const fn` cannot call the methods of a trait.
#[derive(Clone, Copy, Debug)]
pub struct Criterion<D: Density> {
    pub(super) density: D,
    pub(super) threshold: D::Value,
    pub(super) threshold_is_number: bool,
    /// Dimension and workspace of the model.
    pub(super) sizes: (usize, usize),
}

impl Flow<'_> {
    /// Calls a reading anomalous that is less likely than `threshold`, in nats.
    #[must_use]
    pub const fn anomalous_below(self, threshold: f32) -> Criterion<Self> {
        Criterion {
            threshold,
            threshold_is_number: !threshold.is_nan(),
            sizes: (self.dim(), self.workspace_len()),
            density: self,
        }
    }
}

impl<W: Weights> IntegerFlow<'_, W> {
    /// Calls a reading anomalous that is less likely than `threshold`, in steps of 2^-16 nat.
    #[must_use]
    pub const fn anomalous_below(self, threshold: i32) -> Criterion<Self> {
        Criterion {
            threshold,
            threshold_is_number: true,
            sizes: (self.dim(), self.workspace_len()),
            density: self,
        }
    }
}
