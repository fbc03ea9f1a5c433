//! Every tolerance of the engine's tests, in one table.
//!
//! A test prints the largest errors that it measured (`cargo test -- --nocapture`); the values here
//! leave room for an unlucky seed, not for a mistake: a wrong sign, index or factor is off by far
//! more.

/// How far the `f32` engine may be from the `f64` reference and from itself.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// `inverse(forward(x))` against `x`, relative to the largest feature or 1.
    pub inverse: f64,
    /// Log-determinant there against the one back, in nats, relative to itself or 1.
    pub log_det_pair: f64,
    /// Log-determinant against `ln |det|` of the reference's numerical Jacobian, likewise.
    pub jacobian: f64,
    /// Latent against the reference's, relative to the largest value or 1.
    pub latent: f64,
    /// Log-density against the reference's, relative to itself or 1.
    pub log_prob: f64,
}

/// Single layers with the `libm` back end: rounding alone. Both directions sum the same bits.
pub const LAYER: Tolerance = Tolerance {
    inverse: 1e-5,
    log_det_pair: 0.0,
    jacobian: 5e-6,
    latent: 2e-6,
    log_prob: 2e-6,
};

/// Whole models with the `libm` back end: rounding, carried through every layer.
pub const MODEL: Tolerance = Tolerance {
    inverse: 1e-4,
    log_det_pair: 2e-5,
    jacobian: 2e-5,
    latent: 1e-5,
    log_prob: 1e-5,
};

/// Single layers with the `micromath` back end: its `exp` is off by 2.4e-3, its `tanh` by 1.2e-3.
pub const MICROMATH: Tolerance = Tolerance {
    inverse: 5e-3,
    log_det_pair: 0.0,
    jacobian: 1e-2,
    latent: 5e-3,
    log_prob: 5e-3,
};

/// Gradients: the largest deviation from central differences in a tensor, relative to the tensor's
/// largest value.
pub const GRADIENT: f64 = 2e-5;

/// A tensor of gradients below this is small by cancellation among terms around 1: errors are
/// relative to this.
pub const GRADIENT_FLOOR: f64 = 0.1;

/// As [`GRADIENT`], for a whole model: errors of every layer on the way back.
pub const MODEL_GRADIENT: f64 = 1e-4;

/// Gradients with respect to a sample, which is recovered layer by layer by the inverse: as [`GRADIENT`].
pub const INPUT_GRADIENT: f64 = 1e-5;

/// The same of a model of many couplings on maps.
pub const INPUT_GRADIENT_MAP: f64 = 5e-5;

/// The same against gradients by what a forward pass kept: what the inverse costs.
pub const INPUT_GRADIENT_TAPE: f64 = 1e-5;

/// Loss of a training batch against the reference's, in nats, relative to itself or 1.
pub const LOSS: f64 = 1e-5;

/// Values of the normal quantile function against a table, relative to themselves.
pub const QUANTILE: f64 = 1e-6;

/// Log-density of the first parameters against normals with the sample's moments, in nats.
pub const INITIAL_LOG_PROB: f64 = 1e-5;

/// Deviation of `value` from `expected`, relative to `expected` or 1, whichever is larger.
pub fn relative(value: f64, expected: f64) -> f64 {
    (value - expected).abs() / expected.abs().max(1.0)
}

/// Largest deviation in a tensor, relative to the largest expected value, or to `floor` where all
/// expected values are smaller.
pub fn of_tensor(values: &[f64], expected: &[f64], floor: f64) -> f64 {
    assert_eq!(values.len(), expected.len(), "tensors of one shape");
    let scale = expected.iter().fold(floor, |most, e| most.max(e.abs()));
    let off = values
        .iter()
        .zip(expected)
        .map(|(value, expected)| (value - expected).abs() / scale);
    // A NaN must not vanish in a maximum.
    off.fold(0.0, |most, off| if off <= most { most } else { off })
}
