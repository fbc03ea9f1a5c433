//! BBC micro:bit version 1: nRF51822, Cortex-M0.
//!
//! It is emulated without sensors, so `detect` and `record` replay the file `readings.bin`.

#![no_std]

pub use nvpico_harness::files::{replayed as sensors, store};
pub use nvpico_harness::flash::keep;
pub use nvpico_harness::{entry, fail, halt};
pub use nvpico_support::COLUMNS;

/// The board's name.
pub const NAME: &str = "microbit";

const TIMER_START_TASK: *mut u32 = 0x4000_8000 as *mut u32;
const TIMER_CAPTURE_TASK: *mut u32 = 0x4000_8040 as *mut u32;
const TIMER_BIT_MODE: *mut u32 = 0x4000_8508 as *mut u32;
const TIMER_PRESCALER: *mut u32 = 0x4000_8510 as *mut u32;
const TIMER_CAPTURED: *mut u32 = 0x4000_8540 as *mut u32;
const BIT_MODE_32: u32 = 3;

/// TIMER0, 32 bits at 16 MHz: the nRF51 has no `SysTick`.
pub struct Timer;

impl nvpico_harness::Timer for Timer {
    const PICOSECONDS_PER_TICK: u32 = 62_500;

    fn start() {
        // SAFETY: the registers of TIMER0, which nothing else uses; writing them has no effect on memory.
        unsafe {
            TIMER_BIT_MODE.write_volatile(BIT_MODE_32);
            TIMER_PRESCALER.write_volatile(0);
            TIMER_START_TASK.write_volatile(1);
        }
    }

    fn ticks() -> u32 {
        // SAFETY: the capture task copies the counter into the capture register and does nothing else.
        unsafe {
            TIMER_CAPTURE_TASK.write_volatile(1);
            TIMER_CAPTURED.read_volatile()
        }
    }
}
