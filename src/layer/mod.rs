//! One file a layer: forward, inverse and backward side by side, then its tests.
//!
//! All layers work in place on `x: &mut [V]` with one value per feature, take exactly their own
//! parameters, and add their log-determinant to `log_det`. Lengths were checked by
//! [`Flow::new`](crate::Flow::new); a slice that is too short makes a layer do less, never panic.

pub mod affine;
#[cfg(feature = "batch-norm")]
pub mod batch_norm;
pub mod coupling;
pub mod permutation;
pub mod standardize;
