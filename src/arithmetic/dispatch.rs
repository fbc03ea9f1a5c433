//! Running kernels with the instruction set that the machine has (feature `std`).
//!
//! Every kernel is compiled only for the registers that its lanes fill: sixteen for AVX-512, eight for
//! AVX2 and for what is left. None of it touches a bit of any result.

use pulp::{Arch, NullaryFnOnce};

/// An operation as [`pulp::WithSimd`] takes it.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
struct Whole<Op>(Op);

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl<Op: NullaryFnOnce> pulp::WithSimd for Whole<Op> {
    type Output = Op::Output;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) -> Op::Output {
        self.0.call()
    }
}

/// Whether sixteen lanes fit one register (AVX-512).
pub(crate) fn has_wide_registers(arch: Arch) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Arch::V4(_) = arch {
        return true;
    }
    let _ = arch;
    false
}

/// A call of its own: without optimisation the caller's frame would hold all that the kernels hold, once
/// for each width, and a thread's stack no frame so large.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[inline(never)]
fn call<Op: NullaryFnOnce>(op: Op) -> Op::Output {
    op.call()
}

/// Runs an operation on packets of `N` lanes. It must inline its kernels; what is compiled without
/// the registers that `N` lanes fill is correct, but slow.
#[inline(always)]
pub(crate) fn dispatch<const N: usize, Op: NullaryFnOnce>(arch: Arch, op: Op) -> Op::Output {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        use pulp::Simd;

        if N >= 16 {
            if let Arch::V4(simd) = arch {
                return Simd::vectorize(simd, Whole(op));
            }
        } else if let Arch::V3(simd) = arch {
            return Simd::vectorize(simd, Whole(op));
        }
        call(op)
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    arch.dispatch(op)
}
