//! Feature maps to try: shapes, masks, convolutional conditioners, and whole multi-scale models.

use super::{ACTIVATIONS, NORMS, Random, TRANSFORMS, on};
use nvpico::spec::{
    Activation, BatchNormSpec, Conditioner, ConvolutionLayer, ConvolutionSpec, CouplingSpec,
    Kernel, LogitSpec, Mask, ResidualConvolutionSpec, ResidualForm, ScaleMap, Shape, Squeeze,
    Transform,
};
use nvpico::{FlowSpec, LayerSpec};

/// Even and odd heights, one row, one column, smaller than a window, more channels than a panel.
pub const SHAPES: [Shape; 7] = [
    shape(1, 4, 4),
    shape(3, 4, 6),
    shape(2, 1, 16),
    shape(1, 1, 5),
    shape(2, 3, 2),
    shape(2, 5, 1),
    shape(17, 1, 2),
];

/// Places alone, rows, squares; wide and tall ones, larger than some of the maps.
pub const KERNELS: [Kernel; 5] = [
    Kernel::POINT,
    Kernel::ROW,
    Kernel::SQUARE,
    kernel(5, 1),
    kernel(3, 7),
];

pub const SQUEEZES: [Squeeze; 3] = [Squeeze::Cells, Squeeze::CellsAlternate, Squeeze::Pairs];

pub const LOGIT: LogitSpec = LogitSpec::new(0.05, 16.0);

/// Forms of a residual network.
pub const FORMS: [ResidualForm; 2] = [ResidualForm::Deployed, ResidualForm::Trained { eps: 1e-3 }];

pub const TRAINED: ResidualForm = FORMS[1];

pub const fn shape(channels: usize, height: usize, width: usize) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

pub const fn kernel(height: usize, width: usize) -> Kernel {
    Kernel { height, width }
}

const fn filters(filters: usize, kernel: Kernel) -> ConvolutionLayer {
    ConvolutionLayer::new(filters, kernel)
}

/// Stacks without and with hidden layers, of every kernel; widths of one panel and several.
pub fn stacks() -> Vec<Conditioner<'static>> {
    const HIDDEN: [&[ConvolutionLayer]; 4] = [
        &[],
        &[filters(3, Kernel::SQUARE)],
        &[filters(5, Kernel::ROW), filters(18, Kernel::POINT)],
        &[
            filters(2, kernel(5, 3)),
            filters(3, kernel(1, 5)),
            filters(4, Kernel::SQUARE),
        ],
    ];
    let mut all = Vec::new();
    for (at, hidden) in HIDDEN.into_iter().enumerate() {
        for (number, last) in KERNELS.into_iter().enumerate() {
            all.push(stack(hidden, last, ACTIVATIONS[(at + number) % 2]));
        }
    }
    all
}

pub fn stack(
    hidden: &'static [ConvolutionLayer],
    last: Kernel,
    activation: Activation,
) -> Conditioner<'static> {
    Conditioner::Convolution(ConvolutionSpec::new(hidden, last, activation))
}

pub const fn residual(
    filters: usize,
    blocks: usize,
    kernel: Kernel,
    form: ResidualForm,
) -> Conditioner<'static> {
    Conditioner::ResidualConvolution(
        ResidualConvolutionSpec::new(filters, blocks, kernel).with_form(form),
    )
}

/// Residual networks of no, one and two blocks.
pub fn residuals(form: ResidualForm) -> Vec<Conditioner<'static>> {
    vec![
        residual(3, 0, Kernel::SQUARE, form),
        residual(2, 1, Kernel::ROW, form),
        residual(4, 2, Kernel::SQUARE, form),
        residual(5, 1, kernel(5, 3), form),
        residual(18, 1, Kernel::POINT, form),
    ]
}

/// The masks that a shape can have: checkerboards from two places on, channels from two on.
pub fn masks(shape: Shape) -> Vec<Mask<'static>> {
    let mut all = Vec::new();
    if shape.pixels() > 1 {
        all.extend([Mask::CheckerboardOdd, Mask::CheckerboardEven]);
    }
    if shape.channels > 1 {
        all.extend(super::masks(shape.channels));
    }
    all
}

/// Couplings of every mask and every one of these conditioners; the transforms take turns.
pub fn couplings(
    shape: Shape,
    conditioners: &[Conditioner<'static>],
) -> Vec<CouplingSpec<'static>> {
    let mut transforms = TRANSFORMS.into_iter().cycle();
    let mut all = Vec::new();
    for mask in masks(shape) {
        for &conditioner in conditioners {
            let Some(transform) = transforms.next() else {
                break;
            };
            all.push(CouplingSpec::new(mask, transform, conditioner));
        }
    }
    all
}

/// Every kind of layer on a map but couplings and the logit, which takes counts.
pub fn fixed(shape: Shape, random: &mut Random) -> Vec<LayerSpec<'static>> {
    let mut all = vec![
        LayerSpec::Standardize,
        LayerSpec::Affine,
        LayerSpec::Linear,
        LayerSpec::BatchNorm(NORMS[0]),
        LayerSpec::BatchNorm(NORMS[1]),
        LayerSpec::Permutation(random.permutation(shape.channels)),
        LayerSpec::FactorOut,
    ];
    for squeeze in SQUEEZES {
        all.extend([LayerSpec::Squeeze(squeeze), LayerSpec::Unsqueeze(squeeze)]);
    }
    all.retain(|layer| layer.output_shape(shape).is_some());
    all
}

/// A coupling whose log-scales are bounded.
pub fn bounded(mask: Mask<'static>, conditioner: Conditioner<'static>) -> LayerSpec<'static> {
    LayerSpec::Coupling(CouplingSpec::new(
        mask,
        Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.3 }),
        conditioner,
    ))
}

/// Whole models at several scales, for maps and time windows, with these conditioners in turn.
pub fn multi_scale(conditioners: &[Conditioner<'static>]) -> Vec<FlowSpec<'static>> {
    let mut turns = conditioners.iter().copied().cycle();
    let mut couple = |mask| {
        let conditioner = turns.next();
        bounded(mask, conditioner.expect("one or more conditioners"))
    };
    let norm = LayerSpec::BatchNorm(BatchNormSpec::new(1e-3, true));
    let mut all = vec![
        on(
            shape(1, 8, 8),
            vec![
                LayerSpec::Logit(LOGIT),
                couple(Mask::CheckerboardOdd),
                norm,
                couple(Mask::CheckerboardEven),
                LayerSpec::Squeeze(Squeeze::Cells),
                couple(Mask::FirstHalf),
                couple(Mask::SecondHalf),
                LayerSpec::Unsqueeze(Squeeze::Cells),
                LayerSpec::Squeeze(Squeeze::CellsAlternate),
                LayerSpec::FactorOut,
                couple(Mask::CheckerboardOdd),
                LayerSpec::Squeeze(Squeeze::Cells),
                LayerSpec::Affine,
                couple(Mask::Odd),
                LayerSpec::FactorOut,
                couple(Mask::CheckerboardEven),
            ],
        ),
        on(
            shape(3, 4, 6),
            vec![
                LayerSpec::Standardize,
                couple(Mask::CheckerboardEven),
                LayerSpec::Permutation(&[2, 0, 1]),
                couple(Mask::FirstHalf),
                LayerSpec::Squeeze(Squeeze::CellsAlternate),
                norm,
                LayerSpec::Linear,
                couple(Mask::Even),
                LayerSpec::FactorOut,
                couple(Mask::Indices(&[0, 3, 4])),
                LayerSpec::FactorOut,
                couple(Mask::CheckerboardOdd),
            ],
        ),
        on(
            shape(2, 1, 16),
            vec![
                LayerSpec::Standardize,
                couple(Mask::CheckerboardOdd),
                LayerSpec::Squeeze(Squeeze::Pairs),
                couple(Mask::Even),
                LayerSpec::FactorOut,
                LayerSpec::Squeeze(Squeeze::Pairs),
                norm,
                couple(Mask::SecondHalf),
                LayerSpec::FactorOut,
                couple(Mask::CheckerboardEven),
            ],
        ),
    ];
    all.push(on(
        shape(1, 1, 7),
        vec![
            couple(Mask::CheckerboardOdd),
            couple(Mask::CheckerboardEven),
            norm,
        ],
    ));
    all.push(on(
        shape(2, 5, 1),
        vec![
            couple(Mask::CheckerboardEven),
            couple(Mask::FirstHalf),
            LayerSpec::Affine,
            couple(Mask::SecondHalf),
        ],
    ));
    all
}

/// Networks with few parameters: stacks, and residual networks as they are trained.
pub fn small_networks() -> [Vec<Conditioner<'static>>; 2] {
    const HIDDEN: [&[ConvolutionLayer]; 2] =
        [&[filters(3, Kernel::SQUARE)], &[filters(2, Kernel::ROW)]];
    [
        vec![
            stack(HIDDEN[0], Kernel::POINT, ACTIVATIONS[1]),
            stack(HIDDEN[1], Kernel::SQUARE, ACTIVATIONS[0]),
            stack(&[], kernel(3, 5), ACTIVATIONS[0]),
        ],
        vec![
            residual(2, 1, Kernel::SQUARE, TRAINED),
            residual(3, 0, Kernel::ROW, TRAINED),
            residual(2, 2, Kernel::POINT, TRAINED),
        ],
    ]
}

/// Models small enough for differences by every parameter, with every kind of layer.
pub fn small(conditioners: &[Conditioner<'static>]) -> Vec<FlowSpec<'static>> {
    let mut turns = conditioners.iter().copied().cycle();
    let mut transforms = [TRANSFORMS[1], TRANSFORMS[2], TRANSFORMS[0], TRANSFORMS[5]]
        .into_iter()
        .cycle();
    let mut couple = |mask| {
        LayerSpec::Coupling(CouplingSpec::new(
            mask,
            transforms.next().expect("endless"),
            turns.next().expect("one or more conditioners"),
        ))
    };
    let [plain, affine] = NORMS.map(LayerSpec::BatchNorm);
    vec![
        on(
            shape(1, 4, 4),
            vec![
                LayerSpec::Logit(LOGIT),
                couple(Mask::CheckerboardOdd),
                plain,
                LayerSpec::Squeeze(Squeeze::Cells),
                LayerSpec::Linear,
                couple(Mask::FirstHalf),
                LayerSpec::Unsqueeze(Squeeze::Cells),
                LayerSpec::Squeeze(Squeeze::CellsAlternate),
                LayerSpec::FactorOut,
                affine,
                couple(Mask::CheckerboardEven),
            ],
        ),
        on(
            shape(2, 1, 6),
            vec![
                LayerSpec::Standardize,
                couple(Mask::CheckerboardOdd),
                LayerSpec::Squeeze(Squeeze::Pairs),
                LayerSpec::Permutation(&[2, 0, 3, 1]),
                couple(Mask::Indices(&[0, 3])),
                LayerSpec::FactorOut,
                affine,
                LayerSpec::Affine,
                couple(Mask::Odd),
            ],
        ),
        on(
            shape(2, 3, 1),
            vec![couple(Mask::CheckerboardEven), couple(Mask::SecondHalf)],
        ),
        on(
            shape(4, 1, 1),
            vec![
                couple(Mask::Even),
                LayerSpec::Unsqueeze(Squeeze::Cells),
                couple(Mask::CheckerboardOdd),
            ],
        ),
    ]
}

/// A sample that suits the first layer.
pub fn sample(spec: &FlowSpec<'_>, random: &mut Random) -> Vec<f32> {
    match spec.layers.first() {
        Some(LayerSpec::Logit(logit)) => random.uniforms(spec.dim(), -0.3, logit.levels - 0.7),
        _ => random.normals(spec.dim()),
    }
}

pub fn samples(spec: &FlowSpec<'_>, count: usize, random: &mut Random) -> Vec<f32> {
    (0..count).flat_map(|_| sample(spec, random)).collect()
}

/// Slopes that turn from sample to sample, with a little noise: neighbours tell a place's value.
pub fn slopes(random: &mut Random, map: Shape, count: usize) -> Vec<f32> {
    let mut row = || {
        let (across, down) = (random.normal(), random.normal());
        let mut row = Vec::with_capacity(map.len());
        for channel in 0..map.channels {
            for y in 0..map.height {
                for x in 0..map.width {
                    let at = |place: usize, of: usize| place as f32 - (of - 1) as f32 / 2.0;
                    let slope = across * at(x, map.width) + down * at(y, map.height);
                    row.push(20.0 + slope * (1.0 + channel as f32) + 0.2 * random.normal());
                }
            }
        }
        row
    };
    (0..count).flat_map(|_| row()).collect()
}

/// Counts that a slope makes, cut off at the ends.
pub fn counts(random: &mut Random, map: Shape, count: usize) -> Vec<f32> {
    let rows = slopes(random, map, count);
    let count = |x: f32| (8.0 + 2.0 * (x - 20.0)).round();
    let counts = rows.into_iter().map(count);
    counts.map(|x| x.clamp(0.0, LOGIT.levels - 1.0)).collect()
}
