//! The parts of a score and how often each is done; a part that the engine treats alike has one name.

use std::collections::BTreeMap;

use nvpico::spec::{CouplingSpec, Shape};

/// Inputs that one turn of a kernel's inner loop takes in.
pub(super) const STRIDE: usize = 4;

/// Names of parts, with how often each is done in a score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work(BTreeMap<String, f64>);

impl Work {
    pub(super) fn add(&mut self, part: &str, count: usize) {
        if count > 0 {
            *self.0.entry(part.to_owned()).or_default() += count as f64;
        }
    }

    pub(super) fn set(&mut self, part: &str, count: f64) {
        self.0.insert(part.to_owned(), count);
    }

    /// The parts and their counts.
    pub fn parts(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(part, &count)| (part.as_str(), count))
    }

    /// How often a part is done.
    #[must_use]
    pub fn count(&self, part: &str) -> f64 {
        self.0.get(part).copied().unwrap_or(0.0)
    }
}

/// Values of a map that a coupling changes.
pub(super) fn transformed_values(coupling: &CouplingSpec<'_>, shape: Shape) -> usize {
    (0..shape.len())
        .filter(|&value| !coupling.mask.keeps_value(value, shape))
        .count()
}
