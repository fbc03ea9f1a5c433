//! A state dict, read by key, that knows which keys were read.

use std::cell::RefCell;
use std::collections::BTreeSet;

use safetensors::tensor::{Dtype, SafeTensors};

/// Keys that a message lists before it only counts them.
const LISTED: usize = 5;

/// The tensors of a file. Each that is read is remembered; [`Weights::finish`] refuses the others.
pub(crate) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    read: RefCell<BTreeSet<String>>,
}

/// A tensor's shape and values, row-major.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(tensors: SafeTensors<'a>) -> Self {
        Self {
            tensors,
            read: RefCell::default(),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.tensors.tensor(key).is_ok()
    }

    /// Whether any key starts with `prefix`.
    pub(crate) fn has_under(&self, prefix: &str) -> bool {
        self.tensors.names().iter().any(|n| n.starts_with(prefix))
    }

    /// The numbers `N` of all keys `prefix.N.name`, rising.
    pub(crate) fn numbered(&self, prefix: &str, name: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .tensors
            .names()
            .iter()
            .filter_map(|key| {
                let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
                let number = rest.strip_suffix(name)?.strip_suffix('.')?;
                number.parse().ok()
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// A float tensor of any shape.
    pub(crate) fn tensor(&self, key: &str) -> Result<Tensor, String> {
        let values = floats(&self.tensors, key)?;
        let shape = self.tensors.tensor(key).map_err(|e| e.to_string())?;
        self.read.borrow_mut().insert(key.to_owned());
        Ok(Tensor {
            shape: shape.shape().to_vec(),
            values,
        })
    }

    /// A float tensor with `len` values, one per feature; leading axes of length 1 do not count.
    pub(crate) fn vector(&self, key: &str, len: usize) -> Result<Vec<f64>, String> {
        let Tensor { shape, values } = self.tensor(key)?;
        if values.len() == len && shape.iter().all(|&axis| axis == 1 || axis == len) {
            return Ok(values);
        }
        Err(format!(
            "tensor `{key}` has shape {shape:?}, expected {len} values"
        ))
    }

    /// A float tensor with one value.
    pub(crate) fn number(&self, key: &str) -> Result<f64, String> {
        self.vector(key, 1).map(|values| values[0])
    }

    /// Zeros and ones, whatever type they are stored as.
    pub(crate) fn mask(&self, key: &str, len: usize) -> Result<Vec<bool>, String> {
        let tensor = self.tensors.tensor(key).map_err(|_| missing(key))?;
        let values: Vec<f64> = match tensor.dtype() {
            Dtype::BOOL | Dtype::U8 => tensor.data().iter().map(|&b| f64::from(b)).collect(),
            Dtype::I64 => {
                let (values, _) = tensor.data().as_chunks::<8>();
                let values = values.iter().map(|b| i64::from_le_bytes(*b) as f64);
                values.collect()
            }
            _ => floats(&self.tensors, key)?,
        };
        if values.len() != len || !values.iter().all(|v| [0.0, 1.0].contains(v)) {
            return Err(format!(
                "tensor `{key}` has shape {:?} and holds {values:?}, expected {len} times 0 or 1",
                tensor.shape()
            ));
        }
        self.read.borrow_mut().insert(key.to_owned());
        Ok(values.iter().map(|&v| v > 0.0).collect())
    }

    /// Counts as read a tensor that changes nothing.
    pub(crate) fn skip(&self, key: &str) {
        self.read.borrow_mut().insert(key.to_owned());
    }

    /// Counts as read all tensors under `prefix`, which change nothing.
    pub(crate) fn skip_under(&self, prefix: &str) {
        let names = self.tensors.names();
        let under = names.into_iter().filter(|name| name.starts_with(prefix));
        self.read.borrow_mut().extend(under.map(str::to_owned));
    }

    /// Indices below `dim`, stored as I64.
    pub(crate) fn indices(&self, key: &str, dim: usize) -> Result<Vec<usize>, String> {
        let values = self.integers(key)?;
        let indices: Vec<usize> = values
            .iter()
            .filter_map(|&value| usize::try_from(value).ok())
            .filter(|&index| index < dim)
            .collect();
        if indices.len() == values.len() {
            return Ok(indices);
        }
        Err(format!(
            "tensor `{key}` is {values:?}, expected features from 0 to {}",
            dim.saturating_sub(1)
        ))
    }

    fn integers(&self, key: &str) -> Result<Vec<i64>, String> {
        let tensor = self.tensors.tensor(key).map_err(|_| missing(key))?;
        if tensor.dtype() != Dtype::I64 || tensor.shape().len() != 1 {
            return Err(format!(
                "tensor `{key}` is {:?} of shape {:?}, expected I64 with one axis",
                tensor.dtype(),
                tensor.shape()
            ));
        }
        self.skip(key);
        let (values, _) = tensor.data().as_chunks::<8>();
        Ok(values.iter().map(|b| i64::from_le_bytes(*b)).collect())
    }

    /// A permutation and its inverse, both stored as I64.
    pub(crate) fn permutations(
        &self,
        key: &str,
        inverse_key: &str,
        dim: usize,
    ) -> Result<(Vec<usize>, Vec<usize>), String> {
        let (order, inverse) = (self.order(key, dim)?, self.order(inverse_key, dim)?);
        if order.iter().enumerate().any(|(i, &at)| inverse[at] != i) {
            return Err(format!(
                "tensor `{inverse_key}` is {inverse:?}, which is not the inverse of `{key}`, {order:?}"
            ));
        }
        Ok((order, inverse))
    }

    /// A permutation, stored as I64.
    pub(crate) fn order(&self, key: &str, dim: usize) -> Result<Vec<usize>, String> {
        let values = self.integers(key)?;
        let order: Vec<usize> = values
            .iter()
            .filter_map(|&v| usize::try_from(v).ok())
            .collect();
        if !is_permutation(&order, dim) {
            return Err(format!(
                "tensor `{key}` is {values:?}, expected a permutation of 0 to {}",
                dim.saturating_sub(1)
            ));
        }
        Ok(order)
    }

    /// Refuses a file with keys that nothing read.
    pub(crate) fn finish(&self) -> Result<(), String> {
        let read = self.read.borrow();
        let mut left: Vec<&str> = self.tensors.names();
        left.retain(|name| !read.contains(*name));
        if left.is_empty() {
            return Ok(());
        }
        left.sort_unstable();
        let more = match left.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        left.truncate(LISTED);
        Err(format!(
            "no layer of the architecture reads tensor `{}`{more}",
            left.join("`, `")
        ))
    }
}

/// Whether `order` holds each of `0 .. dim` once.
fn is_permutation(order: &[usize], dim: usize) -> bool {
    let distinct: BTreeSet<usize> = order.iter().copied().filter(|&at| at < dim).collect();
    order.len() == dim && distinct.len() == dim
}

/// Whether a text of the architecture says that there is nothing.
pub(crate) fn is_none(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("none")
}

fn missing(key: &str) -> String {
    format!("tensor `{key}` is missing")
}

/// A float tensor's values in row-major order.
pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f64>, String> {
    let tensor = tensors.tensor(name).map_err(|_| missing(name))?;
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            let (values, _) = data.as_chunks::<4>();
            Ok(values
                .iter()
                .map(|b| f64::from(f32::from_le_bytes(*b)))
                .collect())
        }
        Dtype::F64 => {
            let (values, _) = data.as_chunks::<8>();
            Ok(values.iter().map(|b| f64::from_le_bytes(*b)).collect())
        }
        other => Err(format!("tensor `{name}` is {other:?}, expected F32 or F64")),
    }
}
