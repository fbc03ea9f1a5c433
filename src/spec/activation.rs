//! Activations.

/// Activation of hidden layers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
    /// `x` if positive, else `slope * x`.
    LeakyRelu {
        /// Within `0 .. 1`.
        slope: f32,
    },
}
