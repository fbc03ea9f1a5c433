//! `nvpico inspect`: what a model is and what it costs.

use std::path::PathBuf;

use clap::Args;

use super::inspect_cost::{self, Clock};
use super::{load_model, promise};
use crate::calibration::{rate_words, time_words};
use crate::harness::Core;
use crate::inspection::{self, Inspection};
use crate::model::Provenance;
use crate::output::{TextTable, print_json, printable, show};
use crate::precision::Precision;
use crate::samples::SampleSpec;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico inspect --model pump.safetensors
  nvpico inspect --model pump.safetensors --json
  nvpico inspect --model pump.safetensors --core m4f,m33 --clock 48M

Flash and RAM are those of the parameters and the workspace. --core estimates the total, instructions and
cycles from measurements of other models; `nvpico verify` measures this model.")]
/// Arguments of `nvpico inspect`.
pub struct InspectArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Cores to estimate flash, RAM, stack, instructions and cycles for, comma-separated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CORES")]
    core: Vec<Core>,
    /// Clock frequency, to convert cycles into the time of a score
    #[arg(long, requires = "core", value_name = "HERTZ")]
    clock: Option<Clock>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// A model that cannot be read.
pub fn run(args: &InspectArgs) -> anyhow::Result<bool> {
    let model = load_model(&args.model)?;
    let mut inspection = inspection::inspect(&model);
    inspection.costs = inspection::costs(&model.deploy(), &args.core, args.clock.map(Clock::hertz));
    if args.json {
        print_json(&inspection)?;
    } else {
        show!("{}", report(&inspection));
    }
    Ok(true)
}

/// The inspection as text.
#[must_use]
pub fn report(i: &Inspection) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let mut table = TextTable::new(&[
        "layer",
        "",
        "map",
        "parameters",
        "multiply-accumulates",
        "scratch B",
    ]);
    for (index, layer) in i.layers.iter().enumerate() {
        table.row([
            index.to_string(),
            layer.layer.describe(),
            layer.shape.to_string(),
            layer.parameters.to_string(),
            layer.multiply_accumulates.to_string(),
            layer.scratch_bytes.to_string(),
        ]);
    }
    if let Some(samples) = &i.samples {
        out += &of_samples(samples);
    }
    let _ = match &i.columns {
        Some(columns) => writeln!(
            out,
            "{} features: {}",
            i.dim,
            printable(&columns.join(", "))
        ),
        None => writeln!(
            out,
            "samples of {} (channels, height, width), {} values",
            i.sample_shape, i.dim
        ),
    };
    let _ = writeln!(out, "\n{table}");
    if !i.given.is_empty() {
        let given = printable(&i.given.join(", ")).into_owned();
        let _ = writeln!(out, "given, not judged      {given}");
    }
    let _ = writeln!(out, "density of z           {}", i.base);
    if let Some(kernels) = i.kernels {
        let _ = writeln!(out, "kernels                {kernels}, of a second density");
    }
    let _ = writeln!(out, "parameters             {}", i.parameters);
    let _ = writeln!(out, "multiply-accumulates   {}", i.multiply_accumulates);
    let _ = writeln!(out, "precision              {}", i.precision);
    let _ = writeln!(out, "flash for parameters   {} bytes", i.flash_bytes);
    let _ = writeln!(out, "RAM for the workspace  {} bytes", i.ram_bytes);
    if let Some(bytes) = i.feature_ram_bytes {
        let _ = writeln!(out, "RAM for the features   {bytes} bytes");
    }
    // Integers have their own scratch.
    let floats = i.precision == Precision::F32;
    if let Some(peak) = (i.layers.iter().position(|layer| layer.workspace_peak)).filter(|_| floats)
    {
        let _ = writeln!(
            out,
            "                       {} for the sample, {} at the peak, layer {peak}",
            4 * i.dim,
            i.layers[peak].scratch_bytes
        );
    }
    let _ = writeln!(
        out,
        "elementary functions   {:?} (exp off by up to {:.1e}, tanh by {:.1e})",
        i.math, i.math_error.exp_relative, i.math_error.tanh_absolute
    );
    if let Some(feature) = i.untransformed_feature {
        let _ = writeln!(
            out,
            "note: no coupling transforms `{}`; it is modelled as a plain Gaussian",
            match &i.columns {
                Some(columns) => printable(&columns[feature]).into_owned(),
                None => format!("value {feature}"),
            }
        );
    }
    out += &decision(i);
    out += &origin(&i.provenance);
    let _ = writeln!(out, "model sha256           {}", i.sha256);
    if !i.costs.is_empty() {
        let _ = write!(out, "\n{}", inspect_cost::report(&i.costs));
    }
    out
}

/// Threshold and alarm.
fn decision(i: &Inspection) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    match i.calibration {
        Some(c) => {
            let _ = writeln!(
                out,
                "threshold              {:.4} nats (at most {} false alarms, {} to {} of a recording; by {} rows, {} independent)",
                i.threshold.unwrap_or(c.threshold),
                promise::percent(c.false_alarm_rate),
                promise::percent(c.interval.low),
                promise::percent(c.interval.high),
                c.rows,
                c.effective_rows.round()
            );
        }
        None => out.push_str("threshold              none: not calibrated\n"),
    }
    if let Some(alarm) = &i.alarm {
        let _ = writeln!(
            out,
            "alarm                  at most {} false in 95 of 100 records (by {} blocks of {})",
            rate_words(alarm.promised, alarm.rate),
            alarm.blocks,
            time_words(alarm.hold_off.into(), alarm.rate)
        );
        let passed = alarm
            .dwell
            .iter()
            .filter(|limit| **limit < u16::MAX)
            .count();
        if passed > 0 {
            let _ = writeln!(
                out,
                "states                 {passed} of {} are only passed through: to stay there is an alarm",
                alarm.dwell.len()
            );
        }
    }
    out
}

/// What the samples of a model are, and which features of them it takes.
fn of_samples(samples: &SampleSpec) -> String {
    let lists: Vec<String> = (samples.features.iter())
        .map(|list| {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            names.join(",")
        })
        .collect();
    let features = if let [all] = &lists[..] {
        all.clone()
    } else {
        let named = samples.channels.iter().zip(&lists);
        let named = named.map(|(channel, list)| format!("{channel}={list}"));
        named.collect::<Vec<_>>().join(" ")
    };
    format!(
        "samples of {} at {} Hz, a window of {} every {}: {}{}\n",
        printable(&samples.channels.join(", ")),
        samples.rate,
        samples.window,
        samples.hop,
        printable(&features),
        (samples.filter.as_ref()).map_or_else(String::new, |own| format!(
            ", behind the filter {}",
            own.name
        ))
    )
}

/// Where the model comes from.
fn origin(p: &Provenance) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let _ = writeln!(out, "made by                {}", p.made_by);
    for source in &p.sources {
        let _ = writeln!(
            out,
            "from                   {} (sha256 {})",
            printable(&source.file),
            source.sha256
        );
    }
    if let Some(log_prob) = p.held_out_log_prob {
        let _ = writeln!(
            out,
            "held-out log-density   {log_prob:.4} nats ({} rows, epoch {}; Gaussian {})",
            p.held_out_rows,
            p.best_epoch,
            p.gaussian_log_prob
                .map_or_else(|| "-".to_owned(), |g| format!("{g:.4}"))
        );
    }
    out
}
