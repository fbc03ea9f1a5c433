//! What a model learned and what it finds in data, as plain data: the figures of a report.
//!
//! The page of `nvpico report` is drawn from [`Findings`] alone, and `--json` prints them: a figure is computed once.

mod alarm;
mod calibration;
mod density;
mod events;
mod origin;
mod pairs;
mod separation;
mod timeline;
mod versus;

use serde::Serialize;

use crate::data::Table;
use crate::deploy::Ready;
use crate::deployed::log_probs;
use crate::harness::Core;
use crate::inspection::{self, CoreCost};
use crate::output;

pub use alarm::{AlarmFindings, AlarmPromise, Episode, Marks, Stretch};
pub use calibration::{Block, Uniformity};
pub use density::{Bins, Densities, Spread};
pub use events::{Around, Event, Reading};
pub use origin::{Column, DataFacts, ModelFacts, Size};
pub use pairs::{Frames, Pairs};
pub use separation::{OperatingPoint, Separation};
pub use timeline::{Dot, Timeline};
pub use versus::{ModelFigures, OnData, density_words};

/// Seed of the rows that are drawn from the model: the same report each time.
const SEED: u64 = 1;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The model in a precision.
    pub ready: &'a Ready<'a>,
    /// Name of the model's file.
    pub name: &'a str,
    /// The rows, with or without labels.
    pub table: &'a Table,
    /// The fault of each row, where faults have names; empty otherwise.
    pub faults: &'a [Option<&'static str>],
    /// The commands that made model and report.
    pub commands: &'a [String],
}

/// All figures of a report; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// What was trained on what.
    pub model: ModelFacts,
    /// The rows that the report is about.
    pub data: DataFacts,
    /// A log-density below it is anomalous, in nats; `null` without calibration.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub threshold: Option<f32>,
    /// How the log-densities are spread.
    pub densities: Densities,
    /// The log-density in time.
    pub timeline: Timeline,
    /// What the alarm made of the rows; `null` for a model without one.
    pub alarm: Option<AlarmFindings>,
    /// The worst alarms, and what is to blame.
    pub events: Vec<Event>,
    /// Why values are not blamed; `null` where they are.
    pub no_blame: Option<String>,
    /// Rows of the data beside rows drawn from the model; `null` for maps, and where none can be drawn.
    pub pairs: Option<Pairs>,
    /// The same of maps.
    pub frames: Option<Frames>,
    /// Whether p-values of normal rows are uniform; `null` without calibration.
    pub uniformity: Option<Uniformity>,
    /// How well anomalous rows are told from normal ones; `null` without labels of both kinds.
    pub separation: Option<Separation>,
    /// What a score costs on each core, in each precision.
    pub costs: Vec<CoreCost>,
    /// The commands that made model and report.
    pub commands: Vec<String>,
}

impl Findings {
    /// Computes them.
    ///
    /// # Errors
    /// Data without rows.
    pub fn of(subject: &Subject<'_>) -> anyhow::Result<Self> {
        let Subject {
            ready,
            name,
            table,
            faults,
            commands,
        } = *subject;
        anyhow::ensure!(
            table.rows > 0,
            "the data has no rows to report on: give a file with at least one row of readings"
        );
        let scored = ready.scored(table);
        let log_probs = log_probs(&scored.scores);
        let alarm = AlarmFindings::of(ready, table, &scored, faults);
        let (events, no_blame) = events::worst(ready, table, &log_probs, alarm.as_ref());
        let labels = table.labels.as_deref();
        let blamed: Vec<&str> = events
            .iter()
            .flat_map(|event| event.blamed.iter().map(|own| own.column.as_str()))
            .collect();
        let (pairs, frames) = match ready.model.map_shape() {
            Some(shape) => (None, Frames::of(ready, table, &log_probs, shape)),
            None => (Pairs::of(ready, table, &blamed), None),
        };
        Ok(Self {
            model: ModelFacts::of(ready, name),
            data: DataFacts::of(ready, table),
            threshold: ready.threshold(),
            densities: Densities::of(&log_probs, labels, ready.threshold()),
            timeline: Timeline::of(&log_probs, labels, ready.threshold(), table.rate),
            alarm,
            events,
            no_blame,
            pairs,
            frames,
            uniformity: Uniformity::of(ready, table, &log_probs),
            separation: Separation::of(ready, table, &scored)?,
            costs: inspection::costs(&ready.model.deploy(), &Core::ALL, None),
            commands: commands.to_vec(),
        })
    }
}
