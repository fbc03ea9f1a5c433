//! Running kernels with the instruction set that the machine has (feature `std`).
//!
//! Kernels are inlined into what [`Instructions::run`] is given, so each pair of a width and an instruction set is
//! compiled anew, and that is most of what this crate takes to compile. Pairs exist where they are named:
//! sixteen lanes with AVX-512, eight with AVX2, either without. None of it touches a bit of any result.

use pulp::NullaryFnOnce;
#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
use pulp::{
    Arch, Simd,
    x86::{V3, V4},
};

/// An instruction set that the machine has.
pub(crate) trait Instructions: Copy + Send + Sync {
    /// Runs an operation, compiled for these instructions if it inlines its kernels.
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output;
}

/// What every processor of the target has.
#[derive(Clone, Copy)]
pub(crate) struct Baseline;

impl Instructions for Baseline {
    // A call of its own: without optimisation the caller's frame would hold all that the kernels hold, once
    // for each width, and a thread's stack no frame so large.
    #[inline(never)]
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output {
        op.call()
    }
}

/// An operation as [`pulp::WithSimd`] takes it.
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

#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
impl Instructions for V4 {
    #[inline(always)]
    fn run<Op: NullaryFnOnce>(self, op: Op) -> Op::Output {
        Simd::vectorize(self, Whole(op))
    }
}

/// The widest registers of the machine that kernels are compiled for. Unit tests have the baseline alone, which
/// spares them compiling all kernels for the others.
#[derive(Clone, Copy)]
pub(crate) enum Registers {
    /// Sixteen lanes (AVX-512).
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    Sixteen(V4),
    /// Eight lanes (AVX2).
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    Eight(V3),
    /// Whatever the compiler makes of lanes.
    Baseline(Baseline),
}

/// Looks at the machine.
pub(crate) fn registers() -> Registers {
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    match Arch::new() {
        Arch::V4(simd) => return Registers::Sixteen(simd),
        Arch::V3(simd) => return Registers::Eight(simd),
        _ => {}
    }
    Registers::Baseline(Baseline)
}
