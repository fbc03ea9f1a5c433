//! `nvpico bench fan --drift`, `nvpico bench skab --drift`: records that move away, with and without recalibration.

use serde::Serialize;

use super::super::promise::percent;
use super::detection::DetectionOptions;
use super::tables::hundredths;
use crate::detection::drift::Part;
use crate::output::{TextTable, print_json, show};
use crate::precision::Precision;

/// What `--json` prints.
#[derive(Serialize)]
struct Run<'a> {
    seed: u64,
    precision: Precision,
    parts: &'a [Part],
}

/// Runs it for every seed and precision and prints a table of each.
///
/// # Errors
/// Those of `of`.
pub(super) fn run(
    options: &DetectionOptions,
    of: &dyn Fn(u64, Precision) -> anyhow::Result<Vec<Part>>,
) -> anyhow::Result<bool> {
    let mut all = Vec::new();
    for &seed in options.seeds() {
        for &precision in options.precisions() {
            let parts = of(seed, precision)?;
            if !options.json() {
                show!("seed {seed}, {precision}\n{}", text(&parts));
            }
            all.push((seed, precision, parts));
        }
    }
    if options.json() {
        let runs: Vec<Run<'_>> = all
            .iter()
            .map(|(seed, precision, parts)| Run {
                seed: *seed,
                precision: *precision,
                parts,
            })
            .collect();
        print_json(&runs)?;
    }
    Ok(true)
}

fn text(parts: &[Part]) -> String {
    let mut table = TextTable::new(&[
        "rows",
        "judged",
        "alarms without",
        "with",
        "AUROC without",
        "with",
        "commissioned",
        "refused",
    ]);
    for own in parts {
        let [before, after] = own.alarms.shares().map(percent);
        table.row([
            own.part.clone(),
            own.alarms.rows.to_string(),
            before,
            after,
            own.auroc_before
                .map_or_else(|| "-".into(), |own| hundredths(Some(own))),
            own.auroc_after
                .map_or_else(|| "-".into(), |own| hundredths(Some(own))),
            own.commissioned.to_string(),
            own.refused.to_string(),
        ]);
    }
    table.to_string()
}
