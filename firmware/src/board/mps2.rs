//! Arm MPS2 with the FPGA images AN385 (Cortex-M3) or AN386 (Cortex-M4F): the emulated boards.
//!
//! The timer is CMSDK timer 0: 32 bits, counting down at the system clock of 25 MHz.

/// The board's name, which is also QEMU's name for the machine.
pub const NAME: &str = if cfg!(feature = "mps2-an386") {
    "mps2-an386"
} else {
    "mps2-an385"
};

/// Virtual time of one tick: 25 MHz.
pub const PICOSECONDS_PER_TICK: u32 = 40_000;

const TIMER_CONTROL: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER_VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const TIMER_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;
const TIMER_ENABLE: u32 = 1;

/// Lets the timer run over its full 32 bits.
pub fn start_timer() {
    // SAFETY: the registers of CMSDK timer 0, which nothing else uses; writing them has no effect on memory.
    unsafe {
        TIMER_RELOAD.write_volatile(u32::MAX);
        TIMER_VALUE.write_volatile(u32::MAX);
        TIMER_CONTROL.write_volatile(TIMER_ENABLE);
    }
}

/// Ticks so far, wrapping: take differences with `wrapping_sub`.
pub fn ticks() -> u32 {
    // SAFETY: reading the timer's value has no side effect.
    u32::MAX - unsafe { TIMER_VALUE.read_volatile() }
}
