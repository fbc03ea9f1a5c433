//! The desktop side of nvpico, in the order an engineer meets it: read rows ([`data`]), train a model
//! ([`training`], [`recipe`], [`fine_tune`]), look at it ([`commands`], [`metrics`]), keep it ([`model`]), turn it into
//! const arrays ([`export`]), say what it will cost ([`cost`]), prove it on the emulated chip
//! ([`harness`]). Weights of other programs come in through [`import`].
//!
//! The binary `nvpico` is a thin shell around this library, so tests call what users call.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic here is a bug of this program; wrong input is an error"
)]

pub mod architecture;
pub mod certificate;
pub mod cli;
pub mod commands;
pub mod cost;
pub mod data;
pub mod export;
pub mod fine_tune;
pub mod gaussian;
pub mod harness;
pub mod import;
pub mod limits;
pub mod math_error;
pub mod metrics;
pub mod model;
pub mod output;
pub mod plot;
pub mod precision;
pub mod quantize;
pub mod recipe;
pub mod search;
pub mod simulate;
pub mod training;
