//! What a command reads and what it writes, for all verbs in one place: no file that is read is written over.
//!
//! It goes by the options: every option that takes a path is known here as an input or an output, and a test fails for one
//! that is not.

use std::any::TypeId;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{ArgMatches, Command};

use crate::harness::Core;

/// Options with files to read.
const INPUTS: [&str; 15] = [
    "model",
    "models",
    "data",
    "valid",
    "config",
    "calibrate",
    "weights",
    "arch",
    "check",
    "scaler",
    "elf",
    "mcu_cost",
    "files",
    "folder",
    "record",
];

/// Options with a file or folder to write.
const OUTPUTS: [&str; 9] = [
    "out",
    "save",
    "png",
    "picture",
    "keep",
    "page",
    "observations",
    "csv",
    "resume",
];

/// `calibrate` and `adapt` may replace their own model: verb, output, input.
const ALLOWED: [(&str, &str, &str); 2] =
    [("calibrate", "out", "model"), ("adapt", "save", "model")];

/// A path with the option that names it.
struct Named {
    id: String,
    path: PathBuf,
}

/// Refuses a command line by which a file that is read would be written over, or one that is written written twice.
///
/// # Errors
/// A message with both files.
pub(crate) fn keep_inputs(options: &Command, matches: &ArgMatches) -> anyhow::Result<()> {
    let (mut verb, mut options, mut own) = ("", options, matches);
    while let Some((next, matches)) = own.subcommand() {
        let Some(found) = options.find_subcommand(next) else {
            return Ok(());
        };
        (verb, options, own) = (next, found, matches);
    }
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for id in paths(options) {
        let values = own.get_many::<PathBuf>(&id).into_iter().flatten();
        for path in values {
            let named = |path: PathBuf| Named {
                id: id.clone(),
                path,
            };
            if OUTPUTS.contains(&id.as_str()) {
                outputs.extend(written(verb, &id, path).into_iter().map(named));
            } else {
                debug_assert!(INPUTS.contains(&id.as_str()), "--{id}");
                inputs.push(named(path.clone()));
            }
        }
    }
    for (at, output) in outputs.iter().enumerate() {
        for input in &inputs {
            let allowed = ALLOWED.contains(&(verb, &output.id, &input.id));
            if !allowed && same(&output.path, &input.path) {
                bail!(
                    "{}: this file is also an input ({}); choose another --{}",
                    output.path.display(),
                    input.path.display(),
                    output.id.replace('_', "-")
                );
            }
        }
        for other in &outputs[..at] {
            if same(&output.path, &other.path) {
                bail!(
                    "{}: --{} and --{} name the same file; choose another one",
                    output.path.display(),
                    other.id,
                    output.id
                );
            }
        }
    }
    Ok(())
}

/// The options of a verb that take paths.
fn paths(options: &Command) -> Vec<String> {
    let takes_path = |arg: &&clap::Arg| arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let arguments = options.get_arguments().filter(takes_path);
    arguments.map(|arg| arg.get_id().to_string()).collect()
}

/// The files that an option makes a verb write.
fn written(verb: &str, id: &str, path: &Path) -> Vec<PathBuf> {
    match (verb, id) {
        // The plot of a budget's search stands beside the model.
        ("train", "out") => vec![path.to_owned(), path.with_extension("frontier.svg")],
        ("verify", "keep") => (Core::ALL.iter())
            .map(|core| path.join(format!("score-{core}.elf")))
            .collect(),
        // Folders, with files of names that are this program's.
        ("demo" | "man", "out") => Vec::new(),
        _ => vec![path.to_owned()],
    }
}

/// Whether two paths lead to the same file, by links of either kind, too. Devices and pipes are no files to lose.
fn same(a: &Path, b: &Path) -> bool {
    let (Ok(of_a), Ok(of_b)) = (fs::metadata(a), fs::metadata(b)) else {
        return absent(a).is_some_and(|a| Some(a) == absent(b));
    };
    if !of_a.is_file() || !of_b.is_file() {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (of_a.dev(), of_a.ino()) == (of_b.dev(), of_b.ino())
    }
    #[cfg(not(unix))]
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Where a file will be that is not there yet.
fn absent(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return None;
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_option_with_a_path_is_an_input_or_an_output() {
        let all = Cli::command();
        let verbs = all.get_subcommands();
        for verb in verbs.flat_map(|verb| verb.get_subcommands().chain([verb])) {
            for id in paths(verb) {
                let known = INPUTS.contains(&id.as_str()) != OUTPUTS.contains(&id.as_str());
                assert!(known, "{}: --{id}", verb.get_name());
            }
        }
    }

    fn check(folder: &Path, line: &str) -> Result<(), String> {
        let words = line.split(' ').map(|word| {
            if word.contains('.') {
                folder.join(word).into_os_string()
            } else {
                word.into()
            }
        });
        let options = Cli::command();
        let matches = options.clone().try_get_matches_from(words).unwrap();
        keep_inputs(&options, &matches).map_err(|error| error.to_string())
    }

    #[test]
    fn an_input_is_never_an_output() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["m.safetensors", "d.csv", "c.toml", "x.frontier.svg"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        fs::hard_link(folder.join("d.csv"), folder.join("hard.csv")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("d.csv", folder.join("soft.csv")).unwrap();
        for line in [
            "nvpico export --model m.safetensors --out m.safetensors",
            "nvpico export --model m.safetensors --data d.csv --out d.csv",
            "nvpico export --model m.safetensors --calibrate d.csv --out d.csv",
            "nvpico train --data d.csv --config c.toml --out c.toml",
            "nvpico train --data d.csv --valid c.toml --out c.toml",
            "nvpico train --data d.csv --out ./hard.csv",
            "nvpico train --data x.frontier.svg --out x.safetensors",
            "nvpico import --from plain m.safetensors --check d.csv --out d.csv",
            "nvpico import --from plain m.safetensors --out m.safetensors",
            "nvpico score --model m.safetensors --data d.csv --calibrate c.toml --out c.toml",
            "nvpico score --model m.safetensors --data d.csv --out soft.csv",
            "nvpico calibrate --model m.safetensors --data d.csv --out d.csv",
            "nvpico sample --model m.safetensors --data d.csv --png d.csv",
            "nvpico sample --model m.safetensors --out new.csv --png new.csv",
        ] {
            let said = check(folder, line).unwrap_err();
            assert!(said.contains("choose another"), "{line}: {said}");
        }
        for line in [
            "nvpico calibrate --model m.safetensors --data d.csv --out m.safetensors",
            "nvpico train --data d.csv --out new.safetensors",
            "nvpico demo --out demo",
        ] {
            assert_eq!(check(folder, line), Ok(()), "{line}");
        }
    }
}
