//! Layers by themselves, through their public functions.

use nvpico::lanes::{Lanes, Packet};
use nvpico::layer::{affine, batch_norm, coupling, logit, permutation, squeeze, standardize};
use nvpico::spec::{CouplingSpec, Shape};
use nvpico::{LayerSpec, Math};

/// One layer on a map of a shape.
#[derive(Clone, Copy, Debug)]
pub struct OnMap<'a> {
    pub layer: &'a LayerSpec<'a>,
    pub shape: Shape,
    pub math: Math,
}

/// One layer, x to y or back, by its public functions.
pub fn through<V: Lanes>(
    OnMap { layer, shape, math }: OnMap<'_>,
    params: &[f32],
    x: &mut [V],
    forward: bool,
) -> V {
    let mut log_det = V::splat(0.25);
    let mut scratch = vec![V::splat(0.0); layer.scratch_len(shape)];
    let after = layer.output_shape(shape).expect("the layer takes the map");
    match (layer, forward) {
        (LayerSpec::Standardize, true) => {
            standardize::forward(shape, params, x, &mut log_det);
        }
        (LayerSpec::Standardize, false) => standardize::inverse(shape, params, x, &mut log_det),
        (LayerSpec::Affine, true) => {
            affine::forward(shape, params, x, &mut log_det);
        }
        (LayerSpec::Affine, false) => affine::inverse(shape, params, x, &mut log_det),
        (LayerSpec::BatchNorm(own), true) => {
            batch_norm::forward(*own, shape, params, x, &mut log_det);
        }
        (LayerSpec::BatchNorm(own), false) => {
            batch_norm::inverse(*own, shape, params, x, &mut log_det);
        }
        // Kernels are inlined, and without optimisation each has its own part of the stack frame.
        (LayerSpec::Coupling(_), true) => {
            let couple = |own: &CouplingSpec<'_>| {
                coupling::forward(own, math, shape, params, x, &mut scratch, &mut log_det);
            };
            in_a_frame_of_its_own(layer, couple);
        }
        (LayerSpec::Coupling(_), false) => {
            let couple = |own: &CouplingSpec<'_>| {
                coupling::inverse(own, math, shape, params, x, &mut scratch, &mut log_det);
            };
            in_a_frame_of_its_own(layer, couple);
        }
        (LayerSpec::Permutation(order), true) => {
            permutation::forward(shape, order, x, &mut scratch);
        }
        (LayerSpec::Permutation(order), false) => {
            permutation::inverse(shape, order, x, &mut scratch);
        }
        (LayerSpec::Logit(own), true) => logit::forward(*own, x, &mut log_det),
        (LayerSpec::Logit(own), false) => logit::inverse(*own, math, x, &mut log_det),
        (LayerSpec::Squeeze(kind), true) => squeeze::forward(*kind, shape, x, &mut scratch),
        (LayerSpec::Squeeze(kind), false) => squeeze::inverse(*kind, shape, x, &mut scratch),
        (LayerSpec::Unsqueeze(kind), true) => squeeze::inverse(*kind, after, x, &mut scratch),
        (LayerSpec::Unsqueeze(kind), false) => squeeze::forward(*kind, after, x, &mut scratch),
        (LayerSpec::FactorOut, _) => {}
    }
    log_det
}

#[inline(never)]
fn in_a_frame_of_its_own(layer: &LayerSpec<'_>, couple: impl FnOnce(&CouplingSpec<'_>)) {
    if let LayerSpec::Coupling(own) = layer {
        couple(own);
    }
}

/// Different samples in the lanes of a packet against each of them alone.
pub fn assert_same_lanes<const N: usize>(
    layer: OnMap<'_>,
    params: &[f32],
    samples: &[f32],
    forward: bool,
) {
    let dim = samples.len() / N;
    let mut packets: Vec<Packet<N>> = (0..dim)
        .map(|index| Packet(std::array::from_fn(|lane| samples[lane * dim + index])))
        .collect();
    let log_det = through(layer, params, &mut packets, forward);
    for (lane, sample) in samples.chunks_exact(dim).enumerate() {
        let mut alone = sample.to_vec();
        let log_det_alone = through(layer, params, &mut alone, forward);
        let together: Vec<f32> = packets.iter().map(|packet| packet.0[lane]).collect();
        assert_eq!(
            super::bits(&together),
            super::bits(&alone),
            "lane {lane} of {N}, {layer:?}"
        );
        assert_eq!(
            log_det.0[lane].to_bits(),
            log_det_alone.to_bits(),
            "lane {lane} of {N}, {layer:?}"
        );
    }
}
