//! A model in floats as the chip runs it.

use std::convert::Infallible;

use nvpico::{Flow, Score, ScoreError};
use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::model::{Layer, Model, ModelSpec};

/// A model as the chip runs it: batch norms folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// The folded structure.
    pub spec: ModelSpec,
    /// Its parameters.
    pub params: Vec<f32>,
}

impl Deployed {
    /// The structure with its batch norms folded, and the parameters that folding gave.
    #[must_use]
    pub fn folded(spec: &ModelSpec, params: Vec<f32>) -> Self {
        let layers = spec.layers.iter().map(Layer::deployed).collect();
        Self {
            spec: ModelSpec {
                layers,
                ..spec.clone()
            },
            params,
        }
    }

    /// Runs `use_flow` with the validated flow.
    ///
    /// # Panics
    /// Never for a model that was loaded or built by this crate: those are validated.
    pub fn with_flow<R>(&self, use_flow: impl FnOnce(&Flow<'_>) -> R) -> R {
        let layers = self.spec.layers();
        let flow = Flow::new(self.spec.flow_spec(&layers), &self.params)
            .expect("a model is validated where it enters");
        use_flow(&flow)
    }

    /// Scores rows (row-major) as the chip would.
    #[must_use]
    pub fn score(&self, rows: &[f32]) -> Vec<Result<Score, ScoreError>> {
        self.with_flow(|flow| nvpico::batch::score(flow, rows))
    }

    /// Log-density of each row; -inf for an invalid one.
    #[must_use]
    pub fn log_probs(&self, rows: &[f32]) -> Vec<f32> {
        log_probs(&self.score(rows))
    }

    /// Draws a row at each temperature (the latent's standard deviation) and hands it on, `None` where it
    /// overflowed. The same seed draws the same rows.
    ///
    /// # Errors
    /// Those of `each`, which end it.
    pub fn draw<E>(
        &self,
        seed: u64,
        temperatures: impl IntoIterator<Item = f32>,
        mut each: impl FnMut(Option<&[f32]>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_flow(|flow| {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut scratch = vec![0.0; flow.spec().scratch_len()];
            let mut x = vec![0.0; flow.dim()];
            let standardized = matches!(self.spec.layers.first(), Some(Layer::Standardize));
            for temperature in temperatures {
                // What is given is the mean of the training rows.
                for (at, x) in x.iter_mut().take(self.spec.given).enumerate() {
                    *x = if standardized { self.params[at] } else { 0.0 };
                }
                let drawn = flow.sample(&mut random, temperature, &mut x, &mut scratch);
                let is_good = drawn.is_ok() && x.iter().all(|x| x.is_finite());
                each(is_good.then_some(&x))?;
            }
            Ok(())
        })
    }

    /// At most `count` rows at temperature 1; those that overflow are left out.
    #[must_use]
    pub fn drawn(&self, seed: u64, count: usize) -> Vec<f32> {
        let mut rows = Vec::new();
        let temperatures = std::iter::repeat_n(1.0, count);
        let Ok(()) = self.draw::<Infallible>(seed, temperatures, |row| {
            rows.extend_from_slice(row.unwrap_or_default());
            Ok(())
        });
        rows
    }
}

/// Log-densities of scores; -inf for an invalid one.
pub(crate) fn log_probs(scores: &[Result<Score, ScoreError>]) -> Vec<f32> {
    let log_prob = |score: &Result<Score, ScoreError>| match score {
        Ok(score) => score.log_prob,
        Err(_) => f32::NEG_INFINITY,
    };
    scores.iter().map(log_prob).collect()
}

impl Model {
    /// The model as the chip runs it.
    #[must_use]
    pub fn deploy(&self) -> Deployed {
        let layers = self.header.spec.layers();
        let folded = nvpico::train::fold(&self.header.spec.flow_spec(&layers), &self.params);
        Deployed::folded(&self.header.spec, folded.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::small_model;

    #[test]
    fn deployed_models_have_no_batch_norm_and_the_same_bits() {
        let model = small_model();
        let deployed = model.deploy();
        assert!(matches!(deployed.spec.layers[1], Layer::Affine));
        let layers = model.header.spec.layers();
        let flow = Flow::new(model.header.spec.flow_spec(&layers), &model.params).unwrap();
        let rows = [0.3, -0.7, 2.0, 1.0];
        assert_eq!(deployed.score(&rows), nvpico::batch::score(&flow, &rows));
    }
}
