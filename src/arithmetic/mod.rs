//! Number types and elementary functions: one sample, or several samples in SIMD lanes.
//!
//! Every kernel and layer is written once, generic over `V:` [`Lanes`]. On the chip `V` is `f32`. On the
//! desktop `V` is [`Packet`], which holds 8 or 16 samples side by side. Each lane performs exactly the
//! operations of the scalar code in the same order, so results are bit-identical, and the compiler turns the
//! lanes into SIMD instructions.
//!
//! This module imports nothing from the rest of the crate.
//!
//! ```
//! use nvpico::arithmetic::{Lanes, Packet};
//!
//! let x = Packet([1.0_f32, 2.0, 3.0, 4.0]);
//! let y = x * Packet::splat(2.0) + Packet::splat(1.0);
//! assert_eq!(y.0, [3.0, 5.0, 7.0, 9.0]);
//! ```

#[cfg(feature = "std")]
pub(crate) mod dispatch;
pub(crate) mod elementary;
pub mod fixed;
mod lanes;
mod packet;

pub use elementary::Math;
pub use lanes::Lanes;
pub use packet::Packet;
pub(crate) use packet::select;
