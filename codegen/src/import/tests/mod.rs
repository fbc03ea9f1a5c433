//! Small models of the options that the reference files leave out, against the libraries' formulas
//! written down plainly in float64.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use super::{ImportError, auto};

mod freia;
mod matrix;
mod nflows;
mod normflows;
mod paper;

const ROWS: usize = 8;

/// A state dict with invented values.
#[derive(Default)]
struct Dict {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
    orders: BTreeMap<String, Vec<usize>>,
    drawn: u32,
    /// Of the nets' leaky ReLU.
    slope: f64,
}

impl Dict {
    /// The next of a fixed sequence within -1 to 1, exact in float32.
    fn draw(&mut self) -> f64 {
        self.drawn = self
            .drawn
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        f64::from(self.drawn >> 16) / 32768.0 - 1.0
    }

    fn random(&mut self, key: &str, shape: &[usize]) -> Vec<f64> {
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| self.draw()).collect();
        self.set(key, shape, &values);
        values
    }

    fn set(&mut self, key: &str, shape: &[usize], values: &[f64]) {
        self.tensors
            .insert(key.to_owned(), (shape.to_vec(), values.to_vec()));
    }

    /// A perceptron whose linear layers have these numbers.
    fn net(&mut self, prefix: &str, numbers: &[usize], widths: &[usize]) {
        for (pair, number) in widths.windows(2).zip(numbers) {
            self.random(&format!("{prefix}.{number}.weight"), &[pair[1], pair[0]]);
            self.random(&format!("{prefix}.{number}.bias"), &[pair[1]]);
        }
    }

    /// What that perceptron gives, with (leaky) ReLU.
    fn run(&self, prefix: &str, input: &[f64]) -> Vec<f64> {
        let mut numbers: Vec<usize> = self
            .tensors
            .keys()
            .filter_map(|k| k.strip_prefix(prefix)?.strip_suffix(".weight"))
            .map(|n| n[1..].parse().unwrap())
            .collect();
        numbers.sort_unstable();
        let mut values = input.to_vec();
        for (at, number) in numbers.iter().enumerate() {
            let (_, weight) = &self.tensors[&format!("{prefix}.{number}.weight")];
            let (_, bias) = &self.tensors[&format!("{prefix}.{number}.bias")];
            if at > 0 {
                for value in &mut values {
                    *value = value.max(self.slope * *value);
                }
            }
            values = weight
                .chunks_exact(values.len())
                .zip(bias)
                .map(|(row, b)| b + row.iter().zip(&values).map(|(w, v)| w * v).sum::<f64>())
                .collect();
        }
        values
    }

    fn save(&self, path: &Path) {
        let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (key, (shape, values)) in &self.tensors {
            let bytes = values.iter().flat_map(|&v| v.to_le_bytes()).collect();
            stored.push((key.clone(), Dtype::F64, shape.clone(), bytes));
        }
        for (key, order) in &self.orders {
            let bytes = order
                .iter()
                .flat_map(|&v| (v as u64).to_le_bytes())
                .collect();
            stored.push((key.clone(), Dtype::I64, vec![order.len()], bytes));
        }
        let views = stored.iter().map(|(key, dtype, shape, bytes)| {
            (key, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    }

    /// Imports the dict and compares with `library`: x to the library's z and to
    /// `log_prob - log N(z)`.
    fn agrees(
        &self,
        architecture: &str,
        dim: usize,
        library: impl Fn(&[f64]) -> (Vec<f64>, f64),
    ) -> Result<(), ImportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        self.save(&path("weights"));
        std::fs::write(path("arch"), architecture).unwrap();
        let imported = auto(&path("weights"), Some(&path("arch")))?;
        let mut vectors = Dict::default();
        let x = vectors.random("x", &[ROWS, dim]);
        let (mut z, mut log_prob) = (Vec::new(), Vec::new());
        for row in x.chunks_exact(dim) {
            let (latent, log_det) = library(row);
            let base = latent.iter().map(|z| z * z).sum::<f64>()
                + dim as f64 * (2.0 * std::f64::consts::PI).ln();
            log_prob.push(log_det - 0.5 * base);
            z.extend(latent);
        }
        vectors.set("log_prob", &[ROWS], &log_prob);
        // With a base of its own, log_prob above is not the library's: z alone tells the layers.
        for (name, values) in [("z", &z), ("z_sample", &z), ("x_sample", &x)] {
            vectors.set(name, &[ROWS, dim], values);
        }
        vectors.save(&path("vectors"));
        imported.check(&path("vectors")).map(|_| ())
    }
}

/// `(x - t) * exp(-s)` for the features `changed`.
fn undo(x: &[f64], changed: &[usize], s: &[f64], t: &[f64]) -> (Vec<f64>, f64) {
    let mut z = x.to_vec();
    for ((&at, s), t) in changed.iter().zip(s).zip(t) {
        z[at] = (z[at] - t) * (-s).exp();
    }
    (z, -s[..changed.len()].iter().sum::<f64>())
}

fn gather(values: &[f64], at: &[usize]) -> Vec<f64> {
    at.iter().map(|&i| values[i]).collect()
}
