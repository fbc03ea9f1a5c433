//! Rows a second on the desktop: training, scoring in batches, one score.
//!
//! ```text
//! cargo bench --features std
//! ```
//!
//! The model has 8 features and 6 couplings with one net of 64-64 each; training runs whole epochs over
//! 20,000 rows in batches of 256, scoring takes 10,000 rows at a time. Both use all processors.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nvpico::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform,
};
use nvpico::train::{TrainOptions, init, train};
use nvpico::{Flow, FlowSpec, LayerSpec, batch};
use rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const DIM: usize = 8;
const HIDDEN: &[usize] = &[64, 64];
const TRAIN_ROWS: usize = 20_000;
const SCORE_ROWS: usize = 10_000;

const fn coupling(mask: Mask<'static>) -> LayerSpec<'static> {
    LayerSpec::Coupling(CouplingSpec::new(
        mask,
        Transform::Affine(ScaleMap::ClampedTanh { clamp: 2.0 }),
        Conditioner::Dense(DenseSpec::new(HIDDEN, Activation::Relu)),
    ))
}

const SPEC: FlowSpec<'static> = FlowSpec::new(
    Shape::vector(DIM),
    &[
        LayerSpec::Standardize,
        coupling(Mask::FirstHalf),
        coupling(Mask::SecondHalf),
        coupling(Mask::FirstHalf),
        coupling(Mask::SecondHalf),
        coupling(Mask::FirstHalf),
        coupling(Mask::SecondHalf),
    ],
);

fn rows(count: usize) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let normal = |_| StandardNormal.sample(&mut random);
    (0..count * DIM).map(normal).collect()
}

fn training(c: &mut Criterion) {
    let rows = rows(TRAIN_ROWS);
    let held_out = &rows[..DIM];
    let start = init(&SPEC, &rows, 1);
    let options = |noise| TrainOptions {
        epochs: 1,
        noise,
        ..TrainOptions::default()
    };
    let mut group = c.benchmark_group("train");
    group.throughput(Throughput::Elements(TRAIN_ROWS as u64));
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(10));
    for (name, noise) in [("epoch", 0.0), ("epoch with input noise", 0.05)] {
        let options = options(noise);
        group.bench_function(name, |b| {
            b.iter(|| train(&SPEC, start.clone(), &rows, held_out, &options, |_| true));
        });
    }
    group.finish();
}

fn scoring(c: &mut Criterion) {
    let rows = rows(SCORE_ROWS);
    let params = init(&SPEC, &rows, 1);
    let flow = Flow::new(SPEC, &params).expect("the spec is valid");
    let mut group = c.benchmark_group("score");
    group.throughput(Throughput::Elements(SCORE_ROWS as u64));
    group.bench_function("batch", |b| {
        b.iter(|| batch::score(&flow, black_box(&rows)));
    });
    group.throughput(Throughput::Elements(1));
    let mut workspace = [0.0; SPEC.workspace_len()];
    group.bench_function("one row", |b| {
        b.iter(|| flow.score(black_box(&rows[..DIM]), &mut workspace));
    });
    group.finish();
}

criterion_group!(benches, training, scoring);
criterion_main!(benches);
