//! A multi-layer perceptron: a sequence of dense layers, the last one linear.

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
