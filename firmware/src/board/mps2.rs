//! Arm MPS2 with the FPGA images AN385 (Cortex-M3), AN386 (Cortex-M4F), AN500 (Cortex-M7) or AN505 (Cortex-M33): the
//! emulated boards.
//!
//! The timer is CMSDK timer 0: 32 bits, counting down at the system clock.

/// The board's name, which is also QEMU's name for the machine.
pub const NAME: &str = if cfg!(feature = "mps2-an385") {
    "mps2-an385"
} else if cfg!(feature = "mps2-an386") {
    "mps2-an386"
} else if cfg!(feature = "mps2-an500") {
    "mps2-an500"
} else {
    "mps2-an505"
};

/// Virtual time of one tick: 20 MHz on the AN505, 25 MHz on the others.
pub const PICOSECONDS_PER_TICK: u32 = if cfg!(feature = "mps2-an505") {
    50_000
} else {
    40_000
};

/// The AN505 starts in the secure state, and there the timer answers at its secure alias only.
const TIMER: usize = if cfg!(feature = "mps2-an505") {
    0x5000_0000
} else {
    0x4000_0000
};
const TIMER_CONTROL: *mut u32 = TIMER as *mut u32;
const TIMER_VALUE: *mut u32 = (TIMER + 4) as *mut u32;
const TIMER_RELOAD: *mut u32 = (TIMER + 8) as *mut u32;
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
