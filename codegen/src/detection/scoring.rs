//! One set, scored by a model trained on it and by the detectors to compare with.

use nvpico::detector::Decision;
use serde::{Deserialize, Serialize};

use super::Set;
use super::baseline::Baseline;
use super::blame::{self, Shares};
use crate::calibration::{Calibration, Method, correlated_rows};
use crate::deployed::log_probs;
use crate::fit::recipe::Recipe;
use crate::fit::split::{self, Split};
use crate::fit::training;
use crate::interrupt;
use crate::metrics::{self, Confusion};
use crate::precision::Precision;

/// What is scored on every set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scoring {
    /// Settings of the training; the seed is the run's.
    pub recipe: Recipe,
    /// Precisions that the trained model is scored in.
    pub precisions: Vec<Precision>,
    /// Detectors to compare with.
    pub baselines: Vec<Baseline>,
    /// Each row is the mean of so many rows up to it.
    pub mean_of: usize,
}

/// What a detector reached on a set; the names are those of `--json`. A figure that it does not have is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The detector.
    pub detector: String,
    /// Area under the ROC curve, from 0 to 1.
    pub auroc: Option<f64>,
    /// Average precision, from 0 to 1.
    pub auprc: Option<f64>,
    /// Mean log-density of the normal rows to test on, in nats.
    #[serde(serialize_with = "crate::output::serialize_option")]
    pub held_out_log_prob: Option<f64>,
    /// Alarms at the detector's own threshold.
    pub alarms: Option<Confusion>,
    /// Bytes of flash that its parameters take.
    pub flash_bytes: Option<usize>,
    /// Bytes of RAM that a score takes.
    pub ram_bytes: Option<usize>,
    /// The model is no better than an untrained one: training did not improve on it.
    #[serde(default)]
    pub untrained: bool,
    /// Why it has no figures.
    pub failed: Option<String>,
}

impl Scoring {
    /// Names of the detectors, the model's precisions first.
    #[must_use]
    pub fn detectors(&self) -> Vec<String> {
        let own = self
            .precisions
            .iter()
            .map(|precision| model_name(*precision));
        let others = self.baselines.iter().map(|baseline| baseline.name());
        own.chain(others).collect()
    }

    /// Trains on the set's rows and scores those to test on, in the order of [`detectors`](Self::detectors). A detector that
    /// cannot be trained has no figures, and says why. Beside them, how well features are blamed where the set says which.
    #[must_use]
    pub fn scores(&self, set: &Set, seed: u64) -> (Vec<Score>, Vec<Shares>) {
        let (mut scores, shares) = self.of_model(set, seed).unwrap_or_else(|error| {
            let failed =
                |precision: &Precision| Score::failed(model_name(*precision), format!("{error:#}"));
            (self.precisions.iter().map(failed).collect(), Vec::new())
        });
        for baseline in &self.baselines {
            scores.push(self.of_baseline(*baseline, set, seed));
        }
        (scores, shares)
    }

    fn of_model(&self, set: &Set, seed: u64) -> anyhow::Result<(Vec<Score>, Vec<Shares>)> {
        if self.precisions.is_empty() {
            return Ok(Default::default());
        }
        let recipe = Recipe {
            seed: Some(seed),
            ..self.recipe.clone()
        };
        let outcome = training::fit(&set.training, None, recipe, |_, _| !interrupt::heard())?;
        let model = outcome.model;
        // A mixture has no epochs.
        let untrained =
            model.header.provenance.best_epoch == 0 && model.header.spec.base.is_normal();
        let of = |&precision: &Precision| -> anyhow::Result<Score> {
            let ready = model.ready(Some(precision))?;
            let found = ready.score(&set.tests);
            let judge = ready.judge();
            let rows = set.tests.chunks_exact(set.dim()).zip(&found);
            let alarms: Vec<bool> = rows
                .map(|(row, score)| judge.decide(row, score) != Some(Decision::Normal))
                .collect();
            let log_probs = log_probs(&found);
            let wide: Vec<f64> = log_probs.iter().copied().map(f64::from).collect();
            Ok(Score {
                alarms: ready
                    .threshold()
                    .map(|_| Confusion::count(&alarms, &set.labels)),
                flash_bytes: Some(ready.param_bytes()),
                ram_bytes: Some(ready.workspace_bytes()),
                untrained,
                ..Score::of(
                    model_name(precision),
                    &metrics::scores(&log_probs),
                    Some(&wide),
                    &set.labels,
                )
            })
        };
        // A model with given columns has floats alone.
        let failed = |precision: &Precision, error: anyhow::Error| {
            let error = error.context("the trained model cannot be scored");
            Score::failed(model_name(*precision), format!("{error:#}"))
        };
        let precisions = self.precisions.iter();
        let scores = precisions.map(|own| of(own).unwrap_or_else(|error| failed(own, error)));
        let scores = scores.collect();
        Ok((scores, blame::of_model(&model, &self.precisions, set)?))
    }

    fn of_baseline(&self, baseline: Baseline, set: &Set, seed: u64) -> Score {
        let fitted = match baseline.fit(&set.training.values, set.dim(), seed) {
            Ok(fitted) => fitted,
            Err(reason) => return Score::failed(baseline.name(), reason),
        };
        let log_probs = fitted.log_probs(&set.tests);
        let scores = fitted.scores(&set.tests);
        let [flash, ram] = fitted.bytes();
        let threshold = self.threshold(baseline, set, seed);
        Score {
            alarms: threshold.map(|threshold| Confusion::at(&scores, &set.labels, threshold)),
            flash_bytes: Some(flash),
            ram_bytes: Some(ram),
            ..Score::of(baseline.name(), &scores, log_probs.as_deref(), &set.labels)
        }
    }

    /// A score above it is anomalous: by the rule of the model's threshold, from rows that are held out of a fit of its own.
    /// `None` where too few rows are left for it.
    fn threshold(&self, baseline: Baseline, set: &Set, seed: u64) -> Option<f64> {
        let table = &set.training;
        let settings = training::settings(table, &self.recipe).ok()?;
        let gap = correlated_rows(&table.values, set.dim());
        let split = Split::new(table.rows, settings.held_out, settings.split, gap);
        let rows = split::values(table, &split.train);
        let fitted = baseline.fit(&rows, set.dim(), seed).ok()?;
        let scores = fitted.scores(&split::values(table, &split.held_out));
        let log_probs: Vec<f32> = scores.iter().map(|score| -score as f32).collect();
        let rate = settings.false_alarm_rate;
        let calibration = Calibration::of(&log_probs, rate, Method::HeldOut)?;
        Some(-f64::from(calibration.threshold))
    }
}

fn model_name(precision: Precision) -> String {
    format!("nvpico {precision}")
}

impl Score {
    fn failed(detector: String, reason: String) -> Self {
        Self {
            failed: Some(reason),
            ..Self::of(detector, &[], None, &[])
        }
    }

    fn of(detector: String, scores: &[f64], log_probs: Option<&[f64]>, labels: &[bool]) -> Self {
        let held_out = log_probs.and_then(|log_probs| {
            let rows = log_probs.iter().zip(labels);
            let normal = rows.filter_map(|(l, anomalous)| (!anomalous).then_some(l));
            let (count, sum) = normal.fold((0, 0.0), |(count, sum), l| (count + 1, sum + l));
            // JSON has no infinity.
            (count > 0).then(|| (sum / f64::from(count)).max(f64::MIN))
        });
        Self {
            detector,
            auroc: metrics::auroc(scores, labels),
            auprc: metrics::average_precision(scores, labels),
            held_out_log_prob: held_out,
            alarms: None,
            flash_bytes: None,
            ram_bytes: None,
            untrained: false,
            failed: None,
        }
    }
}
