//! The cores that models are verified on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A core that QEMU emulates; a board of the firmware stands for it.
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
pub enum Core {
    /// Cortex-M0: floats in software, no division.
    M0,
    /// Cortex-M0+: runs the Cortex-M0's code, with the same figures.
    M0plus,
    /// Cortex-M3: floats in software.
    M3,
    /// Cortex-M4 with its FPU.
    M4f,
    /// Cortex-M7 with its FPU.
    M7,
    /// Cortex-M33 with its FPU.
    M33,
    /// RISC-V RV32IMC: floats in software.
    Rv32imc,
}

impl Core {
    /// Every core, the smallest first.
    pub const ALL: [Self; 7] = [
        Self::M0,
        Self::M0plus,
        Self::M3,
        Self::M4f,
        Self::M7,
        Self::M33,
        Self::Rv32imc,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::M0 => "m0",
            Self::M0plus => "m0plus",
            Self::M3 => "m3",
            Self::M4f => "m4f",
            Self::M7 => "m7",
            Self::M33 => "m33",
            Self::Rv32imc => "rv32imc",
        }
    }

    /// Another core whose firmware is the same to the byte.
    #[must_use]
    pub fn same_code_as(self) -> Option<Self> {
        (self == Self::M0plus).then_some(Self::M0)
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
