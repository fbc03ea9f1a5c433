//! Lists of names in options and messages: commas between them, quotes around names that hold one.
//!
//! ```
//! use nvpico_codegen::data::split_names;
//!
//! assert_eq!(split_names("flow,\"pressure, bar\""), Ok(vec!["flow".into(), "pressure, bar".into()]));
//! ```

/// The names in an option, as a row of CSV.
///
/// # Errors
/// A quote that is not closed, and text that is no row.
pub fn split_names(text: &str) -> Result<Vec<String>, String> {
    let quotes = text.chars().filter(|c| *c == '"').count();
    if quotes % 2 == 1 {
        return Err(format!("{text}: a quote is not closed"));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    match reader.records().next() {
        Some(Ok(row)) => Ok(row.iter().map(|name| name.trim().to_owned()).collect()),
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(Vec::new()),
    }
}

/// Names as an option takes them; in quotes for the shell where one needs it.
#[must_use]
pub fn join<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let cells: Vec<String> = (names.into_iter())
        .map(|name| {
            let name = name.as_ref();
            if name.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                name.to_owned()
            }
        })
        .collect();
    shell(&cells.join(","))
}

/// One value as the shell takes it, in quotes where it needs them.
#[must_use]
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-+=.,:/%@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_quotes() {
        let names = ["a", "b, bar", "c \"x\""];
        let text = join(names);
        assert_eq!(text, r#"'a,"b, bar","c ""x"""'"#);
        assert_eq!(split_names(text.trim_matches('\'')).unwrap(), names);
        assert_eq!(join(["flow", "T_1"]), "flow,T_1");
        assert_eq!(join(["it's"]), r"'it'\''s'");
        assert_eq!(split_names("").unwrap(), [""; 0]);
        assert!(split_names("\"open").is_err());
    }
}
