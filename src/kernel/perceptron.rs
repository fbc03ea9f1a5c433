//! A multi-layer perceptron: dense layers one after the other, the last one linear.

use super::ping_pong::PingPong;
use super::{Kernels, dense};
use crate::spec::DenseSpec;

/// Runs the network on the current `values`, which become its outputs; the last hidden layer and the
/// outputs are one pass. Returns the parameters behind the network's.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    net: &DenseSpec<'_>,
    outputs: usize,
    params: &'p [f32],
    values: &mut PingPong<'_, V>,
) -> Option<&'p [f32]> {
    let (mut params, mut hidden) = (params, net.hidden);
    loop {
        // A hidden layer that is stored, the last one with the outputs, or the outputs alone.
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
