//! Arm's MPS2 board as QEMU emulates it with the FPGA images AN385 (Cortex-M3), AN386 (Cortex-M4F), AN500 (Cortex-M7)
//! and AN505 (Cortex-M33): [`timer`] for all of them, and [`sensors()`] on the I2C bus of the first three.

#![no_std]

mod sensors;
pub mod timer;

pub use sensors::sensors;
pub use timer::{SecureTimer, Timer};
