//! The table of coefficients: what each part of a score costs, per precision, core and kind of model.
//!
//! `nvpico measure` writes it from measurements in QEMU; it is compiled in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::harness::Core;
use crate::precision::Precision;

/// The file that `nvpico measure` writes.
const TABLE: &str = include_str!("table.json");

/// Models whose firmware is compiled with the same features of the engine, and so has the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Fully connected networks on vectors.
    Vector,
    /// Convolutions on feature maps.
    Map,
}

/// What a part costs, by its name.
pub type Coefficients = BTreeMap<String, f64>;

/// The coefficients of one precision, core and kind of model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The number format.
    pub precision: Precision,
    /// The core.
    pub core: Core,
    /// The kind of model.
    pub kind: Kind,
    /// Models measured.
    pub models: usize,
    /// Instructions of each part.
    pub instructions: Coefficients,
    /// Estimated cycles of each part, where a tool estimated them instruction by instruction.
    pub cycles: Option<Coefficients>,
    /// Bytes of flash beside the parameters.
    pub flash: Coefficients,
    /// Bytes of stack that the part needs, with all that calls it: the deepest part decides.
    pub stack: Coefficients,
    /// The largest deviations of the fit from the measurements it was made from.
    pub deviation: Deviations,
}

/// Largest relative deviations of the estimate from the measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviations {
    /// Of instructions.
    pub instructions: f64,
    /// Of cycles, against the tool that estimated them.
    pub cycles: f64,
    /// Of flash in all, the parameters among it.
    pub flash: f64,
    /// Of the stack.
    pub stack: f64,
}

/// All that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What made it.
    pub made_by: String,
    /// One entry for each precision, core and kind that was measured.
    pub entries: Vec<Entry>,
}

impl Table {
    /// The one that is compiled in.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static TABLE_READ: LazyLock<Table> = LazyLock::new(|| {
            // A test reads it; an unreadable one is as if nothing had been measured.
            serde_json::from_str(TABLE).unwrap_or_default()
        });
        &TABLE_READ
    }

    /// The entry of a precision, core and kind. A core without one has that of the core whose code it runs.
    #[must_use]
    pub fn entry(&self, precision: Precision, core: Core, kind: Kind) -> Option<&Entry> {
        let core = core.same_code_as().unwrap_or(core);
        (self.entries.iter())
            .find(|entry| (entry.precision, entry.core, entry.kind) == (precision, core, kind))
    }
}

/// What work costs.
///
/// # Errors
/// The part of which nothing is known.
pub fn price(work: &Work, coefficients: &Coefficients) -> Result<f64, String> {
    work.parts()
        .map(|(part, count)| match coefficients.get(part) {
            Some(cost) => Ok(count * cost),
            None => Err(part.to_owned()),
        })
        .sum()
}

/// What the most expensive part of some work costs.
///
/// # Errors
/// The part of which nothing is known.
pub fn deepest(work: &Work, coefficients: &Coefficients) -> Result<f64, String> {
    work.parts().try_fold(0.0, |most: f64, (part, _)| {
        let own = coefficients.get(part).ok_or_else(|| part.to_owned())?;
        Ok(most.max(*own))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_compiled_in_reads() {
        let table: Table = serde_json::from_str(TABLE).unwrap();
        assert_eq!(&table, Table::built_in());
        assert!(!table.entries.is_empty());
    }
}
