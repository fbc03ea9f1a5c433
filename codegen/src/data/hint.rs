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
use super::names::{join, shell};

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
    /// Numbers have a decimal comma.
    pub decimal_comma: bool,
}

/// The share that `--skip-bad` allows when none is given.
pub const SKIP_BAD: f64 = 0.1;

/// An option with its value, which may begin with a dash.
#[must_use]
pub fn value(option: &str, text: &str) -> String {
    let sign = if text.starts_with(['-', '\'']) && text.trim_start_matches('\'').starts_with('-') {
        '='
    } else {
        ' '
    };
    format!("--{option}{sign}{text}")
}

/// The option that leaves a column out.
pub(super) fn exclude(name: &str) -> String {
    value("exclude", &join([name]))
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        options.extend(self.label.iter().map(|label| value("label", &shell(label))));
        if !self.exclude.is_empty() {
            options.push(value("exclude", &join(&self.exclude)));
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
        if self.decimal_comma {
            options.push("--decimal-comma".into());
        }
        f.write_str(&options.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_quoted_for_the_shell_and_names_as_a_list() {
        let hint = |name: &str| {
            let label = Hint {
                label: Some(name.into()),
                ..Hint::default()
            };
            (label.to_string(), exclude(name))
        };
        assert_eq!(
            hint("fault, y/n"),
            (
                "--label 'fault, y/n'".into(),
                r#"--exclude '"fault, y/n"'"#.into()
            )
        );
        assert_eq!(
            hint("-fault"),
            ("--label=-fault".into(), "--exclude=-fault".into())
        );
        assert_eq!(
            hint("- x"),
            ("--label='- x'".into(), "--exclude='- x'".into())
        );
        assert_eq!(hint("it's").0, r"--label 'it'\''s'");
        assert_eq!(
            hint("fault"),
            ("--label fault".into(), "--exclude fault".into())
        );
    }
}
