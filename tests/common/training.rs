//! Training as the tests run it.

use nvpico::FlowSpec;
use nvpico::train::{Epoch, TrainOptions, Trained, init, train};

/// Trains from the first parameters; the run and all its epochs.
pub fn run(
    spec: &FlowSpec<'_>,
    rows: &[f32],
    held_out: &[f32],
    options: &TrainOptions,
) -> (Trained, Vec<Epoch>) {
    let mut epochs = Vec::new();
    let start = init(spec, rows, options.seed);
    let trained = train(spec, start, rows, held_out, options, |epoch| {
        epochs.push(*epoch);
        true
    });
    (trained.expect("trains"), epochs)
}
