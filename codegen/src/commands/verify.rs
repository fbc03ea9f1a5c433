//! `nvpico verify`: the model on emulated cores, bit for bit against the desktop.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::{DataArgs, PrecisionArgs, load_model, progress_bar};
use crate::data::{Table, Windows};
use crate::deploy::{AlarmRow, Ready};
use crate::export::{self, ExportOptions};
use crate::harness::boards;
use crate::harness::verify::{self, CoreReport, Progress, ScoreBits, VerifyRequest};
use crate::harness::{Core, HarnessError};
use crate::interrupt;
use crate::output::{TextTable, print_json, say, show, temporary_folder};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico verify --model pump.safetensors --data today.csv
  nvpico verify --model pump.safetensors --data today.csv --core all --json
  nvpico verify --model pump.safetensors --data today.csv --keep elf/

Flash, static RAM and stack are what engine and model add over the same firmware with an empty score.
Instructions are exact counts in QEMU, not cycles.
A Cortex-M0+ executes the Cortex-M0's code, so the figures of m0 hold for m0plus.")]
/// Arguments of `nvpico verify`.
pub struct VerifyArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Cores to emulate
    #[arg(long, value_enum, default_value_t = CoreChoice::One(Core::M4f))]
    core: CoreChoice,
    /// Use the engine's inner loops in assembly, on cores with an FPU
    #[arg(long)]
    assembly: bool,
    /// Keep the built firmware in this folder, as score-m4f.elf and so on
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print JSON: a list with one object per core
    #[arg(long)]
    json: bool,
}

/// One core, or all that this machine can emulate.
#[derive(Debug, Clone, Copy, PartialEq)]
enum CoreChoice {
    One(Core),
    All,
}

impl ValueEnum for CoreChoice {
    fn value_variants<'a>() -> &'a [Self] {
        static CHOICES: [CoreChoice; Core::ALL.len() + 1] = {
            let mut choices = [CoreChoice::All; Core::ALL.len() + 1];
            let mut at = 0;
            while at < Core::ALL.len() {
                choices[at] = CoreChoice::One(Core::ALL[at]);
                at += 1;
            }
            choices
        };
        &CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(core) => core.to_possible_value(),
            Self::All => Some(
                PossibleValue::new("all")
                    .help("Every core but m0plus that this machine can compile for and emulate"),
            ),
        }
    }
}

impl CoreChoice {
    /// The cores to emulate. Reports on standard error which of all cores are left out, and why.
    fn cores(self) -> anyhow::Result<Vec<Core>> {
        let core = match self {
            Self::One(core) => return Ok(vec![core]),
            Self::All => Core::ALL.into_iter(),
        };
        let distinct = core.filter(|core| core.same_code_as().is_none());
        let mut cores = Vec::new();
        for core in distinct {
            match verify::is_available(core) {
                Ok(()) => cores.push(core),
                Err(reason) => say!("left out {core}: {reason}"),
            }
        }
        anyhow::ensure!(
            !cores.is_empty(),
            "no core can be emulated here; scripts/setup.sh installs what is missing"
        );
        Ok(cores)
    }
}

/// # Errors
/// Building or emulation fails.
pub fn run(args: &VerifyArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.prepare(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let cores = args.core.cores()?;
    let reports = verify_input(
        &ready,
        &Input::of(&table),
        &cores,
        args.assembly,
        args.keep.as_deref(),
    )?;
    if args.json {
        print_json(&reports)?;
    } else {
        show!("{}", report(&reports));
    }
    Ok(reports.iter().all(|r| r.differing_bits == 0))
}

/// Rows to verify on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Rows of features.
    pub rows: &'a [f32],
    /// Values of a row.
    pub dim: usize,
    /// The samples that they are features of, for a model of raw samples.
    pub windows: Option<&'a Windows>,
}

impl<'a> Input<'a> {
    /// The rows of a table.
    #[must_use]
    pub fn of(table: &'a Table) -> Self {
        Self {
            rows: &table.values,
            dim: table.dim(),
            windows: table.windows.as_ref(),
        }
    }

    /// The first rows.
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        Self {
            rows: &self.rows[..self.rows.len().min(count * self.dim)],
            ..self
        }
    }
}

/// As [`verify_input`], on rows of features.
///
/// # Errors
/// Building or emulation fails.
pub fn verify_model(
    ready: &Ready<'_>,
    rows: &[f32],
    cores: &[Core],
    assembly: bool,
    keep: Option<&Path>,
) -> anyhow::Result<Vec<CoreReport>> {
    let input = Input {
        rows,
        dim: ready.spec().dim(),
        windows: None,
    };
    verify_input(ready, &input, cores, assembly, keep)
}

/// Exports a model, builds the firmware with it, replays rows and compares, with a progress bar.
///
/// # Errors
/// Building or emulation fails.
pub fn verify_input(
    ready: &Ready<'_>,
    input: &Input<'_>,
    cores: &[Core],
    assembly: bool,
    keep: Option<&Path>,
) -> anyhow::Result<Vec<CoreReport>> {
    let counts = input.windows.and_then(|own| own.counts.as_ref());
    let counts = counts.map(|own| &own[..input.rows.len()]);
    let (mut words, expected) = ready.bits_of(input.rows, counts);
    let mut dim = ready.spec().dim();
    let mut digests = None;
    if let Some(windows) = input.windows {
        let rows = words.chunks_exact(dim);
        digests = Some(
            rows.map(|row| verify::digest(row.iter().copied()))
                .collect::<Vec<_>>(),
        );
        dim = windows.window * windows.channels;
        let samples = windows.iter().take(input.rows.len() / input.dim);
        let counted = (ready.model.header.samples.as_ref()).filter(|spec| spec.units.is_some());
        words = match counted {
            None => samples.flatten().map(|sample| sample.to_bits()).collect(),
            Some(spec) => samples
                .flat_map(|window| spec.sample_counts(window))
                .map(|count| i32::from(count).cast_unsigned())
                .collect(),
        };
        anyhow::ensure!(
            words.len() == expected.len() * dim,
            "a window has features that are no counts in this precision: it cannot be verified"
        );
    }
    let alarm = alarm_of(ready, input);
    // Emulators and compilers are not to outlive us.
    interrupt::keep();
    let folder = temporary_folder()?;
    let module = folder.path().join("model.rs");
    std::fs::write(&module, export::module(ready, &ExportOptions::default()))?;
    let mut features = ready.spec().engine_features(ready.precision());
    if assembly {
        features.push("assembly");
    }
    let bar = progress_bar(0, "{msg} {bar:30} {pos}/{len} rows  {eta} left");
    let reports = verify::verify(
        &VerifyRequest {
            model: &module,
            dim,
            words: &words,
            digests: digests.as_deref(),
            expected: &expected,
            alarm: alarm.as_deref(),
            cores,
            features: &features,
            target_dir: &boards::locate()?.join("target").join("verify"),
            keep,
        },
        |progress| match progress {
            Progress::Building(core) => bar.set_message(format!("{core}: building")),
            Progress::Scoring { core, done, total } => {
                bar.set_message(format!("{core}: scoring"));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
        },
    )?;
    bar.finish_and_clear();
    Ok(reports)
}

/// What the desktop's alarm makes of the rows; `None` for a model without one.
fn alarm_of(ready: &Ready<'_>, input: &Input<'_>) -> Option<Vec<ScoreBits>> {
    let table = Table {
        columns: ready.model.header.columns.clone(),
        rows: input.rows.len() / input.dim,
        values: input.rows.to_vec(),
        windows: input.windows.cloned(),
        ..Table::default()
    };
    let rows = ready.replay(&table, &[])?;
    Some(rows.iter().map(AlarmRow::words).collect())
}

/// As [`verify_model`] on one core; `None` where the core's board is too small for the model, which is said.
///
/// # Errors
/// Building or emulation fails otherwise.
pub fn verify_if_it_fits(
    ready: &Ready<'_>,
    rows: &[f32],
    core: Core,
    assembly: bool,
    keep: &Path,
) -> anyhow::Result<Option<CoreReport>> {
    match verify_model(ready, rows, &[core], assembly, Some(keep)) {
        Ok(reports) => Ok(reports.into_iter().next()),
        Err(error) => match error.downcast_ref() {
            Some(HarnessError::DoesNotFit { .. } | HarnessError::StackExhausted { .. }) => {
                say!("left out: {error}");
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// The reports as text.
#[must_use]
pub fn report(reports: &[CoreReport]) -> String {
    let mut table = TextTable::new(&[
        "core",
        "rows",
        "differing bits",
        "instructions/score",
        "flash B",
        "static RAM B",
        "stack B",
    ]);
    for r in reports {
        table.row([
            r.core.to_string(),
            r.rows.to_string(),
            r.differing_bits.to_string(),
            r.instructions_per_score.to_string(),
            r.flash_bytes.to_string(),
            r.static_ram_bytes.to_string(),
            r.stack_bytes.to_string(),
        ]);
    }
    let mut out = table.to_string();
    for r in reports {
        if let Some(alarm) = &r.alarm {
            let _ = writeln!(
                out,
                "{}: guards, evidence and alarm add {} instructions, {} B of flash, {} B of RAM",
                r.core, alarm.instructions, alarm.flash_bytes, alarm.static_ram_bytes
            );
        }
    }
    for r in reports {
        if let Some(first) = &r.first_difference {
            let _ = writeln!(
                out,
                "{}: row {} differs: chip {:x?}, desktop {:x?}",
                r.core, first.row, first.chip, first.desktop
            );
        }
    }
    out
}
