//! A model and the log-density threshold that separates normal from anomalous.

use crate::flow::{Density, Flow};
use crate::integer::{IntegerFlow, Weights};

/// A model and its threshold, by which a [`Detector`](super::Detector) judges readings. Created by
/// [`Flow::anomalous_below`] or [`IntegerFlow::anomalous_below`], checked by
/// [`Detector::new`](super::Detector::new).
///
/// Stores the sizes that the check needs because a `const fn` cannot call trait methods.
#[derive(Clone, Copy, Debug)]
pub struct Criterion<D: Density> {
    pub(super) density: D,
    pub(super) threshold: D::Value,
    pub(super) threshold_is_number: bool,
    /// Dimension and workspace length of the model.
    pub(super) sizes: (usize, usize),
}

impl Flow<'_> {
    /// Readings with a log-density below `threshold`, in nats, are anomalous.
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
    /// Readings with a log-density below `threshold`, in units of 2^-16 nat, are anomalous.
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
