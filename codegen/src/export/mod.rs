//! From a model to one Rust module with const arrays.
//!
//! The module compiles by itself against `nvpico`: the spec as a `const`, parameters in a `static`
//! array (flash on a microcontroller), the validated [`Flow`] as a `static`, and test
//! vectors with the bits that every target must reproduce. The same model gives the same bytes.
//!
//! ```no_run
//! use nvpico_codegen::{export, model::Model};
//!
//! let model = Model::load("pump.safetensors".as_ref())?;
//! std::fs::write("model.rs", export::module(&model, &export::ExportOptions::default()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// Writes to a `String`, which cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

mod structure;

use std::fmt::Write as _;

use nvpico::Flow;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::model::{MathName, Model, ModelSpec};

/// What goes into the module besides the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Test vectors.
    pub vectors: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { vectors: 16 }
    }
}

/// The module's text.
#[must_use]
pub fn module(model: &Model, options: &ExportOptions) -> String {
    let deployed = model.deploy();
    let mut out = String::new();
    header(&mut out, model, &deployed.spec, deployed.params.len());
    constants(&mut out, model);
    spec(&mut out, &deployed.spec);
    params(&mut out, &deployed.params);
    let vectors = deployed.with_flow(|flow| Vectors::new(flow, options.vectors));
    vectors.write(&mut out);
    out
}

fn header(out: &mut String, model: &Model, spec: &ModelSpec, param_len: usize) {
    let provenance = &model.header.provenance;
    let layers = spec.layers();
    let workspace = spec.flow_spec(&layers).workspace_len();
    line!(
        out,
        "// Made by `nvpico export`. Do not edit: export again."
    );
    line!(out, "//");
    line!(out, "// model sha256: {}", model.hash());
    if !provenance.made_by.is_empty() {
        line!(out, "// made by: {}", comment(&provenance.made_by));
    }
    for source in &provenance.sources {
        line!(
            out,
            "// from: {} (sha256 {})",
            comment(&source.file),
            comment(&source.sha256)
        );
    }
    let features = spec.engine_features();
    if !features.is_empty() {
        line!(out, "// needs features of nvpico: {}", features.join(", "));
    }
    line!(
        out,
        "// cost: {} bytes of flash for {param_len} parameters, {} bytes of RAM for the workspace; the",
        4 * param_len,
        4 * workspace
    );
    line!(
        out,
        "// engine's code comes on top, `nvpico verify` measures it"
    );
    line!(out, "{FLOAT_LINTS}");
    line!(out, "");
}

/// Keeps foreign text on its line.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn constants(out: &mut String, model: &Model) {
    let header = &model.header;
    line!(out, "/// Features of a sample.");
    line!(out, "pub const DIM: usize = {};", header.spec.dim());
    line!(out, "");
    if let Some(shape) = model.map_shape() {
        line!(
            out,
            "/// Channels, height and width of a sample: it holds channel after channel, row by row."
        );
        line!(out, "pub const SHAPE: [usize; 3] = {shape:?};");
    } else {
        line!(out, "/// Names of the features, in order.");
        line!(out, "#[rustfmt::skip]");
        line!(
            out,
            "pub const COLUMNS: [&str; DIM] = {:?};",
            header.columns
        );
    }
    line!(out, "");
    line!(out, "/// A log-density below it is anomalous, in nats.");
    match model.threshold() {
        Some(threshold) => {
            line!(
                out,
                "pub const THRESHOLD: Option<f32> = Some({threshold:?});"
            );
        }
        None => line!(out, "pub const THRESHOLD: Option<f32> = None;"),
    }
    line!(out, "");
}

fn spec(out: &mut String, spec: &ModelSpec) {
    let math = match spec.math {
        MathName::Libm => "Libm",
        MathName::Micromath => "Micromath",
    };
    line!(out, "/// The structure.");
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const SPEC: nvpico::FlowSpec<'static> = nvpico::FlowSpec {{"
    );
    let [channels, height, width] = spec.shape.0;
    line!(
        out,
        "    shape: nvpico::spec::Shape {{ channels: {channels}, height: {height}, width: {width} }},"
    );
    line!(out, "    math: nvpico::Math::{math},");
    line!(out, "    layers: &[");
    for layer in &spec.layers {
        structure::layer(out, layer);
    }
    line!(out, "    ],");
    line!(out, "}};");
    line!(out, "");
    line!(out, "/// Values of workspace that scoring needs.");
    line!(out, "pub const WORKSPACE: usize = SPEC.workspace_len();");
    line!(out, "");
    line!(
        out,
        "/// Bytes of flash that the parameters take; a build may demand `assert!(MODEL_FLASH <= ...)`."
    );
    line!(
        out,
        "pub const MODEL_FLASH: usize = SPEC.param_len() * size_of::<f32>();"
    );
    line!(out, "");
    line!(out, "/// Bytes of RAM that the workspace takes.");
    line!(
        out,
        "pub const MODEL_RAM: usize = WORKSPACE * size_of::<f32>();"
    );
    line!(out, "");
    line!(out, "/// Multiply-accumulates of one score.");
    line!(
        out,
        "pub const MULTIPLY_ACCUMULATES: usize = SPEC.multiply_accumulates();"
    );
    line!(out, "");
}

/// Lints on literals that the shortest exact text of a float breaks.
const FLOAT_LINTS: &str = "#![allow(
    clippy::excessive_precision,
    clippy::unreadable_literal,
    clippy::approx_constant
)]";

fn params(out: &mut String, params: &[f32]) {
    line!(
        out,
        "/// The parameters, in the order that `nvpico::spec` documents."
    );
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub static PARAMS: [f32; SPEC.param_len()] = [");
    for row in params.chunks(8) {
        line!(out, "    {}", joined(row));
    }
    line!(out, "];");
    line!(out, "");
    line!(out, "/// The model, validated at compile time.");
    line!(
        out,
        "pub static FLOW: nvpico::Flow<'static> = match nvpico::Flow::new(SPEC, &PARAMS) {{"
    );
    line!(out, "    Ok(flow) => flow,");
    line!(
        out,
        "    Err(_) => panic!(\"the model does not fit this version or these features of nvpico\"),"
    );
    line!(out, "}};");
    line!(out, "");
}

/// Floats that read back exactly, each followed by a comma.
fn joined(values: &[f32]) -> String {
    let texts: Vec<String> = values.iter().map(|v| format!("{v:?},")).collect();
    texts.join(" ")
}

/// Inputs and the bits of their log-densities.
struct Vectors {
    dim: usize,
    inputs: Vec<f32>,
    log_prob_bits: Vec<u32>,
}

impl Vectors {
    /// Samples of the model itself, every fourth one far out in the tail.
    fn new(flow: &Flow<'_>, count: usize) -> Self {
        let spec = flow.spec();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut workspace = vec![0.0; spec.workspace_len()];
        let mut x = vec![0.0; spec.dim()];
        let (mut inputs, mut log_prob_bits) = (Vec::new(), Vec::new());
        for vector in 0..count {
            let temperature = if vector % 4 == 3 { 4.0 } else { 1.0 };
            let drawn = flow.sample(&mut random, temperature, &mut x, &mut workspace);
            if drawn.is_err() || x.iter().any(|x| !x.is_finite()) {
                x.fill(0.0);
            }
            if let Ok(log_prob) = flow.log_prob(&x, &mut workspace) {
                inputs.extend_from_slice(&x);
                log_prob_bits.push(log_prob.to_bits());
            }
        }
        Self {
            dim: spec.dim(),
            inputs,
            log_prob_bits,
        }
    }

    fn write(&self, out: &mut String) {
        let count = self.log_prob_bits.len();
        line!(
            out,
            "/// Inputs and the bits that every target must give for them."
        );
        line!(out, "pub mod vectors {{");
        line!(
            out,
            "    /// Samples, a quarter of them far out in the tail."
        );
        line!(out, "    #[rustfmt::skip]");
        line!(
            out,
            "    pub static INPUTS: [[f32; super::DIM]; {count}] = ["
        );
        for row in self.inputs.chunks(self.dim) {
            line!(out, "        [{}],", joined(row).trim_end_matches(','));
        }
        line!(out, "    ];");
        line!(out, "");
        line!(out, "    /// `log_prob` of each input, as `f32::to_bits`.");
        line!(out, "    #[rustfmt::skip]");
        line!(out, "    pub static LOG_PROB_BITS: [u32; {count}] = [");
        for row in self.log_prob_bits.chunks(8) {
            let texts: Vec<String> = row.iter().map(|bits| format!("0x{bits:08x},")).collect();
            line!(out, "        {}", texts.join(" "));
        }
        line!(out, "    ];");
        line!(out, "}}");
        out.push_str(TESTS);
    }
}

const TESTS: &str = r"
#[cfg(test)]
mod tests {
    #[test]
    fn vectors_have_their_bits() {
        let mut workspace = [0.0; super::WORKSPACE];
        let vectors = super::vectors::INPUTS
            .iter()
            .zip(super::vectors::LOG_PROB_BITS);
        for (input, bits) in vectors {
            let log_prob = super::FLOW.log_prob(input, &mut workspace);
            assert_eq!(log_prob.map(f32::to_bits), Ok(bits));
        }
    }
}
";
