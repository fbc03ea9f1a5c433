//! Fine-tuning through the rounding of integers: training goes on with log-densities and gradients of the
//! rounded parameters (straight-through estimator, arXiv:1308.3432), with the ranges of the trained model.
//!
//! It stops when the held-out log-density reaches that of the float model: it makes up for the rounding and does not
//! train a different model. The resulting parameters are whole steps, so the model in floats and the model in integers
//! differ by the rounding of activations only.

use nvpico::spec::Conditioner;
use nvpico::train::{self, Epoch, Rounding, TrainOptions};
use nvpico::{FlowSpec, LayerSpec};
use serde::Serialize;

use crate::deploy::quantize::{self, Ranges};
use crate::interrupt;
use crate::model::Model;
use crate::output;
use crate::precision::Precision;

/// Mean error of the held-out log-densities, in nats, below which fine-tuning is not worth the time.
const NEAR: f64 = 0.01;
/// Share of the training's learning rate: weights should find their steps, not move far.
const LEARNING_RATE: f32 = 0.003;
/// Epochs without a better held-out log-density.
const PATIENCE: usize = 10;
const PLATEAU: usize = 3;

/// The result: mean log-densities of the held-out rows in integers, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FineTuned {
    /// Before fine-tuning.
    #[serde(serialize_with = "output::serialize_number")]
    pub before: f64,
    /// After it: not below `before`.
    #[serde(serialize_with = "output::serialize_number")]
    pub after: f64,
    /// Epochs run; 0 where the loss was too small to start.
    pub epochs: usize,
}

/// Parameters in integers, with ranges as they were at the beginning.
struct Integers<'a> {
    spec: FlowSpec<'a>,
    precision: Precision,
    ranges: Ranges,
}

impl Rounding for Integers<'_> {
    fn rounded(&self, params: &[f32]) -> Option<Vec<f32>> {
        let Self {
            spec,
            precision,
            ranges,
        } = self;
        // Parameters that exceed the integers have no integer form.
        quantize::rounded(spec, params, *precision, ranges).ok()
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Fine-tunes a trained model with ranges for its own precision; `None` where that is not an integer one or the model
/// has no integer form. The model is unchanged where nothing is gained, and where its weights are normalised (the
/// paper's networks).
///
/// # Errors
/// A run that diverged, or options out of their range.
pub fn fine_tune(
    model: &mut Model,
    rows: &[f32],
    held_out: &[f32],
    options: &TrainOptions,
    mut on_epoch: impl FnMut(&Epoch) -> bool,
) -> anyhow::Result<Option<FineTuned>> {
    let precision = model.header.precision;
    let Some(parts) = model
        .integer
        .as_ref()
        .filter(|_| precision != Precision::F32)
    else {
        return Ok(None);
    };
    let log_probs = |model: &Model, precision| -> anyhow::Result<Vec<f64>> {
        let log_probs = model.ready(Some(precision))?.log_probs(held_out);
        Ok(log_probs.into_iter().map(f64::from).collect())
    };
    // A model whose numbers exceed the integers stays in floats.
    let Ok(integers) = log_probs(model, precision) else {
        return Ok(None);
    };
    let floats = log_probs(model, Precision::F32)?;
    let before = mean(integers.iter().copied());
    let mut done = FineTuned {
        before,
        after: before,
        epochs: 0,
    };
    let errors = floats.iter().zip(&integers).map(|(a, b)| (a - b).abs());
    let layers = model.header.spec.layers();
    // Their weights are normalised on the way to the integers.
    let is_normalised = |layer: &LayerSpec<'_>| {
        matches!(layer, LayerSpec::Coupling(own)
            if matches!(own.conditioner, Conditioner::ResidualConvolution(_)))
    };
    // Without couplings nothing is trained.
    let has_couplings = layers
        .iter()
        .any(|layer| matches!(layer, LayerSpec::Coupling(_)));
    if options.epochs == 0
        || mean(errors) < NEAR
        || !has_couplings
        || layers.iter().any(is_normalised)
    {
        return Ok(Some(done));
    }
    let spec = model.header.spec.flow_spec(&layers);
    let ranges = Ranges::from_values(&spec, parts.ranges.clone());
    let rounding = Integers {
        spec,
        precision,
        ranges: ranges.ok_or_else(|| anyhow::anyhow!("the ranges are not those of the model"))?,
    };
    let options = TrainOptions {
        learning_rate: options.learning_rate * LEARNING_RATE,
        patience: PATIENCE,
        plateau: PLATEAU,
        ..options.clone()
    };
    let goal = mean(floats.into_iter());
    let on_epoch = |epoch: &Epoch| on_epoch(epoch) && epoch.held_out_log_prob < goal;
    let start = model.params.clone();
    let stop = &interrupt::heard;
    let trained = train::train_rounded(
        &spec, start, rows, held_out, &options, &rounding, stop, on_epoch,
    )?;
    done.epochs = trained.epochs;
    let tuned = Model {
        params: rounding.rounded(&trained.params).unwrap_or(trained.params),
        ..model.clone()
    };
    let after = log_probs(&tuned, precision).map(|values| mean(values.into_iter()));
    if let Some(after) = after.ok().filter(|after| *after > before) {
        *model = tuned;
        done.after = after;
    }
    Ok(Some(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;
    use crate::fit::recipe::{BaseChoice, Recipe};
    use crate::fit::training::{self, Stage};
    use crate::simulate::pump::Pump;

    /// A small model of a pump, trained for a precision, and the epochs of fine-tuning.
    fn trained(precision: Precision, fine_tune: usize) -> (training::Outcome, usize) {
        let recording = Pump::new(3).record_normal(1500);
        let table = Table {
            columns: recording.names(),
            rows: recording.rows(),
            row_numbers: (1..=recording.rows() as u64).collect(),
            values: recording.values,
            ..Table::default()
        };
        let recipe = Recipe {
            couplings: Some(8),
            hidden: Some(vec![32, 32]),
            epochs: Some(30),
            learning_rate: Some(0.004),
            noise: Some(0.0),
            precision: Some(precision),
            fine_tune: Some(fine_tune),
            base: Some(BaseChoice::Normal),
            kernels: Some(0),
            folds: Some(0),
            ..Recipe::default()
        };
        let mut epochs = 0;
        let outcome = training::fit(&table, None, recipe, |stage, _| {
            epochs += usize::from(stage == Stage::FineTuning);
            true
        });
        (outcome.unwrap(), epochs)
    }

    /// The mean distance of log-densities in integers from those in floats, on rows that the model draws.
    fn distance(model: &Model) -> f64 {
        let rows = model.deploy().drawn(5, 300);
        let log_probs = |precision| model.ready(Some(precision)).unwrap().log_probs(&rows);
        let floats = log_probs(Precision::F32).into_iter();
        let pairs = floats.zip(log_probs(Precision::I8));
        mean(pairs.map(|(a, b)| f64::from(a - b).abs()))
    }

    #[test]
    fn floats_and_eight_bits_become_one_model_and_lose_nothing() {
        let (rounded, none) = trained(Precision::I8, 0);
        let (tuned, epochs) = trained(Precision::I8, 20);
        let (without, done) = (rounded.fine_tuned.unwrap(), tuned.fine_tuned.unwrap());
        println!("{done:?}, {} in floats", rounded.held_out_log_prob);
        assert!(none == 0 && epochs > 0 && done.epochs == epochs);
        // The training before is the same.
        assert_eq!(without.before.to_bits(), done.before.to_bits());
        assert!(done.after > done.before);
        let (before, after) = (distance(&rounded.model), distance(&tuned.model));
        println!("from floats: {before} before, {after} after");
        assert!(after < 0.25 * before);
    }

    #[test]
    fn what_loses_nothing_stays_as_it_is() {
        let (floats, none) = trained(Precision::F32, 20);
        assert_eq!((floats.fine_tuned, none), (None, 0));
        let (halves, none) = trained(Precision::I16, 20);
        assert_eq!(none, 0);
        assert_eq!(halves.model.params, floats.model.params);
    }
}
