//! How deep the stack went: the free part is painted, and what lost its paint was used.
//!
//! The stack grows down from `_stack_start` towards the end of the static data, `__sheap`.

use crate::arch;

/// Painted at most, from the stack pointer down: deeper than a score goes, and quick enough to repeat.
const REACH: usize = 16 * 1024;
const PAINT: u32 = 0xC0DE_57AC;

unsafe extern "C" {
    // Symbols of the linker scripts of cortex-m-rt and riscv-rt; only their addresses mean anything.
    static __sheap: u32;
    static _stack_start: u32;
}

/// The painted words below the caller's frame.
pub struct Painted {
    low: usize,
    high: usize,
}

/// Paints the free stack below the caller's frame. Inlined, because a frame of its own would hide as much of the
/// depth measured after it.
#[inline(always)]
pub fn paint() -> Painted {
    let high = arch::stack_pointer();
    let low = high.saturating_sub(REACH).max(bottom());
    let mut word = low;
    while word < high {
        // SAFETY: between the end of the static data and the stack pointer nothing lives; interrupts are off or unused.
        unsafe { (word as *mut u32).write_volatile(PAINT) };
        word += 4;
    }
    Painted { low, high }
}

impl Painted {
    /// Bytes from the top of the stack to the deepest word written since [`paint`].
    #[inline(always)]
    pub fn depth(&self) -> u32 {
        let mut word = self.low;
        // SAFETY: the words are inside the painted part of RAM.
        while word < self.high && unsafe { (word as *const u32).read_volatile() } == PAINT {
            word += 4;
        }
        (top() - word) as u32
    }

    /// Bytes from the top of the stack to the lowest painted word: a depth that reaches it may have gone further.
    pub fn reach(&self) -> u32 {
        (top() - self.low) as u32
    }
}

fn bottom() -> usize {
    &raw const __sheap as usize
}

fn top() -> usize {
    &raw const _stack_start as usize
}
