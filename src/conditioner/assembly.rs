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

/// A panel of 16.
#[inline(always)]
fn panel_16(
    bias: Option<&[f32; 16]>,
    weights: &[[f32; 16]],
    input: &[f32],
    output: &mut [f32; 16],
    relu: bool,
) {
    let out = output.as_mut_ptr();
    let start = bias.map_or(out.cast_const(), |bias| bias.as_ptr());
    let count = weights.len().min(input.len());
    // SAFETY: reads 16 values at `start`, `count` rows of 16 at `weights`, `count` values at `input`,
    // which their lengths allow; writes 16 values at `output`. Every register it changes is named.
    unsafe {
        asm!(
            "vldmia {start}, {{s0-s15}}",
            "cmp {n}, #0",
            "beq 3f",
            "2:",
            "vldmia {x}!, {{s24}}",
            "vldmia {w}!, {{s16-s23}}",
            "subs {n}, {n}, #1",
            "vmul.f32 s16, s16, s24",
            "vmul.f32 s17, s17, s24",
            "vmul.f32 s18, s18, s24",
            "vmul.f32 s19, s19, s24",
            "vmul.f32 s20, s20, s24",
            "vmul.f32 s21, s21, s24",
            "vmul.f32 s22, s22, s24",
            "vmul.f32 s23, s23, s24",
            "vadd.f32 s0, s0, s16",
            "vadd.f32 s1, s1, s17",
            "vadd.f32 s2, s2, s18",
            "vadd.f32 s3, s3, s19",
            "vadd.f32 s4, s4, s20",
            "vadd.f32 s5, s5, s21",
            "vadd.f32 s6, s6, s22",
            "vadd.f32 s7, s7, s23",
            "vldmia {w}!, {{s16-s23}}",
            "vmul.f32 s16, s16, s24",
            "vmul.f32 s17, s17, s24",
            "vmul.f32 s18, s18, s24",
            "vmul.f32 s19, s19, s24",
            "vmul.f32 s20, s20, s24",
            "vmul.f32 s21, s21, s24",
            "vmul.f32 s22, s22, s24",
            "vmul.f32 s23, s23, s24",
            "vadd.f32 s8, s8, s16",
            "vadd.f32 s9, s9, s17",
            "vadd.f32 s10, s10, s18",
            "vadd.f32 s11, s11, s19",
            "vadd.f32 s12, s12, s20",
            "vadd.f32 s13, s13, s21",
            "vadd.f32 s14, s14, s22",
            "vadd.f32 s15, s15, s23",
            "bne 2b",
            "3:",
            "cmp {relu}, #0",
            "beq 4f",
            // The count is 0 here, and so is the float of these bits.
            "vmov s24, {n}",
            "vcmp.f32 s0, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s0, s24",
            "vcmp.f32 s1, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s1, s24",
            "vcmp.f32 s2, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s2, s24",
            "vcmp.f32 s3, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s3, s24",
            "vcmp.f32 s4, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s4, s24",
            "vcmp.f32 s5, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s5, s24",
            "vcmp.f32 s6, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s6, s24",
            "vcmp.f32 s7, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s7, s24",
            "vcmp.f32 s8, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s8, s24",
            "vcmp.f32 s9, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s9, s24",
            "vcmp.f32 s10, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s10, s24",
            "vcmp.f32 s11, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s11, s24",
            "vcmp.f32 s12, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s12, s24",
            "vcmp.f32 s13, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s13, s24",
            "vcmp.f32 s14, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s14, s24",
            "vcmp.f32 s15, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s15, s24",
            "4:",
            "vstmia {out}, {{s0-s15}}",
            start = in(reg) start,
            out = in(reg) out,
            w = inout(reg) weights.as_ptr() => _,
            x = inout(reg) input.as_ptr() => _,
            n = inout(reg) count => _,
            relu = in(reg) u32::from(relu),
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            out("s24") _,
            options(nostack),
        );
    }
}

/// A panel of 8.
#[inline(always)]
fn panel_8(
    bias: Option<&[f32; 8]>,
    weights: &[[f32; 8]],
    input: &[f32],
    output: &mut [f32; 8],
    relu: bool,
) {
    let out = output.as_mut_ptr();
    let start = bias.map_or(out.cast_const(), |bias| bias.as_ptr());
    let count = weights.len().min(input.len());
    // SAFETY: reads 8 values at `start`, `count` rows of 8 at `weights`, `count` values at `input`,
    // which their lengths allow; writes 8 values at `output`. Every register it changes is named.
    unsafe {
        asm!(
            "vldmia {start}, {{s0-s7}}",
            "cmp {n}, #0",
            "beq 3f",
            "2:",
            "vldmia {x}!, {{s24}}",
            "vldmia {w}!, {{s16-s23}}",
            "subs {n}, {n}, #1",
            "vmul.f32 s16, s16, s24",
            "vmul.f32 s17, s17, s24",
            "vmul.f32 s18, s18, s24",
            "vmul.f32 s19, s19, s24",
            "vmul.f32 s20, s20, s24",
            "vmul.f32 s21, s21, s24",
            "vmul.f32 s22, s22, s24",
            "vmul.f32 s23, s23, s24",
            "vadd.f32 s0, s0, s16",
            "vadd.f32 s1, s1, s17",
            "vadd.f32 s2, s2, s18",
            "vadd.f32 s3, s3, s19",
            "vadd.f32 s4, s4, s20",
            "vadd.f32 s5, s5, s21",
            "vadd.f32 s6, s6, s22",
            "vadd.f32 s7, s7, s23",
            "bne 2b",
            "3:",
            "cmp {relu}, #0",
            "beq 4f",
            // The count is 0 here, and so is the float of these bits.
            "vmov s24, {n}",
            "vcmp.f32 s0, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s0, s24",
            "vcmp.f32 s1, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s1, s24",
            "vcmp.f32 s2, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s2, s24",
            "vcmp.f32 s3, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s3, s24",
            "vcmp.f32 s4, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s4, s24",
            "vcmp.f32 s5, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s5, s24",
            "vcmp.f32 s6, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s6, s24",
            "vcmp.f32 s7, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s7, s24",
            "4:",
            "vstmia {out}, {{s0-s7}}",
            start = in(reg) start,
            out = in(reg) out,
            w = inout(reg) weights.as_ptr() => _,
            x = inout(reg) input.as_ptr() => _,
            n = inout(reg) count => _,
            relu = in(reg) u32::from(relu),
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            out("s24") _,
            options(nostack),
        );
    }
}

/// A panel of 4.
#[inline(always)]
fn panel_4(
    bias: Option<&[f32; 4]>,
    weights: &[[f32; 4]],
    input: &[f32],
    output: &mut [f32; 4],
    relu: bool,
) {
    let out = output.as_mut_ptr();
    let start = bias.map_or(out.cast_const(), |bias| bias.as_ptr());
    let count = weights.len().min(input.len());
    // SAFETY: reads 4 values at `start`, `count` rows of 4 at `weights`, `count` values at `input`,
    // which their lengths allow; writes 4 values at `output`. Every register it changes is named.
    unsafe {
        asm!(
            "vldmia {start}, {{s0-s3}}",
            "cmp {n}, #0",
            "beq 3f",
            "2:",
            "vldmia {x}!, {{s24}}",
            "vldmia {w}!, {{s16-s19}}",
            "subs {n}, {n}, #1",
            "vmul.f32 s16, s16, s24",
            "vmul.f32 s17, s17, s24",
            "vmul.f32 s18, s18, s24",
            "vmul.f32 s19, s19, s24",
            "vadd.f32 s0, s0, s16",
            "vadd.f32 s1, s1, s17",
            "vadd.f32 s2, s2, s18",
            "vadd.f32 s3, s3, s19",
            "bne 2b",
            "3:",
            "cmp {relu}, #0",
            "beq 4f",
            // The count is 0 here, and so is the float of these bits.
            "vmov s24, {n}",
            "vcmp.f32 s0, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s0, s24",
            "vcmp.f32 s1, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s1, s24",
            "vcmp.f32 s2, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s2, s24",
            "vcmp.f32 s3, #0", "vmrs APSR_nzcv, fpscr", "it mi", "vmovmi.f32 s3, s24",
            "4:",
            "vstmia {out}, {{s0-s3}}",
            start = in(reg) start,
            out = in(reg) out,
            w = inout(reg) weights.as_ptr() => _,
            x = inout(reg) input.as_ptr() => _,
            n = inout(reg) count => _,
            relu = in(reg) u32::from(relu),
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            out("s24") _,
            options(nostack),
        );
    }
}
