//! The model file, read and written; [`super`] says what it holds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use super::{FORMAT, Header, IntegerHeader, IntegerParts, Model, checksum, hex};
use crate::output;

/// The tensors, in the order of the document of this module.
const TENSORS: [&str; 6] = [
    "params",
    "calibration",
    "ranges",
    "calibration_i16",
    "calibration_i8",
    WINDOWS,
];
const WINDOWS: &str = "windows";

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a model of this program, or a damaged one.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Model {
    /// Reads and checks a model file.
    ///
    /// # Errors
    /// [`ModelError`] for a file that cannot be read, is no model, or is not valid.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(&bytes).map_err(|reason| ModelError::Format {
            path: path.to_owned(),
            reason,
        })
    }

    /// A model from the bytes of its file.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| format!("not a .safetensors file ({e})"))?;
        let text = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get("nvpico"))
            .ok_or("no `nvpico` entry in its header: weights of another program go through `nvpico import`")?;
        // The version first: a newer file may have unknown fields.
        let version: serde_json::Value =
            serde_json::from_str(text).map_err(|e| format!("its header is damaged: {e}"))?;
        match version.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            found => {
                let found = found.map_or_else(|| "no".to_owned(), |f| f.to_string());
                return Err(format!(
                    "the model has format {found}, this version of nvpico reads format {FORMAT}: use the version that made it, or train again"
                ));
            }
        }
        let mut header: Header = serde_json::from_str(text)
            .map_err(|e| format!("its header does not match format {FORMAT}: {e}"))?;
        checksum::check(bytes, &std::mem::take(&mut header.checksum))?;
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| format!("not a .safetensors file ({e})"))?;
        for name in tensors.names() {
            if !TENSORS.contains(&name) {
                return Err(format!("unknown tensor `{name}`"));
            }
        }
        let calibration = if header.calibration.is_some() {
            read_f32(&tensors, "calibration")?
        } else {
            Vec::new()
        };
        let integer = header.integer.take().map(|IntegerHeader { units }| {
            let calibration = |name| match header.calibration {
                Some(_) => read_f32(&tensors, name),
                None => Ok(Vec::new()),
            };
            Ok::<_, String>(IntegerParts {
                units,
                ranges: read_f32(&tensors, "ranges")?,
                calibrations: [
                    calibration("calibration_i16")?,
                    calibration("calibration_i8")?,
                ],
            })
        });
        let model = Self {
            params: read_f32(&tensors, "params")?,
            calibration,
            integer: integer.transpose()?,
            windows: if header.samples.is_some() {
                read_f32(&tensors, WINDOWS)?
            } else {
                Vec::new()
            },
            header,
        };
        model.validate()?;
        Ok(model)
    }

    /// The bytes of the model file; the same model gives the same bytes.
    ///
    /// # Panics
    /// Never: it makes the shapes and types itself.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let mut values = vec![&self.params[..]];
        if self.header.calibration.is_some() {
            values.push(&self.calibration);
        }
        let mut names = TENSORS[..values.len()].to_vec();
        let mut header = self.header.clone();
        header.checksum = checksum::none();
        if let Some(parts) = &self.integer {
            header.integer = Some(IntegerHeader {
                units: parts.units.clone(),
            });
            values.push(&parts.ranges);
            names.push(TENSORS[2]);
            if self.header.calibration.is_some() {
                values.extend(parts.calibrations.iter().map(|c| &c[..]));
                names.extend(&TENSORS[3..5]);
            }
        }
        if self.header.samples.is_some() {
            values.push(&self.windows);
            names.push(WINDOWS);
        }
        let data: Vec<Vec<u8>> = values.iter().map(|v| bytes(v)).collect();
        let view = |data, len| TensorView::new(Dtype::F32, vec![len], data).expect("lengths agree");
        let tensors: Vec<_> = (names.iter().zip(&data).zip(&values))
            .map(|((name, data), values)| (*name, view(data, values.len())))
            .collect();
        let header = serde_json::to_string(&header).expect("plain data");
        let metadata = HashMap::from([("nvpico".to_owned(), header)]);
        let mut bytes = safetensors::serialize(tensors, Some(metadata)).expect("views are valid");
        checksum::set(&mut bytes);
        bytes
    }

    /// Writes the model file, whole or not at all.
    ///
    /// # Errors
    /// [`ModelError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        output::write_atomic(path, &self.to_bytes()).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// SHA-256 of the model file, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.to_bytes()))
    }
}

fn read_f32(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    let tensor = tensors
        .tensor(name)
        .map_err(|_| format!("tensor `{name}` is missing"))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape().len() != 1 {
        return Err(format!(
            "tensor `{name}` is {:?} of shape {:?}, expected F32 of one dimension",
            tensor.dtype(),
            tensor.shape()
        ));
    }
    let (values, _) = tensor.data().as_chunks::<4>();
    Ok(values.iter().map(|b| f32::from_le_bytes(*b)).collect())
}
