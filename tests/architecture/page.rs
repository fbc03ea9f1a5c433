//! The page with the pictures.

use std::fmt::Write as _;

use super::graph::Rooms;

const HEAD: &str = "# The rooms of the code

Drawn from the `use` lines of the code; `NVPICO_UPDATE=1 cargo test -p nvpico-tests --test architecture` draws it anew,
and the same test fails if it is out of date or if rooms use each other in a circle. A room is a module right under the
root of its crate. An arrow leads from a room to one that it uses; where a longer way leads there, too, it is left out.
";

pub fn draw(crates: &[(&str, Rooms)]) -> String {
    let mut page = HEAD.to_owned();
    for (title, rooms) in crates {
        let (rooms, uses) = rooms.drawn();
        writeln!(page, "\n## {title}\n\n```mermaid\ngraph TD").expect("a string grows");
        for (index, room) in rooms.iter().enumerate() {
            writeln!(page, "    r{index}[\"{}\"]", room.names.join(" + ")).expect("a string grows");
        }
        for (from, to) in uses {
            writeln!(page, "    r{from} --> r{to}").expect("a string grows");
        }
        page += "```\n\n| room | holds |\n| --- | --- |\n";
        for room in &rooms {
            let names = room.names.join("`, `");
            writeln!(page, "| `{names}` | {} |", plain(&room.summary)).expect("a string grows");
        }
    }
    page
}

/// Without what only the documentation of code understands.
fn plain(text: &str) -> String {
    text.replace("[`", "`")
        .replace("`]", "`")
        .replace('|', "\\|")
}
