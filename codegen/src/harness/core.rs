//! The cores that QEMU emulates, and the boards that stand for them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::qemu;
use super::toolchain::Toolchain;
use super::{HarnessError, firmware};

/// A core that QEMU emulates, on the board that stands for it.
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
    /// Cortex-M0+: the Cortex-M0's instructions, so its figures, too.
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

/// What a board is to the compiler.
struct Build {
    name: &'static str,
    target: &'static str,
    cpu: Option<&'static str>,
    board: &'static Board,
}

/// A board that QEMU emulates.
#[derive(Debug)]
pub(super) struct Board {
    /// The firmware's feature.
    pub(super) name: &'static str,
    /// The emulator.
    pub(super) emulator: &'static str,
    /// The emulator's arguments that choose the machine.
    pub(super) machine: &'static [&'static str],
    /// Flash and RAM.
    memory: &'static str,
}

const ARM: &str = "qemu-system-arm";
const RISCV: &str = "qemu-system-riscv32";
const MPS2_MEMORY: &str = "4 MiB of flash and 4 MiB of RAM";

static MICROBIT: Board = Board {
    name: "microbit",
    emulator: ARM,
    machine: &["-machine", "microbit"],
    memory: "256 KiB of flash and 16 KiB of RAM",
};
static AN385: Board = mps2("mps2-an385", &["-machine", "mps2-an385"]);
static AN386: Board = mps2("mps2-an386", &["-machine", "mps2-an386"]);
static AN500: Board = mps2("mps2-an500", &["-machine", "mps2-an500"]);
static AN505: Board = mps2("mps2-an505", &["-machine", "mps2-an505"]);
static VIRT: Board = Board {
    name: "riscv-virt",
    emulator: RISCV,
    // Without what the core has not, an instruction too many is an exception.
    machine: &[
        "-machine",
        "virt",
        "-cpu",
        "rv32,m=on,c=on,a=off,f=off,d=off",
        "-bios",
        "none",
    ],
    memory: MPS2_MEMORY,
};
static BOARDS: [&Board; 6] = [&MICROBIT, &AN385, &AN386, &AN500, &AN505, &VIRT];

const fn mps2(name: &'static str, machine: &'static [&'static str]) -> Board {
    Board {
        name,
        emulator: ARM,
        machine,
        memory: MPS2_MEMORY,
    }
}

/// The board of this name.
pub(super) fn board(name: &str) -> Option<&'static Board> {
    BOARDS.into_iter().find(|board| board.name == name)
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

    fn build(self) -> Build {
        let (name, target, cpu, board) = match self {
            Self::M0 => ("m0", "thumbv6m-none-eabi", None, &MICROBIT),
            // The emulator knows no Cortex-M0+; compilers make no difference.
            Self::M0plus => ("m0plus", "thumbv6m-none-eabi", None, &MICROBIT),
            Self::M3 => ("m3", "thumbv7m-none-eabi", None, &AN385),
            Self::M4f => ("m4f", "thumbv7em-none-eabihf", None, &AN386),
            Self::M7 => ("m7", "thumbv7em-none-eabihf", Some("cortex-m7"), &AN500),
            Self::M33 => ("m33", "thumbv8m.main-none-eabihf", None, &AN505),
            Self::Rv32imc => ("rv32imc", "riscv32imc-unknown-none-elf", None, &VIRT),
        };
        Build {
            name,
            target,
            cpu,
            board,
        }
    }

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.build().name
    }

    /// The compiler's target triple.
    #[must_use]
    pub fn target(self) -> &'static str {
        self.build().target
    }

    /// The processor to compile for, where it is another than the firmware's configuration says for the target.
    #[must_use]
    pub fn cpu(self) -> Option<&'static str> {
        self.build().cpu
    }

    /// The firmware's board feature.
    #[must_use]
    pub fn board(self) -> &'static str {
        self.build().board.name
    }

    /// The emulator's program.
    #[must_use]
    pub fn emulator(self) -> &'static str {
        self.build().board.emulator
    }

    /// Flash and RAM of the board that stands for the core.
    pub(super) fn memory(self) -> &'static str {
        self.build().board.memory
    }

    /// Another core whose firmware is the same to the byte.
    #[must_use]
    pub fn same_code_as(self) -> Option<Self> {
        (self == Self::M0plus).then_some(Self::M0)
    }

    /// Whether this machine has a compiler and an emulator for the core.
    ///
    /// # Errors
    /// What is missing.
    pub fn is_available(self) -> Result<(), HarnessError> {
        qemu::require(self.emulator())?;
        Toolchain::find(self.target(), &firmware::locate()?).map(|_| ())
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
