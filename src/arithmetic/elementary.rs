//! Elementary functions. No other file uses `libm` or `micromath`.
//!
//! The back end is part of a model's spec because it determines the bits of every score and therefore the
//! threshold. `libm` is always available, feature `micromath` adds the other. [`Flow::new`](crate::Flow::new)
//! rejects a model whose back end is not compiled in.
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

    /// `e^x`. NaN for NaN; underflows to 0, overflows to `+inf`.
    // Not inlined: it would enlarge the stack frame of callers that wait for a network to finish.
    #[inline(never)]
    #[must_use]
    pub fn exp(self, x: f32) -> f32 {
        match self {
            Math::Libm => libm::expf(x),
            #[cfg(feature = "micromath")]
            Math::Micromath => micromath_exp(x),
            // Unreachable through a validated flow. NaN ends as log_prob = -inf, so it never looks normal.
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
                // Computed from exp(-2|x|), which cannot overflow; odd by construction.
                let e = micromath_exp(-2.0 * x.abs());
                ((1.0 - e) / (1.0 + e)).copysign(x)
            }
            #[cfg(not(feature = "micromath"))]
            Math::Micromath => x * f32::NAN,
        }
    }

    /// Natural logarithm of a value of at least 1; with `Micromath` its error is at most 1e-4. NaN and `+inf` are kept.
    #[cfg(feature = "extra-layers")]
    #[inline(never)]
    #[must_use]
    pub fn ln(self, x: f32) -> f32 {
        match self {
            Math::Libm => libm::logf(x),
            // Micromath would take them for numbers.
            #[cfg(feature = "micromath")]
            Math::Micromath if x < f32::INFINITY => micromath::F32(x).ln().0,
            Math::Micromath => x * f32::NAN,
        }
    }

    /// Arc tangent. Needs feature `extra-layers` and `Libm`; NaN otherwise, but then [`Flow::new`](crate::Flow::new)
    /// has rejected the model.
    #[inline]
    #[must_use]
    pub fn atan(self, x: f32) -> f32 {
        match self {
            #[cfg(feature = "extra-layers")]
            Math::Libm => libm::atanf(x),
            _ => x * f32::NAN,
        }
    }

    /// `ln(1 / (1 + e^-x) + floor)`. With `floor == 0` intermediate results do not overflow. NaN in the same
    /// cases as [`atan`](Self::atan).
    #[inline]
    #[must_use]
    pub fn log_sigmoid(self, x: f32, floor: f32) -> f32 {
        match self {
            #[cfg(feature = "extra-layers")]
            Math::Libm if floor > 0.0 => libm::logf(1.0 / (1.0 + libm::expf(-x)) + floor),
            #[cfg(feature = "extra-layers")]
            Math::Libm => {
                let below = if x < 0.0 { x } else { 0.0 };
                below - libm::log1pf(libm::expf(-x.abs()))
            }
            _ => x * floor * f32::NAN,
        }
    }
}

/// micromath's `exp` returns `+inf` for NaN, which would hide an overflow. From `128 ln 2` on it returns NaN
/// instead of `+inf`, and panics with debug assertions.
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

/// Natural logarithm, for code outside the scoring path: folding and sampling.
#[inline]
pub(crate) fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// Square root, correctly rounded.
#[inline]
pub(crate) fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// Logarithm to the base of 10; minus infinity of 0.
#[inline]
pub(crate) fn log10(x: f32) -> f32 {
    libm::log10f(x)
}

/// `e^x`, square root and natural logarithm in double precision, for training statistics. Uses the pinned crate
/// rather than the platform's libm so that training is bit-reproducible on every machine.
#[cfg(feature = "std")]
pub(crate) mod double {
    pub(crate) use libm::{exp, log as ln, sqrt};
}
