//! A page of documentation with a place for a table, between two marks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::output::{self, say};

/// A page that has the marks.
pub(super) struct Page {
    path: PathBuf,
    marks: [String; 2],
    before: String,
    after: String,
}

impl Page {
    /// Reads the page.
    ///
    /// # Errors
    /// A page without the marks: the message has them.
    pub fn open(path: &Path, marks: [&str; 2]) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let [begin, end] = marks;
        let parts = text
            .split_once(begin)
            .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
        let (before, after) = parts.with_context(|| {
            format!(
                "{} has no place for the table: put the two lines\n{begin}\n{end}\nwhere it is to stand",
                path.display()
            )
        })?;
        Ok(Self {
            path: path.to_owned(),
            marks: marks.map(str::to_owned),
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// Writes the page with a new table, all else as it is now.
    ///
    /// # Errors
    /// The file system's; marks that are there no more.
    pub fn write(&self, table: &str) -> anyhow::Result<()> {
        let [begin, end] = &self.marks;
        let Self { before, after, .. } = Self::open(&self.path, [begin, end])?;
        let text = format!("{before}{begin}\n\n{table}\n{end}{after}");
        output::write_atomic(&self.path, text.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        say!("wrote the table in {}", self.path.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_the_marks_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("costs.md");
        let marks = ["<!-- begin -->", "<!-- end -->"];
        fs::write(&path, "# text\n").unwrap();
        let error = Page::open(&path, marks).err().unwrap();
        assert!(error.to_string().contains(marks[0]));
        fs::write(&path, "a\n<!-- begin -->\nold\n<!-- end -->\nb\n").unwrap();
        Page::open(&path, marks).unwrap().write("new\n").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "a\n<!-- begin -->\n\nnew\n\n<!-- end -->\nb\n");
    }
}
