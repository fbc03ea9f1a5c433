//! A panel of the dense kernel in assembly for Cortex-M with an FPU (feature `assembly`, off by
//! default): one instruction loads eight weights, to which the compiler cannot be brought.
//!
//! A multiply and an add for each weight, in the order of the inputs, as in the safe
//! [`scalar`](super::scalar): the same bits, which a test in the emulator compares. NaN is not less
//! than zero, so ReLU lets it pass. The only unsafe code of the engine.

use core::arch::asm;

use super::dense::{WIDEST, split_bias};
use super::scalar;
use crate::spec::Activation;

/// One panel, as [`scalar::panel`].
#[inline(always)]
pub(crate) fn panel(
    rows: &[f32],
    has_bias: bool,
    input: &[f32],
    output: &mut [f32],
    activation: Option<Activation>,
) {
    let relu = matches!(activation, Some(Activation::Relu));
    if let Ok(output) = <&mut [f32; WIDEST]>::try_from(&mut *output) {
        let (bias, weights) = split_bias(rows, has_bias);
        panel_16(bias, weights, input, output, relu);
    } else if let Ok(output) = <&mut [f32; 8]>::try_from(&mut *output) {
        let (bias, weights) = split_bias(rows, has_bias);
        panel_8(bias, weights, input, output, relu);
    } else if let Ok(output) = <&mut [f32; 4]>::try_from(&mut *output) {
        let (bias, weights) = split_bias(rows, has_bias);
        panel_4(bias, weights, input, output, relu);
    } else {
        return scalar::panel(rows, has_bias, input, output, activation);
    }
    if let Some(Activation::LeakyRelu { slope }) = activation {
        scalar::leaky(output, slope);
    }
}

/// Products in place of the weights, then the sums: `(sum product)` pairs of registers.
macro_rules! multiply_add {
    ($(($sum:literal $product:literal))*) => {
        concat!(
            $("vmul.f32 s", $product, ", s", $product, ", s24\n",)*
            $("vadd.f32 s", $sum, ", s", $sum, ", s", $product, "\n",)*
        )
    };
}

/// What is below zero becomes the zero in s24.
macro_rules! relu {
    ($($sum:literal)*) => {
        concat!($(
            "vcmp.f32 s", $sum, ", #0\nvmrs APSR_nzcv, fpscr\nit mi\nvmovmi.f32 s", $sum, ", s24\n",
        )*)
    };
}

/// A panel of some width: the sums start at `bias`, or without one at what `output` holds. Each turn of
/// the loop takes an input into s24 and its weights into s16 to s23, then does `$row`.
macro_rules! panel {
    ($name:ident, $width:literal, $sums:literal, $weights:literal, [$($row:expr),*], $relu:expr) => {
        #[inline(always)]
        fn $name(
            bias: Option<&[f32; $width]>,
            weights: &[[f32; $width]],
            input: &[f32],
            output: &mut [f32; $width],
            relu: bool,
        ) {
            let out = output.as_mut_ptr();
            let start = bias.map_or(out.cast_const(), |bias| bias.as_ptr());
            let count = weights.len().min(input.len());
            // SAFETY: reads a panel's width of values at `start`, `count` rows of as many at `weights` and
            // `count` values at `input`, which their lengths allow; writes a panel's width at `out`. Every
            // register it changes is named.
            unsafe {
                asm!(
                    concat!("vldmia {start}, {{", $sums, "}}"),
                    "cmp {n}, #0",
                    "beq 3f",
                    "2:",
                    "vldmia {x}!, {{s24}}",
                    concat!("vldmia {w}!, {{", $weights, "}}"),
                    "subs {n}, {n}, #1",
                    $($row,)*
                    "bne 2b",
                    "3:",
                    "cmp {relu}, #0",
                    "beq 4f",
                    // The count is 0 here, and so is the float of these bits.
                    "vmov s24, {n}",
                    $relu,
                    "4:",
                    concat!("vstmia {out}, {{", $sums, "}}"),
                    start = in(reg) start,
                    out = in(reg) out,
                    w = inout(reg) weights.as_ptr() => _,
                    x = inout(reg) input.as_ptr() => _,
                    n = inout(reg) count => _,
                    relu = in(reg) u32::from(relu),
                    out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _,
                    out("s6") _, out("s7") _, out("s8") _, out("s9") _, out("s10") _, out("s11") _,
                    out("s12") _, out("s13") _, out("s14") _, out("s15") _, out("s16") _, out("s17") _,
                    out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
                    out("s24") _,
                    options(nostack),
                );
            }
        }
    };
}

panel!(
    panel_16,
    16,
    "s0-s15",
    "s16-s23",
    [
        multiply_add!((0 16)(1 17)(2 18)(3 19)(4 20)(5 21)(6 22)(7 23)),
        "vldmia {w}!, {{s16-s23}}",
        multiply_add!((8 16)(9 17)(10 18)(11 19)(12 20)(13 21)(14 22)(15 23))
    ],
    relu!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
);

panel!(
    panel_8,
    8,
    "s0-s7",
    "s16-s23",
    [multiply_add!((0 16)(1 17)(2 18)(3 19)(4 20)(5 21)(6 22)(7 23))],
    relu!(0 1 2 3 4 5 6 7)
);

panel!(
    panel_4,
    4,
    "s0-s3",
    "s16-s19",
    [multiply_add!((0 16)(1 17)(2 18)(3 19))],
    relu!(0 1 2 3)
);
