//! `nvpico score`: log-density, p-value and decision of every row.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use nvpico::Score;
use nvpico::detector::Decision;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{DataArgs, PrecisionArgs, keep_inputs, load_model};
use crate::model::Ready;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico score --model pump.safetensors --data today.csv
  nvpico score --model pump.safetensors --data today.csv --out scores.csv

Columns of the output: row (data row in the file, from 1), log_prob (nats), z_norm_sq, log_det (nats),
p_value (share of the calibration rows at most as likely), decision (normal, anomalous, invalid); for a
model of counts bits_per_dimension.")]
/// Arguments of `nvpico score`.
pub struct ScoreArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Where to write the scores; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write JSON: a list with one object a row
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Whatever keeps the scores from being written.
pub fn run(args: &ScoreArgs) -> anyhow::Result<bool> {
    if let Some(out) = &args.out {
        keep_inputs(out, args.data.data.iter().chain([&args.model]))?;
    }
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.observe(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let scores = ready.score(&table.values);
    let rows = scores.iter().zip(&table.row_numbers);
    let rows = rows.map(|(score, number)| Scored::new(&ready, *number, score.ok()));
    let text = if args.json {
        serde_json::to_string_pretty(&rows.collect::<Vec<_>>())? + "\n"
    } else {
        let mut text = String::from("row,log_prob,z_norm_sq,log_det,p_value,decision");
        text.push_str(if model.levels().is_some() {
            ",bits_per_dimension\n"
        } else {
            "\n"
        });
        rows.for_each(|row| text.push_str(&row.line()));
        text
    };
    if let Some(path) = &args.out {
        output::write_atomic(path, text.as_bytes())
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        eprintln!("wrote {} scores to {}", scores.len(), path.display());
    } else {
        std::io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(true)
}

/// A number if there is one: exact digits in CSV and JSON, nothing or `null` for none.
#[derive(Clone, Copy, Debug)]
struct Number(Option<f32>);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |value| write!(f, "{value:?}"))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.map_or(Value::Null, output::json_f32).serialize(to)
    }
}

/// A row's score; the names are those of `--json`. What an invalid row does not have is `null`.
#[derive(Debug, Serialize)]
struct Scored {
    row: u64,
    log_prob: Number,
    z_norm_sq: Number,
    log_det: Number,
    p_value: Option<f64>,
    decision: Option<&'static str>,
    /// Of a model of counts; absent for any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_dimension: Option<Bits>,
}

/// Bits per dimension of a row, if it is valid.
#[derive(Debug, Serialize)]
struct Bits(#[serde(serialize_with = "output::serialize_option")] Option<f64>);

impl Scored {
    fn new(ready: &Ready<'_>, row: u64, score: Option<Score>) -> Self {
        let model = ready.model;
        let decision = match score {
            None => Some("invalid"),
            Some(score) => (ready.threshold()).map(|t| match Decision::at(score.log_prob, t) {
                Decision::Normal => "normal",
                _ => "anomalous",
            }),
        };
        let log_prob = score.map(|score| score.log_prob);
        let bits = log_prob.and_then(|log_prob| model.bits_per_dimension(f64::from(log_prob)));
        Self {
            row,
            log_prob: Number(log_prob),
            z_norm_sq: Number(score.map(|score| score.z_norm_sq)),
            log_det: Number(score.map(|score| score.log_det)),
            p_value: log_prob.and_then(|log_prob| ready.p_value(log_prob)),
            decision,
            bits_per_dimension: model.levels().map(|_| Bits(bits)),
        }
    }

    fn line(&self) -> String {
        let mut line = format!(
            "{},{},{},{},{},{}",
            self.row,
            self.log_prob,
            self.z_norm_sq,
            self.log_det,
            cell(self.p_value),
            self.decision.unwrap_or_default()
        );
        if let Some(bits) = &self.bits_per_dimension {
            line.extend([",", &cell(bits.0)]);
        }
        line + "\n"
    }
}

/// The same of a number of twice the digits.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}"))
}
