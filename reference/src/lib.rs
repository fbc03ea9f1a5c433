//! An independent implementation of the flow in `f64`, straight from the formulas in the documents
//! of `spec`: no kernels, no panels in parallel, no saved log-determinants, no folding. Quantised models are
//! certified against it, and the engine's tests compare with it.
//!
//! It takes a whole batch through the layers, so that batch norm can be tried on the statistics of
//! the batch; a single sample is a batch of one on running statistics.

pub mod base;
pub mod coupling;
pub mod features;
mod maps;

pub use maps::order;

use nvpico::spec::{BatchNormSpec, LogitSpec, Shape};
use nvpico::{FlowSpec, LayerSpec};

/// What batch norm normalises by.
#[derive(Clone, Copy, Debug)]
pub enum Norm {
    /// The running statistics: inference.
    Running,
    /// `keep` times the running statistics and the rest from the batch: training (appendix E).
    Batch {
        /// Weight of the running statistics.
        keep: f64,
    },
}

impl Norm {
    /// Weight of the running statistics.
    fn keep(self) -> f64 {
        match self {
            Norm::Running => 1.0,
            Norm::Batch { keep } => keep,
        }
    }
}

/// Where in a network values were seen: in a row of the layers of the flow, and in a row of the stages of its
/// network. Stage 0 is the input, then comes each hidden layer after its activation, last the output; a second
/// network goes on counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Index of the coupling among the layers.
    pub layer: usize,
    /// Index of the stage.
    pub stage: usize,
}

/// Is shown the values of every stage, place after place.
pub type Watch<'w> = dyn FnMut(Stage, &[f64]) + 'w;

/// Where a sample ends up.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Every value at the place of the sample that squeezing took it from.
    pub z: Vec<f64>,
    /// `ln |det dz/dx|`
    pub log_det: f64,
    /// `log p(x)`
    pub log_prob: f64,
}

/// Single precision to double.
#[must_use]
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// One sample on running statistics.
#[must_use]
pub fn forward(spec: &FlowSpec<'_>, params: &[f64], x: &[f64]) -> Pass {
    let mut rows = vec![x.to_vec()];
    let log_det = forward_batch(spec, params, &mut rows, Norm::Running)[0];
    let z = rows.remove(0);
    let mut log_prob = log_prob(spec, params, &z, log_det);
    if let Some(second) = base::by_kernels(spec, params, x) {
        log_prob = log_prob.min(second);
    }
    Pass {
        z,
        log_det,
        log_prob,
    }
}

/// `log p(z) + log_det` (paper equation 3).
#[must_use]
pub fn log_prob(spec: &FlowSpec<'_>, params: &[f64], z: &[f64], log_det: f64) -> f64 {
    base::log_prob(spec, params, z) + log_det
}

/// All rows through all layers; each becomes its latent, every value at the place of the sample that
/// squeezing took it from. Gives the log-determinants.
pub fn forward_batch(
    spec: &FlowSpec<'_>,
    params: &[f64],
    rows: &mut [Vec<f64>],
    norm: Norm,
) -> Vec<f64> {
    forward_watched(spec, params, rows, norm, &mut |_, _| {})
}

/// [`forward_batch`], showing what the networks compute on their way (but those inside residual ones).
///
/// # Panics
/// If `params` are not those of `spec`.
pub fn forward_watched(
    spec: &FlowSpec<'_>,
    params: &[f64],
    rows: &mut [Vec<f64>],
    norm: Norm,
    watch: &mut Watch<'_>,
) -> Vec<f64> {
    let mut log_dets = vec![0.0; rows.len()];
    let mut params = params;
    let mut shape = spec.shape;
    let mut latents = vec![vec![f64::NAN; spec.dim()]; rows.len()];
    // Where the value at each position belongs.
    let mut places: Vec<usize> = (0..spec.dim()).collect();
    for (index, layer) in spec.layers.iter().enumerate() {
        let (own, rest) = params.split_at(layer.param_len(shape));
        params = rest;
        match layer {
            LayerSpec::BatchNorm(spec) => {
                batch_norm(*spec, shape, own, rows, &mut log_dets, norm);
            }
            LayerSpec::Coupling(spec) => {
                let mut seen = |stage, values: &[f64]| {
                    watch(
                        Stage {
                            layer: index,
                            stage,
                        },
                        values,
                    );
                };
                coupling::couple(
                    spec,
                    shape,
                    own,
                    rows,
                    &mut log_dets,
                    norm.keep(),
                    &mut seen,
                );
            }
            LayerSpec::Squeeze(kind) => {
                let sources = maps::squeeze(*kind, shape);
                for values in &mut *rows {
                    *values = sources.iter().map(|&from| values[from]).collect();
                }
                places = sources.iter().map(|&from| places[from]).collect();
                let [height, width] = maps::cell(*kind);
                shape.channels *= height * width;
                shape.height /= height;
                shape.width /= width;
            }
            LayerSpec::Unsqueeze(kind) => {
                let [height, width] = maps::cell(*kind);
                shape.channels /= height * width;
                shape.height *= height;
                shape.width *= width;
                let targets = maps::squeeze(*kind, shape);
                for values in &mut *rows {
                    *values = scattered(values, &targets);
                }
                places = scattered(&places, &targets);
            }
            LayerSpec::FactorOut => {
                let goes_on = shape.channels / 2 * shape.height * shape.width;
                finish(rows, &places, &mut latents, goes_on);
                places.truncate(goes_on);
                shape.channels /= 2;
            }
            _ => {
                for (x, log_det) in rows.iter_mut().zip(&mut log_dets) {
                    by_itself(layer, shape, spec.given(), own, x, log_det);
                }
            }
        }
    }
    let behind = spec.with_layers(&[]).param_len();
    assert_eq!(
        params.len(),
        behind,
        "every parameter has a layer or is the base's"
    );
    finish(rows, &places, &mut latents, 0);
    rows.clone_from_slice(&latents);
    log_dets
}

/// Value `i` to position `targets[i]`.
fn scattered<T: Copy + Default>(values: &[T], targets: &[usize]) -> Vec<T> {
    let mut moved = vec![T::default(); values.len()];
    for (&value, &target) in values.iter().zip(targets) {
        moved[target] = value;
    }
    moved
}

/// Moves the values from position `from` on to their places among the latents.
fn finish(rows: &mut [Vec<f64>], places: &[usize], latents: &mut [Vec<f64>], from: usize) {
    for (row, latent) in rows.iter_mut().zip(latents) {
        for (value, &place) in row.drain(from..).zip(&places[from..]) {
            latent[place] = value;
        }
    }
}

/// Layers that change every sample on its own. The scales of given values have no part in the log-determinant.
fn by_itself(
    layer: &LayerSpec<'_>,
    shape: Shape,
    given: usize,
    params: &[f64],
    x: &mut Vec<f64>,
    log_det: &mut f64,
) {
    let (channels, pixels) = (shape.channels, shape.height * shape.width);
    match layer {
        LayerSpec::Standardize => {
            for (index, x) in x.iter_mut().enumerate() {
                let channel = index / pixels;
                let (mean, scale) = (params[channel], params[channels + channel]);
                *x = (*x - mean) * scale;
                if index >= given {
                    *log_det += scale.ln();
                }
            }
        }
        LayerSpec::Affine => {
            for (index, x) in x.iter_mut().enumerate() {
                let channel = index / pixels;
                let (scale, shift) = (params[channel], params[channels + channel]);
                *x = *x * scale + shift;
                if index >= given {
                    *log_det += scale.abs().ln();
                }
            }
        }
        LayerSpec::Linear => {
            let (factors, bias) = params.split_at(channels * channels);
            let at = |row: usize, column: usize| factors[row * channels + column];
            let value = x.clone();
            for place in 0..pixels {
                // The product L U, entry by entry.
                for row in 0..channels {
                    let entry = |column: usize| -> f64 {
                        let inner = (0..row.min(column + 1)).map(|k| at(row, k) * at(k, column));
                        let diagonal = if row <= column { at(row, column) } else { 0.0 };
                        inner.sum::<f64>() + diagonal
                    };
                    let terms =
                        (0..channels).map(|from| entry(from) * value[from * pixels + place]);
                    x[row * pixels + place] = terms.sum::<f64>() + bias[row];
                    *log_det += at(row, row).abs().ln();
                }
            }
        }
        LayerSpec::Permutation(order) => {
            let moved = order.iter().flat_map(|&from| &x[from * pixels..][..pixels]);
            *x = moved.copied().collect();
        }
        LayerSpec::Logit(LogitSpec { alpha, levels, .. }) => {
            let (alpha, levels) = (f64::from(*alpha), f64::from(*levels));
            for x in x {
                let p = alpha + (1.0 - alpha) * (*x + 0.5) / levels;
                *x = (p / (1.0 - p)).ln();
                *log_det += ((1.0 - alpha) / levels / (p * (1.0 - p))).ln();
            }
        }
        _ => unreachable!("{layer:?}"),
    }
}

/// `y = (x - mean) / sqrt(var + eps)`, then `y * exp(log_scale) + shift`, statistics over the rows and
/// the places of a channel.
fn batch_norm(
    spec: BatchNormSpec,
    shape: Shape,
    params: &[f64],
    rows: &mut [Vec<f64>],
    log_dets: &mut [f64],
    norm: Norm,
) {
    let (channels, pixels) = (shape.channels, shape.height * shape.width);
    let (keep, count) = (norm.keep(), (rows.len() * pixels) as f64);
    for channel in 0..channels {
        let places = channel * pixels..(channel + 1) * pixels;
        let values = || rows.iter().flat_map(|row| &row[places.clone()]);
        let batch_mean = values().sum::<f64>() / count;
        let batch_var = values().map(|x| (x - batch_mean).powi(2)).sum::<f64>() / count;
        let mean = keep * params[channel] + (1.0 - keep) * batch_mean;
        let var = keep * params[channels + channel] + (1.0 - keep) * batch_var;
        let var = var + f64::from(spec.eps);
        let (log_scale, shift) = if spec.affine {
            (
                params[2 * channels + channel],
                params[3 * channels + channel],
            )
        } else {
            (0.0, 0.0)
        };
        for (row, log_det) in rows.iter_mut().zip(&mut *log_dets) {
            for x in &mut row[places.clone()] {
                *x = (*x - mean) / var.sqrt() * log_scale.exp() + shift;
                *log_det += log_scale - 0.5 * var.ln();
            }
        }
    }
}
