//! The demo's thermal array: frames of 8 x 8 pixels, hot spots and dead pixels, and pictures of where they are.

use std::path::Path;

use super::frames::{self, Blame};
use super::subject::{Files, Judged, Picture, Subject, save};
use crate::deploy::sample;
use crate::evaluation::RowGroup;
use crate::fit::recipe::{Architecture, Recipe};
use crate::output::say;
use crate::report::plot::{self, Group, Sheet};
use crate::simulate::thermal::{PIXELS, SHAPE, UNIT};
use crate::simulate::{ThermalArray, ThermalFault, ThermalRecording};

/// Frames of the normal room, one a second.
const NORMAL_ROWS: usize = 12_000;
/// Frames with faults: enough of them to tell of their first seconds.
const FAULT_ROWS: usize = 20_000;
/// A spot has only begun to warm up.
const FIRST_SECONDS: usize = 5;
/// Frames in a line of a picture.
const SHOWN: usize = 8;
/// Alarms of each kind of which the faulty pixel is looked for.
const TRIED: usize = 500;
/// The faults, as pictures and messages call them.
const KINDS: [(ThermalFault, &str); 2] = [
    (ThermalFault::HotSpot, "Hot spots"),
    (ThermalFault::DeadPixel, "Dead pixels"),
];

/// What the array saw.
pub struct ThermalDemo {
    seed: u64,
    normal: ThermalRecording,
    faults: ThermalRecording,
    another_day: ThermalRecording,
}

impl ThermalDemo {
    /// Records it; the seed decides all.
    #[must_use]
    pub fn record(seed: u64) -> Self {
        let mut array = ThermalArray::new(seed);
        Self {
            seed,
            normal: array.record_normal(NORMAL_ROWS),
            faults: array.record_faults(FAULT_ROWS),
            another_day: array.record_normal(NORMAL_ROWS),
        }
    }

    fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let values = rows.iter().flat_map(|&row| self.faults.row(row).to_vec());
        values.collect()
    }

    /// Frames beside samples, then the oddest normal ones, then faults from the least to the most unusual.
    fn overview(&self, judged: &Judged<'_>) -> anyhow::Result<Vec<u8>> {
        let model = judged.model;
        let faulty = |title: &str, kind| {
            let rows = self.by_density(judged, |fault| fault == Some(kind));
            (title.to_owned(), self.gather(&frames::spread(&rows, SHOWN)))
        };
        let normal = self.by_density(judged, |fault| fault.is_none());
        let oddest: Vec<usize> = normal.iter().rev().take(SHOWN).copied().collect();
        let all: Vec<usize> = (0..self.normal.rows()).collect();
        let trained = frames::spread(&all, SHOWN);
        let trained: Vec<f32> = trained
            .iter()
            .flat_map(|&row| self.normal.row(row).to_vec())
            .collect();
        let samples = sample(model, SHOWN, 1.0, judged.seed)?;
        let (most, tail) = (
            "from the least to the most unusual",
            "of lowest log-density",
        );
        let groups = [
            ("Training frames".to_owned(), trained),
            ("Drawn from the model".to_owned(), samples),
            (format!("Normal frames {tail}"), self.gather(&oddest)),
            faulty(&format!("Hot spots, {most}"), ThermalFault::HotSpot),
            faulty(&format!("Dead pixels, {most}"), ThermalFault::DeadPixel),
        ];
        let groups = groups.map(|(title, rows)| Group {
            captions: plot::captions(&model.deploy().log_probs(&rows)),
            title,
            rows,
            ..Group::default()
        });
        let alarm = model
            .threshold()
            .map_or_else(String::new, |t| format!(": alarm below {t:.0} nats"));
        let sheet = Sheet {
            title: format!("Frames and their log-density{alarm}"),
            shape: SHAPE,
            unit: UNIT.into(),
            ends: Some(frames::ends(&self.normal.values)),
            groups: groups.to_vec(),
        };
        Ok(plot::contact_sheet(&sheet)?)
    }

    /// For each kind of fault some of the less unusual frames that alarm, and below each what its pixels cost.
    fn places(&self, judged: &Judged<'_>) -> anyhow::Result<Vec<u8>> {
        let mut sheets = Vec::new();
        for (kind, title) in KINDS {
            let rows = self.alarms(judged, kind);
            let rows = frames::spread(&rows[..rows.len().div_ceil(2)], SHOWN);
            let values = self.gather(&rows);
            let frames = values.chunks_exact(PIXELS);
            let blames: Vec<Blame> = frames
                .map(|frame| Blame::of(judged.model, frame, SHAPE[2]))
                .collect();
            let marks: Vec<usize> = rows
                .iter()
                .filter_map(|&row| self.faults.pixel[row])
                .collect();
            let gain = |blame: &Blame| format!("+{:.0} nats", blame.most().1);
            let costs = Group {
                title: "What the frame above gains when a pixel takes the median of its neighbours"
                    .into(),
                captions: blames.iter().map(gain).collect(),
                rows: blames.iter().flat_map(Blame::shares).collect(),
                ..Group::default()
            };
            let frames = Group {
                title: format!("{title}: the pixel with a white frame"),
                captions: plot::captions(&judged.model.deploy().log_probs(&values)),
                rows: values,
                marks,
            };
            let title = if sheets.is_empty() {
                "What is unusual in a frame, and where"
            } else {
                ""
            };
            sheets.push(Sheet {
                title: title.into(),
                shape: SHAPE,
                unit: UNIT.into(),
                ends: Some(frames::ends(&self.normal.values)),
                groups: vec![frames],
            });
            sheets.push(Sheet {
                shape: SHAPE,
                unit: "% of most".into(),
                ends: Some((0.0, 100.0)),
                groups: vec![costs],
                ..Sheet::default()
            });
        }
        Ok(plot::contact_sheets(&sheets)?)
    }

    /// Frames with a fault below the threshold, from the least to the most unusual.
    fn alarms(&self, judged: &Judged<'_>, kind: ThermalFault) -> Vec<usize> {
        let threshold = judged.model.threshold().unwrap_or(f32::NEG_INFINITY);
        let mut rows = self.by_density(judged, |fault| fault == Some(kind));
        rows.retain(|&row| judged.log_probs[row] < threshold);
        rows
    }

    /// Frames of which `keep` holds, from the least to the most unusual.
    fn by_density(
        &self,
        judged: &Judged<'_>,
        keep: impl Fn(Option<ThermalFault>) -> bool,
    ) -> Vec<usize> {
        let faults = self.faults.fault.iter().enumerate();
        let kept = faults.filter(|(_, fault)| keep(**fault));
        let mut rows: Vec<usize> = kept.map(|(row, _)| row).collect();
        rows.sort_by(|a, b| judged.log_probs[*b].total_cmp(&judged.log_probs[*a]));
        rows
    }

    /// How often the pixel that costs most is the one with the fault.
    fn say_hits(&self, judged: &Judged<'_>) {
        for (kind, title) in KINDS {
            let rows = frames::spread(&self.alarms(judged, kind), TRIED);
            let distances = rows.iter().filter_map(|&row| {
                let (found, _) = Blame::of(judged.model, self.faults.row(row), SHAPE[2]).most();
                let pixel = self.faults.pixel[row]?;
                Some(frames::distance(pixel, found, SHAPE[2]))
            });
            let distances: Vec<usize> = distances.collect();
            let share = |near: usize| {
                let hits = distances.iter().filter(|distance| **distance <= near);
                100.0 * hits.count() as f64 / distances.len().max(1) as f64
            };
            say!(
                "{title}, {} alarms: the pixel that costs most nats is the faulty one in {:.0} %, or next to it in {:.0} %.",
                distances.len(),
                share(0),
                share(1)
            );
        }
    }
}

impl Subject for ThermalDemo {
    fn name(&self) -> &'static str {
        "thermal"
    }

    fn describe(&self) {
        say!(
            "      {NORMAL_ROWS} frames of people who come, stand and go; {FAULT_ROWS} of another day, with\n      \
             hot spots (a component fails) and dead pixels (the sensor does)"
        );
    }

    fn save(&self, folder: &Path) -> anyhow::Result<Files> {
        let files = Files {
            normal: folder.join("normal.npy"),
            faults: folder.join("faults.npz"),
            another_day: folder.join("another-day.npy"),
            label: None,
        };
        save(&files.normal, |path| self.normal.write_npy(path))?;
        save(&files.faults, |path| self.faults.write_npz(path))?;
        save(&files.another_day, |path| self.another_day.write_npy(path))?;
        Ok(files)
    }

    fn lesson(&self) -> &'static str {
        "the flow learns what pixels tell of their neighbours"
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            architecture: Some(Architecture::Image),
            couplings: Some(4),
            seed: Some(self.seed),
            epochs: Some(80),
            learning_rate: Some(0.003),
            ..Recipe::default()
        }
    }

    fn faults(&self) -> Vec<Option<&'static str>> {
        let faults = self.faults.fault.iter();
        faults.map(|fault| fault.map(ThermalFault::name)).collect()
    }

    fn groups(&self) -> Vec<RowGroup> {
        let faults = &self.faults.fault;
        let of = |kind| faults.iter().map(|fault| *fault == Some(kind)).collect();
        let spots: Vec<bool> = of(ThermalFault::HotSpot);
        let first = |row: usize| {
            let began = row.saturating_sub(FIRST_SECONDS);
            spots[row] && !spots[began]
        };
        vec![
            RowGroup::new("hot_spot_first_5_s", (0..spots.len()).map(first).collect()),
            RowGroup::new("hot_spot", spots.clone()),
            RowGroup::new("dead_pixel", of(ThermalFault::DeadPixel)),
        ]
    }

    fn pictures(&self, judged: &Judged<'_>) -> anyhow::Result<Vec<Picture>> {
        self.say_hits(judged);
        Ok(vec![
            ("frames.png", self.overview(judged)?),
            ("where.png", self.places(judged)?),
        ])
    }

    fn next_steps(&self, out: &Path) -> Vec<String> {
        let file = |name: &str| out.join(name).display().to_string();
        let model = file("thermal.safetensors");
        vec![
            format!(
                "nvpico sample --model {model} --data {} --count 24 --png drawn.png   (look at what it learned)",
                file("normal.npy")
            ),
            format!("nvpico inspect --model {model}   (layers, flash, RAM)"),
            "save frames of your own sensor while all is well: numpy.save(\"mine.npy\", frames), \
             N x channels x height x width"
                .into(),
            "nvpico train --data mine.npy --out mine.safetensors   (--levels 256 for an 8-bit camera)".into(),
            "nvpico verify --model mine.safetensors --data mine.npy --core all".into(),
            "nvpico export --model mine.safetensors --out firmware/models/mine.rs".into(),
        ]
    }
}

#[cfg(test)]
#[path = "thermal_tests.rs"]
mod tests;
