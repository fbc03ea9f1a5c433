//! `nvpico compare`: two models beside each other.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::file_name;
use super::{DataOptions, load_model};
use crate::calibration::{rate_words, time_words};
use crate::findings::ModelFigures;
use crate::output::{TextTable, percent, print_json, show};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico compare old.safetensors new.safetensors
  nvpico compare float.safetensors small.safetensors --data faults.csv --label anomaly
  nvpico compare a.safetensors b.safetensors --data today.csv --json

Log-densities of two models can be compared where both have the same features; what the alarm finds, always.")]
/// Arguments of `nvpico compare`.
pub struct CompareArgs {
    /// The models' files
    #[arg(num_args = 2.., required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Rows to compare what the models find in; each model reads the columns that it takes
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    #[command(flatten)]
    options: DataOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    models: Vec<ModelFigures>,
    /// Whether all take the same features: then their log-densities can be compared.
    same_features: bool,
}

/// # Errors
/// A model or data that cannot be read.
pub fn run(args: &CompareArgs) -> anyhow::Result<bool> {
    let mut found = Vec::new();
    let mut features = Vec::new();
    for path in &args.models {
        let model = load_model(path)?;
        let ready = model.ready(None)?;
        let mut figures = ModelFigures::of(&ready, &file_name(path));
        if !args.data.is_empty() {
            let table = args.options.read_for(&model, &args.data)?;
            figures = figures.with_data(&ready, &table)?;
        }
        found.push(figures);
        features.push((
            model.features(),
            model.header.samples.clone(),
            model.header.spec.given,
            model.map_shape(),
        ));
    }
    let compared = Compared {
        same_features: features.windows(2).all(|pair| pair[0] == pair[1]),
        models: found,
    };
    if args.json {
        print_json(&compared)?;
    } else {
        show!("{}", text(&compared));
    }
    Ok(true)
}

/// The comparison as a table, a model a column.
fn text(compared: &Compared) -> String {
    let models = &compared.models;
    let names: Vec<&str> = models.iter().map(|own| own.file.as_str()).collect();
    let mut table = TextTable::new(&[&[""], &names[..]].concat());
    for (name, cell) in rows(models.iter().any(|own| own.on_data.is_some())) {
        table.row([name.to_owned()].into_iter().chain(models.iter().map(cell)));
    }
    let note = if compared.same_features {
        ""
    } else {
        "the models take different features: do not compare their log-densities\n"
    };
    format!("{table}{note}")
}

type Row = (&'static str, fn(&ModelFigures) -> String);

fn or_dash<T>(value: Option<T>, words: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), words)
}

/// What is told of a model, line by line.
fn rows(with_data: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![
        ("density", |own| own.density.clone()),
        ("arithmetic", |own| own.precision.to_string()),
        ("values of a row", |own| own.values.to_string()),
        ("rows trained on", |own| own.train_rows.to_string()),
        ("held-out log-density, nats", |own| {
            or_dash(own.held_out_log_prob, |v| format!("{v:.3}"))
        }),
        ("Gaussian on these rows, nats", |own| {
            or_dash(own.gaussian_log_prob, |v| format!("{v:.3}"))
        }),
        ("alarm false at most", |own| {
            or_dash(own.alarm, |v| rate_words(v.promised, v.rate))
        }),
        ("threshold, nats", |own| {
            or_dash(own.threshold, |v| format!("{v:.3}"))
        }),
        ("rows below it at most", |own| {
            or_dash(own.false_alarm_rate, percent)
        }),
        ("parameters, bytes", |own| own.parameter_bytes.to_string()),
        ("workspace, bytes", |own| own.workspace_bytes.to_string()),
        ("flash on the M4F, bytes", |own| {
            or_dash(own.m4f, |v| v.flash_bytes.to_string())
        }),
        ("cycles a score on the M4F", |own| {
            or_dash(own.m4f, |v| v.cycles.to_string())
        }),
    ];
    if with_data {
        rows.extend(rows_of_data());
    }
    rows
}

fn rows_of_data() -> Vec<Row> {
    vec![
        ("median log-density, nats", |own| {
            let median = own
                .on_data
                .as_ref()
                .and_then(|own| own.densities.normal.median);
            or_dash(median, |v| format!("{v:.3}"))
        }),
        ("normal rows below threshold", |own| {
            let normal = own.on_data.as_ref().map(|own| &own.densities.normal);
            or_dash(
                normal.and_then(|own| Some((own.below_threshold?, own.rows))),
                |(below, rows)| percent(below as f64 / rows.max(1) as f64),
            )
        }),
        ("AUROC", |own| {
            let own = own.on_data.as_ref().and_then(|own| own.separation.as_ref());
            or_dash(own, |own| format!("{:.4}", own.area))
        }),
        ("episodes found", |own| {
            let own = own.on_data.as_ref().and_then(|own| own.alarms.as_ref());
            or_dash(own.and_then(|own| own.episodes.as_ref()), |own| {
                format!("{} of {}", own.found, own.episodes)
            })
        }),
        ("median delay", |own| {
            let own = own.on_data.as_ref().and_then(|own| own.alarms.as_ref());
            let delay = own.and_then(|own| Some((own.episodes.as_ref()?.median_delay?, own.rate)));
            or_dash(delay, |(delay, rate)| time_words(delay, rate))
        }),
        ("alarms on normal rows", |own| {
            let own = own.on_data.as_ref().and_then(|own| own.alarms.as_ref());
            or_dash(own, |own| {
                format!("{} ({} by guards)", own.raised, own.by_guards)
            })
        }),
    ]
}
