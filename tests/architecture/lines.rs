//! Lengths of files.

use std::path::Path;

use walkdir::WalkDir;

/// Folders with code; `firmware/models` holds generated modules.
const FOLDERS: [&str; 6] = [
    "src",
    "codegen",
    "reference",
    "tests",
    "benches",
    "firmware",
];
const GENERATED: &str = "firmware/models/";

/// Lines of every Rust file without those of its test module, by path from the repository.
pub fn of_code(repository: &Path) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        let files = WalkDir::new(repository.join(folder))
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.file_name() != "target");
        for entry in files {
            let path = entry.expect("a readable folder").into_path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let relative = path.strip_prefix(repository).expect("inside");
            let name = relative.to_string_lossy().replace('\\', "/");
            if !name.starts_with(GENERATED) {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                all.push((name, count(&text)));
            }
        }
    }
    all
}

/// Lines up to the test module, which the formatter leaves at the margin and which stands last.
fn count(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_test = |pair: &[&str]| {
        let module = pair[1].strip_prefix("pub(super) ").unwrap_or(pair[1]);
        pair[0] == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{')
    };
    lines.windows(2).position(is_test).unwrap_or(lines.len())
}

#[test]
fn test_modules_do_not_count() {
    assert_eq!(count("fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(count("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 3);
}
