//! Figures of a run as tables: text, Markdown, CSV, and the points of a picture. AUROC, AUPRC and rates are given times 100.

use anyhow::Context as _;

use crate::detection::blame::{FIRST, Shares, together};
use crate::detection::kept::Finished;
use crate::detection::summary::{Extreme, OnSet, Overall, SetSummary, Summary};
use crate::output::{TextTable, printable};
use crate::report::plot::DetectorPoints;

/// A table of words, with a title.
pub(super) struct Grid {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// Aligned, for a terminal.
    pub fn text(&self) -> String {
        let header: Vec<&str> = self.header.iter().map(String::as_str).collect();
        let mut table = TextTable::new(&header);
        for row in &self.rows {
            table.row(row.clone());
        }
        format!("{}:\n{table}", self.title)
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = format!("{}:\n\n{}", self.title, line(&self.header));
        text += &line(&vec!["---".to_owned(); self.header.len()]);
        for row in &self.rows {
            text += &line(row);
        }
        text
    }
}

/// Times 100, with two digits; a dash for nothing.
pub(super) fn hundredths(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.2}", 100.0 * share))
}

fn difference(share: f64) -> String {
    format!("{:+.2}", 100.0 * share)
}

fn nats(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        // What JSON has for minus infinity, or a mean with it.
        Some(value) if value < -1e300 => "-inf".into(),
        Some(value) => format!("{value:.2}"),
    }
}

fn bytes(value: Option<usize>) -> String {
    value.map_or("-".into(), |value| value.to_string())
}

/// The tables of a summary.
pub(super) fn grids(summary: &Summary, seeds: usize) -> Vec<Grid> {
    let seeds = match seeds {
        1 => "1 seed".to_owned(),
        _ => format!("{seeds} seeds"),
    };
    let percent = |what: &str| format!("{what} x 100, mean of {seeds}");
    vec![
        by_set(summary, percent("AUROC"), |own| own.auroc, hundredths),
        by_set(summary, percent("AUPRC"), |own| own.auprc, hundredths),
        by_set(
            summary,
            format!("Mean log-density of the normal rows tested, nats, mean of {seeds}"),
            |own| own.held_out_log_prob,
            nats,
        ),
        overall(summary),
    ]
}

/// How well features are blamed, a line for each way; `None` for sets that do not say which are to blame.
pub(super) fn blame(runs: &[Finished]) -> Option<Grid> {
    let ways = together(runs.iter().flat_map(|run| &run.blame));
    let first = ways.first()?;
    let title = format!(
        "Share x 100 of the right features among the first 1, 3 and 5 that are blamed, mean of {} stretches of anomalous rows: at the row \
         of a stretch that the model finds least likely; over its rows; over its rows below the threshold, of the {} stretches that have \
         some",
        first.stretches, first.stretches_with_alarms
    );
    let names = ["least likely", "all rows", "below the threshold"];
    let names = names
        .iter()
        .flat_map(|name| FIRST.map(|most| format!("{name}, {most}")));
    let row = |own: &Shares| {
        let shares = [own.least_likely, own.rows, own.alarms].concat();
        let shares = shares
            .into_iter()
            .map(|share| format!("{:.1}", 100.0 * share));
        [own.way.clone()].into_iter().chain(shares).collect()
    };
    Some(Grid {
        title,
        header: ["blamed by".to_owned()].into_iter().chain(names).collect(),
        rows: ways.iter().map(row).collect(),
    })
}

/// A line for each set, of the detectors that have the figure on any.
fn by_set(
    summary: &Summary,
    title: String,
    figure: fn(&OnSet) -> Option<f64>,
    words: fn(Option<f64>) -> String,
) -> Grid {
    let has = |at: &usize| {
        let mut sets = summary.sets.iter();
        sets.any(|set| figure(&set.detectors[*at]).is_some())
    };
    let shown: Vec<usize> = (0..summary.detectors.len()).filter(has).collect();
    let row = |set: &SetSummary| {
        let about = [
            set.set.clone(),
            set.training_rows.to_string(),
            set.features.to_string(),
        ];
        let figures = shown.iter().map(|at| words(figure(&set.detectors[*at])));
        about.into_iter().chain(figures).collect()
    };
    let names = shown
        .iter()
        .map(|at| summary.detectors[*at].detector.clone());
    let about = ["set", "rows", "features"].map(str::to_owned);
    Grid {
        title,
        header: about.into_iter().chain(names).collect(),
        rows: summary.sets.iter().map(row).collect(),
    }
}

fn overall(summary: &Summary) -> Grid {
    let with_alarms = summary.detectors.iter().any(|own| own.alarms.is_some());
    let mut header = vec![
        "detector",
        "AUROC",
        "AUPRC",
        "spread over seeds",
        "against the Gaussian",
        "log-density",
        "flash",
        "RAM",
    ];
    if with_alarms {
        header.extend(["F1", "false alarms %", "missed %"]);
    }
    let named = |found: &Option<Extreme>, words: fn(f64) -> String| match found {
        Some(Extreme { set, difference }) => format!("{} ({set})", words(*difference)),
        None => "-".into(),
    };
    let row = |own: &Overall| {
        let mut cells = vec![
            own.detector.clone(),
            hundredths(own.auroc),
            hundredths(own.auprc),
            named(&own.widest, |value| hundredths(Some(value))),
            named(&own.lowest, difference),
            nats(own.held_out_log_prob),
            bytes(own.flash_bytes),
            bytes(own.ram_bytes),
        ];
        if with_alarms {
            let f1 = own.f1.map_or("-".into(), |f1| format!("{f1:.3}"));
            let rates = [own.false_alarm_rate, own.missed_alarm_rate];
            cells.push(f1);
            cells.extend(
                rates.map(|rate| rate.map_or("-".into(), |rate| format!("{:.1}", 100.0 * rate))),
            );
        }
        cells
    };
    let sets = summary.detectors.first().map_or(0, |own| own.sets);
    Grid {
        title: format!(
            "Means of {sets} of {} sets; the widest spread, the set furthest below the Gaussian, the most flash and RAM in bytes",
            summary.sets.len()
        ),
        header: header.into_iter().map(str::to_owned).collect(),
        rows: summary.detectors.iter().map(row).collect(),
    }
}

/// Every figure, a line for each set, seed and detector.
pub(super) fn csv(runs: &[Finished]) -> anyhow::Result<String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "set",
        "seed",
        "features",
        "training_rows",
        "test_rows",
        "anomalous_rows",
        "detector",
        "auroc",
        "auprc",
        "held_out_log_prob",
        "true_positives",
        "false_positives",
        "false_negatives",
        "true_negatives",
        "flash_bytes",
        "ram_bytes",
        "untrained",
        "failed",
    ])?;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let count = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
    for run in runs {
        for score in &run.scores {
            let alarms = score.alarms;
            out.write_record([
                run.set.clone(),
                run.seed.to_string(),
                run.features.to_string(),
                run.training_rows.to_string(),
                run.test_rows.to_string(),
                run.anomalous_rows.to_string(),
                score.detector.clone(),
                number(score.auroc),
                number(score.auprc),
                number(score.held_out_log_prob),
                count(alarms.map(|own| own.true_positive)),
                count(alarms.map(|own| own.false_positive)),
                count(alarms.map(|own| own.false_negative)),
                count(alarms.map(|own| own.true_negative)),
                count(score.flash_bytes),
                count(score.ram_bytes),
                score.untrained.to_string(),
                printable(score.failed.as_deref().unwrap_or_default()).into_owned(),
            ])?;
        }
    }
    let bytes = out.into_inner().context("the CSV cannot be written")?;
    String::from_utf8(bytes).context("the CSV is no text")
}

/// For each detector the AUROC of each set.
pub(super) fn points(summary: &Summary) -> DetectorPoints {
    let detector = |(at, own): (usize, &Overall)| {
        let values = summary.sets.iter().map(|set| set.detectors[at].auroc);
        (own.detector.clone(), values.collect())
    };
    DetectorPoints {
        sets: summary.sets.iter().map(|set| set.set.clone()).collect(),
        detectors: summary.detectors.iter().enumerate().map(detector).collect(),
    }
}
