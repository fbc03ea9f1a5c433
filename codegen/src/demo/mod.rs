//! What the demos record, how they train, and what they show; `nvpico demo` runs the steps.

mod blame;
mod frames;
pub mod live;
mod pump;
mod subject;
mod thermal;
mod vibration;

pub use blame::{FirstBlamed, Right};
pub use pump::PumpDemo;
pub use subject::{Files, Judged, Picture, Subject};
pub use thermal::ThermalDemo;
pub use vibration::VibrationDemo;
