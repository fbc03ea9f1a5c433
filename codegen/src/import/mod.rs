//! Weights trained elsewhere, as models of this program.
//!
//! Each source has a file; all give a [`Model`] without calibration, in the engine's parameter order.
//! A state dict tells shapes and numbers; what it cannot tell (activations, how scale is squashed)
//! stands in a JSON text, the header's `architecture` entry or a file of its own. Both must be
//! understood whole: a key or entry that nothing reads is refused by name, and so is one that is
//! missing.

mod architecture;
mod assemble;
mod check;
pub mod freia;
mod matrix;
mod net;
pub mod nflows;
pub mod normflows;
pub mod paper;
pub mod plain;
mod scaler;
#[cfg(test)]
mod tests;
mod weights;

use std::path::{Path, PathBuf};

use nvpico::kernel::dense::panels;
use safetensors::SafeTensorError;
use safetensors::tensor::SafeTensors;

use crate::model::{Model, Provenance, Source, hex};
use architecture::Architecture;
pub use check::{Agreement, check};
pub use scaler::Scaler;
use weights::Weights;
pub(crate) use weights::floats;

/// What an architecture may tell, in words for the user; entries that are read stand in it.
pub const ENTRIES: &str = include_str!("entries.txt");

/// Why weights were not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's contents do not fit.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The imported model disagrees with the reference.
    #[error(
        "row {row} of {path}: {what} is {found}, the reference says {expected} (difference {difference:.3e}, allowed {allowed:.3e}); nothing was written. Either the architecture tells something else than the model has (activation, clamp, order: `nvpico import --help` lists its entries), or the rows are those of another state of the model: scripts/convert.py writes both files from one model"
    )]
    Disagrees {
        /// The file of reference vectors.
        path: PathBuf,
        /// What was compared: `log_prob`, or a feature of `z` or `x_sample`.
        what: String,
        /// The worst row, from 0.
        row: usize,
        /// The reference.
        expected: f64,
        /// What the model gives.
        found: f32,
        /// Absolute difference.
        difference: f64,
        /// Allowed there.
        allowed: f64,
    },
}

/// An imported model, and what of it is the library's base distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The model; its latent is standard normal.
    pub model: Model,
    /// How many of its last layers stand for the library's base distribution (0 or 1). The library's
    /// `z` is what goes into them.
    pub base_layers: usize,
    /// What the architecture says its rows were standardised with.
    pub scaler: Option<Scaler>,
}

impl Imported {
    /// Replays reference vectors; see [`check()`].
    ///
    /// # Errors
    /// [`ImportError`] where the file does not fit or a row disagrees.
    pub fn check(&self, path: &Path) -> Result<Agreement, ImportError> {
        check::compare(&self.model, self.base_layers, path)
    }
}

impl From<Model> for Imported {
    fn from(model: Model) -> Self {
        Self {
            model,
            base_layers: 0,
            scaler: None,
        }
    }
}

/// Reads weights of whichever library the architecture's `library` entry names.
///
/// # Errors
/// [`ImportError`] from that library's import, or if the library is unknown.
pub fn auto(path: &Path, arch: Option<&Path>) -> Result<Imported, ImportError> {
    let bytes = read(path)?;
    let library = architecture_of(path, &bytes, arch)?.library();
    let named = library.map_err(|reason| content(arch.unwrap_or(path), reason))?;
    match named.to_lowercase().as_str() {
        "nflows" => nflows::import(path, arch),
        "normflows" => normflows::import(path, arch),
        "freia" => freia::import(path, arch),
        "paper" => paper::import(path, arch),
        _ => Err(content(
            arch.unwrap_or(path),
            format!("its `library` is \"{named}\", known are nflows, normflows, FrEIA and paper"),
        )),
    }
}

/// The frame of an import: reads the file and its architecture, lets `build` make the model, refuses
/// what `build` left unread, notes where the model comes from, and validates it.
pub(crate) fn import_with(
    path: &Path,
    arch: Option<&Path>,
    from: &str,
    build: impl FnOnce(&Architecture, &Weights<'_>) -> Result<Imported, String>,
) -> Result<Imported, ImportError> {
    let bytes = read(path)?;
    let architecture = architecture_of(path, &bytes, arch)?;
    let tensors =
        SafeTensors::deserialize(&bytes).map_err(|e| content(path, not_safetensors(&e)))?;
    let weights = Weights::new(tensors);
    let mut imported = build(&architecture, &weights).map_err(|reason| content(path, reason))?;
    let scaler = Scaler::of(&architecture);
    imported.scaler = scaler.map_err(|reason| content(arch.unwrap_or(path), reason))?;
    architecture
        .finish()
        .map_err(|reason| content(arch.unwrap_or(path), reason))?;
    weights.finish().map_err(|reason| content(path, reason))?;
    let mut sources = vec![source(path, &bytes)];
    if let Some(arch) = arch {
        sources.push(source(arch, &read(arch)?));
    }
    imported.model.header.provenance = Provenance {
        made_by: format!(
            "nvpico {} (import --from {from})",
            env!("CARGO_PKG_VERSION")
        ),
        sources,
        ..Provenance::default()
    };
    imported
        .model
        .validate()
        .map_err(|reason| content(path, reason))?;
    Ok(imported)
}

/// The architecture in its own file if there is one, else in the weights' header.
fn architecture_of(
    path: &Path,
    bytes: &[u8],
    arch: Option<&Path>,
) -> Result<Architecture, ImportError> {
    if let Some(arch) = arch {
        let text = std::fs::read_to_string(arch).map_err(|source| ImportError::Io {
            path: arch.to_owned(),
            source,
        })?;
        return Architecture::parse(&text).map_err(|reason| content(arch, reason));
    }
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|e| content(path, not_safetensors(&e)))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get("architecture"))
        .ok_or_else(|| {
            content(
                path,
                "no `architecture` entry in its header: scripts/convert.py writes weights with one, or give one with --arch FILE.json (`nvpico import --help` lists its entries)".into(),
            )
        })?;
    Architecture::parse(text)
        .map_err(|reason| content(path, format!("its `architecture` entry: {reason}")))
}

pub(crate) fn not_safetensors(error: &SafeTensorError) -> String {
    format!("not a .safetensors file ({error}): of a model in Python scripts/convert.py writes one")
}

fn source(path: &Path, bytes: &[u8]) -> Source {
    Source {
        file: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        sha256: hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes)),
    }
}

fn content(path: &Path, reason: String) -> ImportError {
    ImportError::Content {
        path: path.to_owned(),
        reason,
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    std::fs::read(path).map_err(|source| ImportError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Appends a dense layer's parameters in the engine's panels, from `weight[outputs][inputs]` and
/// `bias[outputs]`.
pub(crate) fn push_dense(params: &mut Vec<f32>, weight: &[f32], bias: &[f32]) {
    let inputs = weight.len() / bias.len().max(1);
    let mut from = 0;
    for width in panels(bias.len()) {
        let panel = from..from + width;
        params.extend_from_slice(&bias[panel.clone()]);
        for input in 0..inputs {
            params.extend(panel.clone().map(|output| weight[output * inputs + input]));
        }
        from += width;
    }
}
