//! `nvpico replay`: every number of an alarm's record again, by the desktop.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{PrecisionArgs, load_model};
use crate::evaluation::{RecordFile, ReplayedReading};
use crate::output::{TextTable, print_json, show};
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico replay alarm.bin --model pump.safetensors
  probe-rs attach --chip nRF52840_xxAA firmware.elf > log.txt; nvpico replay log.txt --model pump.safetensors

A record is what the recorder of nvpico::detector holds around an alarm: little-endian words, or the lines of a log that say
`record:` and words in hex. --calibrate is that of the export, if it had one. Exit code 1 where the desktop computes another
number.")]
/// Arguments of `nvpico replay`.
pub struct ReplayArgs {
    /// File with one or more records
    record: PathBuf,
    /// Model file that the firmware's module was exported from
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A record of `--json`.
#[derive(Debug, Serialize)]
struct Replayed {
    precision: Precision,
    /// Readings with a number that the desktop computes differently.
    differing: usize,
    readings: Vec<ReplayedReading>,
}

/// # Errors
/// A file that is no record, or one of another model.
pub fn run(args: &ReplayArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    args.precision.prepare(&mut model)?;
    let name = || args.record.display().to_string();
    let bytes = std::fs::read(&args.record).with_context(name)?;
    let records = RecordFile::parse(&bytes).with_context(name)?;
    let replayed: Vec<Replayed> = (records.iter())
        .map(|record| {
            let precision = record.precision(&model)?;
            let readings = record.replay(&model.ready(Some(precision))?)?;
            let differing = readings
                .iter()
                .filter(|own| !own.differs.is_empty())
                .count();
            Ok(Replayed {
                precision,
                differing,
                readings,
            })
        })
        .collect::<anyhow::Result<_>>()
        .with_context(name)?;
    if args.json {
        print_json(&replayed)?;
    } else {
        for (at, record) in replayed.iter().enumerate() {
            show!("{}", report(at + 1, record, &model.header.columns));
        }
    }
    Ok(replayed.iter().all(|record| record.differing == 0))
}

fn report(number: usize, record: &Replayed, columns: &[String]) -> String {
    /// More columns do not fit a line.
    const SHOWN: usize = 8;
    let columns = columns.iter().take(SHOWN).map(String::as_str);
    let mut head = vec!["reading", "log-density", "rarity", "alarm"];
    head.extend(columns);
    head.push("differs");
    let mut table = TextTable::new(&head);
    for own in &record.readings {
        let mut row = vec![
            own.number.to_string(),
            format!("{:.3}", own.log_prob),
            own.rarity
                .map_or_else(|| "-".into(), |bits| format!("{bits:.2}")),
            own.event
                .unwrap_or(if own.alarm { "on" } else { "" })
                .to_owned(),
        ];
        row.extend(
            own.values
                .iter()
                .take(SHOWN)
                .map(|value| format!("{value}")),
        );
        row.push(own.differs.join(", "));
        table.row(row);
    }
    let said = if record.differing == 0 {
        "every number is that of the desktop".to_owned()
    } else {
        format!("{} readings differ from the desktop's", record.differing)
    };
    format!(
        "record {number}: {} readings in {}\n{table}{said}\n",
        record.readings.len(),
        record.precision
    )
}
