//! The coupling on a feature map: a convolutional network reads the kept values row by row, and its outputs
//! transform the other values as soon as their row is available. The network never reads transformed values, so
//! the sample can be updated in place.

use super::{factor, split_params};
use crate::arithmetic::Math;
use crate::kernel::Kernels;
#[cfg(feature = "std")]
use crate::kernel::convolution::training::weight_norm;
use crate::kernel::convolution::{NetDims, Rows, nth, residual, stack};
#[cfg(feature = "std")]
use crate::spec::ResidualForm;
use crate::spec::{Conditioner, CouplingSpec, Mask, ScaleMap, Shape};

/// Dimensions of the network of a coupling on a map.
#[inline(always)]
pub(super) fn dims(spec: &CouplingSpec<'_>, shape: Shape) -> NetDims {
    NetDims {
        shape,
        inputs: spec.net_inputs(shape),
        outputs: spec.net_outputs(shape),
        kept: spec.mask.parity(),
    }
}

/// Row `y` of the kept channels of `x`, place by place; zero at places that a checkerboard does not keep.
#[inline(always)]
pub(super) fn read<V: Kernels>(mask: Mask<'_>, shape: Shape, x: &[V], y: usize, row: &mut [V]) {
    let inputs = mask.kept(shape.channels);
    for (at, channel) in mask.kept_features(shape.channels).enumerate() {
        let line = channel.saturating_mul(shape.height).saturating_add(y);
        let values = x.get(nth(line, shape.width)).unwrap_or(&[]);
        for (column, &value) in values.iter().enumerate() {
            let Some(slot) = row.get_mut(column.saturating_mul(inputs).saturating_add(at)) else {
                return;
            };
            *slot = match mask.parity() {
                Some(parity) if y.wrapping_add(column) & 1 != parity => V::splat(0.0),
                _ => value,
            };
        }
    }
}

/// A sample that a network reads and transforms.
struct Sample<'s, V, F> {
    spec: &'s CouplingSpec<'s>,
    dims: NetDims,
    math: Math,
    rescale: &'s [f32],
    x: &'s mut [V],
    change: F,
    /// Accumulates `s`; each row is summed separately first, because short sums lose fewer digits.
    sum: &'s mut V,
}

impl<V: Kernels, F: FnMut(&mut V, Option<V>, V)> Rows<V> for Sample<'_, V, F> {
    #[inline(always)]
    fn read(&self, y: usize, row: &mut [V]) {
        read(self.spec.mask, self.dims.shape, self.x, y, row);
    }

    #[inline(always)]
    fn write(&mut self, y: usize, outputs: &[V]) {
        let NetDims { shape, .. } = self.dims;
        let map = self.spec.transform.scale_map();
        let mut sum = V::splat(0.0);
        for column in self.dims.wanted(y).within(shape.width) {
            let place = outputs.get(nth(column, self.dims.outputs)).unwrap_or(&[]);
            let Some((raw, shift)) = split_outputs(map, place) else {
                return;
            };
            let channels = self.spec.mask.transformed_features(shape.channels);
            for ((at, channel), &t) in channels.enumerate().zip(shift) {
                let line = channel.saturating_mul(shape.height).saturating_add(y);
                let index = line.saturating_mul(shape.width).saturating_add(column);
                let Some(x) = self.x.get_mut(index) else {
                    return;
                };
                let factor = factor(map, self.math, raw.get(at), self.rescale.get(at), &mut sum);
                (self.change)(x, factor, t);
            }
        }
        *self.sum = *self.sum + sum;
    }
}

/// Splits a place's outputs into raw log-scales and shifts.
#[inline(always)]
pub(super) fn split_outputs<V>(map: Option<ScaleMap>, place: &[V]) -> Option<(&[V], &[V])> {
    place.split_at_checked(match map {
        Some(_) => place.len() / 2,
        None => 0,
    })
}

/// Transforms each value as a coupling on vectors does; adds every `s` to `sum`. Returns the parameters after
/// the coupling's.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub(super) fn transform<'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    math: Math,
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    scratch: &mut [V],
    change: impl FnMut(&mut V, Option<V>, V),
    sum: &mut V,
) -> Option<&'p [f32]> {
    let (rescale, net) = split_params(spec, params, shape);
    let dims = dims(spec, shape);
    let mut sample = Sample {
        spec,
        dims,
        math,
        rescale,
        x,
        change,
        sum,
    };
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => None,
        Conditioner::Convolution(conditioner) => {
            stack::forward(conditioner, dims, net, &mut sample, scratch)
        }
        Conditioner::ResidualConvolution(conditioner) => {
            // A network in its trained form, with running statistics, is deployed first. This happens only on
            // the desktop, which folds models before scoring many samples.
            #[cfg(feature = "std")]
            if let ResidualForm::Trained { .. } = conditioner.form {
                let network = spec.network(shape);
                let (trained, rest) = net.split_at_checked(network.param_len())?;
                let deployed = weight_norm::deploy(network, trained);
                residual::forward(conditioner, dims, &deployed, &mut sample, scratch)?;
                return Some(rest);
            }
            residual::forward(conditioner, dims, net, &mut sample, scratch)
        }
    }
}
