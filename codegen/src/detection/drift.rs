//! Records that move away from what was trained on: a machine that ages, a sensor that is mounted anew. Each is scored as it is and with
//! recalibration as on the chip.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use nvpico::detector::adapt::Learned;
use rayon::prelude::*;
use serde::Serialize;

use super::Source;
use super::protocol::fan;
use crate::data::{NumberArray, Table, read_arrays};
use crate::deploy::Ready;
use crate::deploy::adapt::{Replay, replay};
use crate::evaluation::{RowAlarms, is_alarm};
use crate::fit::recipe::Recipe;
use crate::fit::training;
use crate::metrics;
use crate::model::{Adaptation, Model};
use crate::precision::Precision;

/// A part of a record, or a question about it; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What it is.
    pub part: String,
    /// Judged rows, and how many of them are not normal without and with recalibration.
    #[serde(flatten)]
    pub alarms: RowAlarms,
    /// AUROC of anomalous rows against normal ones, without recalibration.
    pub auroc_before: Option<f64>,
    /// The same with it.
    pub auroc_after: Option<f64>,
    /// Commissionings that found a place, and those that were refused.
    pub commissioned: usize,
    /// See `commissioned`.
    pub refused: usize,
}

impl Part {
    fn new(part: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            alarms: RowAlarms::default(),
            auroc_before: None,
            auroc_after: None,
            commissioned: 0,
            refused: 0,
        }
    }

    /// Adds the judged rows of a replay from one on.
    fn add(&mut self, replayed: &Replay, from: usize) {
        for row in &replayed.rows[from..] {
            self.commissioned += usize::from(row.learned == Learned::Commissioned);
            self.refused += usize::from(row.learned == Learned::Refused);
            if !row.learned.is_commissioning() {
                self.alarms.rows += 1;
                self.alarms.before += usize::from(is_alarm(row.decided_before));
                self.alarms.after += usize::from(is_alarm(row.decided));
            }
        }
    }
}

/// Log-densities before and after, of judged rows.
#[derive(Clone, Debug, Default)]
struct Scores([Vec<f32>; 2]);

impl Scores {
    fn add(&mut self, replayed: &Replay, from: usize) {
        for row in &replayed.rows[from..] {
            if !row.learned.is_commissioning() {
                self.0[0].push(row.before);
                self.0[1].push(row.after);
            }
        }
    }

    /// AUROC of others against these, before and after.
    fn against(&self, anomalous: &Self) -> [Option<f64>; 2] {
        [0, 1].map(|at| {
            let all: Vec<f32> = self.0[at].iter().chain(&anomalous.0[at]).copied().collect();
            let kinds: Vec<bool> = (0..all.len()).map(|row| row >= self.0[at].len()).collect();
            metrics::auroc(&metrics::scores(&all), &kinds)
        })
    }
}

/// The settings of recalibration for a model.
pub type Asked<'a> = dyn Fn(&Model) -> anyhow::Result<Adaptation> + Sync + 'a;

/// SKAB: every file is a record; its rows before the event, after it, and of it.
///
/// # Errors
/// Files that cannot be read or trained on.
pub fn skab(
    sources: &[Source],
    limits: &Asked<'_>,
    recipe: &Recipe,
    [seed, mean_of]: [u64; 2],
    precision: Precision,
) -> anyhow::Result<Vec<Part>> {
    let each = sources
        .par_iter()
        .map(|source| -> anyhow::Result<[Part; 3]> {
            let set = source.load(seed)?.with_means_of(mean_of as usize);
            let model = fit(&set.training, recipe, seed)?;
            let ready = model.ready(Some(precision))?;
            let record = table(&set.training.columns, &set.tests);
            let found = replay(&ready, &limits(&model)?, &record, &[])?;
            let first = set
                .labels
                .iter()
                .position(|label| *label)
                .unwrap_or(set.labels.len());
            let mut parts =
                ["before the event", "after the event", "anomalous rows"].map(Part::new);
            for (at, (row, label)) in found.rows.iter().zip(&set.labels).enumerate() {
                let part = match (label, at < first) {
                    (true, _) => 2,
                    (false, true) => 0,
                    (false, false) => 1,
                };
                let alarms = &mut parts[part].alarms;
                alarms.rows += 1;
                alarms.before += usize::from(is_alarm(row.decided_before));
                alarms.after += usize::from(is_alarm(row.decided));
            }
            Ok(parts)
        });
    let each: Vec<[Part; 3]> = each.collect::<anyhow::Result<_>>()?;
    let mut sums = each.first().context("there are no sets")?.clone();
    for parts in &each[1..] {
        for (sum, part) in sums.iter_mut().zip(parts) {
            sum.alarms.rows += part.alarms.rows;
            sum.alarms.before += part.alarms.before;
            sum.alarms.after += part.alarms.after;
        }
    }
    Ok(sums.to_vec())
}

/// What the ceiling fan's record holds, as features.
struct Fan {
    columns: Vec<String>,
    normal: Vec<Vec<f32>>,
    moving: Vec<Vec<f32>>,
    weight: Vec<Vec<f32>>,
    witnesses: Vec<usize>,
}

impl Fan {
    fn read(folder: &Path, speed: &str) -> anyhow::Result<Self> {
        let places = ["ceiling-fan.npz", "ceiling-fan/ceiling-fan.npz"];
        let path = places
            .map(|place| folder.join(place))
            .into_iter()
            .find(|path| path.is_file());
        let Some(path) = path else {
            bail!(
                "{}: the drift protocol needs ceiling-fan.npz in this folder, or in its folder ceiling-fan",
                folder.display()
            );
        };
        let arrays = read_arrays(&path)?;
        let spec = fan::drifting()?;
        let columns = spec.names();
        let named = |kind: &str| -> anyhow::Result<Vec<Vec<f32>>> {
            let name = format!("fan_0_{speed}_{kind}");
            let array: Option<&NumberArray> = arrays.iter().find(|array| array.name == name);
            let array =
                array.with_context(|| format!("{}: there is no array {name:?}", path.display()))?;
            let values = spec.window * spec.channels.len();
            ensure!(
                array.shape.iter().skip(1).product::<usize>() == values,
                "{}: array {name:?} has the shape {:?}; windows of {} x {} are expected",
                path.display(),
                array.shape,
                spec.window,
                spec.channels.len()
            );
            array.finite()?;
            let windows = array.values.chunks_exact(values);
            Ok(windows.map(|window| fan::row(&spec, window)).collect())
        };
        let is_mean = |(_, name): &(usize, &String)| fan::is_position(name);
        let witnesses = columns.iter().enumerate().filter(is_mean);
        Ok(Self {
            normal: named("0_weight")?,
            moving: named("0_weight_moving")?,
            weight: named("1_weight")?,
            witnesses: witnesses.map(|(at, _)| at).collect(),
            columns,
        })
    }

    /// Windows with the weight, by the features alone: the position of the sensor is that of another row. Between the recordings
    /// the fan was touched, and a fault that begins with a move is no other than a move.
    fn weight_at(&self, place: &[f32]) -> Vec<Vec<f32>> {
        let moved = self.weight.iter().map(|row| {
            let mut row = row.clone();
            for &at in &self.witnesses {
                row[at] = place[at];
            }
            row
        });
        moved.collect()
    }
}

/// The ceiling fan at low speed: its base is moved now and then, and a weight is taped to a blade.
///
/// # Errors
/// A folder without the record, a model that cannot be trained.
pub fn ceiling_fan(
    folder: &Path,
    limits: &Asked<'_>,
    recipe: &Recipe,
    seed: u64,
    precision: Precision,
) -> anyhow::Result<Vec<Part>> {
    let own = Fan::read(folder, "low")?;
    let first = own.normal.len() * 6 / 10;
    let model = fit(
        &table(&own.columns, &own.normal[..first].concat()),
        recipe,
        seed,
    )?;
    let ready = model.ready(Some(precision))?;
    let limits = limits(&model)?;
    let run = |rows: &[Vec<f32>], asked: &[usize]| -> anyhow::Result<Replay> {
        replay(&ready, &limits, &table(&own.columns, &rows.concat()), asked)
    };
    let rest = &own.normal[first..];
    let mut parts = Vec::new();

    let mut part = Part::new("normal, not moved");
    part.add(&run(rest, &[])?, 0);
    parts.push(part);

    let mut part = Part::new("normal, the base is moved now and then");
    let moving = run(&own.moving, &[0])?;
    part.add(&moving, 0);
    parts.push(part);
    let mut adapted = Scores::default();
    adapted.add(&moving, 0);

    let last = own.moving.last().context("an empty record")?;
    let mut part = Part::new("weight, after the moves");
    let after = run(&[&own.moving[..], &own.weight_at(last)].concat(), &[0])?;
    let from = own.moving.len();
    part.add(&after, from);
    let mut weighted = Scores::default();
    weighted.add(&after, from);
    [part.auroc_before, part.auroc_after] = adapted.against(&weighted);
    parts.push(part);
    parts.extend(begins_inside(&own, &limits, &ready, rest)?);
    parts.extend(begins_at_moved_places(
        &own, &limits, &ready, &moving, &adapted,
    )?);
    Ok(parts)
}

/// Windows that are taken after a weight began.
const TAKEN: usize = 100;

/// The weight begins after so many windows of a commissioning, with the sensor where it was trained.
fn begins_inside(
    own: &Fan,
    limits: &Adaptation,
    ready: &Ready<'_>,
    rest: &[Vec<f32>],
) -> anyhow::Result<Vec<Part>> {
    let run = |rows: &[Vec<f32>]| replay(ready, limits, &table(&own.columns, &rows.concat()), &[0]);
    let whole = usize::from(limits.settle) + usize::from(limits.windows);
    let mut normal = Scores::default();
    normal.add(&run(rest)?, 0);
    let mut parts = Vec::new();
    for inside in 1..=usize::from(limits.windows) {
        let mut part = Part::new(format!(
            "weight, from window {inside} of a commissioning on"
        ));
        let mut weighted = Scores::default();
        for begin in (0..rest.len().saturating_sub(whole)).step_by(40) {
            let before = &rest[begin..begin + usize::from(limits.settle) + inside];
            let place = &rest[begin];
            let rows = [before, &own.weight_at(place)[..TAKEN.min(own.weight.len())]].concat();
            let found = run(&rows)?;
            part.add(&found, 0);
            weighted.add(&found, whole);
        }
        [part.auroc_before, part.auroc_after] = normal.against(&weighted);
        parts.push(part);
    }
    Ok(parts)
}

/// The weight begins after each move, as soon as the commissioning is done, and in its middle: its difference to the normal windows, on top
/// of the normal windows there.
fn begins_at_moved_places(
    own: &Fan,
    limits: &Adaptation,
    ready: &Ready<'_>,
    moving: &Replay,
    adapted: &Scores,
) -> anyhow::Result<Vec<Part>> {
    let mean = |rows: &[Vec<f32>]| -> Vec<f32> {
        let count = rows.len().max(1) as f64;
        let column = |at: usize| rows.iter().map(|row| f64::from(row[at])).sum::<f64>() / count;
        (0..own.columns.len()).map(|at| column(at) as f32).collect()
    };
    let trained = mean(&own.normal);
    let mut parts = [
        "weight, at each place after its commissioning",
        "weight, at each place from the middle of it on",
    ]
    .map(Part::new);
    let mut scores = [Scores::default(), Scores::default()];
    let ends = moving.rows.iter().enumerate();
    let ends = ends.filter(|(_, row)| row.learned == Learned::Commissioned);
    for (end, _) in ends {
        let next =
            (end + 1..moving.rows.len()).find(|at| moving.rows[*at].learned.is_commissioning());
        let stretch =
            &own.moving[end + 1 - usize::from(limits.windows)..next.unwrap_or(own.moving.len())];
        let place = mean(stretch);
        let weighted = own.weight_at(&trained).into_iter().take(TAKEN).map(|row| {
            let shifted = row.iter().zip(&trained).zip(&place);
            shifted
                .map(|((x, from), to)| x - from + to)
                .collect::<Vec<f32>>()
        });
        let weighted: Vec<Vec<f32>> = weighted.collect();
        for (at, cut) in [end + 1, end + 1 - usize::from(limits.windows) / 2]
            .into_iter()
            .enumerate()
        {
            let rows = [&own.moving[..cut], &weighted].concat();
            let found = replay(ready, limits, &table(&own.columns, &rows.concat()), &[0])?;
            let judged = end + 1;
            parts[at].add(&found, judged);
            scores[at].add(&found, judged);
        }
    }
    for (part, weighted) in parts.iter_mut().zip(&scores) {
        [part.auroc_before, part.auroc_after] = adapted.against(weighted);
    }
    Ok(parts.to_vec())
}

fn fit(training: &Table, recipe: &Recipe, seed: u64) -> anyhow::Result<Model> {
    let recipe = Recipe {
        seed: Some(seed),
        ..recipe.clone()
    };
    Ok(training::fit(training, None, recipe, |_, _| true)?.model)
}

fn table(columns: &[String], values: &[f32]) -> Table {
    let rows = values.len() / columns.len().max(1);
    Table {
        columns: columns.to_vec(),
        rows,
        values: values.to_vec(),
        row_numbers: (1..=rows as u64).collect(),
        ..Table::default()
    }
}
