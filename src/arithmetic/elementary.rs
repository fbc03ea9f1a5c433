//! Elementary functions: the only file that names `libm` or `micromath`.
//!
//! Which back end a model uses is part of its spec, for it decides the bits of every score and with
//! them the threshold. `libm` is always there, feature `micromath` adds the other;
//! [`Flow::new`](crate::Flow::new) refuses a model whose back end is missing.
//!
//! ```
//! use nvpico::Math;
//!
//! assert!(Math::Libm.is_compiled());
//! assert!((Math::Libm.tanh(0.5) - 0.462_117_16).abs() < 1e-7);
//! ```
//!
//! | | `exp`, largest relative error | `tanh`, largest absolute error |
//! | --- | --- | --- |
//! | `Libm` | 1 ulp | 1 ulp |
//! | `Micromath` | 2.4e-3 | 1.2e-3 |

/// The back end of elementary functions that a model was trained and calibrated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Math {
    /// The `libm` crate: musl's algorithms, about 1 ulp.
    #[default]
    Libm,
    /// The `micromath` crate: smaller code, errors in the third digit.
    Micromath,
}

impl Math {
    /// Whether this back end is compiled in.
    #[must_use]
    pub const fn is_compiled(self) -> bool {
        match self {
            Math::Libm => true,
            Math::Micromath => cfg!(feature = "micromath"),
        }
    }

    /// `e^x`. NaN for NaN, 0 and `+inf` at the ends.
    // A call: inlined, it would burden the frame of whoever waits on the stack for a network.
    #[inline(never)]
    #[must_use]
    pub fn exp(self, x: f32) -> f32 {
        match self {
            Math::Libm => libm::expf(x),
            #[cfg(feature = "micromath")]
            Math::Micromath => micromath_exp(x),
            // Not reached through a validated flow; NaN ends as log_prob = -inf, never as normal.
            #[cfg(not(feature = "micromath"))]
            Math::Micromath => x * f32::NAN,
        }
    }

    /// Hyperbolic tangent, within `-1 ..= 1`. NaN for NaN.
    #[inline(never)]
    #[must_use]
    pub fn tanh(self, x: f32) -> f32 {
        match self {
            Math::Libm => libm::tanhf(x),
            #[cfg(feature = "micromath")]
            Math::Micromath => {
                // From exp(-2|x|), which cannot overflow; odd by construction.
                let e = micromath_exp(-2.0 * x.abs());
                ((1.0 - e) / (1.0 + e)).copysign(x)
            }
            #[cfg(not(feature = "micromath"))]
            Math::Micromath => x * f32::NAN,
        }
    }

    /// Arc tangent, with feature `foreign` and by `Libm`; NaN elsewhere, but there
    /// [`Flow::new`](crate::Flow::new) refuses the model.
    #[inline]
    #[must_use]
    pub fn atan(self, x: f32) -> f32 {
        match self {
            #[cfg(feature = "foreign")]
            Math::Libm => libm::atanf(x),
            _ => x * f32::NAN,
        }
    }

    /// `ln(1 / (1 + e^-x) + floor)`, without an overflow on the way where `floor` is 0. NaN as for
    /// [`atan`](Self::atan).
    #[inline]
    #[must_use]
    pub fn log_sigmoid(self, x: f32, floor: f32) -> f32 {
        match self {
            #[cfg(feature = "foreign")]
            Math::Libm if floor > 0.0 => libm::logf(1.0 / (1.0 + libm::expf(-x)) + floor),
            #[cfg(feature = "foreign")]
            Math::Libm => {
                let below = if x < 0.0 { x } else { 0.0 };
                below - libm::log1pf(libm::expf(-x.abs()))
            }
            _ => x * floor * f32::NAN,
        }
    }
}

/// micromath's own `exp` gives `+inf` for NaN, which would hide an overflow, and from `128 ln 2` on
/// NaN before `+inf` (a panic with debug assertions).
#[cfg(feature = "micromath")]
#[inline]
fn micromath_exp(x: f32) -> f32 {
    if x.is_nan() {
        return x;
    }
    if x >= 88.722_84 {
        return f32::INFINITY;
    }
    micromath::F32(x).exp().0
}

/// Natural logarithm, for what is done once and not per score: folding, sampling.
#[inline]
pub(crate) fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// Square root, correctly rounded.
#[inline]
pub(crate) fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// `e^x`, square root and natural logarithm in double precision, for statistics in training. The
/// pinned crate rather than the platform's: training repeats to the bit on every machine.
#[cfg(feature = "std")]
pub(crate) mod double {
    pub(crate) use libm::{exp, log as ln, sqrt};
}
