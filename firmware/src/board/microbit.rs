//! BBC micro:bit version 1: nRF51822, Cortex-M0.
//!
//! The timer is TIMER0, 32 bits at 16 MHz: the nRF51 has no `SysTick`.

/// The board's name, which is also QEMU's name for the machine.
pub const NAME: &str = "microbit";

/// Virtual time of one tick: 16 MHz.
pub const PICOSECONDS_PER_TICK: u32 = 62_500;

const TIMER_START_TASK: *mut u32 = 0x4000_8000 as *mut u32;
const TIMER_CAPTURE_TASK: *mut u32 = 0x4000_8040 as *mut u32;
const TIMER_BIT_MODE: *mut u32 = 0x4000_8508 as *mut u32;
const TIMER_PRESCALER: *mut u32 = 0x4000_8510 as *mut u32;
const TIMER_CAPTURED: *mut u32 = 0x4000_8540 as *mut u32;
const BIT_MODE_32: u32 = 3;

/// Lets the timer run over its full 32 bits.
pub fn start_timer() {
    // SAFETY: the registers of TIMER0, which nothing else uses; writing them has no effect on memory.
    unsafe {
        TIMER_BIT_MODE.write_volatile(BIT_MODE_32);
        TIMER_PRESCALER.write_volatile(0);
        TIMER_START_TASK.write_volatile(1);
    }
}

/// Ticks so far, wrapping: take differences with `wrapping_sub`.
pub fn ticks() -> u32 {
    // SAFETY: the capture task copies the counter into the capture register and does nothing else.
    unsafe {
        TIMER_CAPTURE_TASK.write_volatile(1);
        TIMER_CAPTURED.read_volatile()
    }
}
