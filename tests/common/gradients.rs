//! Gradients of layers by central differences of the reference.

use super::models::{self, Random};
use super::reference::{self, Norm, central_differences, wide};
use super::tolerance::{GRADIENT, GRADIENT_FLOOR, of_tensor};
use nvpico::kernel::Kernels;
use nvpico::layer::coupling::gradient::{self, Context};
use nvpico::spec::{CouplingSpec, Shape};
use nvpico::{FlowSpec, LayerSpec, Math};

/// The largest error of some tensors; fails above the tolerance.
#[derive(Default)]
pub struct Largest(pub f64);

impl Largest {
    pub fn compare(&mut self, what: &str, found: &[f64], expected: &[f64]) {
        let error = of_tensor(found, expected, GRADIENT_FLOOR);
        assert!(
            error <= GRADIENT,
            "{what}: {error:e}\nfound    {found:?}\nexpected {expected:?}"
        );
        self.0 = self.0.max(error);
    }
}

/// A row in each lane, `[feature]` packets.
pub fn pack<V: Kernels>(rows: &[Vec<f32>]) -> Vec<V> {
    assert_eq!(rows.len(), V::COUNT, "a row for each lane");
    (0..rows[0].len())
        .map(|index| {
            let mut packet = V::splat(0.0);
            for (lane, row) in packet.as_lanes_mut().iter_mut().zip(rows) {
                *lane = row[index];
            }
            packet
        })
        .collect()
}

/// The values of one lane.
pub fn lane<V: Kernels>(packets: &[V], lane: usize) -> Vec<f64> {
    let value = |packet: &V| f64::from(packet.as_lanes()[lane]);
    packets.iter().map(value).collect()
}

pub fn random_rows(random: &mut Random, count: usize, dim: usize) -> Vec<Vec<f32>> {
    (0..count).map(|_| random.normals(dim)).collect()
}

pub fn dot(a: &[f64], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum()
}

/// The loss of one layer on a batch, by the reference: `c` is the weight of each row's
/// log-determinant.
pub fn weighted(
    spec: &FlowSpec<'_>,
    params: &[f64],
    x: &[Vec<f64>],
    (w, c): (&[Vec<f32>], &[f32]),
    norm: Norm,
) -> f64 {
    let mut rows = x.to_vec();
    let log_dets = reference::forward_batch(spec, params, &mut rows, norm);
    let outputs: f64 = rows.iter().zip(w).map(|(y, w)| dot(y, w)).sum();
    outputs + dot(&log_dets, c)
}

/// Gradients of a coupling for samples in every lane.
pub fn check_coupling<V: Kernels>(
    own: CouplingSpec<'static>,
    shape: Shape,
    random: &mut Random,
) -> f64 {
    let flow = models::on(shape, vec![LayerSpec::Coupling(own)]);
    let dim = shape.len();
    let params = models::params(&flow, random);
    let (x, w) = (
        random_rows(random, V::COUNT, dim),
        random_rows(random, V::COUNT, dim),
    );
    let c = random.normals(V::COUNT);

    let context = Context {
        math: Math::Libm,
        shape,
        rows: V::COUNT,
        keep: 1.0,
    };
    let mut packets: Vec<V> = pack(&x);
    let mut saved = vec![V::splat(0.0); gradient::saved_len(&own, shape)];
    let mut log_det = V::splat(0.0);
    gradient::forward_saving(
        &own,
        context,
        &params,
        &mut packets,
        &mut saved,
        &mut log_det,
    );
    let mut gradient: Vec<V> = pack(&w);
    let mut log_det_gradient = V::splat(0.0);
    log_det_gradient.as_lanes_mut().copy_from_slice(&c);
    // Backward adds to parameter gradients; what was there must stay.
    let mut param_gradient = vec![0.5; params.len()];
    // What other layers left in the scratch must not matter.
    let mut scratch = vec![V::splat(7.0); gradient::scratch_len(&own, shape)];
    gradient::backward(
        &own,
        context,
        &params,
        &saved,
        &mut gradient,
        log_det_gradient,
        Some(&mut param_gradient),
        &mut scratch,
    );

    let mut largest = Largest::default();
    let (params, x): (_, Vec<_>) = (wide(&params), x.iter().map(|x| wide(x)).collect());
    for (at, row) in x.iter().enumerate() {
        let expected = central_differences(row, |x| {
            let (x, w) = ([x.to_vec()], &w[at..=at]);
            weighted(&flow, &params, &x, (w, &c[at..=at]), Norm::Running)
        });
        let what = format!("input of {own:?}");
        largest.compare(&what, &lane(&gradient, at), &expected);
    }
    let expected = central_differences(&params, |params| {
        weighted(&flow, params, &x, (&w, &c), Norm::Running)
    });
    let found: Vec<f64> = param_gradient.iter().map(|&g| f64::from(g) - 0.5).collect();
    let (at, nets) = (own.rescale_len(shape), own.net_count());
    largest.compare("rescale", &found[..at], &expected[..at]);
    let net_len = (params.len() - at) / nets;
    let nets = found[at..]
        .chunks(net_len)
        .zip(expected[at..].chunks(net_len));
    for (found, expected) in nets {
        largest.compare(&format!("net of {own:?}"), found, expected);
    }
    largest.0
}
