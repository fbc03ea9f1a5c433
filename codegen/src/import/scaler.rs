//! Standardised rows: a flow that was trained on `(x - mean) / scale` takes raw units once this stands in front of it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use npyz::NpyFile;
use serde_json::Value;

use super::assemble::Assembly;
use super::{ImportError, Imported, content, read, source};
use crate::data::npz::Archive;
use crate::model::Model;

/// How to write a file that is read here, of scikit-learn's `StandardScaler`.
const ONE_LINE: &str = "json.dump({\"mean\": scaler.mean_.tolist(), \"scale\": scaler.scale_.tolist()}, open(\"scaler.json\", \"w\"))";

/// What rows were standardised with before training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scaler {
    /// Subtracted first; nothing where rows kept their means.
    pub mean: Option<Vec<f64>>,
    /// Divided by; nothing where rows kept their scales.
    pub scale: Option<Vec<f64>>,
}

impl Scaler {
    /// Reads a file with `mean` and `scale` (or `mean_` and `scale_`, as scikit-learn names them): JSON or `.npz`.
    ///
    /// # Errors
    /// [`ImportError`] that says how to write one.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let bytes = read(path)?;
        let refused = |reason: &str| {
            content(
                path,
                format!(
                    "{reason}; of scikit-learn's StandardScaler Python writes it by {ONE_LINE}"
                ),
            )
        };
        let found = if bytes.starts_with(b"PK") {
            Self::from_npz(path)
        } else {
            match serde_json::from_slice(&bytes) {
                Ok(Value::Object(entries)) => Self::from_entries(|name| entries.get(name)),
                _ => Err(
                    "it is neither JSON with `mean` and `scale` nor an .npz with these arrays"
                        .into(),
                ),
            }
        };
        let scaler = found.map_err(|reason| refused(&reason))?;
        if scaler == Self::default() {
            return Err(refused("it has neither `mean` nor `scale`"));
        }
        Ok(scaler)
    }

    fn from_entries<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Result<Self, String> {
        let list = |name: &str| {
            let value = get(name).or_else(|| get(&format!("{name}_")));
            let Some(value) = value.filter(|value| !value.is_null()) else {
                return Ok(None);
            };
            let list = value.as_array();
            list.and_then(|list| list.iter().map(Value::as_f64).collect())
                .map(Some)
                .ok_or_else(|| format!("its `{name}` is no list of numbers"))
        };
        Ok(Self {
            mean: list("mean")?,
            scale: list("scale")?,
        })
    }

    fn from_npz(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut archive = Archive::open(BufReader::new(file))?;
        let names = archive.names();
        let mut array = |name: &str| -> Result<Option<Vec<f64>>, String> {
            let Some(name) = [name.to_owned(), format!("{name}_")]
                .into_iter()
                .find(|name| names.contains(name))
            else {
                return Ok(None);
            };
            let damaged = |error: std::io::Error| format!("its array `{name}`: {error}");
            let doubles = NpyFile::new(archive.array(&name)?).map_err(damaged)?;
            // A reading consumes the array, so that another type needs another one.
            if let Ok(values) = doubles.into_vec::<f64>() {
                return Ok(Some(values));
            }
            let singles = NpyFile::new(archive.array(&name)?).map_err(damaged)?;
            let singles = singles.into_vec::<f32>().map_err(damaged)?;
            Ok(Some(singles.into_iter().map(f64::from).collect()))
        };
        Ok(Self {
            mean: array("mean")?,
            scale: array("scale")?,
        })
    }

    /// What the `architecture` says of it: entries `input_mean` and `input_scale`.
    pub(super) fn of(
        architecture: &super::architecture::Architecture,
    ) -> Result<Option<Self>, String> {
        let entries = ["input_mean", "input_scale"].map(|name| architecture.entry(name));
        let scaler = Self::from_entries(|name| match name {
            "mean" => entries[0],
            "scale" => entries[1],
            _ => None,
        });
        let scaler = scaler.map_err(|reason| reason.replace("its `", "its `input_"))?;
        Ok((scaler != Self::default()).then_some(scaler))
    }

    /// One value per feature, the scales above 0.
    fn checked(&self, dim: usize) -> Result<(Vec<f64>, Vec<f64>), String> {
        let mean = self.mean.clone().unwrap_or_else(|| vec![0.0; dim]);
        let scale = self.scale.clone().unwrap_or_else(|| vec![1.0; dim]);
        for (name, values) in [("mean", &mean), ("scale", &scale)] {
            if values.len() != dim {
                return Err(format!(
                    "{} values of `{name}` for the model's {dim} features",
                    values.len()
                ));
            }
            // What float32 holds, too.
            let good = |value: f64| {
                (value as f32).is_finite() && (name == "mean" || (value as f32) > f32::MIN_POSITIVE)
            };
            if let Some(at) = values.iter().position(|&value| !good(value)) {
                return Err(format!(
                    "`{name}` of feature {at} is {}: {}",
                    values[at],
                    if name == "mean" {
                        "it must be finite"
                    } else {
                        "it must be above 0 (a standard deviation; scikit-learn's `scale_`, not `var_`)"
                    }
                ));
            }
        }
        Ok((mean, scale))
    }
}

impl Imported {
    /// The model with the standardisation in front: it takes rows as the sensors give them, and its log-density is that of
    /// these rows. `file` is where the scaler was read, to be named in the model.
    ///
    /// # Errors
    /// A scaler that does not fit, or a model whose samples are maps.
    pub fn in_raw_units(self, scaler: &Scaler, file: Option<&Path>) -> Result<Model, String> {
        let mut model = self.model;
        let dim = model.header.spec.dim();
        if model.header.spec.is_map() {
            return Err("mean and scale go with rows of features; the model takes images".into());
        }
        let (mean, scale) = scaler.checked(dim)?;
        let log_scale: Vec<f64> = scale.iter().map(|scale| -scale.ln()).collect();
        let mut front = Assembly::new(dim);
        front.standardize(&mean, &log_scale);
        let front = front.model();
        model
            .header
            .spec
            .layers
            .splice(0..0, front.header.spec.layers);
        model.params.splice(0..0, front.params);
        if let Some(path) = file {
            let bytes = read(path).map_err(|error| error.to_string())?;
            model.header.provenance.sources.push(source(path, &bytes));
        }
        model.validate()?;
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::npz;
    use crate::model::small_model;
    use npyz::WriterBuilder as _;

    fn scaler() -> Scaler {
        Scaler {
            mean: Some(vec![101_325.0, -2.0]),
            scale: Some(vec![50.0, 0.25]),
        }
    }

    #[test]
    fn raw_rows_have_the_density_of_the_standardised_ones() {
        let flow = small_model();
        let raw = Imported::from(flow.clone())
            .in_raw_units(&scaler(), None)
            .unwrap();
        let standard = [0.5, -1.25, -1.0, 0.75, 2.0, 3.0];
        let rows: Vec<f32> = (standard.chunks(2))
            .flat_map(|row| [101_325.0 + 50.0 * row[0], -2.0 + 0.25 * row[1]])
            .collect();
        let pairs =
            (flow.deploy().log_probs(&standard).into_iter()).zip(raw.deploy().log_probs(&rows));
        for (standard, raw) in pairs {
            let log_det = (50.0_f32 * 0.25).ln();
            assert!((standard - log_det - raw).abs() < 1e-5, "{standard} {raw}");
        }
    }

    #[test]
    fn files_of_either_kind_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scaler.json");
        std::fs::write(&path, r#"{"mean_": [101325, -2.0], "scale_": [50, 0.25]}"#).unwrap();
        assert_eq!(Scaler::read(&path).unwrap(), scaler());
        std::fs::write(&path, r#"{"mean": null, "scale": [50, 0.25]}"#).unwrap();
        assert_eq!(Scaler::read(&path).unwrap().mean, None);
        for wrong in ["{}", "[1, 2]", r#"{"mean": ["a"]}"#, "\u{80}joblib"] {
            std::fs::write(&path, wrong).unwrap();
            let said = Scaler::read(&path).unwrap_err().to_string();
            assert!(said.contains("json.dump"), "{said}");
        }
        let path = folder.path().join("scaler.npz");
        let npy = |values: [f64; 2]| {
            let mut bytes = Vec::new();
            let options = npyz::WriteOptions::new().default_dtype().shape(&[2]);
            let mut array = options.writer(&mut bytes).begin_nd().unwrap();
            array.extend(values).unwrap();
            array.finish().unwrap();
            bytes
        };
        let arrays = [
            ("mean_", npy([101_325.0, -2.0])),
            ("scale_", npy([50.0, 0.25])),
        ];
        std::fs::write(&path, npz::archive(&arrays).unwrap()).unwrap();
        assert_eq!(Scaler::read(&path).unwrap(), scaler());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (mean, scale, said) in [
            (vec![0.0], vec![1.0, 1.0], "1 values of `mean`"),
            (vec![0.0, f64::NAN], vec![1.0, 1.0], "finite"),
            (vec![0.0, 0.0], vec![1.0, 0.0], "above 0"),
            (vec![0.0, 0.0], vec![1.0, 1e-60], "above 0"),
        ] {
            let scaler = Scaler {
                mean: Some(mean),
                scale: Some(scale),
            };
            let found = Imported::from(small_model()).in_raw_units(&scaler, None);
            let found = found.unwrap_err();
            assert!(found.contains(said), "{found}");
        }
    }
}
