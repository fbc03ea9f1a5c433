//! `nvpico simulate`: recordings of simulated machines, as CSV, or as arrays where rows are maps.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::limits::{self, argument};
use crate::output::{self, say};
use crate::simulate::{Bearing, Pump, ThermalArray, field};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico simulate pump --rows 12000 --out normal.csv
  nvpico simulate bearing --rows 400000 --out bearing.csv
  nvpico simulate field --rows 6000 --seed 7 --out field.csv
  nvpico simulate thermal --rows 12000 --out thermal.npy
  nvpico simulate thermal-faults --out thermal-faults.npz")]
/// Arguments of `nvpico simulate`.
pub struct SimulateArgs {
    /// What to record
    #[arg(value_enum)]
    machine: Machine,
    /// Rows to record
    #[arg(long, default_value_t = 6_000, value_name = "N", value_parser = argument(limits::at_least_one))]
    rows: usize,
    /// Each seed is a different machine
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// File to write: CSV; an array (.npy) for thermal, an archive of arrays (.npz) for thermal-faults
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Machine {
    /// A healthy pump, eight sensors
    Pump,
    /// The pump with faults, labelled
    PumpFaults,
    /// A rotor on a rolling bearing: acceleration of two axes and the speed, 2,000 samples a second
    Bearing,
    /// The bearing with faults, labelled
    BearingFaults,
    /// A magnetometer and a thermometer in normal surroundings
    Field,
    /// A thermal array of 8 x 8 pixels that sees people come and go: N x 1 x 8 x 8
    Thermal,
    /// The thermal array with hot spots and dead pixels: X (N x 1 x 8 x 8), y, kind
    ThermalFaults,
}

/// # Errors
/// The file cannot be written.
pub fn run(args: &SimulateArgs) -> anyhow::Result<bool> {
    let written = match args.machine {
        Machine::Pump => Pump::new(args.seed)
            .record_normal(args.rows)
            .write_csv(&args.out),
        Machine::PumpFaults => Pump::new(args.seed)
            .record_faults(args.rows)
            .write_csv(&args.out),
        Machine::Bearing => Bearing::new(args.seed)
            .record_normal(args.rows)
            .write_csv(&args.out),
        Machine::BearingFaults => Bearing::new(args.seed)
            .record_faults(args.rows)
            .write_csv(&args.out),
        Machine::Field => {
            let mut text = field::COLUMNS.join(",") + "\n";
            for row in field::field_rows(args.seed, args.rows) {
                let cells = row.map(|value| value.to_string());
                let _ = writeln!(text, "{}", cells.join(","));
            }
            output::write_atomic(&args.out, text.as_bytes())
        }
        Machine::Thermal => ThermalArray::new(args.seed)
            .record_normal(args.rows)
            .write_npy(&args.out),
        Machine::ThermalFaults => ThermalArray::new(args.seed)
            .record_faults(args.rows)
            .write_npz(&args.out),
    };
    written.with_context(|| format!("cannot write {}", args.out.display()))?;
    say!("wrote {} rows to {}", args.rows, args.out.display());
    Ok(true)
}
