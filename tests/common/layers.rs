//! Layers by themselves, through their public functions.

use nvpico::arithmetic::Packet;
use nvpico::kernel::Kernels;
use nvpico::layer::{self, Place};
use nvpico::spec::Shape;
use nvpico::{LayerSpec, Math};

/// One layer on a map of a shape.
#[derive(Clone, Copy, Debug)]
pub struct OnMap<'a> {
    pub layer: &'a LayerSpec<'a>,
    pub shape: Shape,
    pub math: Math,
}

/// One layer, x to y or back.
pub fn through<V: Kernels>(
    OnMap { layer, shape, math }: OnMap<'_>,
    params: &[f32],
    x: &mut [V],
    forward: bool,
) -> V {
    let mut log_det = V::splat(0.25);
    let mut scratch = vec![V::splat(0.0); layer.scratch_len(shape)];
    let place = Place {
        math,
        input: shape,
        output: layer.output_shape(shape).expect("the layer takes the map"),
    };
    if forward {
        let rest = layer::forward(layer, place, params, x, &mut scratch, &mut log_det);
        assert_eq!(rest, Some(&[][..]), "{layer:?}");
    } else {
        let done = layer::inverse(layer, place, params, x, &mut scratch, &mut log_det);
        assert!(done.is_some(), "{layer:?}");
    }
    log_det
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
