//! The demo's bearing: raw acceleration at 2 kHz, from samples to features on the chip.

use std::path::Path;

use super::subject::{Files, Subject, save};
use crate::evaluation::RowGroup;
use crate::fit::recipe::Recipe;
use crate::output::say;
use crate::samples::Request;
use crate::simulate::bearing::{COLUMNS, RATE};
use crate::simulate::{Bearing, BearingFault, BearingRecording};

/// Samples of a window: an eighth of a second, and two turns at the lowest speed.
const WINDOW: usize = 256;
/// Samples of the healthy machine, 3,000 windows.
const NORMAL_SAMPLES: usize = 3_000 * WINDOW;
/// Samples with faults.
const FAULT_SAMPLES: usize = 1_500 * WINDOW;

/// What the sensors gave.
pub struct VibrationDemo {
    seed: u64,
    normal: BearingRecording,
    faults: BearingRecording,
    another_day: BearingRecording,
}

impl VibrationDemo {
    /// Records it; the seed decides all.
    #[must_use]
    pub fn record(seed: u64) -> Self {
        let mut bearing = Bearing::new(seed);
        Self {
            seed,
            normal: bearing.record_normal(NORMAL_SAMPLES),
            faults: bearing.record_faults(FAULT_SAMPLES),
            another_day: bearing.record_normal(NORMAL_SAMPLES),
        }
    }

    /// The fault of each window: that of its first sample that has one.
    fn of_windows(&self) -> Vec<Option<BearingFault>> {
        let windows = self.faults.fault.chunks_exact(WINDOW);
        windows
            .map(|window| window.iter().copied().flatten().next())
            .collect()
    }
}

impl Subject for VibrationDemo {
    fn name(&self) -> &'static str {
        "bearing"
    }

    fn describe(&self) {
        say!(
            "      {}: acceleration of two axes in thousandths of g, and the speed of the shaft; {RATE} samples a second,\n      \
             a window of {WINDOW} of them becomes a row of features",
            COLUMNS.join(", ")
        );
    }

    fn samples(&self) -> Option<Request> {
        Some(Request {
            features: vec!["vibration".into(), format!("{}=mean", COLUMNS[2])],
            window: Some(WINDOW),
            rate: Some(RATE as f32),
            ..Request::default()
        })
    }

    fn given(&self) -> Vec<String> {
        vec![COLUMNS[2].to_owned()]
    }

    fn rate(&self) -> Option<f32> {
        None
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
        "the speed is given, and the model learns what the spectrum is like at each speed"
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            seed: Some(self.seed),
            epochs: Some(120),
            ..Recipe::default()
        }
    }

    fn faults(&self) -> Vec<Option<&'static str>> {
        let faults = self.of_windows().into_iter();
        faults.map(|fault| fault.map(BearingFault::name)).collect()
    }

    fn groups(&self) -> Vec<RowGroup> {
        let faults = self.of_windows();
        let of = |kind: &BearingFault| {
            let rows = faults.iter().map(|fault| *fault == Some(*kind));
            RowGroup::new(kind.name(), rows.collect())
        };
        BearingFault::ALL.iter().map(of).collect()
    }

    fn next_steps(&self, _out: &Path) -> Vec<String> {
        [
            "record the acceleration of your own machine while all is well, a row a sample, as CSV, .npy or .wav",
            "nvpico train --data yours.csv --features vibration --rate 1kHz --window 256 --out yours.safetensors",
            "nvpico score --model yours.safetensors --data today.csv",
            "nvpico verify --model yours.safetensors --data yours.csv --core all",
            "nvpico export --model yours.safetensors --out firmware/models/yours.rs",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}
