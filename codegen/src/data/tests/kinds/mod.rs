//! Text files as people have them, each of a kind that was once read wrongly.

mod cells;
mod exports;
mod tables;

use super::*;

/// Readings of temperature, pressure and speed.
fn readings() -> Vec<[String; 3]> {
    let wave = |row: usize| (row as f64 / 9.0).sin();
    let row = |row: usize| {
        let temperature = 20.0 + 3.0 * wave(row) + 0.01 * (row % 7) as f64;
        let pressure = 1.0 + temperature / 20.0 + 0.001 * (row % 5) as f64;
        let speed = 1000.0 + 30.0 * (temperature - 20.0) + (row % 3) as f64;
        [
            format!("{temperature:.2}"),
            format!("{pressure:.3}"),
            format!("{speed:.0}"),
        ]
    };
    (0..60).map(row).collect()
}

/// The readings as lines, each cell changed and the line ended as the case has it.
fn lines(change: impl Fn(usize, &[String; 3]) -> String) -> String {
    let rows = readings();
    let rows = rows
        .iter()
        .enumerate()
        .map(|(row, cells)| change(row, cells) + "\n");
    rows.collect()
}

fn plain() -> String {
    lines(|_, cells| cells.join(","))
}

fn with(text: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Frame, String> {
    let folder = Folder::new();
    let path = folder.file("t.csv", text);
    let folder = format!("{}/", folder.0.path().display());
    frame(&path, options, None).map_err(|error| error.to_string().replace(&folder, ""))
}

fn whole(text: impl AsRef<[u8]>) -> Frame {
    with(text, &ReadOptions::default()).unwrap()
}

fn comma() -> ReadOptions {
    ReadOptions {
        decimal_comma: true,
        ..ReadOptions::default()
    }
}

/// Whether the first three columns are the readings, whatever they are called.
#[track_caller]
fn assert_readings(frame: &Frame, context: &str) {
    let from = frame.columns.len().min(4) - 3;
    for (place, name) in [from, from + 1, from + 2].into_iter().enumerate() {
        let column = &frame.columns[name];
        let expected: Vec<f64> = readings()
            .iter()
            .map(|row| row[place].parse().unwrap())
            .collect();
        assert_eq!(
            column.values, expected,
            "{context}, column {:?}",
            column.name
        );
    }
    assert!(frame.ragged.is_none(), "{context}");
}

#[track_caller]
fn assert_names(frame: &Frame, names: &[&str]) {
    assert_eq!(frame.names(), names);
}

fn left_out(frame: &Frame, what: &str) -> u64 {
    let some = frame
        .left_out
        .iter()
        .filter(|left| left.what.contains(what));
    some.map(|left| left.count).sum()
}

fn says(frame: &Frame, words: &str) -> bool {
    frame.said.iter().any(|sentence| sentence.contains(words))
}
