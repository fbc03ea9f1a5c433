//! Pages of documentation: their links lead somewhere, and the paths that they name exist.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Folders at the root whose contents the pages name. `src/` stands for the reader's own crate in commands.
const FOLDERS: [&str; 9] = [
    "src/",
    "codegen/",
    "reference/",
    "tests/",
    "firmware/",
    "scripts/",
    "docs/",
    "benches/",
    ".ci/",
];

/// Stands for a name that the reader chooses.
const PLACEHOLDER: &str = "NAME";

/// Links that lead nowhere and paths that do not exist, each with its page.
pub fn broken(repository: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for page in pages(repository) {
        let text = std::fs::read_to_string(&page).expect("a page is text");
        let name = page.strip_prefix(repository).unwrap_or(&page).display();
        let folder = page.parent().expect("a page lies in a folder");
        let links = links(&text)
            .filter(|link| !leads_somewhere(link, &page, folder))
            .map(|link| format!("{name}: ({link})"));
        broken.extend(links);
        let paths = paths(&text)
            .filter(|path| !repository.join(path).exists())
            .map(|path| format!("{name}: {path}"));
        broken.extend(paths);
    }
    broken
}

fn pages(repository: &Path) -> Vec<PathBuf> {
    let mut pages = vec![
        repository.join("README.md"),
        repository.join("CONTRIBUTING.md"),
    ];
    let docs = WalkDir::new(repository.join("docs")).sort_by_file_name();
    let files = docs
        .into_iter()
        .map(|entry| entry.expect("docs/ can be read").into_path());
    pages.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    pages
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

fn leads_somewhere(link: &str, page: &Path, folder: &Path) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let file = if file.is_empty() {
        page.to_owned()
    } else {
        folder.join(file)
    };
    if heading.is_empty() {
        return file.exists();
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| anchor(line) == heading)
}

/// The anchor that a heading gets: lower case, hyphens for spaces, no punctuation.
fn anchor(line: &str) -> String {
    let title = line.trim_start_matches('#').trim().to_lowercase();
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Paths in the repository: whole spans of code in the prose, and words of commands.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let mut is_prose = false;
    text.split("```").flat_map(move |part| {
        is_prose = !is_prose;
        let (in_prose, in_commands) = if is_prose { (part, "") } else { ("", part) };
        let spans = in_prose.split('`').skip(1).step_by(2);
        let words = in_commands
            .split_whitespace()
            .filter(|word| !word.starts_with("src/"));
        spans
            .flat_map(str::split_whitespace)
            .chain(words)
            .filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)))
            .filter(|path| !path.contains(PLACEHOLDER))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths_are_found() {
        let text = "See `src/lib.rs`, `nvpico`, `firmware/boards/NAME/` and [docs](docs/a.md#b).\n\
                    ```sh\nscripts/test.sh --out src/pump.rs\n```\nand `tests/main.rs`";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md#b"]);
        assert_eq!(
            paths(text).collect::<Vec<_>>(),
            ["src/lib.rs", "scripts/test.sh", "tests/main.rs"]
        );
    }

    #[test]
    fn headings_have_anchors() {
        assert_eq!(anchor("## What it's for, today"), "what-its-for-today");
    }
}
