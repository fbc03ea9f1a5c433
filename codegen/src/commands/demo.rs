//! `nvpico demo`: the whole way on a simulated pump, no data needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::Args;
use nvpico::detector::Decision;
use serde::Serialize;

use super::{eval, print_json, train, verify};
use crate::data::{self, ReadOptions};
use crate::export::{self, ExportOptions};
use crate::gaussian::Gaussian;
use crate::harness::firmware::Core;
use crate::harness::{CoreReport, qemu};
use crate::metrics;
use crate::model::Model;
use crate::output::{self, TextTable};
use crate::plot::{self, Span};
use crate::recipe::Recipe;
use crate::simulate::{FaultKind, Pump, Recording};

/// Seconds of the healthy machine that are recorded, one row each.
const NORMAL_ROWS: usize = 12_000;
/// Seconds with faults.
const FAULT_ROWS: usize = 8_000;
/// Rows replayed on the emulated chip.
const VERIFY_ROWS: usize = 2_000;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico demo
  nvpico demo --out my-demo --seed 3

Writes normal.csv, faults.csv, pump.safetensors, pump.rs and plots into the folder.")]
/// Arguments of `nvpico demo`.
pub struct DemoArgs {
    /// Folder for everything it writes
    #[arg(long, default_value = "nvpico-demo", value_name = "DIR")]
    out: PathBuf,
    /// Another seed is another machine and another model
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// Leave out the emulated chip
    #[arg(long)]
    no_verify: bool,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// The summary of `--json`.
#[derive(Debug, Serialize)]
struct Summary {
    evaluation: eval::Evaluation,
    auroc_by_fault: BTreeMap<&'static str, Option<f64>>,
    gaussian_auroc: Option<f64>,
    held_out_log_prob: f64,
    gaussian_log_prob: f64,
    verify: Vec<CoreReport>,
}

/// # Errors
/// Whatever stops one of the steps.
pub fn run(args: &DemoArgs) -> anyhow::Result<bool> {
    let out = &args.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let file = |name: &str| out.join(name);

    eprintln!("1/5 Recording a simulated pump, one row a second.");
    let mut pump = Pump::new(args.seed);
    let normal = pump.record_normal(NORMAL_ROWS);
    let faults = pump.record_faults(FAULT_ROWS);
    write_recording(&normal, &file("normal.csv"))?;
    write_recording(&faults, &file("faults.csv"))?;
    for sensor in &normal.columns {
        eprintln!("      {:24} {} [{}]", sensor.name, sensor.what, sensor.unit);
    }

    eprintln!(
        "2/5 Training on {NORMAL_ROWS} healthy rows: the flow learns how the sensors move together."
    );
    let table = data::read(&[file("normal.csv")], &ReadOptions::default())?;
    let recipe = Recipe {
        seed: Some(args.seed),
        epochs: Some(120),
        ..Recipe::default()
    };
    let outcome = train::fit_with_progress(&table, None, recipe, &AtomicBool::new(false))?;
    train::report(&outcome);
    let model = &outcome.model;
    model.save(&file("pump.safetensors"))?;

    eprintln!(
        "3/5 Evaluating on {FAULT_ROWS} rows with faults of {} kinds.",
        FaultKind::ALL.len()
    );
    let labelled = data::read_for(
        &model.header.columns,
        &[file("faults.csv")],
        &ReadOptions {
            label: Some("anomaly".into()),
            ..ReadOptions::default()
        },
    )?;
    let evaluation = eval::evaluate(model, &labelled, None)?;
    let log_probs = log_probs(model, &labelled.values);
    let by_fault = auroc_by_fault(&faults, &log_probs);
    let gaussian = gaussian_scores(&table.values, &labelled);
    let gaussian_auroc = metrics::auroc(&gaussian, &faults.label);
    if !args.json {
        print!("{}", eval::report(&evaluation));
        print_by_fault(&by_fault, gaussian_auroc);
    }
    plots(model, &faults, &log_probs, &gaussian, out)?;

    eprintln!(
        "\n4/5 Exporting const arrays: {}",
        file("pump.rs").display()
    );
    let module = export::module(model, &ExportOptions::default());
    output::write_atomic(&file("pump.rs"), module.as_bytes())?;

    let reports = verify_step(args, model, &labelled.values)?;
    if args.json {
        print_json(&Summary {
            evaluation,
            auroc_by_fault: by_fault,
            gaussian_auroc,
            held_out_log_prob: outcome.held_out_log_prob,
            gaussian_log_prob: outcome.gaussian_log_prob,
            verify: reports.clone(),
        })?;
    }
    next_steps(out);
    Ok(reports.iter().all(|r| r.differing_bits == 0))
}

fn write_recording(recording: &Recording, path: &Path) -> anyhow::Result<()> {
    recording
        .write_csv(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn log_probs(model: &Model, rows: &[f32]) -> Vec<f32> {
    model
        .deploy()
        .score(rows)
        .iter()
        .map(|score| score.map_or(f32::NEG_INFINITY, |s| s.log_prob))
        .collect()
}

/// AUROC of each kind of fault against all healthy rows.
fn auroc_by_fault(faults: &Recording, log_probs: &[f32]) -> BTreeMap<&'static str, Option<f64>> {
    let scores = metrics::scores(log_probs);
    FaultKind::ALL
        .iter()
        .map(|&kind| {
            let (scores, labels): (Vec<f64>, Vec<bool>) = scores
                .iter()
                .zip(&faults.fault)
                .filter(|(_, fault)| fault.is_none() || **fault == Some(kind))
                .map(|(&score, fault)| (score, fault.is_some()))
                .unzip();
            (kind.name(), metrics::auroc(&scores, &labels))
        })
        .collect()
}

/// Scores by a full-covariance Gaussian fitted to the same healthy rows.
fn gaussian_scores(normal: &[f32], labelled: &data::Table) -> Vec<f64> {
    let gaussian = Gaussian::fit(normal, labelled.dim());
    let log_prob = |row| gaussian.as_ref().map_or(f64::NAN, |g| g.log_prob(row));
    labelled.iter().map(|row| -log_prob(row)).collect()
}

fn print_by_fault(by_fault: &BTreeMap<&'static str, Option<f64>>, gaussian: Option<f64>) {
    let number = |v: &Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    let mut table = TextTable::new(&["fault", "AUROC"]);
    for (name, auroc) in by_fault {
        table.row([(*name).to_owned(), number(auroc)]);
    }
    println!("\n{table}");
    println!(
        "A full-covariance Gaussian on the same rows: AUROC {}",
        number(&gaussian)
    );
}

fn plots(
    model: &Model,
    faults: &Recording,
    log_probs: &[f32],
    gaussian: &[f64],
    out: &Path,
) -> anyhow::Result<()> {
    let threshold = model.threshold();
    let alarms: Vec<bool> = log_probs
        .iter()
        .map(|&l| threshold.is_some_and(|t| Decision::at(l, t) != Decision::Normal))
        .collect();
    let spans: Vec<Span> = faults
        .events()
        .into_iter()
        .map(|(rows, kind)| Span {
            rows,
            label: kind.name().replace('_', " "),
        })
        .collect();
    let curve = |name: &str, scores: &[f64]| {
        let points = metrics::roc_curve(scores, &faults.label);
        (name.to_owned(), points)
    };
    let curves = [
        curve("Real NVP", &metrics::scores(log_probs)),
        curve("Gaussian", gaussian),
    ];
    let pictures = [
        (
            "histogram.svg",
            plot::density_histogram(log_probs, &faults.label, threshold)?,
        ),
        (
            "timeline.svg",
            plot::density_over_time(log_probs, &alarms, &spans, threshold, "time in seconds")?,
        ),
        ("roc.svg", plot::roc(&curves)?),
    ];
    for (name, svg) in pictures {
        output::write_atomic(&out.join(name), svg.as_bytes())?;
    }
    eprintln!(
        "Pictures to look at in {}: histogram.svg, timeline.svg, roc.svg",
        out.display()
    );
    Ok(())
}

fn verify_step(args: &DemoArgs, model: &Model, rows: &[f32]) -> anyhow::Result<Vec<CoreReport>> {
    if args.no_verify {
        eprintln!("5/5 The emulated chip is left out as asked.");
        return Ok(Vec::new());
    }
    if !qemu::is_installed() {
        eprintln!(
            "5/5 The emulated chip is left out: qemu-system-arm is not installed \
             (apt-get install qemu-system-arm, or run scripts/setup.sh)."
        );
        return Ok(Vec::new());
    }
    let dim = model.header.spec.dim();
    let rows = &rows[..rows.len().min(VERIFY_ROWS * dim)];
    eprintln!(
        "5/5 Flashing the model to an emulated Cortex-M4F, scoring {} rows there, comparing every bit.",
        rows.len() / dim
    );
    let reports = verify::verify_model(model, rows, &[Core::M4f], false, None)?;
    if !args.json {
        print!("{}", verify::report(&reports));
    }
    Ok(reports)
}

fn next_steps(out: &Path) {
    eprintln!(
        "
What to do next, with your own machine:
  1. record its sensors while all is well, as CSV with a header line
  2. nvpico train --data yours.csv --out yours.safetensors
  3. nvpico eval --model yours.safetensors --data labelled.csv --label anomaly   (if you have faults)
  4. nvpico verify --model yours.safetensors --data yours.csv --core all
  5. nvpico export --model yours.safetensors --out firmware/models/yours.rs
All files of this demo are in {}.",
        out.display()
    );
}
