//! The model of the station's readings, and the firmware with it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::data::Table;
use crate::deploy::Ready;
use crate::export::{self, ExportOptions};
use crate::fit::recipe::{BaseChoice, Recipe};
use crate::harness::firmware::{self, BuildRequest};
use crate::harness::{Core, boards};
use crate::model::Model;
use crate::output;
use crate::simulate::field::{self, COLUMNS, field_rows};

/// Readings to train on: half an hour.
const TRAINED: usize = 18_000;

/// What a model is trained on, and how: as `scripts/models.sh` trains it, on more readings.
#[must_use]
pub fn lesson(seed: u64) -> (Table, Recipe) {
    let rows = field_rows(seed, TRAINED);
    let table = Table {
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows: rows.len(),
        row_numbers: (1..).take(rows.len()).collect(),
        values: rows.into_flattened(),
        stretches: vec![0],
        rate: Some(field::RATE),
        ..Table::default()
    };
    let recipe = Recipe {
        seed: Some(seed),
        couplings: Some(4),
        hidden: Some(vec![8]),
        base: Some(BaseChoice::Normal),
        kernels: Some(0),
        epochs: Some(40),
        folds: Some(2),
        false_alarm_rate: Some(0.001),
        ..Recipe::default()
    };
    (table, recipe)
}

/// Refuses a model that is not one of the station's readings.
///
/// # Errors
/// Other columns, or no alarm.
pub fn check(model: &Model) -> anyhow::Result<()> {
    let columns = &model.header.columns;
    if *columns != COLUMNS {
        bail!(
            "this model takes {}; the emulated station gives {}: `nvpico demo live --save FILE` trains one of it",
            columns.join(", "),
            COLUMNS.join(", ")
        );
    }
    if model.header.alarm.is_none() {
        bail!("this model has no alarm: `nvpico calibrate` gives it one by normal readings");
    }
    Ok(())
}

/// Builds the program `detect` with the model for an emulated Cortex-M4F, as `detect.elf` in a folder.
///
/// # Errors
/// No sources of the firmware, no toolchain, or what the compiler said.
pub fn build(ready: &Ready<'_>, folder: &Path) -> anyhow::Result<()> {
    let target = boards::locate()?.join("target");
    // A place that is the same for the same model: cargo then has nothing to do at the next run.
    let modules = target.join("live");
    fs::create_dir_all(&modules).with_context(|| format!("cannot create {}", modules.display()))?;
    let module = modules.join(format!("field-{:08x}.rs", ready.identity()));
    let text = export::module(ready, &ExportOptions::default());
    if fs::read_to_string(&module).ok().as_ref() != Some(&text) {
        output::write_atomic(&module, text.as_bytes())?;
    }
    let features = ready.spec().engine_features(ready.precision());
    firmware::build(&BuildRequest {
        programs: &["detect"],
        core: Core::M4f,
        model: &module,
        features: &features,
        target_dir: &target.join("verify"),
        output: folder,
    })?;
    Ok(())
}
