//! A batch norm inside a network, one channel at a time, over the places of a map and the rows of a packet.

use crate::arithmetic::elementary::double;
use crate::kernel::Kernels;

/// Inputs of a norm other than the values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GhostBatch {
    /// Number of lanes that hold a row.
    pub rows: usize,
    /// Weight of the running statistics.
    pub keep: f64,
}

/// One channel of a norm.
#[derive(Clone, Copy)]
pub(super) struct ChannelNorm {
    running_mean: f64,
    running_var: f64,
    scale: f64,
    shift: f64,
    channels: usize,
    channel: usize,
}

/// The map `x * scale + shift`, and the statistics behind it.
#[derive(Clone, Copy)]
struct NormMap {
    scale: f64,
    shift: f64,
    mean: f64,
    inverse: f64,
}

impl ChannelNorm {
    pub(super) fn of(params: &[f32], channels: usize, channel: usize) -> Option<Self> {
        let value = |part: usize| params.get(part * channels + channel).map(|&v| f64::from(v));
        Some(Self {
            running_mean: value(0)?,
            running_var: value(1)?,
            scale: value(2)?,
            shift: value(3)?,
            channels,
            channel,
        })
    }

    fn values<V>(self, map: &[V]) -> impl Iterator<Item = &V> + Clone {
        map.iter().skip(self.channel).step_by(self.channels)
    }

    fn values_mut<V>(self, map: &mut [V]) -> impl Iterator<Item = &mut V> {
        map.iter_mut().skip(self.channel).step_by(self.channels)
    }

    /// Mean and biased variance over places and the lanes that hold a row.
    fn measure<V: Kernels>(self, map: &[V], rows: usize) -> (f64, f64) {
        let (mut count, mut sum) = (0.0, 0.0);
        for value in self.values(map) {
            for &lane in value.as_lanes().iter().take(rows) {
                sum += f64::from(lane);
                count += 1.0;
            }
        }
        let mean = sum / count;
        let mut squares = 0.0;
        for value in self.values(map) {
            for &lane in value.as_lanes().iter().take(rows) {
                let deviation = f64::from(lane) - mean;
                squares += deviation * deviation;
            }
        }
        (mean, squares / count)
    }

    fn map(self, (batch_mean, batch_var): (f32, f32), eps: f32, keep: f64) -> NormMap {
        let mean = keep * self.running_mean + (1.0 - keep) * f64::from(batch_mean);
        let var = keep * self.running_var + (1.0 - keep) * f64::from(batch_var);
        let inverse = 1.0 / double::sqrt(var + f64::from(eps));
        let scale = self.scale * inverse;
        NormMap {
            scale,
            shift: self.shift - mean * scale,
            mean,
            inverse,
        }
    }

    /// Normalises `input` to `output`; returns the batch's mean and variance.
    pub(super) fn forward<V: Kernels>(
        self,
        eps: f32,
        statistics: GhostBatch,
        input: &[V],
        output: &mut [V],
    ) -> (f32, f32) {
        let (mean, var) = self.measure(input, statistics.rows);
        let batch = (mean as f32, var as f32);
        let map = self.map(batch, eps, statistics.keep);
        let (scale, shift) = (V::splat(map.scale as f32), V::splat(map.shift as f32));
        for (out, &x) in self.values_mut(output).zip(self.values(input)) {
            *out = x * scale + shift;
        }
        batch
    }

    /// Converts the gradient with respect to the output to that with respect to `input`. Returns the
    /// contribution to the parameters' gradient: in place of the running statistics, the batch's mean and
    /// variance times its number of rows; then the gradients of scale and shift.
    pub(super) fn backward<V: Kernels>(
        self,
        eps: f32,
        statistics: GhostBatch,
        batch: (f32, f32),
        input: &[V],
        gradient: &mut [V],
    ) -> [f64; 4] {
        let GhostBatch { rows, keep } = statistics;
        let map = self.map(batch, eps, keep);
        let (mut count, mut sum, mut moment) = (0.0, 0.0, 0.0);
        for (x, g) in self.values(input).zip(self.values(gradient)) {
            for (&x, &g) in x.as_lanes().iter().zip(g.as_lanes()).take(rows) {
                count += 1.0;
                sum += f64::from(g);
                moment += f64::from(g) * (f64::from(x) - map.mean);
            }
        }
        // The running part of the statistics is constant.
        let mean_gradient = -sum * map.scale * (1.0 - keep);
        let var_gradient = -0.5 * moment * map.scale * map.inverse * map.inverse * (1.0 - keep);
        let linear = 2.0 * var_gradient / count;
        let constant = mean_gradient / count - linear * f64::from(batch.0);
        let [factor, constant, linear] =
            [map.scale, constant, linear].map(|value| V::splat(value as f32));
        for (g, &x) in self.values_mut(gradient).zip(self.values(input)) {
            *g = *g * factor + constant + x * linear;
            // Lanes without a row do not contribute to the statistics.
            for lane in g.as_lanes_mut().iter_mut().skip(rows) {
                *lane = 0.0;
            }
        }
        let rows = rows as f64;
        [
            f64::from(batch.0) * rows,
            f64::from(batch.1) * rows,
            moment * map.inverse,
            sum,
        ]
    }
}
