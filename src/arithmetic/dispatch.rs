//! Runtime dispatch of kernels to the instruction sets of the host CPU (feature `std`).
//!
//! Kernels are inlined into the closure given to [`Instructions::run`], so every pair of lane width and
//! instruction set is compiled separately; this dominates the crate's build time. Only the pairs named here
//! exist: sixteen lanes with AVX-512, eight with AVX2, and both without either. The choice does not change any
//! bit of a result.

use pulp::NullaryFnOnce;
#[cfg(all(
    not(any(test, debug_assertions)),
    any(target_arch = "x86", target_arch = "x86_64")
))]
use pulp::x86::V4;
#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
use pulp::{Arch, Simd, x86::V3};

/// An instruction set supported by the host CPU.
pub(crate) trait Instructions: Copy + Send + Sync {
    /// Runs an operation compiled for this instruction set, provided that it inlines its kernels.
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output;
}

/// The baseline instruction set of the compilation target.
#[derive(Clone, Copy)]
pub(crate) struct Baseline;

impl Instructions for Baseline {
    // Not inlined: without optimisation the caller's stack frame would hold the locals of all kernels once per
    // lane width and overflow a thread's stack.
    #[inline(never)]
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output {
        op.call()
    }
}

/// An operation in the form that [`pulp::WithSimd`] accepts.
#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
struct Whole<Op>(Op);

#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
impl<Op: NullaryFnOnce> pulp::WithSimd for Whole<Op> {
    type Output = Op::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Op::Output {
        self.0.call()
    }
}

#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
impl Instructions for V3 {
    #[inline(always)]
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output {
        Simd::vectorize(self, Whole(op))
    }
}

#[cfg(all(
    not(any(test, debug_assertions)),
    any(target_arch = "x86", target_arch = "x86_64")
))]
impl Instructions for V4 {
    #[inline(always)]
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output {
        Simd::vectorize(self, Whole(op))
    }
}

/// The widest vector registers that kernels are compiled for and the CPU supports. Unit tests use the baseline
/// only, and builds with debug assertions eight lanes at the most: every kernel is compiled for each of them.
#[derive(Clone, Copy)]
pub(crate) enum Registers {
    /// Sixteen lanes (AVX-512).
    #[cfg(all(
        not(any(test, debug_assertions)),
        any(target_arch = "x86", target_arch = "x86_64")
    ))]
    Sixteen(V4),
    /// Eight lanes (AVX2).
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    Eight(V3),
    /// Whatever the compiler generates for the baseline.
    Baseline(Baseline),
}

/// Detects the instruction set of the host CPU.
pub(crate) fn registers() -> Registers {
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    match Arch::new() {
        #[cfg(not(debug_assertions))]
        Arch::V4(simd) => return Registers::Sixteen(simd),
        #[cfg(debug_assertions)]
        Arch::V4(simd) => return Registers::Eight(*simd),
        Arch::V3(simd) => return Registers::Eight(simd),
        _ => {}
    }
    Registers::Baseline(Baseline)
}
