//! The desktop side of nvpico, room by room. A room imports only from those above it in this list.
//!
//! | room | holds |
//! | --- | --- |
//! | [`limits`], [`output`], [`interrupt`], [`precision`], [`metrics`] | ranges of settings; files, words, tables and JSON; signals; number formats; AUROC and its relatives |
//! | [`data`] | tables of sensor readings, read and written |
//! | [`samples`] | raw samples, and the features of their windows by the engine's extractor |
//! | [`calibration`] | what a threshold can promise: ranks, independent rows, intervals |
//! | [`model`] | the model file: structure, parameters, calibration |
//! | [`simulate`] | machines to try everything on |
//! | [`harness`] | emulated cores and the firmware for them |
//! | [`deployed`] | a model as the chip runs it in floats, with batch norms folded |
//! | [`deploy`], [`export`] | a model in integers, ready to score in one precision, its error and its costs; the generated module |
//! | [`fit`] | architecture, settings, training, fine-tuning, search within a budget |
//! | [`import`] | weights trained by other libraries |
//! | [`evaluation`], [`inspection`], [`measure`] | figures as plain data, for commands to print and for reports |
//! | [`detection`] | labelled sets by the protocols of their benchmarks, scored by models and by other detectors |
//! | [`findings`], [`report`] | the figures of a report; its page, and plots |
//! | [`demo`] | what the demos record, train and show |
//! | [`commands`] | arguments and printing |
//!
//! The binary `nvpico` is a thin shell around this library, so tests call what users call.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic here is a bug of this program; wrong input is an error"
)]

pub mod calibration;
pub mod cli;
pub mod commands;
pub mod data;
pub mod demo;
pub mod deploy;
pub mod deployed;
pub mod detection;
pub mod evaluation;
pub mod export;
pub mod findings;
pub mod fit;
pub mod harness;
pub mod import;
pub mod inspection;
pub mod interrupt;
pub mod limits;
pub mod measure;
pub mod metrics;
pub mod model;
pub mod output;
pub mod precision;
mod random;
pub mod report;
pub mod samples;
pub mod simulate;
