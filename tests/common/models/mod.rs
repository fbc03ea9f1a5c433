//! Models to try: every kind of layer with random parameters, and whole flows of them.
//!
//! Specs borrow their lists; those made here live as long as the test program.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use nvpico::base::standard_normal;
use nvpico::spec::{
    Activation, BaseSpec, BatchNormSpec, Conditioner, CouplingSpec, DenseSpec, Mask, MixtureSpec,
    Nets, ResidualDenseSpec, ScaleMap, Shape, Spread, Transform,
};
use nvpico::{FlowSpec, LayerSpec, Math};

pub mod maps;
mod params;

pub use params::params;

/// The smallest, odd and even ones, and both sides of a packet's lanes.
pub const DIMS: [usize; 6] = [2, 3, 5, 8, 16, 17];

/// Hidden layers: none to three, with widths of one panel, several, and every remainder.
pub const HIDDEN: [&[usize]; 4] = [&[], &[35], &[6, 11], &[8, 17, 5]];

/// Those that every back end knows first.
pub const TRANSFORMS: [Transform; 9] = [
    Transform::Additive,
    Transform::Affine(ScaleMap::RescaledTanh),
    Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.3 }),
    Transform::Affine(ScaleMap::Unbounded),
    Transform::ShiftFirst(ScaleMap::RescaledTanh),
    Transform::ShiftFirst(ScaleMap::Unbounded),
    Transform::Affine(ScaleMap::Atan { scale: 0.9 }),
    Transform::Affine(ScaleMap::Sigmoid {
        offset: 2.0,
        floor: 1e-3,
        inverse: false,
    }),
    Transform::ShiftFirst(ScaleMap::Sigmoid {
        offset: 1.0,
        floor: 0.0,
        inverse: true,
    }),
];

pub const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::LeakyRelu { slope: 0.1 }];

pub const NETS: [Nets; 2] = [Nets::One, Nets::Two];

pub const NORMS: [BatchNormSpec; 2] = [
    BatchNormSpec::new(1e-3, false),
    BatchNormSpec::new(1e-5, true),
];

/// Seeded random numbers.
pub struct Random(pub Xoshiro256PlusPlus);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in `low .. high`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.0.next_u32() >> 8) as f32 / 16_777_216.0;
        low + (high - low) * unit
    }

    pub fn normal(&mut self) -> f32 {
        standard_normal(self.0.next_u32())
    }

    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }

    pub fn uniforms(&mut self, count: usize, low: f32, high: f32) -> Vec<f32> {
        (0..count).map(|_| self.uniform(low, high)).collect()
    }

    /// The features `0 .. dim` in random order.
    pub fn permutation(&mut self, dim: usize) -> &'static [usize] {
        let mut order: Vec<usize> = (0..dim).collect();
        for last in (1..dim).rev() {
            order.swap(last, self.0.next_u32() as usize % (last + 1));
        }
        order.leak()
    }
}

/// Every mask there is, for `dim` features; the last two list their features.
pub fn masks(dim: usize) -> [Mask<'static>; 6] {
    // Starts with 0 or not, has neighbours and gaps, and leaves out at least one.
    let every_third: Vec<usize> = (0..dim).filter(|index| index % 3 != 1).collect();
    let last: Vec<usize> = vec![dim - 1];
    [
        Mask::FirstHalf,
        Mask::SecondHalf,
        Mask::Even,
        Mask::Odd,
        Mask::Indices(every_third.leak()),
        Mask::Indices(last.leak()),
    ]
}

/// A coupling with one net of these hidden layers.
pub fn coupling(
    mask: Mask<'static>,
    transform: Transform,
    hidden: &'static [usize],
) -> CouplingSpec<'static> {
    CouplingSpec::new(mask, transform, dense(hidden, Activation::Relu, Nets::One))
}

/// A fully connected conditioner.
pub fn dense(hidden: &'static [usize], activation: Activation, nets: Nets) -> Conditioner<'static> {
    Conditioner::Dense(DenseSpec::new(hidden, activation).with_nets(nets))
}

/// Whether a back end has all that a layer takes.
pub fn knows(math: Math, layer: LayerSpec<'static>, dim: usize) -> bool {
    let mut spec = spec(dim, vec![layer]);
    spec.math = math;
    spec.validate().is_ok()
}

/// Couplings with residual networks of no, one and two blocks, with and without norms.
pub fn residual_couplings() -> Vec<CouplingSpec<'static>> {
    const SIZES: [(usize, usize); 3] = [(5, 0), (12, 1), (19, 2)];
    let mut all = Vec::new();
    for (width, blocks) in SIZES {
        for activation in ACTIVATIONS {
            for norm in [false, true] {
                for transform in [TRANSFORMS[0], TRANSFORMS[1], TRANSFORMS[7]] {
                    all.push(CouplingSpec::new(
                        Mask::Even,
                        transform,
                        Conditioner::ResidualDense(
                            ResidualDenseSpec::new(width, blocks, activation).with_norm(norm),
                        ),
                    ));
                }
            }
        }
    }
    all
}

/// Couplings of every mask, transform, number of nets, activation and depth.
pub fn couplings(dim: usize) -> Vec<CouplingSpec<'static>> {
    let mut all = Vec::new();
    for mask in masks(dim) {
        for transform in TRANSFORMS {
            for hidden in HIDDEN {
                for activation in ACTIVATIONS {
                    for nets in NETS {
                        all.push(CouplingSpec::new(
                            mask,
                            transform,
                            dense(hidden, activation, nets),
                        ));
                    }
                }
            }
        }
    }
    all
}

/// A flow of vectors through these layers, with `libm`.
pub fn spec(dim: usize, layers: Vec<LayerSpec<'static>>) -> FlowSpec<'static> {
    on(Shape::vector(dim), layers)
}

/// A flow of samples of this shape through these layers, with `libm`.
pub fn on(shape: Shape, layers: Vec<LayerSpec<'static>>) -> FlowSpec<'static> {
    FlowSpec::new(shape, layers.leak())
}

/// Mixtures of one component and of several panels.
pub fn bases() -> Vec<BaseSpec> {
    let shared = [1, 2, 7, 35].map(|count| MixtureSpec::new(count, Spread::Shared));
    let full = [1, 2, 5].map(|count| MixtureSpec::new(count, Spread::Full));
    let all = shared.into_iter().chain(full);
    all.map(BaseSpec::Mixture).collect()
}

/// Three whole models that together have every kind of layer, transform, mask and net.
pub fn whole(dim: usize, hidden: &'static [usize], random: &mut Random) -> [FlowSpec<'static>; 3] {
    let [additive, rescaled, clamped, unbounded, ..] = TRANSFORMS;
    let [first, second, even, odd, listed, last] = masks(dim);
    let [plain, affine] = NORMS.map(LayerSpec::BatchNorm);
    let one = |mask, transform| LayerSpec::Coupling(coupling(mask, transform, hidden));
    let two = |mask, transform| {
        let mut own = coupling(mask, transform, hidden);
        own.conditioner = dense(hidden, ACTIVATIONS[1], Nets::Two);
        LayerSpec::Coupling(own)
    };
    let mut shuffle = || LayerSpec::Permutation(random.permutation(dim));
    [
        spec(
            dim,
            vec![
                LayerSpec::Standardize,
                one(first, clamped),
                affine,
                shuffle(),
                two(listed, rescaled),
                one(odd, additive),
                plain,
            ],
        ),
        spec(
            dim,
            vec![
                plain,
                two(even, unbounded),
                LayerSpec::Affine,
                one(second, rescaled),
                shuffle(),
                affine,
                affine,
                two(last, clamped),
            ],
        ),
        spec(
            dim,
            vec![
                shuffle(),
                two(first, clamped),
                two(second, clamped),
                LayerSpec::Linear,
                one(odd, unbounded),
                one(even, clamped),
                LayerSpec::Affine,
                LayerSpec::Linear,
            ],
        ),
    ]
}
