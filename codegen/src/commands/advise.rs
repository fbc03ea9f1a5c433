//! `nvpico advise`: what a table holds, before anything is learnt from it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::data_options::{DataArgs, FeatureOptions, report};
use crate::data::{self, DataError, Fault, Hint, LeftOut, Overview, ReadOptions, SKIP_BAD, Table};
use crate::output::{self, print_json, say, show};
use crate::report::page::html_text;
use crate::report::plot::{Strip, columns_over_rows};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico advise --data normal.csv
  nvpico advise --data normal.csv --out normal.svg
  nvpico advise --data faults.csv --label anomaly --json

Prints what `nvpico train` would read, what it would ask, and a command to train with.")]
/// Arguments of `nvpico advise`.
pub struct AdviseArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    features: FeatureOptions,
    /// Picture of the columns to write: .svg, or .html with the table
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Advice<'a> {
    rows: usize,
    data: Option<&'a Overview>,
    left_out: &'a [LeftOut],
    said: &'a [String],
    /// What `train` would ask, with the options that answer it.
    questions: &'a [String],
    independent_stretches: Option<f64>,
    #[serde(rename = "advice")]
    sentences: &'a [String],
    command: &'a str,
}

/// Most columns in the picture.
const MOST_STRIPS: usize = 40;

/// # Errors
/// Data that cannot be read, a picture that cannot be written.
pub fn run(args: &AdviseArgs) -> anyhow::Result<bool> {
    let options = args.features.apply(args.data.options.read_options()?)?;
    let (table, hints, questions) = read(&args.data.data, options)?;
    let advice = advice(&table, !questions.is_empty());
    let command = command(args, &hints, &table);
    if let Some(out) = &args.out {
        let picture = picture(&table, out)?;
        output::write_atomic(out, picture.as_bytes())
            .with_context(|| format!("cannot write {}", out.display()))?;
        say!("wrote {}", out.display());
    }
    if args.json {
        print_json(&Advice {
            rows: table.rows,
            data: table.overview.as_ref(),
            left_out: &table.left_out,
            said: &table.said,
            questions: &questions,
            independent_stretches: table
                .overview
                .as_ref()
                .and_then(Overview::slowest)
                .map(|column| column.independent),
            sentences: &advice,
            command: &command,
        })?;
        return Ok(true);
    }
    report(&table);
    show!("{} rows of {} features\n", table.rows, table.dim());
    if let Some(overview) = &table.overview {
        show!("{overview}");
    }
    for text in questions.iter().chain(&advice) {
        show!("- {text}\n");
    }
    show!("\n{command}\n");
    Ok(true)
}

/// Reads the data with the answers that `train` would propose to its own questions.
fn read(files: &[PathBuf], mut options: ReadOptions) -> anyhow::Result<(Table, Hint, Vec<String>)> {
    let (mut hints, mut questions) = (Hint::default(), Vec::new());
    loop {
        let error = match data::read(files, &options) {
            Ok(table) => return Ok((table, hints, questions)),
            Err(error) => error,
        };
        let hint = match &error {
            DataError::Unclear { hint, .. } => (**hint).clone(),
            DataError::Cell {
                fault: Fault::DecimalComma(_),
                ..
            } if !options.decimal_comma => Hint {
                decimal_comma: true,
                ..Hint::default()
            },
            DataError::Cell { .. } | DataError::Ragged { .. } if options.skip_bad.is_none() => {
                Hint {
                    skip_bad: Some(SKIP_BAD),
                    ..Hint::default()
                }
            }
            _ => return Err(error.into()),
        };
        // Each question is answered once; a further one of its kind is an error.
        if questions.len() > 4 {
            return Err(error.into());
        }
        questions.push(error.to_string());
        options.label = options.label.or_else(|| hint.label.clone());
        options.exclude.extend(hint.exclude.iter().cloned());
        options.missing.extend(hint.missing.iter().cloned());
        options.skip_bad = options
            .skip_bad
            .into_iter()
            .chain(hint.skip_bad)
            .reduce(f64::max);
        options.decimal_comma |= hint.decimal_comma;
        hints.decimal_comma |= hint.decimal_comma;
        hints.label = hints.label.or(hint.label);
        hints.exclude.extend(hint.exclude);
        hints.missing.extend(hint.missing);
        hints.skip_bad = options.skip_bad;
    }
}

/// A sentence for everything worth doing before the training.
fn advice(table: &Table, asked: bool) -> Vec<String> {
    let mut advice = Vec::new();
    if asked {
        advice.push("look at what is asked above before you follow the command below".into());
    }
    let Some(overview) = &table.overview else {
        return advice;
    };
    advice.extend(overview.notes());
    if let Some(column) = &overview.machines {
        advice.push(format!(
            "`{column}` seems to name the machine of each row: {} never trains on a machine that it holds out",
            data::option_value("group", &data::shell_quoted(column))
        ));
    }
    if let Some(column) = overview.slowest() {
        let stretches = column.independent;
        let rate = 100.0 / (stretches + 1.0);
        advice.push(format!(
            "in `{}`, which changes slowest, the {} rows stand for about {stretches:.0} independent stretches; a \
             false-alarm rate below about {rate:.2} % cannot be shown with them",
            column.name, overview.rows
        ));
    }
    let drifting: Vec<String> = (overview.columns.iter())
        .filter_map(|column| {
            let moved = column.drift?;
            Some(format!("`{}` by {moved:+.1} deviations", column.name))
        })
        .collect();
    if !drifting.is_empty() {
        advice.push(format!(
            "the mean moves from the first to the last third of the rows: {}; record until it comes back, or train again \
             as it moves",
            drifting.join(", ")
        ));
    }
    if table.dim() < 2 {
        advice.push(
            "a flow needs two features: --window 8 takes the readings of 8 rows in a row as one"
                .into(),
        );
    }
    advice
}

/// A command that trains on these files; a single feature needs a window.
fn command(args: &AdviseArgs, hints: &Hint, table: &Table) -> String {
    let single = table.dim() < 2;
    let machines = table
        .overview
        .as_ref()
        .and_then(|overview| overview.machines.as_ref());
    let given = &args.data.options;
    let mut options = vec!["nvpico train --data".to_owned()];
    options.extend(
        args.data
            .data
            .iter()
            .map(|file| data::shell_quoted(&file.to_string_lossy())),
    );
    let names = |names: &Option<super::data_options::Names>| {
        names.as_ref().map(|names| data::join_names(&names.0))
    };
    let mut option = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| data::option_value(name, &value)));
    };
    option("columns", names(&given.columns));
    let own = given.exclude.clone().unwrap_or_default().0;
    let exclude: Vec<&String> = own.iter().chain(&hints.exclude).collect();
    option(
        "exclude",
        (!exclude.is_empty()).then(|| data::join_names(&exclude)),
    );
    option(
        "label",
        given.label.as_ref().map(|label| data::shell_quoted(label)),
    );
    option("category", names(&args.features.category));
    option(
        "group",
        args.features
            .group
            .as_ref()
            .or(machines)
            .map(|group| data::shell_quoted(group)),
    );
    option(
        "window",
        (args.features.window)
            .or_else(|| single.then_some(8))
            .map(|length| length.to_string()),
    );
    option(
        "array",
        given.array.as_ref().map(|array| data::shell_quoted(array)),
    );
    option("layout", given.layout.map(|layout| layout.name().into()));
    option(
        "delimiter",
        given.delimiter.map(|c| data::shell_quoted(&c.to_string())),
    );
    let mut rest = Hint {
        decimal_comma: given.decimal_comma || hints.decimal_comma,
        exclude: Vec::new(),
        missing: given
            .missing
            .as_ref()
            .map_or(Vec::new(), |given| given.values.clone())
            .into_iter()
            .chain(hints.missing.iter().cloned())
            .collect(),
        skip_bad: hints.skip_bad.or(given.skip_bad),
        ..hints.clone()
    };
    if given.missing.as_ref().is_some_and(|missing| missing.none) {
        let values = rest
            .missing
            .iter()
            .map(ToString::to_string)
            .chain(["none".into()]);
        options.push(format!("--missing={}", data::join_names(values)));
        rest.missing.clear();
    }
    if rest != Hint::default() {
        options.push(rest.to_string());
    }
    options.push("--out model.safetensors".into());
    options.join(" ")
}

/// The columns drawn; with the table around them for a browser.
fn picture(table: &Table, out: &std::path::Path) -> anyhow::Result<String> {
    let strips: Vec<Strip> = (table.columns.iter().enumerate().take(MOST_STRIPS))
        .map(|(at, name)| {
            let found = table.overview.iter().flat_map(|overview| &overview.columns);
            let notes = found
                .filter(|column| column.name == *name)
                .flat_map(|c| c.notes.clone());
            Strip {
                name: name.clone(),
                about: notes.collect::<Vec<_>>().join("; "),
                values: table.iter().map(|row| row[at]).collect(),
            }
        })
        .collect();
    let svg = columns_over_rows(&strips, "row")?;
    if out
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("html"))
    {
        return Ok(svg);
    }
    let text = table
        .overview
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    Ok(format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>nvpico advise</title></head>\n<body>\n<pre>{}</pre>\n{svg}\n</body></html>\n",
        html_text(&text)
    ))
}
