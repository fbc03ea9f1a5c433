//! What the tests of the engine share: models to try, an independent reference, the tolerances.

pub mod agreement;
pub mod gradients;
pub mod layers;
pub mod models;
pub mod reference;
pub mod scores;
pub mod shared;
pub mod tolerance;
pub mod training;

use nvpico::{Flow, FlowSpec, Score};

/// A score with memory of its own; panics where the engine gives an error.
pub fn score(flow: &Flow<'_>, x: &[f32]) -> Score {
    let mut workspace = vec![0.0; flow.spec().workspace_len()];
    flow.score(x, &mut workspace).expect("the sample is valid")
}

/// The latent of `x` and the log-determinant on the way there.
pub fn forward(flow: &Flow<'_>, x: &[f32]) -> (Vec<f32>, f32) {
    let mut z = x.to_vec();
    let mut scratch = vec![0.0; flow.spec().scratch_len()];
    let log_det = flow.forward(&mut z, &mut scratch).expect("x is valid");
    (z, log_det)
}

/// The sample of `z` and the log-determinant on the way there.
pub fn inverse(flow: &Flow<'_>, z: &[f32]) -> (Vec<f32>, f32) {
    let mut x = z.to_vec();
    let mut scratch = vec![0.0; flow.spec().scratch_len()];
    let log_det = flow.inverse(&mut x, &mut scratch).expect("z is valid");
    (x, log_det)
}

/// A validated flow; panics with the engine's reason where it refuses.
pub fn flow<'a>(spec: FlowSpec<'a>, params: &'a [f32]) -> Flow<'a> {
    Flow::new(spec, params).expect("the model is valid")
}

/// Bits of values, to compare without tolerance.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
