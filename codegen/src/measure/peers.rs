//! Measurements of other engines on the same models: whole programs in QEMU, all weights in flash, gcc 12.2 or rustc 1.96
//! with the best flags for each; cycles as the tool mcu-cost estimates them.

use crate::harness::Core;
use crate::precision::Precision;

/// A program that scores a model.
pub(super) struct Peer {
    model: &'static str,
    pub(super) engine: &'static str,
    pub(super) core: Core,
    pub(super) precision: Precision,
    pub(super) instructions: u64,
    pub(super) cycles: Option<u64>,
    pub(super) flash: Option<u64>,
    pub(super) ram: Option<u64>,
}

const fn peer(
    model: &'static str,
    engine: &'static str,
    core: Core,
    instructions: u64,
    rest: Option<[u64; 3]>,
) -> Peer {
    let (cycles, flash, ram) = match rest {
        Some([cycles, flash, ram]) => (Some(cycles), Some(flash), Some(ram)),
        None => (None, None, None),
    };
    Peer {
        model,
        engine,
        core,
        precision: Precision::F32,
        instructions,
        cycles,
        flash,
        ram,
    }
}

/// The networks of `flow_8x64` in integers, without the couplings and the density: cycles and flash.
const fn integer(
    precision: Precision,
    engine: &'static str,
    core: Core,
    instructions: u64,
    rest: Option<[u64; 2]>,
) -> Peer {
    let mut own = peer("flow_8x64", engine, core, instructions, None);
    own.precision = precision;
    if let Some([cycles, flash]) = rest {
        (own.cycles, own.flash) = (Some(cycles), Some(flash));
    }
    own
}

/// Instructions, then cycles, flash and RAM.
#[rustfmt::skip]
static PEERS: [Peer; 18] = [
    peer("flow_8x64", "onnx2c", Core::M4f, 157_984, Some([309_000, 127_780, 2_368])),
    peer("flow_8x64", "naive C", Core::M4f, 153_257, Some([302_000, 124_368, 1_792])),
    peer("flow_8x64", "CMSIS-NN", Core::M4f, 167_023, Some([321_000, 125_220, 1_956])),
    peer("flow_8x64", "emlearn", Core::M4f, 188_405, Some([340_000, 124_424, 1_800])),
    peer("flow_8x64", "tuned C, reassociated (`-Ofast`)", Core::M4f, 77_346, Some([173_000, 125_856, 1_792])),
    peer("flow_8x64", "burn 0.21", Core::M4f, 1_401_202, Some([2_520_000, 941_348, 168_000])),
    peer("flow_8x64", "hand assembly, VLDM + VFMA", Core::M4f, 41_555, Some([139_000, 125_012, 1_816])),
    peer("flow_8x64", "hand assembly, VLDM + VMUL + VADD", Core::M4f, 70_739, Some([110_000, 125_400, 1_816])),
    peer("flow_8x64", "onnx2c", Core::M0, 4_806_256, None),
    peer("flow_8x64", "naive C", Core::M0, 4_725_896, None),
    integer(Precision::I8, "CMSIS-NN int8, the networks alone", Core::M4f, 97_965, Some([127_000, 37_800])),
    integer(Precision::I8, "microflow, the networks alone", Core::M4f, 921_479, Some([1_048_000, 37_187])),
    integer(Precision::I8, "SMLAD by hand, the networks alone", Core::M4f, 57_675, Some([73_000, 35_672])),
    integer(Precision::I16, "SMLAD by hand, the networks alone", Core::M4f, 45_129, Some([65_000, 64_480])),
    integer(Precision::I8, "CMSIS-NN int8, the networks alone", Core::M0, 264_077, None),
    peer("flow_8x32", "onnx2c", Core::M4f, 50_391, None),
    peer("flow_8x32", "tuned C, reassociated (`-Ofast`)", Core::M4f, 26_322, None),
    peer("flow_8x32", "hand assembly, VLDM + VMUL + VADD", Core::M4f, 24_034, None),
];

/// Those that run a model.
pub(super) fn of(model: &str) -> impl Iterator<Item = &'static Peer> {
    PEERS.iter().filter(move |peer| peer.model == model)
}
