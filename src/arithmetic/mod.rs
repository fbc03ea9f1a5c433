//! The numbers that everything above computes with: one sample or several at once, and the
//! elementary functions on them.
//!
//! Every kernel and layer is written once, for a type `V:` [`Lanes`]. On the chip `V` is `f32`. On the
//! desktop `V` is [`Packet`], which carries 8 or 16 samples side by side; each lane goes through exactly
//! the operations of the scalar code in the same order, so its bits are the same, and the compiler turns
//! the lanes into SIMD instructions.
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
#[cfg(feature = "std")]
pub(crate) use packet::select;
