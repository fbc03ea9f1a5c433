//! The structure of the code: no circle between rooms, no file that has grown too long, no page that names a file which
//! is not there, and the picture of the rooms in `docs/architecture.md`, which is drawn from the code:
//!
//! ```text
//! NVPICO_UPDATE=1 cargo test -p nvpico-tests --test architecture
//! ```

mod graph;
mod lines;
mod links;
mod modules;
mod page;

use std::path::{Path, PathBuf};

use graph::Rooms;
use modules::Crate;

/// Lines that a file may have beside its test module.
const MOST_LINES: usize = 400;

/// The crates that are drawn: title, root of the modules.
const CRATES: [(&str, &str); 2] = [
    ("The engine: `src/`", "src/lib.rs"),
    ("The desktop command: `codegen/src/`", "codegen/src/lib.rs"),
];

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace").to_path_buf()
}

fn rooms() -> Vec<(&'static str, Rooms)> {
    let draw = |(title, root): (&'static str, &str)| {
        let read = Crate::read(&repository().join(root));
        (title, Rooms::of(&read))
    };
    CRATES.into_iter().map(draw).collect()
}

#[test]
fn no_rooms_use_each_other_in_a_circle() {
    let found: Vec<String> = (CRATES.iter().zip(rooms()))
        .flat_map(|((_, root), (_, rooms))| {
            let folder = root.trim_end_matches("/lib.rs");
            let circles = rooms.circles().into_iter();
            circles.map(move |circle| format!("{folder}{circle}"))
        })
        .collect();
    assert!(
        found.is_empty(),
        "modules that use each other in a circle: {found:#?}"
    );
}

#[test]
fn no_file_is_too_long() {
    let found: Vec<String> = lines::of_code(&repository())
        .into_iter()
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, _)| file)
        .collect();
    assert!(
        found.is_empty(),
        "files of more than {MOST_LINES} lines beside their test module: {found:#?}"
    );
}

#[test]
fn the_picture_is_that_of_the_code() {
    let file = repository().join("docs/architecture.md");
    let drawn = page::draw(&rooms());
    if std::env::var_os("NVPICO_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("docs/");
        std::fs::write(&file, &drawn).expect("the page is written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == drawn,
        "docs/architecture.md is not that of the code; draw it anew:\n    \
         NVPICO_UPDATE=1 cargo test -p nvpico-tests --test architecture"
    );
}

#[test]
fn pages_name_what_there_is() {
    let broken = links::broken(&repository());
    assert!(
        broken.is_empty(),
        "these are not in the repository: {broken:#?}"
    );
}
