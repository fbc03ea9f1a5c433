//! The innermost loops in assembly for Cortex-M with an FPU (feature `assembly`, off by default). One
//! instruction multiplies two pairs of 16-bit numbers and adds both products, which the compiler never
//! generates. Needs the DSP extension, which Cortex-M4F and M7 always have.
//!
//! Integer sums do not depend on the order, so the results are bit-identical to the safe `accumulate.rs`, which
//! a test in the emulator checks.

use core::arch::asm;

use crate::image::{PANEL, QUAD_WORDS};

/// Products of four 8-bit weights, in `$weight`, with the inputs in `x0` and `x1`.
macro_rules! products {
    ($weight:literal, $sum:literal) => {
        concat!(
            "uxtb16 {t}, {",
            $weight,
            "}\n",
            "smlad {",
            $sum,
            "}, {t}, {x0}, {",
            $sum,
            "}\n",
            "uxtb16 {t}, {",
            $weight,
            "}, ror #8\n",
            "smlad {",
            $sum,
            "}, {t}, {x1}, {",
            $sum,
            "}\n",
        )
    };
}

/// A quad of inputs for the four outputs of a panel, with 8-bit weights.
macro_rules! quad_of_bytes {
    () => {
        concat!(
            "ldrd {x0}, {x1}, [{x}], #8\n",
            "ldrd {a}, {b}, [{w}], #8\n",
            products!("a", "s0"),
            products!("b", "s1"),
            "ldrd {a}, {b}, [{w}], #8\n",
            products!("a", "s2"),
            products!("b", "s3"),
        )
    };
}

/// The same with 16-bit weights.
macro_rules! quad_of_halves {
    () => {
        concat!(
            "ldrd {x0}, {x1}, [{x}], #8\n",
            "ldrd {a}, {b}, [{w}], #8\n",
            "smlad {s0}, {a}, {x0}, {s0}\n",
            "smlad {s1}, {b}, {x0}, {s1}\n",
            "ldrd {a}, {b}, [{w}], #8\n",
            "smlad {s2}, {a}, {x0}, {s2}\n",
            "smlad {s3}, {b}, {x0}, {s3}\n",
            "ldrd {a}, {b}, [{w}], #8\n",
            "smlad {s0}, {a}, {x1}, {s0}\n",
            "smlad {s1}, {b}, {x1}, {s1}\n",
            "ldrd {a}, {b}, [{w}], #8\n",
            "smlad {s2}, {a}, {x1}, {s2}\n",
            "smlad {s3}, {b}, {x1}, {s3}\n",
        )
    };
}

/// A loop over quads. `$quad` processes one, `$words` is the number of words of a panel's weights per quad,
/// `$work` a scratch register.
macro_rules! accumulate {
    ($(#[$doc:meta])* $name:ident, $quad:ident, $words:expr $(, $work:ident)?) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
            let quads = (weights.len() / $words).min(input.len() / QUAD_WORDS);
            let [mut s0, mut s1, mut s2, mut s3] = *sums;
            // SAFETY: reads `quads` times `QUAD_WORDS` of `input` and `$words` of `weights`, which are in
            // bounds. Every register it changes is declared.
            unsafe {
                asm!(
                    // Two quads per iteration; an odd one first, by itself.
                    "lsrs {n}, {n}, #1",
                    "bcs 2f",
                    "bne 3f",
                    "b 4f",
                    "2:",
                    $quad!(),
                    "cmp {n}, #0",
                    "beq 4f",
                    "3:",
                    $quad!(),
                    $quad!(),
                    "subs {n}, {n}, #1",
                    "bne 3b",
                    "4:",
                    x = inout(reg) input.as_ptr() => _,
                    w = inout(reg) weights.as_ptr() => _,
                    n = inout(reg) quads => _,
                    s0 = inout(reg) s0,
                    s1 = inout(reg) s1,
                    s2 = inout(reg) s2,
                    s3 = inout(reg) s3,
                    a = out(reg) _,
                    b = out(reg) _,
                    x0 = out(reg) _,
                    x1 = out(reg) _,
                    $($work = out(reg) _,)?
                    options(nostack, readonly),
                );
            }
            *sums = [s0, s1, s2, s3];
        }
    };
}

accumulate!(
    /// Adds 8-bit weights times inputs to every sum; see [`I8`](crate::image::I8).
    bytes,
    quad_of_bytes,
    PANEL,
    t
);

accumulate!(
    /// Adds 16-bit weights times inputs to every sum; see [`I16`](crate::image::I16).
    halves,
    quad_of_halves,
    2 * PANEL
);
