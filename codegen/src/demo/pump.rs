//! The demo's pump: eight sensors of a machine, one row a second.

use std::path::Path;

use super::subject::{Files, Subject, save};
use crate::evaluation::RowGroup;
use crate::fit::recipe::Recipe;
use crate::output::say;
use crate::simulate::{FaultKind, Pump, Recording};

/// Seconds of the healthy machine that are recorded, one row each: some 160 spells of one speed and valve, which are what a
/// threshold is set by.
const NORMAL_ROWS: usize = 24_000;
/// Seconds with faults.
const FAULT_ROWS: usize = 8_000;

/// What the pump's sensors gave.
pub struct PumpDemo {
    seed: u64,
    normal: Recording,
    faults: Recording,
    another_day: Recording,
}

impl PumpDemo {
    /// Records it; the seed decides all.
    #[must_use]
    pub fn record(seed: u64) -> Self {
        let mut pump = Pump::new(seed);
        Self {
            seed,
            normal: pump.record_normal(NORMAL_ROWS),
            faults: pump.record_faults(FAULT_ROWS),
            another_day: pump.record_normal(NORMAL_ROWS),
        }
    }
}

impl Subject for PumpDemo {
    fn name(&self) -> &'static str {
        "pump"
    }

    fn describe(&self) {
        for sensor in &self.normal.columns {
            say!("      {:24} {} [{}]", sensor.name, sensor.what, sensor.unit);
        }
    }

    fn save(&self, folder: &Path) -> anyhow::Result<Files> {
        let files = Files {
            normal: folder.join("normal.csv"),
            faults: folder.join("faults.csv"),
            another_day: folder.join("another-day.csv"),
            label: Some("anomaly".into()),
        };
        save(&files.normal, |path| self.normal.write_csv(path))?;
        save(&files.faults, |path| self.faults.write_csv(path))?;
        save(&files.another_day, |path| self.another_day.write_csv(path))?;
        Ok(files)
    }

    fn lesson(&self) -> &'static str {
        "the flow learns how the sensors move together"
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            seed: Some(self.seed),
            epochs: Some(120),
            ..Recipe::default()
        }
    }

    fn faults(&self) -> Vec<Option<&'static str>> {
        let names = self.faults.fault.iter();
        names.map(|fault| fault.map(FaultKind::name)).collect()
    }

    fn moved(&self) -> Option<Vec<Vec<usize>>> {
        let rows = 0..self.faults.rows();
        Some(rows.map(|row| self.faults.moved(row)).collect())
    }

    fn groups(&self) -> Vec<RowGroup> {
        let of = |kind: &FaultKind| {
            let faults = self.faults.fault.iter();
            let rows = faults.map(|fault| *fault == Some(*kind)).collect();
            RowGroup::new(kind.name(), rows)
        };
        FaultKind::ALL.iter().map(of).collect()
    }

    fn next_steps(&self, _out: &Path) -> Vec<String> {
        [
            "record the sensors of your own machine while all is well, as CSV with a header line",
            "nvpico train --data yours.csv --out yours.safetensors",
            "nvpico eval --model yours.safetensors --data labelled.csv --label anomaly   (if you have faults)",
            "nvpico verify --model yours.safetensors --data yours.csv --core all",
            "nvpico export --model yours.safetensors --out firmware/models/yours.rs",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}
