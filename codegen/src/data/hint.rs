//! Options that answer a question about the data, as a message prints them.
//!
//! ```
//! use nvpico_codegen::data::Hint;
//!
//! let hint = Hint { exclude: vec!["id".into()], skip_bad: Some(0.1), ..Hint::default() };
//! assert_eq!(hint.to_string(), "--exclude id --skip-bad");
//! ```

use std::fmt;

use super::Missing;
use super::names::join;

/// Options that answer a question about the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint {
    /// The column to take as the label.
    pub label: Option<String>,
    /// Columns to leave out.
    pub exclude: Vec<String>,
    /// Numbers that stand for a missing value.
    pub missing: Vec<Missing>,
    /// The share of rows with bad cells that may be left out.
    pub skip_bad: Option<f64>,
}

/// The share that `--skip-bad` allows when none is given.
pub const SKIP_BAD: f64 = 0.1;

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        options.extend(
            self.label
                .iter()
                .map(|label| format!("--label {}", join([label]))),
        );
        if !self.exclude.is_empty() {
            options.push(format!("--exclude {}", join(&self.exclude)));
        }
        if !self.missing.is_empty() {
            let values = self.missing.iter().map(ToString::to_string);
            options.push(format!("--missing={}", join(values)));
        }
        options.extend(self.skip_bad.map(|share| {
            if share <= SKIP_BAD {
                "--skip-bad".into()
            } else {
                format!("--skip-bad={share}")
            }
        }));
        f.write_str(&options.join(" "))
    }
}
