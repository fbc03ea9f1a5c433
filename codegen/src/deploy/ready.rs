//! A model ready to score in one precision: the engine's form of it, and the decision that goes with it.

use anyhow::{Context as _, bail};
use nvpico::integer::IntegerScore;
use nvpico::{Score, ScoreError};

use super::quantize::{self, Quantized, Ranges};
use crate::calibration::{Method, Resemblance, ascending, p_value, steps};
use crate::data::Table;
use crate::deployed::{self, Deployed};
use crate::model::{IntegerParts, Model, ModelSpec};
use crate::precision::Precision;

/// The engine's form of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// In floats.
    Float(Deployed),
    /// In integers.
    Integer(Quantized),
}

/// A model in one precision.
#[derive(Clone, Debug)]
pub struct Ready<'m> {
    /// The model.
    pub model: &'m Model,
    /// Its form.
    pub engine: Engine,
}

impl Ready<'_> {
    /// The precision.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match &self.engine {
            Engine::Float(_) => Precision::F32,
            Engine::Integer(quantized) => quantized.precision,
        }
    }

    /// What records name the model by: the first bytes of its hash, and the precision.
    #[must_use]
    pub fn identity(&self) -> u32 {
        let hash = u32::from_str_radix(&self.model.hash()[..6], 16).unwrap_or_default();
        let precision = match self.precision() {
            Precision::F32 => 0,
            Precision::I16 => 16,
            Precision::I8 => 8,
        };
        hash << 8 | precision
    }

    /// Scores rows (row-major) as the chip would.
    #[must_use]
    pub fn score(&self, rows: &[f32]) -> Vec<Result<Score, ScoreError>> {
        match &self.engine {
            Engine::Float(deployed) => deployed.score(rows),
            Engine::Integer(quantized) => quantized.score(rows),
        }
    }

    /// Scores the rows of a table as the chip would, features in integers by their counts.
    #[must_use]
    pub fn score_table(&self, table: &Table) -> Vec<Result<Score, ScoreError>> {
        self.scored(table).scores
    }

    /// The same with the log-densities in the engine's steps.
    #[must_use]
    pub fn scored(&self, table: &Table) -> ScoredTable {
        let counts = table.windows.as_ref().and_then(|own| own.counts.as_ref());
        match &self.engine {
            Engine::Float(deployed) => {
                let scores = deployed.score(&table.values);
                let log_prob = |score: &Result<Score, _>| match score {
                    Ok(score) => steps(score.log_prob),
                    Err(_) => i32::MIN,
                };
                ScoredTable {
                    log_probs: scores.iter().map(log_prob).collect(),
                    scores,
                }
            }
            Engine::Integer(quantized) => {
                let scores = match counts {
                    Some(counts) => quantized.integer_scores(counts),
                    None => quantized.score_exactly(&table.values),
                };
                let log_prob = |score: &Result<IntegerScore, _>| match score {
                    Ok(score) => score.log_prob,
                    Err(_) => i32::MIN,
                };
                ScoredTable {
                    log_probs: scores.iter().map(log_prob).collect(),
                    scores: (scores.into_iter())
                        .map(|score| score.map(quantize::to_floats))
                        .collect(),
                }
            }
        }
    }

    /// Log-density of each row; -inf for an invalid one.
    #[must_use]
    pub fn log_probs(&self, rows: &[f32]) -> Vec<f32> {
        deployed::log_probs(&self.score(rows))
    }

    /// What each core must give for rows: the rows as words, and for each the bits of `log_prob`, `z_norm_sq` and
    /// `log_det`, or `None` where the engine refuses it. A row that is not finite has no counts, so no integer
    /// engine ever sees it: it is left out. Features that were computed in integers come as `counts`.
    #[must_use]
    pub fn bits_of(
        &self,
        rows: &[f32],
        counts: Option<&[i32]>,
    ) -> (Vec<u32>, Vec<Option<[u32; 3]>>) {
        let (Engine::Integer(quantized), Some(counts)) = (&self.engine, counts) else {
            return self.bits(rows);
        };
        let scores = quantized.integer_scores(counts).into_iter();
        (
            counts.iter().map(|count| count.cast_unsigned()).collect(),
            scores
                .map(|score| score.ok().map(IntegerScore::bits))
                .collect(),
        )
    }

    /// As [`bits_of`](Self::bits_of), of rows alone.
    #[must_use]
    pub fn bits(&self, rows: &[f32]) -> (Vec<u32>, Vec<Option<[u32; 3]>>) {
        match &self.engine {
            Engine::Float(deployed) => {
                let scores = deployed.score(rows).into_iter();
                (
                    rows.iter().map(|x| x.to_bits()).collect(),
                    scores.map(|score| score.ok().map(Score::bits)).collect(),
                )
            }
            Engine::Integer(quantized) => {
                let rows = rows.chunks_exact(quantized.spec.dim());
                let counts = rows.filter_map(|row| quantized.counts(row));
                let counts: Vec<i32> = counts.flatten().collect();
                let scores = quantized.integer_scores(&counts).into_iter();
                (
                    counts.iter().map(|c| c.cast_unsigned()).collect(),
                    scores
                        .map(|score| score.ok().map(IntegerScore::bits))
                        .collect(),
                )
            }
        }
    }

    /// The structure as the engine runs it.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        match &self.engine {
            Engine::Float(deployed) => &deployed.spec,
            Engine::Integer(quantized) => &quantized.spec,
        }
    }

    /// Bytes of flash that the parameters take.
    #[must_use]
    pub fn param_bytes(&self) -> usize {
        4 * match &self.engine {
            Engine::Float(deployed) => deployed.params.len(),
            Engine::Integer(quantized) => quantized.words.len(),
        }
    }

    /// Bytes of RAM that the workspace takes.
    #[must_use]
    pub fn workspace_bytes(&self) -> usize {
        let layers = self.spec().layers();
        let spec = self.spec().flow_spec(&layers);
        4 * match &self.engine {
            Engine::Float(_) => spec.workspace_len(),
            Engine::Integer(_) => spec.integer_workspace_len(),
        }
    }

    /// Log-densities of the calibration rows, ascending; empty without calibration.
    pub(super) fn calibration(&self) -> &[f32] {
        match (&self.engine, &self.model.integer) {
            (Engine::Float(_), _) => &self.model.calibration,
            (Engine::Integer(own), Some(parts)) => parts.calibration(own.precision),
            (Engine::Integer(_), None) => &[],
        }
    }

    /// A log-density below it is anomalous, in nats; `None` without calibration.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        let calibration = self.model.header.calibration?;
        match &self.engine {
            Engine::Float(_) => Some(calibration.threshold),
            Engine::Integer(_) => calibration.threshold_among(self.calibration()),
        }
    }

    /// Whether rows resemble those that the threshold was chosen on, by their log-densities in the order in which they
    /// were recorded. `None` without calibration or rows.
    #[must_use]
    pub fn resemblance(&self, log_probs: &[f32]) -> Option<Resemblance> {
        let calibration = self.model.header.calibration.as_ref()?;
        Resemblance::of(calibration, self.calibration(), log_probs)
    }

    /// The share of calibration rows (and this one) that are at most as likely: the p-value of
    /// "this row is normal". `None` without calibration.
    #[must_use]
    pub fn p_value(&self, log_prob: f32) -> Option<f64> {
        let calibration = self.calibration();
        (!calibration.is_empty()).then(|| p_value(calibration, log_prob))
    }
}

/// Scores of the rows of a table.
#[derive(Clone, Debug)]
pub struct ScoredTable {
    /// In nats.
    pub scores: Vec<Result<Score, ScoreError>>,
    /// Log-densities in steps of 2^-16 nat, those of the engine; the lowest for a row that cannot be scored.
    pub log_probs: Vec<i32>,
}

/// Log-densities of rows in every precision, in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllScores {
    /// In floats.
    pub floats: Vec<f32>,
    /// With weights of 16 and of 8 bits; `None` for a model without an integer form.
    pub integers: Option<[Vec<f32>; 2]>,
}

impl Model {
    /// The model in a precision; by default the one it was trained for.
    ///
    /// # Errors
    /// A layer that the integer engine does not have, or a model without ranges (see [`Model::find_ranges`]).
    pub fn ready(&self, precision: Option<Precision>) -> anyhow::Result<Ready<'_>> {
        let precision = precision.unwrap_or(self.header.precision);
        let deployed = self.deploy();
        if precision == Precision::F32 {
            return Ok(Ready {
                model: self,
                engine: Engine::Float(deployed),
            });
        }
        let Some(parts) = &self.integer else {
            let layers = deployed.spec.layers();
            let spec = deployed.spec.flow_spec(&layers);
            spec.validate_integer()
                .with_context(|| format!("--precision {precision}"))?;
            bail!(
                "--precision {precision} needs the ranges of the values inside the networks: give normal rows with --calibrate"
            );
        };
        let engine = Engine::Integer(Self::quantized(&deployed, precision, parts)?);
        Ok(Ready {
            model: self,
            engine,
        })
    }

    /// Checks that what is kept for integers is that of this structure.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn validate_integers(&self) -> anyhow::Result<()> {
        let Some(parts) = &self.integer else {
            return Ok(());
        };
        let deployed = self.deploy();
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        Ranges::from_values(&spec, parts.ranges.clone())
            .map(|_| ())
            .context("the model's ranges are not those of its networks")
    }

    fn quantized(
        deployed: &Deployed,
        precision: Precision,
        parts: &IntegerParts,
    ) -> anyhow::Result<Quantized> {
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        let ranges = Ranges::from_values(&spec, parts.ranges.clone())
            .context("the model's ranges are not those of its networks")?;
        Quantized::new(deployed, precision, &parts.units, &ranges)
    }

    /// Finds the units of a sample and the ranges of the networks' values on normal rows, which an integer form of the
    /// model is made from. A structure that the integer engine does not run gets none.
    pub fn find_ranges(&mut self, rows: &[f32]) {
        let deployed = self.deploy();
        let layers = deployed.spec.layers();
        if deployed.spec.flow_spec(&layers).validate_integer().is_err() {
            self.integer = None;
            return;
        }
        self.integer = Some(IntegerParts {
            units: quantize::units(&deployed, rows),
            ranges: Ranges::of(&deployed, rows).values().to_vec(),
            calibrations: [Vec::new(), Vec::new()],
        });
    }

    /// Log-densities of rows in every precision. A model whose numbers exceed the integers, such as one whose training
    /// diverged, has none in integers.
    ///
    /// # Errors
    /// None for a model that was validated.
    pub fn scores_of(&self, rows: &[f32]) -> anyhow::Result<AllScores> {
        let of = |precision| -> anyhow::Result<Vec<f32>> {
            Ok(self.ready(Some(precision))?.log_probs(rows))
        };
        let integers = self
            .integer
            .as_ref()
            .and_then(|_| Some([of(Precision::I16).ok()?, of(Precision::I8).ok()?]));
        Ok(AllScores {
            floats: of(Precision::F32)?,
            integers,
        })
    }

    /// Sets the thresholds of all precisions, from normal rows that the model did not see, in the order in which they
    /// were recorded.
    ///
    /// # Errors
    /// None for a model that was validated.
    pub fn calibrate_on(
        &mut self,
        rows: &[f32],
        false_alarm_rate: f64,
        method: Method,
    ) -> anyhow::Result<()> {
        let scores = self.scores_of(rows)?;
        self.calibrate_by(&scores, false_alarm_rate, method);
        Ok(())
    }

    /// Sets the thresholds of all precisions from scores of such rows. Without scores in integers it is left without an
    /// integer form.
    pub fn calibrate_by(&mut self, scores: &AllScores, false_alarm_rate: f64, method: Method) {
        self.calibrate(&scores.floats, false_alarm_rate, method);
        self.keep_integers(scores.integers.as_ref());
    }

    /// Scores the rows that the thresholds of integers come from.
    pub fn calibrate_integers(&mut self, rows: &[f32]) {
        let scores = self.scores_of(rows).unwrap_or_default();
        self.keep_integers(scores.integers.as_ref());
    }

    fn keep_integers(&mut self, scores: Option<&[Vec<f32>; 2]>) {
        self.integer = self.integer.take().zip(scores).map(|(parts, scores)| {
            let calibrations = [ascending(&scores[0]), ascending(&scores[1])];
            IntegerParts {
                calibrations,
                ..parts
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::small_model as model;

    #[test]
    fn p_values_count_the_row_itself() {
        let mut model = model();
        assert_eq!(model.ready(None).unwrap().p_value(0.0), None);
        model.calibrate(&[-3.0, -2.0, -1.0], 0.0, Method::GivenRows);
        let ready = model.ready(None).unwrap();
        assert_eq!(ready.p_value(-5.0), Some(0.25));
        assert_eq!(ready.p_value(-2.0), Some(0.75));
        assert_eq!(ready.p_value(9.0), Some(1.0));
    }

    #[test]
    fn integers_need_ranges_and_say_so() {
        let mut model = model();
        let error = model.ready(Some(Precision::I8)).unwrap_err().to_string();
        assert!(error.contains("--calibrate"), "{error}");
        let rows = [0.5, -0.5, 1.0, 2.0, -0.25, 0.0];
        model.find_ranges(&rows);
        model.calibrate_on(&rows, 0.0, Method::GivenRows).unwrap();
        let floats = model.ready(Some(Precision::F32)).unwrap();
        for precision in [Precision::I16, Precision::I8] {
            let ready = model.ready(Some(precision)).unwrap();
            assert_eq!(ready.precision(), precision);
            let pairs = ready
                .log_probs(&rows)
                .into_iter()
                .zip(floats.log_probs(&rows));
            for (integer, float) in pairs {
                assert!(
                    (integer - float).abs() < 0.02,
                    "{precision}: {integer} {float}"
                );
            }
            let threshold = ready.threshold().unwrap();
            assert!((threshold - floats.threshold().unwrap()).abs() < 0.02);
        }
        assert_eq!(model.validate(), Ok(()));
        for unit in [i32::MIN, -128, 127, i32::MAX] {
            let mut other = model.clone();
            other.integer.as_mut().unwrap().units[1] = unit;
            let error = other.validate().unwrap_err();
            assert!(error.contains(&format!("2^{unit}")), "{error}");
        }
    }
}
