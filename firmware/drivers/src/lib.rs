//! Sensor drivers on embedded-hal 1.0, without heap, `unsafe` or a panic path.
//!
//! [`lsm303dlhc`] and [`tmp105`] are drivers that own their handle of an I2C bus; [`station`] reads both as one row
//! of features and brings them back after a failure; [`lis3dh`] gives the samples of an accelerometer, and says where
//! some are missing; [`bitbang`] makes an I2C bus of two open-drain lines. Whatever goes wrong is an error, a status that
//! an application can count, log and survive.
//!
//! They know no chip, so they are tested on the desktop. From the repository's root:
//!
//! ```text
//! cargo test --manifest-path firmware/drivers/Cargo.toml
//! ```

#![no_std]
#![forbid(unsafe_code)]

pub mod bitbang;
mod error;
pub mod lis3dh;
pub mod lsm303dlhc;
pub mod station;
pub mod tmp105;

pub use error::Error;
