//! What to blame for rows that are not normal: the engine's search, in the model's precision, with columns and units.

use anyhow::{Context as _, bail};
use nvpico::Density;
use nvpico::detector::{self, BlameSpec, Blamed, Number};
use nvpico::integer::{self, I8, I16, IntegerFlow, Weights};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::Table;
use crate::deploy::quantize::{self, Quantized};
use crate::deploy::{Engine, Ready};
use crate::output;
use crate::precision::Precision;

/// Steps of an integer model's log-density in a nat.
const STEPS_PER_NAT: f32 = 65_536.0;

/// A column that is to blame for a row; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlamedColumn {
    /// The column, or the feature.
    pub column: String,
    /// Its value in the row; `None` where that is no number.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub value: Option<f32>,
    /// The nearest value with which the row would be normal; where there is none, that of the nearest typical reading.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub normal: Option<f32>,
    /// The log-density that the row would gain by another value, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub gain: Option<f32>,
    /// Whether the row would be normal with the normal value in place of its own.
    pub enough: bool,
}

/// What blames rows of a table.
#[derive(Clone, Copy, Debug)]
pub struct Blame<'a> {
    ready: &'a Ready<'a>,
    table: &'a Table,
    threshold: f32,
    most: usize,
}

impl<'a> Blame<'a> {
    /// For rows of a table, at most so many columns each.
    ///
    /// # Errors
    /// A model of maps, without a threshold or without the ranges of its values.
    pub fn new(ready: &'a Ready<'a>, table: &'a Table, most: usize) -> anyhow::Result<Self> {
        let [_, height, width] = ready.spec().shape.0;
        if height * width > 1 {
            bail!(
                "--blame is for models of columns; this one takes maps of {height} x {width} places: leave --blame out"
            );
        }
        let threshold = ready.threshold().context(
            "--blame needs a threshold, by which rows are normal: set one with nvpico calibrate",
        )?;
        if ready.model.value_ranges().is_empty() {
            bail!(
                "--blame needs the ranges of normal values, which this model does not have: nvpico calibrate takes them from normal rows"
            );
        }
        Ok(Self {
            ready,
            table,
            threshold,
            most,
        })
    }

    /// The columns to blame for some rows of the table, by their indices; the columns that gain most come first.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Vec<Vec<BlamedColumn>> {
        match &self.ready.engine {
            Engine::Float(deployed) => deployed.with_flow(|flow| {
                let ranges = self.ready.model.value_ranges();
                let [typical, scales] = self.typical();
                let spec = BlameSpec {
                    threshold: self.threshold,
                    ranges: &ranges,
                    given: self.ready.model.header.spec.given,
                    typical: &typical,
                    scales: &scales,
                };
                self.search(flow, &spec, rows, |row| self.table.row(row).to_vec())
                    .into_iter()
                    .zip(rows)
                    .map(|(blamed, &row)| self.named(&blamed, row, |value, _| value, |gain| gain))
                    .collect()
            }),
            Engine::Integer(quantized) if quantized.precision == Precision::I8 => {
                self.in_integers::<I8>(quantized, rows)
            }
            Engine::Integer(quantized) => self.in_integers::<I16>(quantized, rows),
        }
    }

    fn in_integers<W: Weights + Send + Sync>(
        &self,
        quantized: &Quantized,
        rows: &[usize],
    ) -> Vec<Vec<BlamedColumn>> {
        let layers = quantized.spec.layers();
        let structure = quantized.spec.flow_spec(&layers);
        let flow =
            IntegerFlow::<W>::new(structure, &quantized.words).expect("checked when it was made");
        let ranges = quantized.count_ranges(&self.ready.model.value_ranges());
        let units = &quantized.units;
        let [typical, scales] = self
            .typical()
            .map(|values| quantized.counts_of_rows(&values));
        let spec = BlameSpec {
            threshold: quantize::threshold(self.threshold),
            ranges: &ranges,
            given: self.ready.model.header.spec.given,
            typical: &typical,
            scales: &scales,
        };
        let known = self
            .table
            .windows
            .as_ref()
            .and_then(|own| own.counts.as_ref());
        let counts = |row: usize| -> Vec<i32> {
            let dim = units.len();
            if let Some(counts) = known.and_then(|counts| counts.get(row * dim..(row + 1) * dim)) {
                return counts.to_vec();
            }
            let values = self.table.row(row).iter().zip(units);
            // What is no number has no count, and lies outside every range.
            let count = |(&value, &unit)| integer::count(value, unit).unwrap_or(i32::MIN);
            values.map(count).collect()
        };
        let in_unit = |count: i32, at: usize| {
            (f64::from(count) * 2.0_f64.powi(units.get(at).copied().unwrap_or(0))) as f32
        };
        let nats = |gain: i32| match gain {
            i32::MAX => f32::INFINITY,
            gain => gain as f32 / STEPS_PER_NAT,
        };
        self.search(&flow, &spec, rows, counts)
            .into_iter()
            .zip(rows)
            .map(|(blamed, &row)| self.named(&blamed, row, in_unit, nats))
            .collect()
    }

    /// Typical readings, one after the other, and the scales of their values.
    fn typical(&self) -> [Vec<f32>; 2] {
        match &self.ready.model.header.typical {
            Some(typical) => [typical.readings.concat(), typical.scales.clone()],
            None => Default::default(),
        }
    }

    fn search<D>(
        &self,
        density: &D,
        spec: &BlameSpec<'_, D::Value>,
        rows: &[usize],
        values: impl Fn(usize) -> Vec<D::Value> + Sync,
    ) -> Vec<Vec<Blamed<D::Value>>>
    where
        D: Density<Value: Number + Default + Send + Sync> + Sync,
    {
        let buffers = || {
            let workspace = vec![D::Value::default(); density.dim() + density.workspace_len()];
            (vec![Blamed::default(); self.most], workspace)
        };
        let rows = rows.par_iter();
        rows.map_init(buffers, |(places, workspace), &row| {
            let found = detector::blame(density, spec, &values(row), places, workspace);
            // Lengths and ranges are those of the model.
            found.map(<[_]>::to_vec).unwrap_or_default()
        })
        .collect()
    }

    fn named<V: Copy>(
        &self,
        blamed: &[Blamed<V>],
        row: usize,
        in_unit: impl Fn(V, usize) -> f32,
        nats: impl Fn(V) -> f32,
    ) -> Vec<BlamedColumn> {
        let column = |found: &Blamed<V>| {
            let at = usize::from(found.index);
            let value = self.table.row(row)[at];
            BlamedColumn {
                column: self.table.columns[at].clone(),
                value: (!value.is_nan()).then_some(value),
                normal: Some(in_unit(found.normal, at)),
                gain: Some(nats(found.gain)),
                enough: found.is_enough,
            }
        };
        blamed.iter().map(column).collect()
    }
}
