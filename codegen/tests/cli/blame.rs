//! What is to blame: columns, normal values, and rows that are normal with them.

use serde_json::Value;

use crate::folder::Folder;

const SCORE: [&str; 5] = ["score", "--model", "m.safetensors", "--data", "faults.csv"];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&SCORE, more].concat()
}

fn scores(folder: &Folder, args: &[&str]) -> Vec<Value> {
    let json = folder.succeeds(args);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    value["scores"].as_array().expect("rows").clone()
}

/// A row of a file of numbers.
fn row_of(folder: &Folder, name: &str, row: usize) -> Vec<String> {
    let text = std::fs::read_to_string(folder.path(name)).expect("a file");
    let line = text.lines().nth(row).expect("a row");
    line.split(',').map(str::to_owned).collect()
}

#[test]
fn the_normal_value_makes_the_row_normal() {
    let folder = Folder::with_model();
    let header = row_of(&folder, "normal.csv", 0);
    let good = row_of(&folder, "normal.csv", 700);
    // The flow stands still while all else goes on; and a pressure far outside.
    let mut bad = [good.clone(), good.clone()];
    bad[0][7] = "1.5".into();
    bad[1][4] = "1e6".into();
    let write = |rows: &[Vec<String>]| {
        let lines = std::iter::once(&header)
            .chain(rows)
            .map(|row| row.join(","));
        let lines: Vec<String> = lines.collect();
        folder.write("bad.csv", &(lines.join("\n") + "\n"));
    };
    for precision in ["f32", "i16", "i8"] {
        write(&[good.clone(), bad[0].clone(), bad[1].clone()]);
        let args = [
            "score",
            "--model",
            "m.safetensors",
            "--data",
            "bad.csv",
            "--precision",
            precision,
            "--blame",
            "--json",
        ];
        let rows = scores(&folder, &args);
        assert_eq!(rows[0]["blamed"], Value::Array(Vec::new()), "{precision}");
        let mut mended = bad.clone();
        for (row, at) in [(1, 7), (2, 4)] {
            let first = &rows[row]["blamed"][0];
            assert_eq!(first["column"], *header[at], "{precision}: {first}");
            assert_eq!(first["enough"], true, "{precision}: {first}");
            assert!(first["gain"].as_f64().expect("a number") > 1.0);
            mended[row - 1][at] = first["normal"].to_string();
        }
        write(&mended);
        for row in scores(&folder, &args) {
            assert_eq!(row["decision"], "normal", "{precision}: {row}");
        }
    }
}

#[test]
fn csv_and_json_say_the_same() {
    let folder = Folder::with_model();
    let text = folder.succeeds(&with(&["--blame", "2"]));
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    assert!(
        header.ends_with(
            ",out_of_range,rarity,alarm,event,blamed_1,value_1,normal_1,gain_1,enough_1,blamed_2,value_2,normal_2,gain_2,enough_2"
        ),
        "{header}"
    );
    let rows = scores(&folder, &with(&["--blame", "2", "--json"]));
    let mut blamed = 0;
    for (line, row) in lines.zip(&rows) {
        let cells: Vec<&str> = line.split(',').collect();
        let found = row["blamed"].as_array().expect("a list");
        assert_eq!(found.is_empty(), row["decision"] == "normal", "{line}");
        blamed += usize::from(!found.is_empty());
        for (at, found) in found.iter().enumerate() {
            let cells = &cells[10 + 5 * at..];
            assert_eq!(found["column"], cells[0]);
            for (name, cell) in ["value", "normal", "gain"].iter().zip(&cells[1..]) {
                let cell: f64 = cell.parse().expect("a number");
                let number = found[name].as_f64().expect("a number");
                assert!((number - cell).abs() <= 1e-6 * cell.abs(), "{line} {found}");
            }
        }
    }
    assert!(blamed > 20, "{blamed}");
    let three = scores(&folder, &with(&["--json", "--blame"]));
    let most = three
        .iter()
        .filter_map(|row| Some(row["blamed"].as_array()?.len()));
    assert_eq!(most.max(), Some(3));
    assert!(
        scores(&folder, &with(&["--json"]))[0]
            .get("blamed")
            .is_none()
    );
}

#[test]
fn what_cannot_be_blamed_is_refused() {
    let folder = Folder::with_model();
    folder.refuses(&with(&["--blame", "0"]), &["--blame", "from 1 to 100"]);
    folder.refuses(&with(&["--blame", "many"]), &["--blame"]);
}
