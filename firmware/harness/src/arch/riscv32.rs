//! RISC-V with 32 bits.

pub use riscv::asm::nop;
pub use riscv_rt::entry;

use core::arch::asm;

/// The address up to which the stack is used.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: copies a register.
    unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// A semihosting call: a breakpoint between two instructions without effect, which mark it. The three must be
/// uncompressed and, where memory is paged, in one page.
///
/// # Safety
/// `parameter` must be what the operation takes: for most the address of its arguments, which must be valid.
pub unsafe fn host_call(operation: usize, parameter: usize) -> usize {
    let result;
    // SAFETY: the caller's promise; the host answers in a0 and changes no other register.
    unsafe {
        asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inlateout("a0") operation => result,
            in("a1") parameter,
        );
    }
    result
}
