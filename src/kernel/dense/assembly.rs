//! Dense layers for one sample, in assembly for Cortex-M with an FPU (feature `assembly`, off by default). One
//! instruction loads eight weights, which the compiler never does, so a weight takes three cycles instead of
//! four. A whole layer with biases and ReLU, two fused layers, and a panel at many places of a map are each a
//! single call, because for small layers the code around the loops costs as much as the loops.
//!
//! One multiply and one add per weight, in input order, as in the safe [`panels`](super::panels): the results
//! are bit-identical, which a test in the emulator checks. NaN is not less than zero, so it passes through
//! ReLU. Together with the integer loops in `fixed/assembly.rs` this is all of the engine's unsafe code.
//!
//! Register use in a run: r0 weights, r1 outputs, r2 number of outputs left, r3 inputs of the layer and r4
//! their number, r5 number of inputs before and r8 after, r9 flags, r10 and r11 scratch, r12 the [`Run`]; s0 to
//! s15 sums, s16 to s23 weights, then products, s24 and s25 inputs.

use core::arch::asm;
use core::mem::MaybeUninit;

#[cfg(feature = "feature-maps")]
use super::scalar::Places;
use super::scalar::Share;
use crate::spec::Activation;

/// Number of values between two fused layers that are held at a time.
const CHUNK: usize = 16;

/// A row: eight weights at a time are loaded into s16 to s23, replaced by products, then added to the sums.
/// `$x` is the input; each group gives the registers to load and its `(sum product)` pairs.
macro_rules! row {
    ($x:literal $($weights:literal [$(($sum:literal $product:literal))*])*) => {
        concat!($(
            "vldmia r0!, {{", $weights, "}}\n",
            $("vmul.f32 s", $product, ", s", $product, ", ", $x, "\n",)*
            $("vadd.f32 s", $sum, ", s", $sum, ", s", $product, "\n",)*
        )*)
    };
}

/// Replaces negative values by the zero in s24.
macro_rules! relu {
    ($($sum:literal)*) => {
        concat!($(
            "vcmp.f32 s", $sum, ", #0\nvmrs APSR_nzcv, fpscr\nit mi\nvmovmi.f32 s", $sum, ", s24\n",
        )*)
    };
}

/// The loop over the inputs, two per iteration in s24 and s25; entered in the middle if their number is odd.
macro_rules! inputs {
    ($($row:tt)*) => {
        concat!(
            "adds r11, r4, #1\n",
            "lsrs r11, r11, #1\n",
            "beq 4f\n",
            "bcs 3f\n",
            "vldmia r10!, {{s25}}\n",
            "b 9f\n",
            "3:\n",
            "vldmia r10!, {{s24-s25}}\n",
            row!("s24" $($row)*),
            "9:\n",
            row!("s25" $($row)*),
            "subs r11, r11, #1\n",
            "bne 3b\n",
        )
    };
}

/// A panel of fixed width: the sums start at the biases or continue from the output.
macro_rules! width {
    ($width:literal, $shift:literal, $sums:literal, $inputs:expr, $relu:expr) => {
        concat!(
            "tst r9, #4\n",
            "ite eq\n",
            "moveq r11, r1\n",
            "movne r11, r0\n",
            "add r0, r0, #",
            $width,
            "*4\n",
            "add r0, r0, r5, lsl #",
            $shift,
            "\n",
            "vldmia r11, {{",
            $sums,
            "}}\n",
            "mov r10, r3\n",
            $inputs,
            "4:\n",
            "tst r9, #1\n",
            "beq 5f\n",
            // The counter is 0 here, and its bits are the float 0.
            "vmov s24, r11\n",
            $relu,
            "5:\n",
            "vstmia r1!, {{",
            $sums,
            "}}\n",
            "add r0, r0, r8, lsl #",
            $shift,
            "\n",
        )
    };
}

/// A run over the panels of a layer, in the layout that the assembly loads into registers.
#[repr(C)]
struct Run {
    params: *const f32,
    output: *mut f32,
    outputs: usize,
    part: *const f32,
    inputs: usize,
    before: usize,
    behind: usize,
    /// [`RELU`], [`ALONE`], [`BIAS`].
    flags: usize,
}

/// Apply ReLU.
const RELU: usize = 1;
/// No other run alternates with this one.
const ALONE: usize = 2;
/// The sums start at the biases; otherwise they continue from the output.
const BIAS: usize = 4;

/// A run that does not alternate with another, repeated for the inputs and outputs of each place.
#[repr(C)]
struct Alone {
    run: Run,
    places: usize,
    /// Distances in bytes between the inputs and between the outputs of adjacent places.
    pitch: usize,
    next: usize,
}

/// [`add_inputs`](super::add_inputs) for one sample; the caller applies leaky ReLU.
#[inline(always)]
pub(crate) fn add_inputs<'p>(params: &'p [f32], share: Share<'_>, output: &mut [f32]) -> &'p [f32] {
    let mut params = params;
    let (wide, left) = output.split_at_mut(output.len() & !3);
    match all_panels(&mut params, share, wide, left) {
        Some(()) => params,
        None => &[],
    }
}

#[inline(always)]
fn all_panels(
    params: &mut &[f32],
    share: Share<'_>,
    wide: &mut [f32],
    left: &mut [f32],
) -> Option<()> {
    let mut alone = alone(params, share, wide)?;
    // SAFETY: `alone` has checked the lengths, for the only place.
    unsafe { run((&raw mut alone).cast()) };
    share.remainder(params, left)
}

/// A run over panels of 16, 8 or 4. Takes all rows of the panels off the front of `params`: those of the inputs
/// before `part`, in it and after it.
#[inline(always)]
fn alone(params: &mut &[f32], share: Share<'_>, output: &mut [f32]) -> Option<Alone> {
    let layer = params.split_off(..share.inputs.checked_add(1)?.checked_mul(output.len())?)?;
    let taken = share.before.checked_add(share.part.len())?;
    let bias = if share.bias { BIAS } else { 0 };
    let run = Run {
        params: layer.as_ptr(),
        output: output.as_mut_ptr(),
        outputs: output.len(),
        part: share.part.as_ptr(),
        inputs: share.part.len(),
        before: share.before,
        behind: share.inputs.checked_sub(taken)?,
        flags: ALONE | bias | usize::from(share.relu),
    };
    Some(Alone {
        run,
        places: 1,
        pitch: 0,
        next: 0,
    })
}

/// A panel of 16, 8 or 4 outputs at several places, whose inputs are `pitch` and whose outputs are `next`
/// values apart. `share.part` starts at the first input of the first place; each place has `len` of them.
#[cfg(feature = "feature-maps")]
#[inline(always)]
pub(crate) fn add_at_places(
    panel: &[f32],
    share: Share<'_>,
    places: Places,
    output: &mut [f32],
) -> Option<()> {
    let Places {
        count,
        len,
        pitch,
        width,
        next,
    } = places;
    let further = count.checked_sub(1)?;
    share.part.get(further.checked_mul(pitch)?..)?.get(..len)?;
    output.get(further.checked_mul(next)?..)?.get(..width)?;
    if width % 4 != 0 {
        return None;
    }
    let part = share.part.get(..len)?;
    let mut panel = panel;
    let mut alone = alone(
        &mut panel,
        Share { part, ..share },
        output.get_mut(..width)?,
    )?;
    alone.run.part = share.part.as_ptr();
    alone.run.output = output.as_mut_ptr();
    (alone.places, alone.pitch, alone.next) = (count, pitch.wrapping_mul(4), next.wrapping_mul(4));
    // SAFETY: `alone` has checked the lengths for the first place; the checks above ensure that inputs and
    // outputs extend to the last one.
    unsafe { run((&raw mut alone).cast()) };
    Some(())
}

/// [`forward_pair`](super::forward_pair) for one sample.
#[inline(always)]
pub(crate) fn forward_pair<'p>(
    params: &'p [f32],
    input: &[f32],
    width: usize,
    output: &mut [f32],
    activation: Activation,
) -> &'p [f32] {
    let mut rest = params;
    if activation == Activation::Relu
        && let Some(()) = pair(&mut rest, input, width, output)
    {
        return rest;
    }
    one_after_the_other(params, input, width, output, activation)
}

/// A pair of layers as single runs.
#[inline(never)]
fn one_after_the_other<'p>(
    params: &'p [f32],
    input: &[f32],
    width: usize,
    output: &mut [f32],
    activation: Activation,
) -> &'p [f32] {
    super::forward_pair::<f32, CHUNK>(params, input, width, output, activation)
}

/// Both layers of a pair with ReLU, if all their outputs are in panels of 16, 8 or 4.
#[inline(always)]
fn pair(params: &mut &[f32], input: &[f32], width: usize, output: &mut [f32]) -> Option<()> {
    let outputs = output.len();
    if width == 0 || (width | outputs) % 4 != 0 {
        return None;
    }
    let first = params.split_off(..input.len().checked_add(1)?.checked_mul(width)?)?;
    let second = params.split_off(..width.checked_add(1)?.checked_mul(outputs)?)?;
    let mut hidden = MaybeUninit::<[f32; CHUNK]>::uninit();
    let chunk = width.min(CHUNK);
    let mut runs = [
        Run {
            params: first.as_ptr(),
            output: hidden.as_mut_ptr().cast(),
            outputs: chunk,
            part: input.as_ptr(),
            inputs: input.len(),
            before: 0,
            behind: 0,
            flags: RELU | BIAS,
        },
        Run {
            params: second.as_ptr(),
            output: output.as_mut_ptr(),
            outputs,
            part: hidden.as_ptr().cast(),
            inputs: chunk,
            before: 0,
            behind: width - chunk,
            flags: BIAS,
        },
    ];
    // SAFETY: the first layer's panels follow one another chunk by chunk. The second run reads what the first
    // one has just written, and continues for as many inputs as are left.
    unsafe { run(runs.as_mut_ptr().add(1)) };
    Some(())
}

/// A single run, or two alternating runs: the run before this one in memory fills a chunk of hidden values,
/// this one consumes them, until none are left.
///
/// # Safety
/// A run with [`ALONE`] must be that of an [`Alone`], with valid inputs and outputs at each of its places.
/// Every panel of a run must have its biases and one row per input, including the inputs before and after; the
/// number of outputs must be a multiple of four. A run without [`ALONE`] must have another run before it in
/// memory, with room for [`CHUNK`] outputs, which are the inputs of this one.
#[inline(never)]
unsafe fn run(run: *mut Run) {
    // SAFETY: accesses only memory that the caller guarantees. Every register it changes is declared. It calls
    // only itself, so saving the link register is all a call needs.
    unsafe {
        asm!(
            "ldr r10, [r12, #28]",
            "lsls r10, r10, #30",
            "bmi 22f",
            "21:",
            "sub r10, r12, #32",
            "ldm r10, {{r0-r5, r8, r9}}",
            "bl 24f",
            // The panels of the next chunk follow.
            "str r0, [r12, #-32]",
            "22:",
            "ldm r12, {{r0-r5, r8, r9}}",
            "bl 24f",
            "lsls r10, r9, #30",
            "bmi 25f",
            "cmp r8, #0",
            "beq 29f",
            "bic r9, r9, #4",
            "add r5, r5, r4",
            "cmp r8, #16",
            "ite lo",
            "movlo r4, r8",
            "movhs r4, #16",
            "sub r8, r8, r4",
            "str r4, [r12, #-24]",
            "add r10, r12, #16",
            "stm r10, {{r4, r5, r8, r9}}",
            "b 21b",

            // The next place.
            "25:",
            "ldr r10, [r12, #32]",
            "subs r10, r10, #1",
            "beq 29f",
            "str r10, [r12, #32]",
            "ldrd r4, r5, [r12, #36]",
            "ldr r3, [r12, #12]",
            "add r3, r3, r4",
            "str r3, [r12, #12]",
            "ldr r1, [r12, #4]",
            "add r1, r1, r5",
            "str r1, [r12, #4]",
            "b 22b",

            "24:",
            "subs r2, r2, #16",
            "blo 6f",
            width!(
                16, 6, "s0-s15",
                inputs!("s16-s23" [(0 16)(1 17)(2 18)(3 19)(4 20)(5 21)(6 22)(7 23)]
                    "s16-s23" [(8 16)(9 17)(10 18)(11 19)(12 20)(13 21)(14 22)(15 23)]),
                relu!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
            ),
            "b 24b",
            // Negative now, but the low bits still give the number left.
            "6:",
            "tst r2, #8",
            "beq 7f",
            width!(
                8, 5, "s0-s7", inputs!("s16-s23" [(0 16)(1 17)(2 18)(3 19)(4 20)(5 21)(6 22)(7 23)]),
                relu!(0 1 2 3 4 5 6 7)
            ),
            "7:",
            "tst r2, #4",
            "beq 8f",
            width!(
                4, 4, "s0-s3", inputs!("s16-s19" [(0 16)(1 17)(2 18)(3 19)]),
                relu!(0 1 2 3)
            ),
            "8:",
            "bx lr",
            "29:",
            inout("r12") run => _,
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _, out("lr") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _,
            out("s6") _, out("s7") _, out("s8") _, out("s9") _, out("s10") _, out("s11") _,
            out("s12") _, out("s13") _, out("s14") _, out("s15") _, out("s16") _, out("s17") _,
            out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            out("s24") _, out("s25") _,
            options(nostack),
        );
    }
}
