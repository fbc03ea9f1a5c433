//! A multi-layer perceptron: a sequence of dense layers, the last one linear; and its gradients.
//!
//! [`forward_saving`] keeps the hidden layers and the outputs, [`backward`] reads them.

use core::mem;

use super::ping_pong::PingPong;
use super::{Kernels, dense};
use crate::spec::DenseSpec;

/// Runs the network on the current `values`, replacing them with the outputs. The last hidden layer and the
/// output layer are fused into one pass. Returns the parameters after the network's.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    net: &DenseSpec<'_>,
    outputs: usize,
    params: &'p [f32],
    values: &mut PingPong<'_, V>,
) -> Option<&'p [f32]> {
    let (mut params, mut hidden) = (params, net.hidden);
    loop {
        // A stored hidden layer; the last hidden layer fused with the outputs; or the outputs alone.
        let (width, between) = match *hidden {
            [width, _, ..] => (width, None),
            [width] => (outputs, Some(width)),
            [] => (outputs, None),
        };
        params = values.step(width, |input, output| {
            if let Some(between) = between {
                V::dense_pair(params, input, between, output, net.activation)
            } else {
                let activation = (!hidden.is_empty()).then_some(net.activation);
                dense::forward(params, input, output, activation)
            }
        })?;
        match hidden {
            [_, rest @ ..] if !rest.is_empty() => hidden = rest,
            _ => return Some(params),
        }
    }
}

/// Like [`forward`] on `input`, but keeps every layer in `saved`, in order, ending with the outputs.
#[inline(always)]
pub(crate) fn forward_saving<V: Kernels>(
    net: &DenseSpec<'_>,
    params: &[f32],
    input: &[V],
    saved: &mut [V],
) -> Option<()> {
    let mut params = params;
    let mut input: &[V] = input;
    let mut saved = saved;
    for &width in net.hidden {
        let (layer_params, rest) = params.split_at_checked(dense::param_len(input.len(), width))?;
        let (output, after) = saved.split_at_mut_checked(width)?;
        dense::forward(layer_params, input, output, Some(net.activation));
        params = rest;
        input = output;
        saved = after;
    }
    dense::forward(params, input, saved, None);
    Some(())
}

/// Inputs of a network's backward pass.
#[derive(Clone, Copy)]
pub(crate) struct Tensors<'s, V> {
    pub params: &'s [f32],
    pub input: &'s [V],
    /// Values kept by the forward pass.
    pub saved: &'s [V],
}

/// Backward pass, last layer first. Adds to `param_gradient`, if given; returns the slice that holds the
/// gradient of the inputs. `scratch` holds twice the widest layer.
#[inline(always)]
pub(crate) fn backward<'w, V: Kernels>(
    net: &DenseSpec<'_>,
    tensors: Tensors<'_, V>,
    output_gradient: &[V],
    param_gradient: Option<&mut [f32]>,
    scratch: &'w mut [V],
) -> Option<&'w [V]> {
    let Tensors {
        mut params,
        input: net_input,
        saved,
    } = tensors;
    let mut width = output_gradient.len();
    let mut saved = saved.get(..saved.len().checked_sub(width)?)?;
    let (mut source, mut target) = scratch.split_at_mut_checked(scratch.len() / 2)?;
    for (slot, &g) in source.iter_mut().zip(output_gradient) {
        *slot = g;
    }
    let mut param_gradient = param_gradient;
    for &below in net.hidden.iter().rev() {
        let len = dense::param_len(below, width);
        let (rest, layer_params) = params.split_at_checked(params.len().checked_sub(len)?)?;
        let (rest_gradient, own_gradient) = dense::split_end(param_gradient, len)?;
        let (before, input) = saved.split_at_checked(saved.len().checked_sub(below)?)?;
        let (output_gradient, input_gradient) = (source.get(..width)?, target.get_mut(..below)?);
        dense::backward(
            layer_params,
            input,
            output_gradient,
            own_gradient,
            input_gradient,
        );
        dense::backward_activation(input, input_gradient, net.activation);
        (params, param_gradient, saved, width) = (rest, rest_gradient, before, below);
        mem::swap(&mut source, &mut target);
    }
    let (output_gradient, input_gradient) =
        (source.get(..width)?, target.get_mut(..net_input.len())?);
    dense::backward(
        params,
        net_input,
        output_gradient,
        param_gradient,
        input_gradient,
    );
    Some(input_gradient)
}
