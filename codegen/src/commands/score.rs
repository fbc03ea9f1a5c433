//! `nvpico score`: log-density, p-value and decision of every row.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use nvpico::detector::Decision;
use nvpico::{Score, ScoreError};

use super::{DataArgs, keep_inputs, load_model};
use crate::model::Model;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico score --model pump.safetensors --data today.csv
  nvpico score --model pump.safetensors --data today.csv --out scores.csv

Columns of the output: row (data row in the file, from 1), log_prob (nats), z_norm_sq, log_det (nats),
p_value (share of the calibration rows at most as likely), decision (normal, anomalous, invalid).")]
/// Arguments of `nvpico score`.
pub struct ScoreArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Where to write the scores; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// # Errors
/// Whatever keeps the scores from being written.
pub fn run(args: &ScoreArgs) -> anyhow::Result<bool> {
    if let Some(out) = &args.out {
        keep_inputs(out, args.data.data.iter().chain([&args.model]))?;
    }
    let model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    let scores = model.deploy().score(&table.values);
    let mut text = String::from("row,log_prob,z_norm_sq,log_det,p_value,decision\n");
    for (score, number) in scores.iter().zip(&table.row_numbers) {
        text.push_str(&line(&model, *number, score));
    }
    if let Some(path) = &args.out {
        output::write_atomic(path, text.as_bytes())
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        eprintln!("wrote {} scores to {}", scores.len(), path.display());
    } else {
        std::io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(true)
}

fn line(model: &Model, number: u64, score: &Result<Score, ScoreError>) -> String {
    let Ok(score) = score else {
        return format!("{number},,,,,invalid\n");
    };
    let p_value = model
        .p_value(score.log_prob)
        .map_or_else(String::new, |p| format!("{p:?}"));
    let decision = match model.threshold().map(|t| Decision::at(score.log_prob, t)) {
        Some(Decision::Normal) => "normal",
        Some(_) => "anomalous",
        None => "",
    };
    format!(
        "{number},{:?},{:?},{:?},{p_value},{decision}\n",
        score.log_prob, score.z_norm_sq, score.log_det
    )
}
