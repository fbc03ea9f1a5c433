//! One batch: forward through the engine's kernels, keeping every activation, then the gradients.
//!
//! Rows are split into chunks of fixed size, chunks are distributed to rayon's threads, and rows of a chunk
//! fill the lanes of packets. Sums over rows run in row order within each chunk, then in chunk order, so
//! neither the number of threads nor the lane count changes a bit.
//!
//! Batch norm needs all rows at once, so it divides the layers into segments, with statistics computed in
//! between.

mod passes;

use core::ops::Range;
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use rayon::prelude::*;

use super::parametrization;
use crate::arithmetic::dispatch::{Baseline, Instructions};
#[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
use crate::arithmetic::dispatch::{Registers, registers};
use crate::arithmetic::{Lanes, Packet};
use crate::layer::batch_norm;
use crate::layer::training as layer;
use crate::spec::{FlowSpec, LayerSpec, Shape};
use passes::{Backward, Chunk, Forward, Layers, Planned, Reduce, load_chunks};

/// Rows per chunk; a multiple of every lane count. Affects the order of summation. Vectors are cheap; maps are
/// enough work for a thread with fewer rows.
fn chunk_rows(shape: Shape) -> usize {
    if shape.pixels() == 1 { 64 } else { 16 }
}

/// Computes loss and gradient of batches; owns all buffers.
pub(super) struct PackedStep<'a, const N: usize, I> {
    spec: FlowSpec<'a>,
    instructions: I,
    plan: Vec<Planned<'a>>,
    saved_len: usize,
    chunk_rows: usize,
    /// The parameters as the kernels take them, with weight normalisation resolved.
    effective: Vec<f32>,
    chunks: Vec<Chunk<N>>,
    /// Weight of the running statistics in the normalisation of a training batch.
    keep: f64,
    momentum: f64,
}

/// [`Step`] for either register width.
pub(super) trait BatchStep {
    /// Mean negative log-likelihood of `rows`, in nats, and its gradient. Updates running statistics in
    /// `params`.
    fn run(&mut self, params: &mut [f32], rows: &[f32], gradient: &mut [f32]) -> f64;
}

/// The step with the machine's vector registers, or with sixteen lanes if the flow requires them. Eight lanes
/// are compiled only for AVX2; otherwise sixteen lanes give the same bits.
pub(super) fn best<'a>(
    spec: FlowSpec<'a>,
    first: usize,
    batch: usize,
    keep: f64,
    momentum: f64,
) -> Box<dyn BatchStep + 'a> {
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    if let Registers::Eight(_) = registers()
        && !parametrization::needs_sixteen_lanes(&spec)
    {
        return narrow(spec, first, batch, keep, momentum);
    }
    wide(spec, first, batch, keep, momentum)
}

/// The step with eight lanes on any machine that has AVX2.
pub(super) fn narrow<'a>(
    spec: FlowSpec<'a>,
    first: usize,
    batch: usize,
    keep: f64,
    momentum: f64,
) -> Box<dyn BatchStep + 'a> {
    #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Box::new(PackedStep::<8, _>::new(
            spec, simd, first, batch, keep, momentum,
        ));
    }
    wide(spec, first, batch, keep, momentum)
}

/// The step with sixteen lanes on any machine.
pub(super) fn wide<'a>(
    spec: FlowSpec<'a>,
    first: usize,
    batch: usize,
    keep: f64,
    momentum: f64,
) -> Box<dyn BatchStep + 'a> {
    #[cfg(all(
        not(any(test, debug_assertions)),
        any(target_arch = "x86", target_arch = "x86_64")
    ))]
    if let Registers::Sixteen(simd) = registers() {
        return Box::new(PackedStep::<16, _>::new(
            spec, simd, first, batch, keep, momentum,
        ));
    }
    Box::new(PackedStep::<16, _>::new(
        spec, Baseline, first, batch, keep, momentum,
    ))
}

impl<'a, const N: usize, I: Instructions> PackedStep<'a, N, I> {
    /// `first` is the first layer to run: already standardised rows skip the first one.
    pub(super) fn new(
        spec: FlowSpec<'a>,
        instructions: I,
        first: usize,
        batch: usize,
        keep: f64,
        momentum: f64,
    ) -> Self {
        let dim = spec.dim();
        let (mut params, mut saved) = (0, 0);
        let mut plan = Vec::new();
        let mut scratch_len = spec.base.scratch_len(dim, spec.given());
        let mut walk = spec.walk();
        let mut index = 0;
        while let Some((layer, shape)) = walk.next() {
            let param_len = layer.param_len(shape);
            let saved_len = layer::saved_len(layer, shape);
            scratch_len = scratch_len.max(layer::scratch_len(layer, shape));
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
                base_gradient: vec![zero; dim],
                gradient: vec![0.0; spec.param_len()],
                loss: 0.0,
            })
            .collect();
        Self {
            spec,
            instructions,
            plan,
            saved_len: saved,
            chunk_rows,
            effective: vec![0.0; spec.param_len()],
            chunks,
            keep,
            momentum,
        }
    }

    /// Ranges of layers between batch norms; each except the first starts with one.
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

    /// Computes the batch statistics and map of the batch norm at `index`, and updates its running statistics.
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
        let (LayerSpec::BatchNorm(norm), Some(norm_params)) =
            (planned.layer, params.get_mut(planned.params.clone()))
        else {
            return Vec::new();
        };
        let features: Vec<_> = batch_norm::features(*norm, norm_params, channels).collect();
        let chunks = &self.chunks[..rows.div_ceil(self.chunk_rows)];
        let mut all = Vec::with_capacity(channels);
        planned.maps.clear();
        for (at, feature) in features.iter().enumerate() {
            let places = nth(at, planned.shape.pixels());
            let values = chunks
                .iter()
                .flat_map(|chunk| Chunk::column(&chunk.x, dim, places.clone(), chunk.rows));
            let statistics = batch_norm::Statistics::of(values, *feature, self.keep);
            let used = batch_norm::NormParams {
                mean: statistics.mean as f32,
                var: statistics.var as f32,
                ..*feature
            };
            planned.maps.push(batch_norm::fold(used, norm.eps));
            // An overflowing batch is skipped and must not affect the running statistics.
            let mix = |old: f32, new: f64| {
                let mixed = (self.momentum * f64::from(old) + (1.0 - self.momentum) * new) as f32;
                if mixed.is_finite() { mixed } else { old }
            };
            norm_params[at] = mix(feature.mean, statistics.batch_mean);
            norm_params[channels + at] = mix(feature.var, statistics.batch_var);
            all.push(statistics);
        }
        all
    }

    /// Gradients of the batch norm at `index`, from the output gradients in the chunks.
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
        let norm_params = &params[planned.params.clone()];
        let own_gradient = &mut gradient[planned.params.clone()];
        let features: Vec<_> = batch_norm::features(*norm, norm_params, channels).collect();
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
            // The loss is minus the mean log-density: each row's log-determinant has weight -1 / rows and
            // contains the channel's once per place.
            let channel = batch_norm::backward(
                pairs,
                *statistics,
                feature.log_scale,
                norm.eps,
                self.keep,
                -(pixels as f64),
            );
            if norm.affine {
                own_gradient[2 * channels + at] += channel.log_scale as f32;
                own_gradient[3 * channels + at] += channel.shift as f32;
            }
            planned.gradients.push(channel);
        }
    }
}

impl<const N: usize, I: Instructions> BatchStep for PackedStep<'_, N, I> {
    fn run(&mut self, params: &mut [f32], rows: &[f32], gradient: &mut [f32]) -> f64 {
        let (instructions, dim) = (self.instructions, self.spec.dim());
        let count = rows.len() / dim;
        let used = count.div_ceil(self.chunk_rows);
        parametrization::resolve(&self.spec, params, &mut self.effective);
        load_chunks(&mut self.chunks, rows, dim, count);
        let segments = self.segments();
        let mut statistics = vec![Vec::new(); segments.len()];
        for (number, segment) in segments.iter().enumerate() {
            if self.starts_with_norm(segment) {
                statistics[number] = self.normalise(segment.start, count, params);
            }
            self.forward(segment.clone(), used, number + 1 == segments.len());
        }
        for (number, segment) in segments.iter().enumerate().rev() {
            // The norm at the start of the segment first needs its output gradients from all rows.
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
        let loss = instructions.run(Reduce {
            chunks: &mut self.chunks[..used],
            gradient,
        });
        parametrization::take_statistics(&self.spec, count, self.momentum, params, gradient);
        parametrization::pull_back(&self.spec, params, gradient);
        loss
    }
}

/// Range of the `index`-th chunk of `len` values.
fn nth(index: usize, len: usize) -> Range<usize> {
    index * len..(index + 1) * len
}

impl<'a, const N: usize, I: Instructions> PackedStep<'a, N, I> {
    fn starts_with_norm(&self, segment: &Range<usize>) -> bool {
        matches!(self.plan.get(segment.start), Some(p) if matches!(p.layer, LayerSpec::BatchNorm(_)))
    }

    /// Runs a pass through several layers, chunk by chunk.
    fn each_chunk(
        &mut self,
        layers: Range<usize>,
        used: usize,
        run: impl Fn(Layers<'_, 'a>, &mut Chunk<N>) + Sync,
    ) {
        let layers = Layers {
            spec: &self.spec,
            plan: &self.plan[layers],
            params: &self.effective,
            saved_len: self.saved_len,
            keep: self.keep,
        };
        self.chunks[..used]
            .par_iter_mut()
            .for_each(|chunk| run(layers, chunk));
    }

    fn forward(&mut self, layers: Range<usize>, used: usize, last: bool) {
        let instructions = self.instructions;
        self.each_chunk(layers, used, |layers, chunk| {
            let pass = Forward {
                layers,
                chunk,
                last,
            };
            instructions.run(pass);
        });
    }

    fn backward(&mut self, layers: Range<usize>, used: usize) {
        let instructions = self.instructions;
        self.each_chunk(layers, used, |layers, chunk| {
            instructions.run(Backward { layers, chunk });
        });
    }
}
