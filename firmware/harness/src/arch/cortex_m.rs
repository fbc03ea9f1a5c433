//! Arm Cortex-M.

pub use ::cortex_m::asm::nop;
pub use cortex_m_rt::entry;

use ::cortex_m::register::msp;

/// The address up to which the stack is used.
#[inline(always)]
pub fn stack_pointer() -> usize {
    msp::read() as usize
}

/// A semihosting call.
///
/// # Safety
/// `parameter` must be what the operation takes: for most the address of its arguments, which must be valid.
pub unsafe fn host_call(operation: usize, parameter: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { cortex_m_semihosting::syscall1(operation, parameter) }
}
