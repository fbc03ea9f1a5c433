//! What a detector finds: labelled sets by the protocols of their benchmarks, scored by nvpico and by the detectors that
//! it is compared with, in one run.
//!
//! [`protocol`] says which rows train and which test, [`baseline`] holds the other detectors, [`scoring`] scores one set, [`blame`] measures
//! who is blamed, [`run`] all of them on all cores, [`drift`] replays records that move away, [`kept`] is the file of a run that can be resumed,
//! and [`summary`] sums it up. [`choice`] compares features of raw samples by faults that are made of normal ones.

pub mod baseline;
pub mod blame;
pub mod choice;
pub mod drift;
pub mod kept;
pub mod protocol;
pub mod run;
pub mod scoring;
mod set;
pub mod summary;

pub use set::{Set, Source, Stretch};
