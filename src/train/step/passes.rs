//! The passes of a batch over one chunk of its rows, one packet at a time.

use core::ops::Range;
use std::vec::Vec;

use pulp::NullaryFnOnce;

use crate::arithmetic::{Lanes, Math, Packet};
use crate::flow::base;
use crate::flow::batch::gather;
use crate::layer::training::{self as layer, Batch};
use crate::layer::{Place, batch_norm};
use crate::spec::{FlowSpec, LayerSpec, Shape};

/// A layer and its ranges in the flat slices.
pub(super) struct Planned<'a> {
    pub layer: &'a LayerSpec<'a>,
    /// Shapes of its input and output.
    pub shape: Shape,
    pub after: Shape,
    pub params: Range<usize>,
    /// Range in a packet's saved values.
    pub saved: Range<usize>,
    /// The map of each channel of a batch norm on the current batch.
    pub maps: Vec<batch_norm::ChannelMap>,
    /// The gradients of these maps.
    pub gradients: Vec<batch_norm::Gradient>,
}

impl Planned<'_> {
    #[inline(always)]
    fn place(&self, math: Math) -> Place {
        Place {
            math,
            input: self.shape,
            output: self.after,
        }
    }

    /// For a packet of `lanes`, with `left` rows of the chunk remaining.
    #[inline(always)]
    fn batch(&self, left: usize, lanes: usize, keep: f64) -> Batch<'_> {
        Batch {
            rows: left.min(lanes),
            keep,
            maps: &self.maps,
            gradients: &self.gradients,
        }
    }
}

/// Some rows of the batch, with everything computed from them.
pub(super) struct Chunk<const N: usize> {
    pub rows: usize,
    /// `[packet][feature]`: the sample on its way from x to z, then the gradient on its way back.
    pub x: Vec<Packet<N>>,
    /// `[packet]`
    pub log_det: Vec<Packet<N>>,
    /// `[packet]`: the weight of a row in the loss, 0 for lanes without a row.
    pub weight: Vec<Packet<N>>,
    /// `[packet][saved]`
    pub saved: Vec<Packet<N>>,
    pub scratch: Vec<Packet<N>>,
    /// `[feature]`: the gradient of the base, of one packet.
    pub base_gradient: Vec<Packet<N>>,
    pub gradient: Vec<f32>,
    pub loss: f64,
}

impl<const N: usize> Chunk<N> {
    pub fn packets(&self) -> usize {
        self.rows.div_ceil(N)
    }

    /// Values of one channel, or saved values starting at `at`: for each packet, place by place.
    pub fn column(
        values: &[Packet<N>],
        stride: usize,
        at: Range<usize>,
        rows: usize,
    ) -> impl Iterator<Item = f32> + Clone {
        values
            .chunks_exact(stride)
            .enumerate()
            .flat_map(move |(packet, values)| {
                let left = rows.saturating_sub(packet * N).min(N);
                let places = values.get(at.clone()).unwrap_or(&[]);
                places
                    .iter()
                    .flat_map(move |value| value.0.into_iter().take(left))
            })
    }
}

/// Loads rows into the lanes of the chunks.
pub(super) fn load_chunks<const N: usize>(
    chunks: &mut [Chunk<N>],
    rows: &[f32],
    dim: usize,
    count: usize,
) {
    let chunk_rows = chunks.first().map_or(N, |chunk| chunk.weight.len() * N);
    for (chunk, rows) in chunks.iter_mut().zip(rows.chunks(chunk_rows * dim)) {
        chunk.rows = rows.len() / dim;
        chunk.loss = 0.0;
        let weight = (1.0 / count as f64) as f32;
        for ((packet, rows), weights) in chunk
            .x
            .chunks_exact_mut(dim)
            .zip(rows.chunks(N * dim))
            .zip(&mut chunk.weight)
        {
            gather(rows, packet);
            let full = rows.len() / dim;
            for (lane, slot) in weights.0.iter_mut().enumerate() {
                *slot = if lane < full { weight } else { 0.0 };
            }
        }
        chunk.log_det.fill(Packet::splat(0.0));
    }
}

/// Several layers of the plan, and the inputs of a pass through them.
#[derive(Clone, Copy)]
pub(super) struct Layers<'s, 'a> {
    pub spec: &'s FlowSpec<'a>,
    pub plan: &'s [Planned<'a>],
    pub params: &'s [f32],
    pub saved_len: usize,
    pub keep: f64,
}

/// Maps x to z, keeping activations; after the last layer, computes the loss and its gradient.
pub(super) struct Forward<'s, 'a, const N: usize> {
    pub layers: Layers<'s, 'a>,
    pub chunk: &'s mut Chunk<N>,
    pub last: bool,
}

impl<const N: usize> NullaryFnOnce for Forward<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            layers,
            chunk,
            last,
        } = self;
        let Layers {
            spec,
            plan,
            params,
            saved_len,
            keep,
        } = layers;
        let (dim, packets, rows) = (spec.dim(), chunk.packets(), chunk.rows);
        // Kernels, if there are some, are behind the base and have no part in training.
        let end = spec.without_kernels().param_len();
        let of_base = end - spec.base_param_len()..end;
        let mut loss = 0.0;
        let tensors = chunk
            .x
            .chunks_exact_mut(dim)
            .zip(saved_chunks(&mut chunk.saved, saved_len))
            .zip(&mut chunk.log_det)
            .zip(&chunk.weight)
            .take(packets);
        for (packet, (((x, saved), log_det), weight)) in tensors.enumerate() {
            for planned in plan {
                layer::forward_saving(
                    planned.layer,
                    planned.place(spec.math),
                    planned.batch(rows - packet * N, N, keep),
                    &params[planned.params.clone()],
                    &mut x[..planned.shape.len()],
                    &mut saved[planned.saved.clone()],
                    &mut chunk.scratch,
                    log_det,
                );
            }
            if last {
                let own = &params[of_base.clone()];
                let norm_sq = base::norm_sq(base::judged(spec, x));
                let log_prob = base::of_latent(spec, x, &mut chunk.scratch, own, norm_sq, *log_det);
                for (&log_prob, &weight) in log_prob.0.iter().zip(&weight.0) {
                    if weight > 0.0 {
                        loss -= f64::from(log_prob) * f64::from(weight);
                    }
                }
                let slope = &mut chunk.base_gradient;
                let done = base::gradient(spec, x, &mut chunk.scratch, own, slope);
                debug_assert!(done.is_some(), "slices fit the spec");
                // d loss / d z = -weight * d log p(z) / d z
                for (x, &slope) in x.iter_mut().zip(slope.iter()) {
                    *x = -slope * *weight;
                }
            }
        }
        if last {
            chunk.loss = loss;
            chunk.gradient.fill(0.0);
        }
    }
}

/// Converts the gradient with respect to the layers' outputs to that with respect to their inputs.
pub(super) struct Backward<'s, 'a, const N: usize> {
    pub layers: Layers<'s, 'a>,
    pub chunk: &'s mut Chunk<N>,
}

impl<const N: usize> NullaryFnOnce for Backward<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { layers, chunk } = self;
        let Layers {
            spec,
            plan,
            params,
            saved_len,
            keep,
        } = layers;
        let (packets, rows) = (chunk.packets(), chunk.rows);
        let scratch = &mut chunk.scratch;
        let tensors = chunk
            .x
            .chunks_exact_mut(spec.dim())
            .zip(saved_chunks(&mut chunk.saved, saved_len))
            .zip(&chunk.weight)
            .take(packets);
        for (packet, ((x, saved), weight)) in tensors.enumerate() {
            for planned in plan.iter().rev() {
                layer::backward(
                    planned.layer,
                    planned.place(spec.math),
                    planned.batch(rows - packet * N, N, keep),
                    &params[planned.params.clone()],
                    &saved[planned.saved.clone()],
                    &mut x[..planned.shape.len()],
                    *weight,
                    &mut chunk.gradient[planned.params.clone()],
                    scratch,
                );
            }
        }
    }
}

/// Saved values, one slice per packet; empty slices for a model that saves none.
#[inline(always)]
fn saved_chunks<const N: usize>(
    saved: &mut [Packet<N>],
    saved_len: usize,
) -> impl Iterator<Item = &mut [Packet<N>]> {
    let mut rest = saved;
    core::iter::from_fn(move || {
        let (packet, after) = core::mem::take(&mut rest).split_at_mut_checked(saved_len)?;
        rest = after;
        Some(packet)
    })
}

pub(super) struct Reduce<'s, const N: usize> {
    pub chunks: &'s mut [Chunk<N>],
    pub gradient: &'s mut [f32],
}

impl<const N: usize> NullaryFnOnce for Reduce<'_, N> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let mut loss = 0.0;
        for chunk in self.chunks {
            loss += chunk.loss;
            for (sum, &term) in self.gradient.iter_mut().zip(&chunk.gradient) {
                *sum += term;
            }
        }
        loss
    }
}
