//! The networks that give a coupling its log-scale and shift.
//!
//! [`dense`] holds the kernels of a fully connected layer, forward and backward; the coupling layer
//! chains them into a multi-layer perceptron, or a network of residual blocks. [`convolution`] makes
//! networks for feature maps of them. The inner loop for a single sample stands apart, in safe Rust and,
//! as an option, in assembly.

#[cfg(feature = "feature-maps")]
pub mod convolution;
pub mod dense;
#[cfg(feature = "foreign")]
pub(crate) mod residual;
pub(crate) mod scalar;

#[cfg(not(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf")))]
mod panels;

#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
#[allow(
    unsafe_code,
    reason = "opt-in, with a safe twin that it is tested against"
)]
mod assembly;

#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
pub(crate) use assembly::{add_inputs, forward_pair};
#[cfg(not(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf")))]
pub(crate) use panels::{add_inputs, forward_pair};
