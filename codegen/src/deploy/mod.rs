//! A model as the chip runs it, and its cost.
//!
//! [`Deployed`] is the model in floats with its batch norms folded, [`Ready`] the model in one precision with the
//! decision that goes with it. [`quantize`] makes integers of a model, [`certificate`] compares a precision with
//! double precision, [`cost`] estimates flash, RAM and cycles.
//!
//! ```no_run
//! use nvpico_codegen::model::Model;
//! use nvpico_codegen::precision::Precision;
//!
//! let model = Model::load("pump.safetensors".as_ref())?;
//! let ready = model.ready(Some(Precision::I8))?;
//! let log_probs = ready.log_probs(&[0.0; 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod adapt;
mod alarm;
pub mod certificate;
pub mod cost;
mod judge;
pub mod quantize;
mod ready;
mod sample;
mod typical;

pub use crate::deployed::Deployed;
pub use alarm::{AlarmRow, CountedGuard, ReadyAlarm, ReadyGuards};
pub use judge::Judge;
pub use ready::{AllScores, Engine, Ready, ScoredTable};
pub use sample::{draw, sample};
