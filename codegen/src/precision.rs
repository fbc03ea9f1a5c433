//! The number formats that a model can be deployed in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What weights and activations are on the chip.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats: the bits of the desktop.
    F32,
    /// 16-bit integers.
    I16,
    /// 8-bit integers.
    I8,
}

impl Precision {
    /// Every precision, the finest first.
    pub const ALL: [Self; 3] = [Self::F32, Self::I16, Self::I8];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I16 => "i16",
            Self::I8 => "i8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
