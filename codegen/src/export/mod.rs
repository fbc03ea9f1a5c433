//! From a model to one Rust module with const arrays.
//!
//! The module compiles by itself against `nvpico`: the spec as a `const`, parameters in a `static`
//! array (flash on a microcontroller), the validated flow as a `static`, and test
//! vectors with the bits that every target must reproduce. It calls `const fn`s and names no field of a spec, so that
//! it also compiles against later versions; where a cargo feature is missing, the compiler's message names it. The same
//! model gives the same bytes.
//!
//! ```no_run
//! use nvpico_codegen::{export, model::Model, precision::Precision};
//!
//! let model = Model::load("pump.safetensors".as_ref())?;
//! let integers = model.ready(Some(Precision::I8))?;
//! std::fs::write("model.rs", export::module(&integers, &export::ExportOptions::default()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// Writes to a `String`, which cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

mod adapt;
mod alarm;
mod blame;
mod samples;
mod structure;
mod vectors;

use std::fmt::Write as _;

use crate::deploy::quantize::{self, Quantized};
use crate::deploy::{Engine, Ready};
use crate::model::{MathName, Model, ModelSpec};
use crate::output::printable;
use crate::precision::Precision;
use vectors::Vectors;

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
pub fn module(ready: &Ready<'_>, options: &ExportOptions) -> String {
    let mut out = String::new();
    header(&mut out, ready);
    constants(&mut out, ready);
    match &ready.engine {
        Engine::Float(deployed) => {
            spec(&mut out, &deployed.spec, &FLOATS);
            params(&mut out, &deployed.params);
        }
        Engine::Integer(quantized) => {
            spec(&mut out, &quantized.spec, &integers(quantized.precision));
            units(&mut out, quantized);
            words(&mut out, quantized);
        }
    }
    alarm::write(&mut out, ready);
    if let Some(spec) = &ready.model.header.samples {
        samples::write(&mut out, ready, spec);
    }
    blame::write(&mut out, ready);
    if let Some(own) = &ready.model.header.adaptation {
        adapt::write(&mut out, ready, own);
    }
    Vectors::new(ready, options.vectors).write(&mut out);
    out
}

/// How the lengths of a model are said.
struct Lengths {
    /// Type of a sample's values and of the workspace's.
    value: &'static str,
    /// What a value of the workspace is called.
    values: &'static str,
    workspace: &'static str,
    /// What checks the structure.
    validate: &'static str,
    /// Values of parameters, four bytes each.
    params: &'static str,
}

const FLOATS: Lengths = Lengths {
    value: "f32",
    values: "Values",
    workspace: "workspace_len()",
    validate: "validate",
    params: "param_len()",
};

const fn integers(precision: Precision) -> Lengths {
    Lengths {
        value: "i32",
        values: "Words",
        workspace: "integer_workspace_len()",
        validate: "validate_integer",
        params: match precision {
            Precision::I8 => "word_len::<nvpico::integer::I8>()",
            _ => "word_len::<nvpico::integer::I16>()",
        },
    }
}

fn header(out: &mut String, ready: &Ready<'_>) {
    let model = ready.model;
    let provenance = &model.header.provenance;
    let spec = ready.spec();
    line!(
        out,
        "// Made by `nvpico export`. Do not edit: export again."
    );
    line!(out, "//");
    line!(out, "// model sha256: {}", model.hash());
    if !provenance.made_by.is_empty() {
        line!(out, "// made by: {}", printable(&provenance.made_by));
    }
    for source in &provenance.sources {
        line!(
            out,
            "// from: {} (sha256 {})",
            printable(&source.file),
            printable(&source.sha256)
        );
    }
    let features = spec.engine_features(ready.precision());
    if !features.is_empty() {
        line!(out, "// needs features of nvpico: {}", features.join(", "));
    }
    line!(
        out,
        "// cost: {} bytes of flash for the parameters ({}), {} bytes of RAM for the workspace; the",
        ready.param_bytes(),
        ready.precision(),
        ready.workspace_bytes()
    );
    line!(
        out,
        "// engine's code comes on top, `nvpico verify` measures it"
    );
    if let Some(samples) = &model.header.samples {
        let bytes = samples.ram_bytes();
        line!(
            out,
            "// takes raw samples: {bytes} bytes of RAM more for the extractor of their features"
        );
    }
    line!(out, "{LINTS}");
    line!(out, "");
}

fn constants(out: &mut String, ready: &Ready<'_>) {
    let model: &Model = ready.model;
    let header = &model.header;
    line!(
        out,
        "/// Cargo features of `nvpico` that the model needs, beside the default ones."
    );
    let features = ready.spec().engine_features(ready.precision());
    line!(out, "pub const NVPICO_FEATURES: &[&str] = &{features:?};");
    line!(out, "");
    line!(
        out,
        "/// What records name the model by: the first three bytes of its sha256, and the precision."
    );
    line!(out, "pub const MODEL: u32 = {:#010x};", ready.identity());
    line!(out, "");
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
    let (kind, unit) = match &ready.engine {
        Engine::Float(_) => ("f32", "nats"),
        Engine::Integer(_) => ("i32", "steps of 2^-16 nat"),
    };
    line!(out, "/// A log-density below it is anomalous, in {unit}.");
    let threshold = ready.threshold().map(|nats| match &ready.engine {
        Engine::Float(_) => format!("{nats:?}"),
        Engine::Integer(_) => quantize::threshold(nats).to_string(),
    });
    let threshold = threshold.map_or_else(|| "None".to_owned(), |t| format!("Some({t})"));
    line!(out, "pub const THRESHOLD: Option<{kind}> = {threshold};");
    line!(out, "");
    line!(
        out,
        "/// Lowest and highest value of each channel, of a vector of each value; a reading outside is not normal. Empty for"
    );
    line!(out, "/// a model that was not calibrated.");
    line!(out, "#[rustfmt::skip]");
    let ranges = match &ready.engine {
        Engine::Float(_) => format!("{:?}", model.value_ranges()),
        Engine::Integer(quantized) => {
            format!("{:?}", quantized.count_ranges(&model.value_ranges()))
        }
    };
    line!(out, "pub const RANGES: &[[{kind}; 2]] = &{ranges};");
    line!(out, "");
}

fn spec(out: &mut String, spec: &ModelSpec, lengths: &Lengths) {
    let math = match spec.math {
        MathName::Libm => "",
        MathName::Micromath => ".with_math(nvpico::Math::Micromath)",
    };
    let layers = spec.layers();
    let base = structure::base(spec.flow_spec(&layers).base);
    let kernels = structure::kernels(spec.kernels);
    let given = structure::given(spec.given);
    let shape = match spec.shape.0 {
        [channels, 1, 1] => format!("vector({channels})"),
        [channels, height, width] => format!("map({channels}, {height}, {width})"),
    };
    line!(
        out,
        "/// The structure. What the build of `nvpico` lacks for it is named here, at compile time."
    );
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub const SPEC: nvpico::FlowSpec<'static> = {{");
    line!(out, "    let spec = nvpico::FlowSpec::new(");
    line!(out, "        nvpico::spec::Shape::{shape},");
    line!(out, "        &[");
    for layer in &spec.layers {
        structure::layer(out, layer);
    }
    line!(out, "        ],");
    line!(out, "    ){math}{base}{kernels}{given};");
    line!(out, "    match spec.{}() {{", lengths.validate);
    line!(out, "        Ok(()) => spec,");
    line!(
        out,
        "        Err(error) => panic!(\"{{}}\", error.message()),"
    );
    line!(out, "    }}");
    line!(out, "}};");
    line!(out, "");
    let Lengths {
        value,
        values,
        workspace,
        params,
        ..
    } = lengths;
    line!(out, "/// A value of a sample, and of the workspace.");
    line!(out, "pub type Value = {value};");
    line!(out, "");
    line!(out, "/// {values} of workspace that scoring needs.");
    line!(out, "pub const WORKSPACE: usize = SPEC.{workspace};");
    line!(out, "");
    line!(
        out,
        "/// Bytes of flash that the parameters take; a build may demand `assert!(MODEL_FLASH <= ...)`."
    );
    line!(
        out,
        "pub const MODEL_FLASH: usize = SPEC.{params} * size_of::<Value>();"
    );
    line!(out, "");
    line!(out, "/// Bytes of RAM that the workspace takes.");
    line!(
        out,
        "pub const MODEL_RAM: usize = WORKSPACE * size_of::<Value>();"
    );
    line!(out, "");
    line!(out, "/// Multiply-accumulates of one score.");
    line!(
        out,
        "pub const MULTIPLY_ACCUMULATES: usize = SPEC.multiply_accumulates();"
    );
    line!(out, "");
}

/// Lints that the module breaks: the shortest exact text of a float, and what a program makes no use of.
const LINTS: &str = "#![allow(
    dead_code,
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
    flow(
        out,
        "nvpico::Flow<'static>",
        "nvpico::Flow::new(SPEC, &PARAMS)",
    );
}

/// The unit of every value of a sample.
fn units(out: &mut String, quantized: &Quantized) {
    line!(
        out,
        "/// A sample counts value `i` in steps of `2^UNITS[i]`: `nvpico::integer::count` makes a count of a float."
    );
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub const UNITS: [i32; DIM] = {:?};", quantized.units);
    line!(out, "");
}

fn words(out: &mut String, quantized: &Quantized) {
    let weights = match quantized.precision {
        Precision::I8 => "nvpico::integer::I8",
        _ => "nvpico::integer::I16",
    };
    line!(
        out,
        "/// The parameters, in the order that `nvpico::integer` documents."
    );
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub static WORDS: [i32; SPEC.word_len::<{weights}>()] = ["
    );
    for row in quantized.words.chunks(8) {
        let texts: Vec<String> = row.iter().map(|word| format!("{word},")).collect();
        line!(out, "    {}", texts.join(" "));
    }
    line!(out, "];");
    line!(out, "");
    flow(
        out,
        &format!("nvpico::integer::IntegerFlow<'static, {weights}>"),
        "nvpico::integer::IntegerFlow::new(SPEC, &WORDS)",
    );
}

fn flow(out: &mut String, kind: &str, new: &str) {
    line!(out, "/// The type of the model.");
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub type Density = {kind};");
    line!(out, "");
    line!(out, "/// The model, validated at compile time.");
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub static FLOW: Density = match {new} {{");
    line!(out, "    Ok(flow) => flow,");
    line!(out, "    Err(error) => panic!(\"{{}}\", error.message()),");
    line!(out, "}};");
    line!(out, "");
}

/// Floats that read back exactly, each followed by a comma.
fn joined(values: &[f32]) -> String {
    let texts: Vec<String> = values.iter().map(|v| format!("{v:?},")).collect();
    texts.join(" ")
}
