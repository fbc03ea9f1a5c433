//! The JSON text that tells what the keys of a state dict cannot, and which of it was read.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ENTRIES;
use crate::model::ActivationName;

/// Entries that describe the model to people, or how it began; they change nothing.
const DESCRIPTIVE: [&str; 10] = [
    "library",
    "cls",
    "version",
    "note",
    "name",
    "description",
    "seed",
    "init_zeros",
    "trainable",
    "global_affine_init",
];

/// Entries about nets, which a flow without nets may have as well.
const ABOUT_NETS: [&str; 2] = ["activation", "dropout"];

/// Most features that are believed.
const MOST_FEATURES: u64 = 1 << 16;

/// An object whose entries are asked for by name; [`Architecture::finish`] refuses the others.
///
/// An entry that concerns single layers is a value for all of them, an array with one per layer of
/// the flow, or an object with the layers' numbers as keys.
pub(crate) struct Architecture {
    entries: Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Architecture {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(entries)) => Ok(Self {
                entries,
                read: RefCell::default(),
            }),
            Ok(other) => Err(format!("expected a JSON object, found {other}")),
            Err(e) => Err(format!("not JSON: {e}")),
        }
    }

    /// The `library` entry.
    pub(crate) fn library(&self) -> Result<String, String> {
        match self.entries.get("library") {
            Some(Value::String(name)) => Ok(name.clone()),
            Some(other) => Err(unfit("library", other, "a text")),
            None => Err("no `library` entry; name the source with --from".into()),
        }
    }

    /// Refuses a `cls` that is there and none of `known`.
    pub(crate) fn class_among(&self, known: &[&str]) -> Result<(), String> {
        match self.entry("cls") {
            Some(value) if !value.as_str().is_some_and(|cls| known.contains(&cls)) => {
                Err(unfit("cls", value, &known.join(" or ")))
            }
            _ => Ok(()),
        }
    }

    /// An entry, if it is there and not null.
    pub(crate) fn entry(&self, name: &str) -> Option<&Value> {
        debug_assert!(is_told(name), "entries.txt lacks `{name}`");
        let value = self.entries.get(name)?;
        self.read.borrow_mut().insert(name.to_owned());
        (!value.is_null()).then_some(value)
    }

    /// An entry's value for layer `layer`; null counts as none.
    fn at(&self, name: &str, layer: usize) -> Option<&Value> {
        let value = match self.entry(name)? {
            Value::Array(values) => values.get(layer)?,
            Value::Object(values) => values.get(&layer.to_string())?,
            value => value,
        };
        (!value.is_null()).then_some(value)
    }

    /// A text for a layer.
    pub(crate) fn text(&self, name: &str, layer: usize) -> Result<Option<&str>, String> {
        self.at(name, layer)
            .map(|v| v.as_str().ok_or_else(|| unfit(name, v, "a text")))
            .transpose()
    }

    /// A text for a layer that cannot do without.
    pub(crate) fn needed_text(
        &self,
        name: &str,
        layer: usize,
        choices: &str,
    ) -> Result<&str, String> {
        self.text(name, layer)?
            .ok_or_else(|| asked(name, &format!("{choices}; layer {layer} needs it")))
    }

    /// Whether an entry is there, be it null.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// A finite number for a layer that cannot do without.
    pub(crate) fn needed_number(&self, name: &str, layer: usize) -> Result<f64, String> {
        let value = self
            .at(name, layer)
            .ok_or_else(|| asked(name, &format!("a number; layer {layer} needs it")))?;
        value.as_f64().ok_or_else(|| unfit(name, value, "a number"))
    }

    /// A flag for a layer.
    pub(crate) fn flag(&self, name: &str, layer: usize) -> Result<Option<bool>, String> {
        self.at(name, layer)
            .map(|v| v.as_bool().ok_or_else(|| unfit(name, v, "true or false")))
            .transpose()
    }

    /// A number or `None`, as JSON wrote it, for a layer.
    pub(crate) fn value(&self, name: &str, layer: usize) -> Option<&Value> {
        self.at(name, layer)
    }

    /// A list of indices for a layer; only an object's, for an array would be one per layer.
    pub(crate) fn indices(&self, name: &str, layer: usize) -> Result<Option<Vec<u64>>, String> {
        let Some(Value::Object(values)) = self.entry(name) else {
            return Ok(None);
        };
        values
            .get(&layer.to_string())
            .map(|value| {
                value
                    .as_array()
                    .and_then(|list| list.iter().map(Value::as_u64).collect())
                    .ok_or_else(|| unfit(name, value, "a list of indices"))
            })
            .transpose()
    }

    /// `features`.
    pub(crate) fn features(&self) -> Result<usize, String> {
        let value = self
            .entry("features")
            .ok_or_else(|| asked("features", "how many values a sample has"))?;
        match value.as_u64() {
            Some(dim @ 2..=MOST_FEATURES) => Ok(dim as usize),
            _ => Err(unfit(
                "features",
                value,
                &format!("a number from 2 to {MOST_FEATURES}"),
            )),
        }
    }

    /// The classes of the layers, from the entry `name`.
    pub(crate) fn classes(&self, name: &str) -> Result<Vec<&str>, String> {
        let value = self
            .entry(name)
            .ok_or_else(|| asked(name, "the list of the layers' class names, in order"))?;
        value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect())
            .ok_or_else(|| unfit(name, value, "a list of class names"))
    }

    /// `activation` of a layer's nets: `relu` or `leaky_relu(SLOPE)`.
    pub(crate) fn activation(&self, layer: usize) -> Result<ActivationName, String> {
        let choices = "relu or leaky_relu(SLOPE)";
        let told = self.needed_text("activation", layer, choices)?;
        let text = told.to_lowercase();
        if text == "relu" {
            return Ok(ActivationName::Relu);
        }
        let slope = text
            .strip_prefix("leaky_relu(")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|slope| slope.trim().parse::<f32>().ok());
        match slope {
            Some(0.0) => Ok(ActivationName::Relu),
            Some(slope) if slope > 0.0 && slope < 1.0 => Ok(ActivationName::LeakyRelu(slope)),
            _ => Err(unfit(
                "activation",
                &Value::from(told),
                &format!("{choices} with a slope from 0 to below 1: no other is computed here"),
            )),
        }
    }

    /// Refuses `hidden` if it is there and tells other widths than the tensors.
    pub(crate) fn agree_hidden(&self, prefix: &str, found: &[usize]) -> Result<(), String> {
        let Some(value) = self.entry("hidden") else {
            return Ok(());
        };
        let told: Option<Vec<u64>> = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_u64).collect());
        if told.is_some_and(|told| told.iter().copied().eq(found.iter().map(|&w| w as u64))) {
            return Ok(());
        }
        Err(format!(
            "tensors `{prefix}.*`: hidden widths {found:?}, the architecture's `hidden` says {value}"
        ))
    }

    /// Refuses entries that nothing read.
    pub(crate) fn finish(&self) -> Result<(), String> {
        let read = self.read.borrow();
        let left: Vec<&str> = self
            .entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name.as_str())
            .filter(|name| !read.contains(*name))
            .filter(|name| !DESCRIPTIVE.contains(name) && !ABOUT_NETS.contains(name))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the architecture's entry `{}` is not understood for these layers",
            left.join("`, `")
        ))
    }
}

/// Whether the user's list of entries has this one.
fn is_told(name: &str) -> bool {
    let mut words = ENTRIES.split([' ', ',', '\n']);
    words.any(|word| word == name)
}

/// A missing entry, asked for.
pub(crate) fn asked(name: &str, what: &str) -> String {
    format!("the architecture lacks `{name}` ({what})")
}

/// An entry with a value that does not fit.
pub(crate) fn unfit(name: &str, found: &Value, expected: &str) -> String {
    format!("the architecture's `{name}` is {found}, expected {expected}")
}
