//! `nvpico train --features search`: window lengths and features compared by faults made of normal samples.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::progress_bar;
use crate::data::Table;
use crate::detection::choice::{Choice, Fault, choose};
use crate::output::{TextTable, say};
use crate::samples::Request;

/// Rows of the table that is printed.
const SHOWN: usize = 10;

/// Compares with a progress bar, and prints what was found.
///
/// # Errors
/// A recording that is too short.
pub(super) fn find(samples: &Table, request: &Request, seed: u64) -> anyhow::Result<Choice> {
    let bar = progress_bar(1, "{bar:30} features {pos}/{len}  {eta} left");
    let terminal = std::io::stderr().is_terminal();
    let count = AtomicUsize::new(0);
    let found = choose(samples, request, seed, |all| {
        let done = count.fetch_add(1, Ordering::Relaxed) + 1;
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        if !terminal && (done == all || done.is_multiple_of(10)) {
            say!("features {done} of {all}");
        }
    });
    bar.finish_and_clear();
    let found = found?;
    let faults = Fault::ALL.map(Fault::name);
    let header = [
        &["window", "features", "values", "RAM B"][..],
        &faults,
        &["mean"],
    ]
    .concat();
    let mut table = TextTable::new(&header);
    let figure = |value: f64| format!("{value:.3}");
    for own in found.judged.iter().take(SHOWN) {
        let figures = own
            .auroc
            .iter()
            .chain([&own.mean])
            .map(|value| figure(*value));
        let mut row = vec![
            own.window.to_string(),
            own.features.join(" "),
            own.values.to_string(),
            own.ram_bytes.to_string(),
        ];
        row.extend(figures);
        table.row(row);
    }
    say!(
        "windows and features, by the AUROC of a Gaussian between held-out windows and the same with a synthetic fault:\n{}",
        table.to_string().trim_end()
    );
    if found.judged.len() > SHOWN {
        say!(
            "and {} more, worse ones (--json has them)",
            found.judged.len() - SHOWN
        );
    }
    for text in &found.left_out {
        say!("not compared: {text}");
    }
    if let Some(best) = found.judged.first() {
        let lists: Vec<String> = best.features.iter().map(|list| quoted(list)).collect();
        say!(
            "chosen: --features {} --window {}",
            lists.join(" "),
            best.window
        );
    }
    Ok(found)
}

/// As a shell takes it.
fn quoted(list: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ",:=._-".contains(c);
    if list.chars().all(is_plain) {
        list.to_owned()
    } else {
        format!("'{}'", list.replace('\'', "'\\''"))
    }
}
