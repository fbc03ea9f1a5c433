//! `nvpico demo`: all steps on simulated sensors, no data needed. The steps are the same for every subject; the
//! recordings and pictures come from [`crate::demo`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::demo_alarms::InTime;
use super::file_name;
use super::{DataOptions, promise, report, train, verify};
use crate::calibration::Interval;
use crate::data::{self, ReadOptions, Table};
use crate::demo::{FirstBlamed, Judged, PumpDemo, Subject, ThermalDemo, VibrationDemo};
use crate::evaluation::{Comparison, Evaluation, by_fault, evaluate, gaussian_scores};
use crate::export::{self, ExportOptions};
use crate::findings::{self, Findings};
use crate::fit::training;
use crate::harness::{Core, CoreReport, qemu};
use crate::interrupt;
use crate::metrics;
use crate::model::Model;
use crate::output::{self, print_json, say, show};
use crate::samples::SampleSpec;

/// Rows replayed on the emulated chip.
const VERIFY_ROWS: usize = 2_000;
/// The page about what was found.
const REPORT: &str = "report.html";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico demo
  nvpico demo thermal
  nvpico demo vibration
  nvpico demo pump --out my-demo --seed 3
  nvpico demo live

Writes recordings, model, Rust module and a report, report.html, into the folder. `live` writes nothing: the firmware runs in the emulator,
and you stir faults; see `nvpico demo live --help`.")]
#[command(args_conflicts_with_subcommands = true)]
/// Arguments of `nvpico demo`.
pub struct DemoArgs {
    #[cfg(unix)]
    #[command(subcommand)]
    verb: Option<Verb>,
    /// What is simulated
    #[arg(value_enum, default_value_t = Machine::Pump)]
    machine: Machine,
    /// Folder for everything it writes [default: nvpico-demo, with -thermal or -vibration]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Each seed is a different machine and model
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// Skip the emulated chip
    #[arg(long)]
    no_verify: bool,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

#[cfg(unix)]
#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the firmware in the emulator, stir faults by keys or a script, and see what the chip makes of them
    Live(super::demo_live::LiveArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Machine {
    /// A pump with eight sensors
    Pump,
    /// A thermal array of 8 x 8 pixels that sees people come and go
    Thermal,
    /// A rotor on a rolling bearing: raw acceleration at 2 kHz and at four speeds
    Vibration,
}

/// Whether another day of normal rows kept what the threshold promises.
#[derive(Debug, Clone, Copy, Serialize)]
struct Promise {
    /// The rate that is promised.
    false_alarm_rate: f64,
    /// The range in which the rate of a recording lies.
    interval: Interval,
    /// Rows of the other day.
    rows: usize,
    /// Their rate.
    met: f64,
    /// Whether it is in the range.
    inside: bool,
}

impl Promise {
    fn of(model: &Model, day: &Table) -> anyhow::Result<Self> {
        let calibration = model
            .header
            .calibration
            .context("the model has no threshold")?;
        let ready = model.ready(None)?;
        let threshold = ready.threshold().context("the model has no threshold")?;
        let log_probs = ready.log_probs(&day.values);
        let alarms = log_probs.iter().filter(|l| **l < threshold).count();
        let met = alarms as f64 / log_probs.len().max(1) as f64;
        let interval = calibration.interval;
        Ok(Self {
            false_alarm_rate: calibration.false_alarm_rate,
            interval,
            rows: day.rows,
            met,
            inside: (interval.low..=interval.high).contains(&met),
        })
    }

    fn report(&self) -> String {
        format!(
            "\nanother day of {} normal rows: {} false alarms; promised: at most {}, and {} to {} of such a day in {} of 100 cases\n",
            self.rows,
            promise::percent(self.met),
            promise::percent(self.false_alarm_rate),
            promise::percent(self.interval.low),
            promise::percent(self.interval.high),
            100.0 * self.interval.share
        )
    }
}

/// The summary of `--json`.
#[derive(Debug, Serialize)]
struct Summary {
    evaluation: Evaluation,
    promise: Promise,
    by_fault: BTreeMap<&'static str, Comparison>,
    alarms: InTime,
    /// `null` where it is not known which sensors a fault moves.
    blame: Option<FirstBlamed>,
    gaussian_auroc: Option<f64>,
    #[serde(serialize_with = "output::serialize_number")]
    held_out_log_prob: f64,
    #[serde(serialize_with = "output::serialize_number")]
    gaussian_log_prob: f64,
    verify: Vec<CoreReport>,
}

/// # Errors
/// One of the steps fails.
pub fn run(args: &DemoArgs) -> anyhow::Result<bool> {
    #[cfg(unix)]
    if let Some(Verb::Live(args)) = &args.verb {
        return super::demo_live::run(args);
    }
    let folder = match args.machine {
        Machine::Pump => "nvpico-demo",
        Machine::Thermal => "nvpico-demo-thermal",
        Machine::Vibration => "nvpico-demo-vibration",
    };
    let out = args.out.clone().unwrap_or_else(|| folder.into());
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    let subject: Box<dyn Subject> = match args.machine {
        Machine::Pump => {
            say!("1/5 Recording a simulated pump, one row a second.");
            Box::new(PumpDemo::record(args.seed))
        }
        Machine::Thermal => {
            say!("1/5 Recording a simulated thermal array of 8 x 8 pixels, one frame a second.");
            Box::new(ThermalDemo::record(args.seed))
        }
        Machine::Vibration => {
            say!("1/5 Recording a simulated rotor on a rolling bearing, 2,000 samples a second.");
            Box::new(VibrationDemo::record(args.seed))
        }
    };
    steps(args, subject.as_ref(), &out)
}

fn steps(args: &DemoArgs, subject: &dyn Subject, out: &Path) -> anyhow::Result<bool> {
    let file = |extension: &str| out.join(format!("{}.{extension}", subject.name()));
    subject.describe();
    let files = subject.save(out)?;

    let (table, samples) = training_rows(subject, &files.normal)?;
    say!(
        "2/5 Training on {} normal rows: {}.",
        table.rows,
        subject.lesson()
    );
    let mut outcome =
        train::fit_with_progress(&table, None, training::settings(&table, &subject.recipe())?)?;
    if let (Some(spec), Some(windows)) = (samples, &table.windows) {
        outcome.model.set_samples(spec, windows);
    }
    train::report(&outcome);
    let model = &outcome.model;
    model.save(&file("safetensors"))?;
    anyhow::ensure!(!interrupt::heard(), "interrupted: kept the model alone");
    interrupt::release();

    let labelled = rows_of(model, &files.faults, files.label.as_deref(), subject.rate())?;
    say!(
        "3/5 Evaluating on {} rows, some with faults.",
        labelled.rows
    );
    let ready = model.ready(None)?;
    let scored = ready.scored(&labelled);
    let evaluation = evaluate(&ready, &labelled, &scored, None)?;
    let another_day = rows_of(model, &files.another_day, None, subject.rate())?;
    let promise = Promise::of(model, &another_day)?;
    let log_probs = model.deploy().log_probs(&labelled.values);
    let faults = subject.faults();
    let anomalous: Vec<bool> = faults.iter().map(Option::is_some).collect();
    let gaussian = gaussian_scores(&table.values, &labelled);
    let alarms = InTime::of(model, [&table, &another_day, &labelled], &faults, &gaussian)?;
    let flow = metrics::scores(&log_probs);
    let limit = model.threshold().map_or(f64::INFINITY, |t| -f64::from(t));
    let compared = by_fault(&flow, limit, &gaussian, &anomalous, &subject.groups());
    let blame = FirstBlamed::of(&model.ready(None)?, &labelled, subject)?;
    if !args.json {
        show!(
            "{}{}{}",
            alarms.report(),
            promise.report(),
            rows(&evaluation, &gaussian, &anomalous)
        );
        if let Some(blame) = &blame {
            show!("{}", blame.report());
        }
    }
    let judged = Judged {
        model,
        log_probs: &log_probs,
        seed: args.seed,
    };
    let pictures = subject.pictures(&judged)?;
    for (name, bytes) in &pictures {
        output::write_atomic(&out.join(name), bytes)?;
    }
    write_report(
        model,
        (&labelled, files.label.as_deref()),
        &faults,
        [&files.faults, &file("safetensors"), &out.join(REPORT)],
    )?;

    say!("\n4/5 Exporting const arrays: {}", file("rs").display());
    let module = export::module(&model.ready(None)?, &ExportOptions::default());
    output::write_atomic(&file("rs"), module.as_bytes())?;

    let reports = verify_step(args, model, &labelled)?;
    if args.json {
        print_json(&Summary {
            evaluation,
            promise,
            by_fault: compared.into_iter().collect(),
            alarms,
            blame,
            gaussian_auroc: metrics::auroc(&gaussian, &anomalous),
            held_out_log_prob: outcome.held_out_log_prob,
            gaussian_log_prob: outcome.gaussian_log_prob,
            verify: reports.clone(),
        })?;
    }
    next_steps(subject, out);
    Ok(reports.iter().all(|r| r.differing_bits == 0))
}

/// The normal rows of a recording, and which features of samples they are.
fn training_rows(
    subject: &dyn Subject,
    path: &Path,
) -> anyhow::Result<(Table, Option<SampleSpec>)> {
    let request = subject.samples();
    let rate = subject.rate().map(f64::from);
    let options = ReadOptions {
        samples: request.is_some(),
        given: subject.given(),
        ..ReadOptions::default()
    };
    let table = data::read(&[path.to_owned()], &options)?;
    let table = Table {
        rate: rate.or(table.rate),
        ..table
    };
    let Some(request) = request else {
        return Ok((table, None));
    };
    let spec = request
        .resolve(&table.columns, table.rate)
        .map_err(anyhow::Error::msg)?;
    Ok((spec.windows(table, None)?, Some(spec)))
}

/// The rows of a recording as the model takes them.
fn rows_of(
    model: &Model,
    path: &Path,
    label: Option<&str>,
    rate: Option<f32>,
) -> anyhow::Result<Table> {
    let options = DataOptions {
        label: label.map(str::to_owned),
        rate,
        ..DataOptions::default()
    };
    options.read_for(model, &[path.to_owned()])
}

fn verify_step(args: &DemoArgs, model: &Model, table: &Table) -> anyhow::Result<Vec<CoreReport>> {
    if args.no_verify {
        say!("5/5 Skipping the emulated chip, as asked.");
        return Ok(Vec::new());
    }
    if let Err(missing) = qemu::require(Core::M4f) {
        say!("5/5 Skipping the emulated chip: {missing}, or run scripts/setup.sh.");
        return Ok(Vec::new());
    }
    let count = table.rows.min(VERIFY_ROWS);
    let input = verify::Input::of(table).first(count);
    say!(
        "5/5 Flashing the model to an emulated Cortex-M4F, scoring {} rows there, comparing every bit.",
        count
    );
    let reports = verify::verify_input(&model.ready(None)?, &input, &[Core::M4f], false, None)?;
    if !args.json {
        show!("{}", verify::report(&reports));
    }
    Ok(reports)
}

/// The page about the recording with faults.
fn write_report(
    model: &Model,
    (labelled, label): (&Table, Option<&str>),
    faults: &[Option<&'static str>],
    [data, model_file, out]: [&Path; 3],
) -> anyhow::Result<()> {
    let ready = model.ready(None)?;
    let label = label.map_or_else(String::new, |own| format!(" --label {own}"));
    let rate = (labelled.rate).map_or_else(String::new, |rate| format!(" --rate {rate}Hz"));
    let commands = report::commands(
        &ready,
        model_file,
        &format!(
            "nvpico report --model {} --data {}{label}{rate} --out {}",
            file_name(model_file),
            file_name(data),
            file_name(out)
        ),
    );
    let findings = Findings::of(&findings::Subject {
        ready: &ready,
        name: &file_name(model_file),
        table: labelled,
        faults,
        commands: &commands,
    })?;
    report::write(&findings, out)
}

fn next_steps(subject: &dyn Subject, out: &Path) {
    say!("\nWhat to do next:");
    for (number, step) in subject.next_steps(out).iter().enumerate() {
        say!("  {}. {step}", number + 1);
    }
    say!(
        "All files of this demo are in {}; open {} in a browser first.",
        out.display(),
        out.join(REPORT).display()
    );
}

/// What single rows tell, as text.
fn rows(evaluation: &Evaluation, gaussian: &[f64], anomalous: &[bool]) -> String {
    let number = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    format!(
        "single rows: AUROC {} (a Gaussian fitted to the same rows: {}); by fault with --json\n",
        number(evaluation.auroc),
        number(metrics::auroc(gaussian, anomalous))
    )
}
