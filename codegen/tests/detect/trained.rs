//! A model of the field that is trained here, and what the desktop finds with it.

use std::fs;
use std::path::PathBuf;

use nvpico::detector::Decision;
use nvpico::detector::adapt::Learned;
use nvpico_codegen::data::Table;
use nvpico_codegen::deploy::Ready;
use nvpico_codegen::deploy::adapt::replay;
use nvpico_codegen::export::{self, ExportOptions};
use nvpico_codegen::fit::recipe::{BaseChoice, Recipe};
use nvpico_codegen::fit::training;
use nvpico_codegen::model::Model;
use nvpico_codegen::precision::Precision;
use nvpico_codegen::simulate::field::{COLUMNS, field_rows};
use tempfile::TempDir;

/// A model of the field in floats and in integers of 8 bits: its modules, and what the desktop finds of rows.
pub struct Trained {
    pub model: Model,
    folder: TempDir,
}

impl Trained {
    pub fn new() -> Self {
        let recipe = Recipe {
            epochs: Some(20),
            couplings: Some(4),
            hidden: Some(vec![8]),
            false_alarm_rate: Some(0.001),
            base: Some(BaseChoice::Normal),
            kernels: Some(0),
            ..Recipe::default()
        };
        let table = table(field_rows(1, 2000));
        let outcome = training::fit(&table, None, recipe, |_, _| true).expect("it can be trained");
        Self {
            model: outcome.model,
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Writes the module.
    pub fn module(&self, precision: Precision) -> PathBuf {
        let path = self.folder.path().join(format!("field_{precision}.rs"));
        let text = export::module(&self.ready(precision), &ExportOptions::default());
        fs::write(&path, text).expect("it can be written");
        path
    }

    pub fn ready(&self, precision: Precision) -> Ready<'_> {
        let ready = self.model.ready(Some(precision));
        ready.expect("it has this precision")
    }

    /// What `nvpico adapt` finds of rows; the sensor is mounted anew before some of them.
    pub fn judge(&self, precision: Precision, rows: &[[f32; 4]], mounted: &[usize]) -> Vec<Judged> {
        let limits = self.model.header.adaptation.as_ref();
        let limits = limits.expect("limits of recalibration");
        let replayed = replay(
            &self.ready(precision),
            limits,
            &table(rows.to_vec()),
            mounted,
        );
        let rows = replayed.expect("limits that were validated").rows;
        rows.iter()
            .map(|own| (own.after, own.decided, own.learned))
            .collect()
    }
}

/// Log-density in nats, decision, and what recalibration learned.
pub type Judged = (f32, Option<Decision>, Learned);

fn table(rows: Vec<[f32; 4]>) -> Table {
    Table {
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows: rows.len(),
        row_numbers: (1..).take(rows.len()).collect(),
        values: rows.into_flattened(),
        rate: Some(10.0),
        ..Table::default()
    }
}
