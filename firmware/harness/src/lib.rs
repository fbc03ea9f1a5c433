//! What the boards in the emulator share, whatever their chip: [`host`] (files and exit status over semihosting),
//! [`replay`] (rows in, scores out, measured), [`stack`] (how much of it was used), [`files`] (recordings as a source and
//! as a store), [`flash`] (for what recalibration keeps), [`arch`] (what differs from instruction set to instruction set).
//!
//! It brings the log transport, the panic handler and the fault handler along: a failure ends the emulation with exit
//! status 1.

#![no_std]

pub mod arch;
pub mod files;
pub mod flash;
pub mod host;
pub mod replay;
pub mod stack;

pub use arch::entry;

use core::panic::PanicInfo;

// The log transport: linked, never named.
#[cfg(target_os = "none")]
use defmt_semihosting as _;

/// Ends the emulation: the program has done what it was to do.
pub fn halt() -> ! {
    host::exit(true)
}

/// Ends the emulation after a failure that the program cannot mend.
pub fn fail() -> ! {
    host::exit(false)
}

/// A board's timer, which counts virtual time: in QEMU with `-icount shift=0` one nanosecond an instruction.
pub trait Timer {
    /// Virtual time of one tick.
    const PICOSECONDS_PER_TICK: u32;

    /// Lets the timer run over its full 32 bits.
    fn start();

    /// Ticks so far, wrapping: take differences with `wrapping_sub`.
    fn ticks() -> u32;
}

#[cfg(not(target_arch = "riscv32"))]
#[cortex_m_rt::exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    defmt::error!("hard fault");
    fail()
}

/// Any exception; without it the hart would stand still.
#[cfg(target_arch = "riscv32")]
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception() -> ! {
    defmt::error!("exception");
    fail()
}

/// Says only that it happened: formatting the message would cost more flash than the engine.
#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    defmt::error!("panicked");
    fail()
}
