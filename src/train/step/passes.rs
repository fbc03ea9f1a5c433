//! The passes of a batch over one chunk of its rows, packet after packet of lanes.

use core::ops::Range;
use std::vec::Vec;

use pulp::NullaryFnOnce;

use crate::arithmetic::{Lanes, Packet, select};
use crate::flow::base;
use crate::flow::batch::gather;
use crate::layer::coupling::training::{self as coupling, Context};
use crate::layer::{affine, batch_norm, logit, permutation, squeeze, standardize};
use crate::spec::{FlowSpec, LayerSpec, Shape};

/// A layer with its places in the flat slices.
pub(super) struct Planned<'a> {
    pub layer: &'a LayerSpec<'a>,
    /// What reaches it, and what goes on.
    pub shape: Shape,
    pub after: Shape,
    pub params: Range<usize>,
    /// In a packet's saved values.
    pub saved: Range<usize>,
    /// The map of a batch norm on the current batch.
    pub maps: Vec<batch_norm::Folded>,
    /// Its gradients.
    pub gradients: Vec<batch_norm::Gradient>,
}

/// Some rows of the batch and all that is computed of them.
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
    pub gradient: Vec<f32>,
    pub loss: f64,
}

impl<const N: usize> Chunk<N> {
    pub fn packets(&self) -> usize {
        self.rows.div_ceil(N)
    }

    /// Values of one channel (saved ones from place `at`), place by place of one packet of rows after
    /// the other.
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

/// Puts rows into the chunks' lanes.
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

/// Some layers of the plan, and what a pass through them reads.
#[derive(Clone, Copy)]
pub(super) struct Layers<'s, 'a> {
    pub spec: &'s FlowSpec<'a>,
    pub plan: &'s [Planned<'a>],
    pub params: &'s [f32],
    pub saved_len: usize,
    pub keep: f64,
}

/// From x to z, activations kept; where these are the last layers, the loss and its gradient.
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
                let own = &params[planned.params.clone()];
                let saved = &mut saved[planned.saved.clone()];
                let (shape, scratch) = (planned.shape, &mut chunk.scratch);
                let x = &mut x[..shape.len()];
                match planned.layer {
                    LayerSpec::Standardize => {
                        standardize::forward(shape, own, x, log_det);
                    }
                    LayerSpec::Affine => {
                        affine::forward(shape, own, x, log_det);
                    }
                    LayerSpec::BatchNorm(_) => {
                        let mut sum = 0.0;
                        let pixels = shape.pixels();
                        let channels = x
                            .chunks_exact_mut(pixels)
                            .zip(saved.chunks_exact_mut(pixels));
                        for ((x, saved), map) in channels.zip(&planned.maps) {
                            for (x, slot) in x.iter_mut().zip(saved) {
                                *slot = *x;
                                *x = *x * Packet::splat(map.scale) + Packet::splat(map.shift);
                            }
                            sum += map.log_det;
                        }
                        *log_det = *log_det + Packet::splat(sum * pixels as f32);
                    }
                    LayerSpec::Coupling(coupling) => {
                        let context = Context {
                            math: spec.math,
                            shape,
                            rows: (rows - packet * N).min(N),
                            keep,
                        };
                        coupling::forward_saving(coupling, context, own, x, saved, log_det);
                    }
                    LayerSpec::Permutation(order) => {
                        permutation::forward(shape, order, x, scratch);
                    }
                    LayerSpec::Logit(logit) => {
                        saved.copy_from_slice(x);
                        logit::forward(*logit, x, log_det);
                    }
                    LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
                    LayerSpec::Unsqueeze(kind) => {
                        squeeze::inverse(*kind, planned.after, x, scratch);
                    }
                    LayerSpec::FactorOut => {}
                }
            }
            if last {
                let log_prob = base::log_prob(base::norm_sq(x), *log_det, dim);
                for (&log_prob, &weight) in log_prob.0.iter().zip(&weight.0) {
                    if weight > 0.0 {
                        loss -= f64::from(log_prob) * f64::from(weight);
                    }
                }
                // d loss / d z = z * weight
                for x in x.iter_mut() {
                    *x = *x * *weight;
                }
            }
        }
        if last {
            chunk.loss = loss;
            chunk.gradient.fill(0.0);
        }
    }
}

/// From the gradient with respect to what the layers give to that with respect to what they take.
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
                let own = &params[planned.params.clone()];
                let saved = &saved[planned.saved.clone()];
                let shape = planned.shape;
                let x = &mut x[..shape.len()];
                match planned.layer {
                    LayerSpec::Standardize => standardize::backward(shape, own, x),
                    LayerSpec::Affine => affine::backward(shape, own, x),
                    LayerSpec::BatchNorm(_) => {
                        let pixels = shape.pixels();
                        let channels = x.chunks_exact_mut(pixels).zip(saved.chunks_exact(pixels));
                        for ((x, saved), own) in channels.zip(&planned.gradients) {
                            for (g, &input) in x.iter_mut().zip(saved) {
                                let own = *g * Packet::splat(own.factor as f32)
                                    + Packet::splat(own.constant as f32)
                                    + input * Packet::splat(own.linear as f32);
                                // Lanes without a row have no part in the statistics.
                                *g = own.zip(*weight, |g, w| select(w > 0.0, g, 0.0));
                            }
                        }
                    }
                    LayerSpec::Coupling(coupling) => {
                        let context = Context {
                            math: spec.math,
                            shape,
                            rows: (rows - packet * N).min(N),
                            keep,
                        };
                        coupling::backward(
                            coupling,
                            context,
                            own,
                            saved,
                            x,
                            -*weight,
                            &mut chunk.gradient[planned.params.clone()],
                            scratch,
                        );
                    }
                    LayerSpec::Permutation(order) => {
                        permutation::inverse(shape, order, x, scratch);
                    }
                    LayerSpec::Logit(logit) => logit::backward(*logit, saved, x, -*weight),
                    LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, shape, x, scratch),
                    LayerSpec::Unsqueeze(kind) => {
                        squeeze::forward(*kind, planned.after, x, scratch);
                    }
                    LayerSpec::FactorOut => {}
                }
            }
        }
    }
}

/// Saved values packet by packet; a model that saves none has empty slices.
#[inline(always)]
fn saved_chunks<const N: usize>(
    saved: &mut [Packet<N>],
    saved_len: usize,
) -> impl Iterator<Item = &mut [Packet<N>]> {
    let mut rest = saved;
    core::iter::from_fn(move || {
        let (own, after) = core::mem::take(&mut rest).split_at_mut_checked(saved_len)?;
        rest = after;
        Some(own)
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
            for (sum, &own) in self.gradient.iter_mut().zip(&chunk.gradient) {
                *sum += own;
            }
        }
        loss
    }
}
