//! One batch: forward through the engine's kernels with every activation kept, then the gradients.
//!
//! Rows go into chunks of a fixed number, chunks to rayon's threads, rows of a chunk into the lanes
//! of packets. Every sum over rows runs in row order within its chunk and then in chunk order, so
//! neither the number of threads nor the width of a register changes a bit.
//!
//! Batch norm needs all rows at once: it cuts the layers into segments, with the statistics taken
//! between them.

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::base;
use crate::batch::gather;
use crate::dispatch::dispatch;
use crate::lanes::{Lanes, Packet, select};
use crate::layer::coupling::training::{self as coupling, Context};
use crate::layer::{affine, batch_norm, logit, permutation, squeeze, standardize};
use crate::spec::{FlowSpec, LayerSpec, Shape};

use super::parametrization;

/// Rows of a chunk; a multiple of every lane count. Part of the arithmetic order. Vectors are soon done,
/// maps are work enough for a thread with fewer.
fn chunk_rows(shape: Shape) -> usize {
    if shape.pixels() == 1 { 64 } else { 16 }
}

/// A layer with its places in the flat slices.
struct Planned<'a> {
    layer: &'a LayerSpec<'a>,
    /// What reaches it, and what goes on.
    shape: Shape,
    after: Shape,
    params: Range<usize>,
    /// In a packet's saved values.
    saved: Range<usize>,
    /// The map of a batch norm on the current batch.
    maps: Vec<batch_norm::Folded>,
    /// Its gradients.
    gradients: Vec<batch_norm::Gradient>,
}

/// Some rows of the batch and all that is computed of them.
struct Chunk<const N: usize> {
    rows: usize,
    /// `[packet][feature]`: the sample on its way from x to z, then the gradient on its way back.
    x: Vec<Packet<N>>,
    /// `[packet]`
    log_det: Vec<Packet<N>>,
    /// `[packet]`: the weight of a row in the loss, 0 for lanes without a row.
    weight: Vec<Packet<N>>,
    /// `[packet][saved]`
    saved: Vec<Packet<N>>,
    scratch: Vec<Packet<N>>,
    gradient: Vec<f32>,
    loss: f64,
}

impl<const N: usize> Chunk<N> {
    fn packets(&self) -> usize {
        self.rows.div_ceil(N)
    }

    /// Values of one channel (saved ones from place `at`), place by place of one packet of rows after
    /// the other.
    fn column(
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

/// Computes loss and gradient of batches; owns all buffers.
pub(super) struct Step<'a, const N: usize> {
    spec: FlowSpec<'a>,
    arch: Arch,
    plan: Vec<Planned<'a>>,
    saved_len: usize,
    chunk_rows: usize,
    /// The parameters as the kernels take them: weight normalisation resolved.
    effective: Vec<f32>,
    chunks: Vec<Chunk<N>>,
    /// Weight of the running statistics in what normalises a training batch.
    keep: f64,
    momentum: f64,
}

/// [`Step`] for either register width.
pub(super) trait BatchStep {
    /// Mean negative log-likelihood of `rows` in nats and its gradient; updates running statistics
    /// in `params`.
    fn run(&mut self, params: &mut [f32], rows: &[f32], gradient: &mut [f32]) -> f64;
}

impl<'a, const N: usize> Step<'a, N> {
    /// `first` is the first layer that runs: rows that are standardised already skip that layer.
    pub(super) fn new(
        spec: FlowSpec<'a>,
        arch: Arch,
        first: usize,
        batch: usize,
        keep: f64,
        momentum: f64,
    ) -> Self {
        let dim = spec.dim();
        let (mut params, mut saved) = (0, 0);
        let mut plan = Vec::new();
        let mut scratch_len = spec.scratch_len();
        let mut walk = spec.walk();
        let mut index = 0;
        while let Some((layer, shape)) = walk.next() {
            let param_len = layer.param_len(shape);
            let saved_len = match layer {
                LayerSpec::Coupling(spec) => {
                    scratch_len = scratch_len.max(coupling::scratch_len(spec, shape));
                    coupling::saved_len(spec, shape)
                }
                LayerSpec::BatchNorm(_) | LayerSpec::Logit(_) => shape.len(),
                _ => 0,
            };
            if index >= first {
                plan.push(Planned {
                    layer,
                    shape,
                    after: walk.shape,
                    params: params..params + param_len,
                    saved: saved..saved + saved_len,
                    maps: Vec::new(),
                    gradients: Vec::new(),
                });
                saved += saved_len;
            }
            params += param_len;
            index += 1;
        }
        let chunk_rows = chunk_rows(spec.shape);
        let packets = chunk_rows / N;
        let zero = Packet::splat(0.0);
        let chunks = (0..batch.div_ceil(chunk_rows))
            .map(|_| Chunk {
                rows: 0,
                x: vec![zero; packets * dim],
                log_det: vec![zero; packets],
                weight: vec![zero; packets],
                saved: vec![zero; packets * saved],
                scratch: vec![zero; scratch_len],
                gradient: vec![0.0; spec.param_len()],
                loss: 0.0,
            })
            .collect();
        Self {
            spec,
            arch,
            plan,
            saved_len: saved,
            chunk_rows,
            effective: vec![0.0; spec.param_len()],
            chunks,
            keep,
            momentum,
        }
    }

    /// Ranges of the plan between batch norms; each but the first begins with one.
    fn segments(&self) -> Vec<Range<usize>> {
        let mut starts: Vec<usize> = vec![0];
        for (index, planned) in self.plan.iter().enumerate() {
            if index > 0 && matches!(planned.layer, LayerSpec::BatchNorm(_)) {
                starts.push(index);
            }
        }
        let ends = starts.iter().copied().skip(1).chain([self.plan.len()]);
        starts
            .iter()
            .copied()
            .zip(ends)
            .map(|(a, b)| a..b)
            .collect()
    }

    /// Statistics of the batch for the batch norm at `index`, and its map; mixes the running ones.
    fn normalise(
        &mut self,
        index: usize,
        rows: usize,
        params: &mut [f32],
    ) -> Vec<batch_norm::Statistics> {
        let dim = self.spec.dim();
        let Some(planned) = self.plan.get_mut(index) else {
            return Vec::new();
        };
        let channels = planned.shape.channels;
        let (LayerSpec::BatchNorm(norm), Some(own)) =
            (planned.layer, params.get_mut(planned.params.clone()))
        else {
            return Vec::new();
        };
        let features: Vec<_> = batch_norm::features(*norm, own, channels).collect();
        let chunks = &self.chunks[..rows.div_ceil(self.chunk_rows)];
        let mut all = Vec::with_capacity(channels);
        planned.maps.clear();
        for (at, feature) in features.iter().enumerate() {
            let places = nth(at, planned.shape.pixels());
            let values = chunks
                .iter()
                .flat_map(|chunk| Chunk::column(&chunk.x, dim, places.clone(), chunk.rows));
            let statistics = batch_norm::Statistics::of(values, *feature, self.keep);
            let used = batch_norm::Feature {
                mean: statistics.mean as f32,
                var: statistics.var as f32,
                ..*feature
            };
            planned.maps.push(batch_norm::fold(used, norm.eps));
            // An overflowing batch is left out; it must not stay in the running statistics.
            let mix = |old: f32, new: f64| {
                let mixed = (self.momentum * f64::from(old) + (1.0 - self.momentum) * new) as f32;
                if mixed.is_finite() { mixed } else { old }
            };
            own[at] = mix(feature.mean, statistics.batch_mean);
            own[channels + at] = mix(feature.var, statistics.batch_var);
            all.push(statistics);
        }
        all
    }

    /// Gradients of the batch norm at `index` from the output gradients that the chunks hold.
    fn normalise_backward(
        &mut self,
        index: usize,
        rows: usize,
        statistics: &[batch_norm::Statistics],
        params: &[f32],
        gradient: &mut [f32],
    ) {
        let (dim, stride) = (self.spec.dim(), self.saved_len);
        let planned = &mut self.plan[index];
        let Shape { channels, .. } = planned.shape;
        let pixels = planned.shape.pixels();
        let LayerSpec::BatchNorm(norm) = planned.layer else {
            return;
        };
        let own = &params[planned.params.clone()];
        let own_gradient = &mut gradient[planned.params.clone()];
        let features: Vec<_> = batch_norm::features(*norm, own, channels).collect();
        planned.gradients.clear();
        for (at, (feature, statistics)) in features.iter().zip(statistics).enumerate() {
            let places = nth(at, pixels);
            let start = planned.saved.start;
            let saved = start + places.start..start + places.end;
            let pairs = self.chunks[..rows.div_ceil(self.chunk_rows)]
                .iter()
                .flat_map(|chunk| {
                    Chunk::column(&chunk.saved, stride, saved.clone(), chunk.rows)
                        .zip(Chunk::column(&chunk.x, dim, places.clone(), chunk.rows))
                });
            // The loss is minus the mean log-density: each row's log-determinant counts -1 / rows, and
            // has the channel's as often as it has places.
            let own = batch_norm::backward(
                pairs,
                *statistics,
                feature.log_scale,
                norm.eps,
                self.keep,
                -(pixels as f64),
            );
            if norm.affine {
                own_gradient[2 * channels + at] += own.log_scale as f32;
                own_gradient[3 * channels + at] += own.shift as f32;
            }
            planned.gradients.push(own);
        }
    }
}

impl<const N: usize> BatchStep for Step<'_, N> {
    fn run(&mut self, params: &mut [f32], rows: &[f32], gradient: &mut [f32]) -> f64 {
        let (arch, dim) = (self.arch, self.spec.dim());
        let count = rows.len() / dim;
        let used = count.div_ceil(self.chunk_rows);
        parametrization::resolve(&self.spec, params, &mut self.effective);
        load_chunks(arch, &mut self.chunks, rows, dim, count);
        let segments = self.segments();
        let mut statistics = vec![Vec::new(); segments.len()];
        for (number, segment) in segments.iter().enumerate() {
            if self.starts_with_norm(segment) {
                statistics[number] = self.normalise(segment.start, count, params);
            }
            self.forward(segment.clone(), used, number + 1 == segments.len());
        }
        for (number, segment) in segments.iter().enumerate().rev() {
            // The norm at the front of the segment needs its output gradients from all rows first.
            let normed = self.starts_with_norm(segment);
            self.backward(segment.start + usize::from(normed)..segment.end, used);
            if normed {
                self.normalise_backward(
                    segment.start,
                    count,
                    &statistics[number],
                    params,
                    gradient,
                );
                self.backward(segment.start..segment.start + 1, used);
            }
        }
        let loss = dispatch::<N, _>(
            arch,
            Reduce {
                chunks: &mut self.chunks[..used],
                gradient,
            },
        );
        parametrization::take_statistics(&self.spec, count, self.momentum, params, gradient);
        parametrization::pull_back(&self.spec, params, gradient);
        loss
    }
}

/// The `index`-th part of something cut into parts of `len` values.
fn nth(index: usize, len: usize) -> Range<usize> {
    index * len..(index + 1) * len
}

impl<const N: usize> Step<'_, N> {
    fn starts_with_norm(&self, segment: &Range<usize>) -> bool {
        matches!(self.plan.get(segment.start), Some(p) if matches!(p.layer, LayerSpec::BatchNorm(_)))
    }

    /// Runs some layers forward, chunk by chunk.
    fn forward(&mut self, layers: Range<usize>, used: usize, last: bool) {
        let (arch, spec, saved_len, keep) = (self.arch, &self.spec, self.saved_len, self.keep);
        let (plan, params) = (&self.plan[layers], &self.effective[..]);
        self.chunks[..used].par_iter_mut().for_each(|chunk| {
            dispatch::<N, _>(
                arch,
                Forward {
                    spec,
                    plan,
                    params,
                    saved_len,
                    keep,
                    chunk,
                    last,
                },
            );
        });
    }

    /// Runs some layers backward, chunk by chunk.
    fn backward(&mut self, layers: Range<usize>, used: usize) {
        let (arch, spec, saved_len, keep) = (self.arch, &self.spec, self.saved_len, self.keep);
        let (plan, params) = (&self.plan[layers], &self.effective[..]);
        self.chunks[..used].par_iter_mut().for_each(|chunk| {
            dispatch::<N, _>(
                arch,
                Backward {
                    spec,
                    plan,
                    params,
                    saved_len,
                    keep,
                    chunk,
                },
            );
        });
    }
}

/// Puts rows into the chunks' lanes.
fn load_chunks<const N: usize>(
    _arch: Arch,
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

struct Forward<'s, 'a, const N: usize> {
    spec: &'s FlowSpec<'a>,
    plan: &'s [Planned<'a>],
    params: &'s [f32],
    saved_len: usize,
    keep: f64,
    chunk: &'s mut Chunk<N>,
    last: bool,
}

impl<const N: usize> NullaryFnOnce for Forward<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            spec,
            plan,
            params,
            saved_len,
            keep,
            chunk,
            last,
        } = self;
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
                    LayerSpec::Standardize => standardize::forward(shape, own, x, log_det),
                    LayerSpec::Affine => affine::forward(shape, own, x, log_det),
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

struct Backward<'s, 'a, const N: usize> {
    spec: &'s FlowSpec<'a>,
    plan: &'s [Planned<'a>],
    params: &'s [f32],
    saved_len: usize,
    keep: f64,
    chunk: &'s mut Chunk<N>,
}

impl<const N: usize> NullaryFnOnce for Backward<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            spec,
            plan,
            params,
            saved_len,
            keep,
            chunk,
        } = self;
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

struct Reduce<'s, const N: usize> {
    chunks: &'s mut [Chunk<N>],
    gradient: &'s mut [f32],
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
