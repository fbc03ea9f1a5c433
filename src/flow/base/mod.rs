//! The base density: standard normal, independent in every feature (paper section 3), or a [`mixture`].
//!
//! ```
//! use nvpico::base;
//!
//! // log N(0; 0, 1) is -ln(2 pi) / 2.
//! assert!((base::log_prob(0.0, 0.0_f32, 1) + 0.918_938_5).abs() < 1e-6);
//! ```

#[cfg(feature = "extra-layers")]
pub(crate) mod conditional;
#[cfg(feature = "extra-layers")]
pub(crate) mod fixed;
#[cfg(feature = "extra-layers")]
pub mod mixture;

use crate::arithmetic::Lanes;
use crate::kernel::Kernels;
use crate::spec::FlowSpec;
#[cfg(feature = "extra-layers")]
use crate::spec::{BaseSpec, MixtureSpec};

/// `ln(2 pi) / 2`, in nats per feature.
pub const HALF_LN_2PI: f32 = 0.918_938_5;

/// `sum(z^2)` in feature order. Summed in blocks of sixteen, since short sums lose fewer digits.
#[inline(always)]
pub fn norm_sq<V: Lanes>(z: &[V]) -> V {
    let mut sum = V::splat(0.0);
    for block in z.chunks(16) {
        let mut block_sum = V::splat(0.0);
        // The length is hidden from the compiler: unrolled, the loop costs a chip without an FPU a kilobyte of
        // stack.
        for &z in core::hint::black_box(block) {
            block_sum = block_sum + z * z;
        }
        sum = sum + block_sum;
    }
    sum
}

/// `log N(z; 0, I) + log_det` in nats, from `z_norm_sq = sum(z^2)`. Returns `-inf` if an operand overflowed
/// (`inf`, NaN), so the result never looks normal.
#[inline(always)]
pub fn log_prob<V: Lanes>(z_norm_sq: V, log_det: V, dim: usize) -> V {
    let constant = dim as f32 * HALF_LN_2PI;
    impossible_if_beyond(log_det - z_norm_sq * V::splat(0.5) - V::splat(constant))
}

/// The values of z that are judged: those behind the given ones.
#[inline(always)]
pub(crate) fn judged<'z, V>(flow: &FlowSpec<'_>, z: &'z [V]) -> &'z [V] {
    #[cfg(feature = "extra-layers")]
    if flow.given > 0 {
        return z.get(flow.given..).unwrap_or(&[]);
    }
    // Without the feature none are given, and a chip pays nothing for it.
    let _ = flow;
    z
}

/// `log p(z) + log_det` by the base of a flow, of the judged values where the others are given; `params` are its parameters,
/// `scratch` has its length, `z_norm_sq` is that of the judged values.
#[inline(always)]
pub(crate) fn of_latent<V: Kernels>(
    flow: &FlowSpec<'_>,
    z: &[V],
    scratch: &mut [V],
    params: &[f32],
    z_norm_sq: V,
    log_det: V,
) -> V {
    #[cfg(feature = "extra-layers")]
    if let BaseSpec::Mixture(spec) = flow.base {
        return of_mixture(spec, flow, z, scratch, params, z_norm_sq, log_det);
    }
    // Without the feature `Flow::new` refuses a mixture, and a chip pays nothing for the choice.
    let _ = (z, scratch, params);
    log_prob(z_norm_sq, log_det, flow.dim().wrapping_sub(flow.given()))
}

/// The component with the largest share of `p(z)`, the first of several; [`of_latent`] left the shares at the front of the scratch.
/// `None` of a standard normal base.
#[inline(always)]
pub(crate) fn component(flow: &FlowSpec<'_>, scratch: impl Iterator<Item = f32>) -> Option<u8> {
    #[cfg(feature = "extra-layers")]
    if let BaseSpec::Mixture(spec) = flow.base {
        // Counted by hand: a range costs a chip five times as much.
        let (mut most, mut found, mut at) = (0.0, u32::MAX, 0_u32);
        for share in scratch.take(spec.components) {
            // False for NaN.
            if share > most {
                (most, found) = (share, at);
            }
            at = at.wrapping_add(1);
        }
        return u8::try_from(found).ok();
    }
    let _ = (flow, scratch);
    None
}

/// [`of_latent`] by a mixture: the base, or kernels.
#[cfg(feature = "extra-layers")]
#[inline(always)]
pub(super) fn of_mixture<V: Kernels>(
    spec: MixtureSpec,
    flow: &FlowSpec<'_>,
    z: &[V],
    scratch: &mut [V],
    params: &[f32],
    z_norm_sq: V,
    log_det: V,
) -> V {
    if flow.given > 0 {
        return conditional::log_prob(spec, flow.given, flow.math, params, z, scratch, log_det);
    }
    mixture::log_prob(spec, flow.math, params, z, scratch, z_norm_sq, log_det)
}

/// [`gradient`] by a mixture.
#[cfg(feature = "extra-layers")]
#[inline(always)]
pub(super) fn gradient_of_mixture<V: Kernels>(
    spec: MixtureSpec,
    flow: &FlowSpec<'_>,
    z: &[V],
    scratch: &mut [V],
    params: &[f32],
    gradient: &mut [V],
) -> Option<()> {
    if flow.given > 0 {
        return conditional::gradient(spec, flow.given, flow.math, params, z, scratch, gradient);
    }
    mixture::gradient(spec, flow.math, params, z, scratch, gradient)
}

/// The gradient `d log p(z) / d z` by the base of a flow; arguments as for [`of_latent`]. `None` where parameters are
/// missing.
#[inline(always)]
#[cfg_attr(
    not(feature = "extra-layers"),
    allow(clippy::unnecessary_wraps, reason = "a mixture may lack parameters")
)]
pub(crate) fn gradient<V: Kernels>(
    flow: &FlowSpec<'_>,
    z: &[V],
    scratch: &mut [V],
    params: &[f32],
    gradient: &mut [V],
) -> Option<()> {
    #[cfg(feature = "extra-layers")]
    if let BaseSpec::Mixture(spec) = flow.base {
        return gradient_of_mixture(spec, flow, z, scratch, params, gradient);
    }
    let _ = (scratch, params);
    for (gradient, &z) in gradient.iter_mut().zip(z) {
        // d log N(z; 0, I) / d z
        *gradient = -z;
    }
    for gradient in gradient.iter_mut().take(flow.given()) {
        *gradient = V::splat(0.0);
    }
    Some(())
}

/// The lower one, in every lane; neither is NaN.
#[cfg(feature = "extra-layers")]
#[inline(always)]
pub(super) fn lower<V: Lanes>(a: V, b: V) -> V {
    a.zip(b, |a, b| crate::arithmetic::select(b < a, b, a))
}

/// `-inf` for NaN and `+inf`.
#[inline(always)]
pub(super) fn impossible_if_beyond<V: Lanes>(log_prob: V) -> V {
    // False for NaN and +inf.
    log_prob.map(|s| {
        if s < f32::INFINITY {
            s
        } else {
            f32::NEG_INFINITY
        }
    })
}

/// A standard normal value from 32 random bits, by the inverse normal distribution function (Wichura's
/// algorithm AS 241, PPND7: about seven digits). The largest magnitude is 5.3.
#[must_use]
pub fn standard_normal(bits: u32) -> f32 {
    use crate::arithmetic::elementary::{ln, sqrt};

    // 23 bits and a half: every value is exact in f32, and neither 0 nor 1 occurs.
    let p = ((bits >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        let numerator = ((5.910_937_5e1 * r + 1.592_911_3e2) * r + 5.043_427_3e1) * r + 3.387_133;
        let denominator = ((6.718_756e1 * r + 7.875_776e1) * r + 1.789_516_9e1) * r + 1.0;
        return q * numerator / denominator;
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = sqrt(-ln(tail));
    let magnitude = if r <= 5.0 {
        let r = r - 1.6;
        (((1.702_382_1e-1 * r + 1.306_728_5) * r + 2.756_815_3) * r + 1.423_437_2)
            / ((1.202_113_2e-1 * r + 7.370_016_4e-1) * r + 1.0)
    } else {
        let r = r - 5.0;
        (((1.733_720_4e-2 * r + 4.286_829_4e-1) * r + 3.081_226_3) * r + 6.657_905)
            / ((1.225_820_3e-2 * r + 2.419_789_5e-1) * r + 1.0)
    };
    if q < 0.0 { -magnitude } else { magnitude }
}
