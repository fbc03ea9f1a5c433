//! Draws the pictures of `docs/`: the plots of a report on a simulated pump with faults.
//!
//! ```sh
//! cargo run --release --package nvpico-codegen --example pictures -- docs/pictures
//! ```

use std::path::PathBuf;

use anyhow::Context as _;
use nvpico_codegen::calibration::Method;
use nvpico_codegen::data::{self, ReadOptions, Table};
use nvpico_codegen::findings::{Findings, Subject};
use nvpico_codegen::fit::recipe::Recipe;
use nvpico_codegen::fit::training;
use nvpico_codegen::report::plot;
use nvpico_codegen::simulate::{FaultKind, Pump, Recording};

const SEED: u64 = 1;
const NORMAL_ROWS: usize = 12_000;
const FAULT_ROWS: usize = 4_000;
const FALSE_ALARM_RATE: f64 = 0.01;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .context("give the folder to write to, such as docs/pictures")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let mut pump = Pump::new(SEED);
    let (normal, faults) = (
        pump.record_normal(NORMAL_ROWS),
        pump.record_faults(FAULT_ROWS),
    );
    let (record, another_day) = (
        pump.record_normal(NORMAL_ROWS),
        pump.record_normal(NORMAL_ROWS),
    );
    let recipe = Recipe {
        seed: Some(SEED),
        ..Recipe::default()
    };
    let mut model = training::fit(&table(&normal, None)?, None, recipe, |_, _| true)?.model;
    // A record that the model itself scored: p-values of another day are then uniform.
    let record = table(&record, None)?;
    let log_probs = model.deploy().log_probs(&record.values);
    model.calibrate(&log_probs, FALSE_ALARM_RATE, Method::GivenRows);
    model.set_alarm(&log_probs, &record, None);
    let ready = model.ready(None)?;
    let names: Vec<_> = faults
        .fault
        .iter()
        .map(|own| own.map(FaultKind::name))
        .collect();
    let labelled = table(&faults, Some("anomaly"))?;
    let found = |table: &Table, faults: &[Option<&'static str>]| {
        Findings::of(&Subject {
            ready: &ready,
            name: "pump.safetensors",
            table,
            faults,
            commands: &[],
        })
    };
    let own = found(&labelled, &names)?;
    let day = found(&table(&another_day, None)?, &[])?;
    let marks = own
        .alarm
        .as_ref()
        .map(nvpico_codegen::findings::AlarmFindings::marks);
    let uniformity = day.uniformity.as_ref().context("the model is calibrated")?;
    let separation = own.separation.as_ref().context("there are labels")?;
    let event = own.events.iter().find(|event| !event.around.is_empty());
    let event = event.context("there is an alarm with values to blame")?;
    let (rows, rate) = (own.timeline.rows, own.timeline.rate);
    for (name, svg) in [
        (
            "log-density",
            plot::density_histogram(&own.densities, own.threshold)?,
        ),
        (
            "nats",
            plot::density_over_time(&own.timeline, &marks.unwrap_or_default(), own.threshold)?,
        ),
        ("p-value", plot::p_value_tenths(uniformity)?),
        (
            "promise",
            plot::p_values_in_time(uniformity, day.timeline.rows, rate)?,
        ),
        ("evidence", plot::roc(separation)?),
        (
            "blame",
            plot::readings_around(event, &event.around[0], rows, rate)?,
        ),
    ] {
        std::fs::write(folder.join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}

/// A recording as it is read from its file.
fn table(recording: &Recording, label: Option<&str>) -> anyhow::Result<Table> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rows.csv");
    recording.write_csv(&file)?;
    let options = ReadOptions {
        label: label.map(str::to_owned),
        ..ReadOptions::default()
    };
    let table = data::read(&[file], &options)?;
    Ok(Table {
        rate: Some(1.0),
        ..table
    })
}
