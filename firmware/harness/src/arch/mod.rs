//! What differs from instruction set to instruction set, the same names for each: the program's [`entry`], the stack
//! pointer, a call to the host, doing nothing.

#[cfg(not(target_arch = "riscv32"))]
mod cortex_m;
#[cfg(not(target_arch = "riscv32"))]
pub use self::cortex_m::*;

#[cfg(target_arch = "riscv32")]
mod riscv32;
#[cfg(target_arch = "riscv32")]
pub use self::riscv32::*;
