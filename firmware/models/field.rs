// Made by `nvpico export`. Do not edit: export again.
//
// model sha256: 4695bc01f5b156d3fcd648d2c5c54ea1ab64e6c2cf9127fed8e9bdbc51fc8440
// made by: nvpico 0.1.0
// from: field.csv (sha256 c9861f20a3ca938136a8cf54934d64cec39ad14e8bd2fd61097f2051fcf9bba6)
// cost: 996 bytes of flash for the parameters (f32), 40 bytes of RAM for the workspace; the
// engine's code comes on top, `nvpico verify` measures it
#![allow(
    dead_code,
    clippy::excessive_precision,
    clippy::unreadable_literal,
    clippy::approx_constant
)]

/// Cargo features of `nvpico` that the model needs, beside the default ones.
pub const NVPICO_FEATURES: &[&str] = &[];

/// What records name the model by: the first three bytes of its sha256, and the precision.
pub const MODEL: u32 = 0x4695bc00;

/// Features of a sample.
pub const DIM: usize = 4;

/// Names of the features, in order.
#[rustfmt::skip]
pub const COLUMNS: [&str; DIM] = ["field_x_ut", "field_y_ut", "field_z_ut", "temperature_c"];

/// A log-density below it is anomalous, in nats.
pub const THRESHOLD: Option<f32> = Some(-12.816397);

/// Lowest and highest value of each channel, of a vector of each value; a reading outside is not normal. Empty for
/// a model that was not calibrated.
#[rustfmt::skip]
pub const RANGES: &[[f32; 2]] = &[[6.454545, 22.818184], [4.0454545, 21.772728], [41.938774, 46.22449], [19.078125, 26.859375]];

/// The structure. What the build of `nvpico` lacks for it is named here, at compile time.
#[rustfmt::skip]
pub const SPEC: nvpico::FlowSpec<'static> = {
    let spec = nvpico::FlowSpec::new(
        nvpico::spec::Shape::vector(4),
        &[
            nvpico::LayerSpec::Standardize,
            nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec::new(
                nvpico::spec::Mask::FirstHalf,
                nvpico::spec::Transform::Affine(nvpico::spec::ScaleMap::ClampedTanh { clamp: 2.0 }),
                nvpico::spec::Conditioner::Dense(nvpico::spec::DenseSpec::new(&[8], nvpico::spec::Activation::Relu)),
            )),
            nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec::new(
                nvpico::spec::Mask::SecondHalf,
                nvpico::spec::Transform::Affine(nvpico::spec::ScaleMap::ClampedTanh { clamp: 2.0 }),
                nvpico::spec::Conditioner::Dense(nvpico::spec::DenseSpec::new(&[8], nvpico::spec::Activation::Relu)),
            )),
            nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec::new(
                nvpico::spec::Mask::Even,
                nvpico::spec::Transform::Affine(nvpico::spec::ScaleMap::ClampedTanh { clamp: 2.0 }),
                nvpico::spec::Conditioner::Dense(nvpico::spec::DenseSpec::new(&[8], nvpico::spec::Activation::Relu)),
            )),
            nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec::new(
                nvpico::spec::Mask::Odd,
                nvpico::spec::Transform::Affine(nvpico::spec::ScaleMap::ClampedTanh { clamp: 2.0 }),
                nvpico::spec::Conditioner::Dense(nvpico::spec::DenseSpec::new(&[8], nvpico::spec::Activation::Relu)),
            )),
        ],
    );
    match spec.validate() {
        Ok(()) => spec,
        Err(error) => panic!("{}", error.message()),
    }
};

/// A value of a sample, and of the workspace.
pub type Value = f32;

/// Values of workspace that scoring needs.
pub const WORKSPACE: usize = SPEC.workspace_len();

/// Bytes of flash that the parameters take; a build may demand `assert!(MODEL_FLASH <= ...)`.
pub const MODEL_FLASH: usize = SPEC.param_len() * size_of::<Value>();

/// Bytes of RAM that the workspace takes.
pub const MODEL_RAM: usize = WORKSPACE * size_of::<Value>();

/// Multiply-accumulates of one score.
pub const MULTIPLY_ACCUMULATES: usize = SPEC.multiply_accumulates();

/// The parameters, in the order that `nvpico::spec` documents.
#[rustfmt::skip]
pub static PARAMS: [f32; SPEC.param_len()] = [
    15.145435, 13.372405, 43.958122, 22.955782, 0.44836313, 0.40276963, 2.0215545, 0.7390682,
    -1.3100407, 0.7703571, 0.84526396, -0.34640726, 0.52450085, -0.13162938, -0.066961385, 0.9936022,
    0.36889392, -1.333196, -1.078011, 1.9769082, -0.498056, -1.543435, -0.39885172, -1.5200738,
    -1.1530831, -0.11043336, -0.5222306, 1.2867407, 0.512428, -1.0164376, 1.2755287, -1.4542816,
    -0.64401925, 0.10612799, 0.051276386, 0.044965766, 0.035752878, -0.040363725, -0.030059032, -0.009984924,
    0.012423187, -0.021738432, -0.060245637, -0.09549225, -0.0042577926, -0.0020020944, -0.10190564, 0.26927298,
    0.119232506, -0.00596305, 0.051334687, 0.07315159, 0.025211344, -0.0037246644, -0.044215582, -0.08004948,
    -0.032548774, -0.06271096, -0.20204182, 0.13132474, 0.0029085823, 0.031221518, 0.029187927, -0.21213132,
    -0.11951796, -0.051002886, -0.046593536, -0.07315946, 0.00827114, -0.370958, 0.39986166, -0.33510065,
    0.6896108, 0.4657367, 0.5856576, 0.19703372, 0.27285475, 2.097286e-31, 0.508913, 1.6761457,
    -0.80329573, -1.6389592, 0.8974589, 1.5561461, 0.35320702, 7.7154405e-26, 0.010280487, -0.39869463,
    1.1707691, -0.17202851, 0.22210906, 0.4359036, -1.4600129, 0.07271223, 0.15045963, -0.09535965,
    0.02498587, 0.0, 0.0, 0.0, 0.0, 0.037038635, 0.090784535, 0.07140114,
    0.13452555, -0.006063815, -0.03107162, 0.03317871, 0.13378204, 0.026795555, 0.024305966, -0.12278465,
    0.094272874, 0.07986618, 0.007511664, -0.25436944, -0.14266217, 0.046979904, 0.03173277, 0.05400621,
    0.07961114, 0.116849326, -0.03536593, 0.019525332, 0.028377457, 0.16854395, 0.044184886, -0.18749265,
    -0.038128633, -0.31112933, -0.46964383, 0.53850496, 0.29291403, 0.14698318, -0.4334152, 0.23782502,
    0.53120327, -1.1251913, -0.9660146, -0.44650155, -1.5985622, -1.196607, -0.22183251, 1.586482,
    -0.58076596, 0.77772385, 1.2105898, 1.2133455, 0.38448524, -1.5234324, 0.33866385, -0.9226153,
    -0.5647911, 0.17360245, -0.00094520976, 0.10238975, 0.0017313006, 0.025065022, 0.07315393, -0.09504354,
    0.052845977, 0.03555812, 0.052593794, -0.086449385, 0.051178195, 0.029769821, -0.103432775, -0.0016708551,
    0.08660861, 0.01086213, 0.086498305, -0.116538815, 0.023871165, 0.021688925, -0.027040817, -0.12601028,
    -0.063968875, -0.09716521, -0.018306242, -0.14491804, 0.09000464, -0.005980889, -0.0055290046, 0.3029029,
    0.058095507, 0.016123898, 0.091331065, -0.17280924, -0.086716734, 0.62142164, -0.12010999, 0.018747529,
    0.35361797, 0.040621407, -0.3982616, 1.0123088, -0.5656379, -1.007702, 0.76651865, -1.71726,
    -1.1805066, 1.8192548, 0.57026106, 0.35634258, -1.0840973, -0.008908226, -1.5479347, 1.1255642,
    -0.35591915, -0.04366805, 0.3224362, 1.1321144, 1.2600613, -0.062496196, 0.16295865, 0.11046074,
    0.1685225, 0.035851397, 0.025734102, -0.20544194, -0.08347252, -0.11077081, 0.05661542, 0.50939405,
    -0.054765135, 0.076084755, -0.030317543, -0.18885835, 0.03678222, 0.035744358, 0.015478193, -0.1831479,
    -0.100794084, 0.19170623, 0.1205921, 0.28232166, -0.006234976, -0.17713931, 0.119500846, 0.2432251,
    -0.059178542, -0.07019701, 0.04751656, 0.24423704, 0.1006924, 0.06978411, -0.0115379505, -0.2069698,
    0.0742114,
];

/// The type of the model.
#[rustfmt::skip]
pub type Density = nvpico::Flow<'static>;

/// The model, validated at compile time.
#[rustfmt::skip]
pub static FLOW: Density = match nvpico::Flow::new(SPEC, &PARAMS) {
    Ok(flow) => flow,
    Err(error) => panic!("{}", error.message()),
};

/// When `nvpico::detector::Monitor` raises its alarm: at most 17 per hour false in 95 of 100 records.
#[rustfmt::skip]
pub const ALARM: Option<nvpico::detector::AlarmSpec<'static>> = Some(nvpico::detector::AlarmSpec::new(
    nvpico::detector::QuantileTable::new(&[
        nvpico::detector::Quantile::new(-776883, 76269),
        nvpico::detector::Quantile::new(-720570, 79542),
        nvpico::detector::Quantile::new(-666574, 67344),
        nvpico::detector::Quantile::new(-602798, 110200),
        nvpico::detector::Quantile::new(-563824, 100896),
        nvpico::detector::Quantile::new(-521256, 87172),
        nvpico::detector::Quantile::new(-471986, 87605),
        nvpico::detector::Quantile::new(-422960, 74344),
        nvpico::detector::Quantile::new(-365189, 90313),
        nvpico::detector::Quantile::new(-317633, 186340),
        nvpico::detector::Quantile::new(-294584, 377281),
        nvpico::detector::Quantile::new(-283200, 391412),
        nvpico::detector::Quantile::new(-272227, 468167),
        nvpico::detector::Quantile::new(-263053, 970394),
        nvpico::detector::Quantile::new(-258627, 901168),
        nvpico::detector::Quantile::new(-253861, 1397191),
        nvpico::detector::Quantile::new(-250787, 1397191),
    ], 8, 74015),
    &[
        nvpico::detector::Chart::new(0, 16384, 780157),
        nvpico::detector::Chart::new(3, 3072, 480092),
        nvpico::detector::Chart::new(5, 2048, 319742),
    ],
    300,
));

/// What no value does while its sensor works, in the order of the values; none for maps.
#[rustfmt::skip]
pub static GUARDS: [nvpico::detector::GuardSpec<Value>; 4] = [
    nvpico::detector::GuardSpec::none().with_repeats(17).with_limits([9.181818, 20.09091], 14).with_quiet(1.295455).with_jump(3.818181),
    nvpico::detector::GuardSpec::none().with_repeats(20).with_limits([7.0, 18.818182], 11).with_quiet(1.068182).with_jump(4.090908),
    nvpico::detector::GuardSpec::none().with_repeats(20).with_limits([42.65306, 45.510204], 11).with_quiet(1.0204048).with_jump(3.9795914),
    nvpico::detector::GuardSpec::none().with_repeats(26).with_limits([20.375, 25.5625], 11).with_quiet(0.28125).with_jump(0.9375),
];

/// Limits of `nvpico::detector::Dwell`: how much of the last readings each component of the mixture may have; none for other models.
#[rustfmt::skip]
pub static DWELL: [u16; 0] = [];

/// Threshold, ranges, guards and alarm.
pub type Monitor = nvpico::detector::Monitor<Value, DIM, { GUARDS.len() }, { DWELL.len() }>;

/// A monitor without evidence yet. In a `const`, a model without an alarm does not compile.
///
/// # Panics
/// The model has no alarm; in a `const` that is an error of the compiler.
pub const fn monitor() -> Monitor {
    let (Some(threshold), Some(alarm)) = (THRESHOLD, ALARM) else {
        panic!("the model has no alarm: `nvpico calibrate` sets one by normal readings")
    };
    let criterion = FLOW.anomalous_below(threshold).or_outside(RANGES);
    match Monitor::new(criterion, alarm, &GUARDS, &DWELL) {
        Ok(monitor) => monitor,
        Err(error) => panic!("{}", error.message()),
    }
}

/// What `nvpico::detector::blame` needs to say which values of a reading are to blame.
#[rustfmt::skip]
pub const BLAME: nvpico::detector::BlameSpec<'static, f32> = nvpico::detector::BlameSpec {
    threshold: -12.816397,
    ranges: RANGES,
    given: 0,
    typical: &[13.818182, 15.636364, 43.77551, 22.125, 16.363636, 10.909091, 44.081635, 24.125, 15.454545, 14.818182, 43.469387, 23.4375, 15.272727, 13.272727, 44.081635, 22.5625, 14.363636, 15.727273, 43.67347, 22.0625, 13.454545, 15.090909, 43.877552, 24.4375, 12.272727, 16.363636, 43.97959, 23.125, 16.818182, 10.545455, 44.081635, 23.875, 17.545454, 11.545455, 43.57143, 24.0, 18.0, 11.545455, 43.57143, 21.9375, 14.545455, 12.818182, 44.387756, 23.0, 14.636364, 15.454545, 43.469387, 23.5625, 16.272728, 11.363636, 44.387756, 22.375, 15.818182, 13.636364, 43.77551, 22.875, 14.727273, 15.181818, 43.67347, 21.875, 16.181818, 12.363636, 43.97959, 23.125, 13.090909, 16.09091, 43.877552, 22.4375, 13.090909, 15.363636, 44.081635, 22.8125, 16.818182, 10.363636, 44.387756, 23.0625, 16.0, 11.363636, 44.591835, 21.5, 13.454545, 14.363636, 44.387756, 23.3125, 13.363636, 14.545455, 44.489796, 21.1875, 13.181818, 14.818182, 44.183674, 23.6875, 15.454545, 13.272727, 43.97959, 23.4375, 18.0, 10.636364, 43.77551, 22.875, 14.090909, 14.636364, 43.97959, 23.3125, 14.272727, 14.0, 44.285713, 21.9375, 17.545454, 11.909091, 43.57143, 22.8125, 15.636364, 13.181818, 43.97959, 23.5, 15.545455, 12.545455, 44.387756, 21.5, 17.09091, 11.545455, 43.97959, 22.0, 14.727273, 14.0, 44.081635, 22.5625],
    scales: &[2.253663, 2.5076997, 0.4915718, 1.3466835],
};

/// What recalibration may do: `nvpico::detector::adapt::Adapter::new(ADAPT, [Default::default(); DIM])`.
#[rustfmt::skip]
pub const ADAPT: nvpico::detector::adapt::AdaptSpec<'static, f32> = nvpico::detector::adapt::AdaptSpec::new([
    &[15.173773, 13.3445, 43.952347, 22.961124], // centre
    &[0.26268014, 0.26148298, 0.25352868, 0.06905317], // spread
    &[6.760989, 7.523099, 1.4747155, 4.0400505], // near
    &[0.72561437, 0.8796499, 0.1164881, 0.21950693], // speed
    &[18.029305, 20.061598, 3.9325745, 10.773468], // track
    &[144.23444, 160.49278, 31.460596, 86.187744], // reach
])
.with_witnesses(&[])
.with_fraction(0)
.with_tracking(4, 1)
.with_smoothing(0)
.with_widening(5)
.with_commissioning(8, 2)
.with_steady([786, 645]);

/// Inputs and the bits that every target must give for them.
pub mod vectors {
    /// Samples, a quarter of them far out in the tail.
    #[rustfmt::skip]
    pub static INPUTS: [[super::Value; super::DIM]; 16] = [
        [16.496607, 14.553479, 43.237003, 23.81683],
        [13.614616, 13.506289, 45.00492, 22.633345],
        [14.890466, 11.200527, 44.889538, 22.293905],
        [1.605339, 18.265884, 43.3859, 23.96426],
        [15.055859, 12.359503, 44.724453, 23.300177],
        [13.323732, 16.363459, 43.44689, 22.877855],
        [15.058449, 14.688315, 43.36685, 25.778534],
        [13.622555, 17.0116, 43.85965, 24.980093],
        [14.419021, 13.505138, 44.685715, 22.085842],
        [11.904211, 15.0955715, 44.664158, 23.548454],
        [15.817092, 13.452423, 43.719242, 24.138401],
        [11.213096, 16.145208, 44.697136, 19.494368],
        [15.270287, 10.259697, 44.58875, 23.519157],
        [16.274353, 11.189728, 44.050575, 23.083094],
        [14.185119, 13.695447, 44.12047, 21.548603],
        [11.434191, 13.415007, 46.355927, 21.807787],
    ];

    /// The bits of each input's `log_prob`: `f32::to_bits`, or those of a fixed-point number.
    #[rustfmt::skip]
    pub static LOG_PROB_BITS: [u32; 16] = [
        0xc0aeb3bb, 0xc0c608e6, 0xc0bd2cfa, 0xc22d9ff8, 0xc0ada87a, 0xc09b0dbc, 0xc0d11568, 0xc106f224,
        0xc09e738e, 0xc0b22265, 0xc08ac35d, 0xc122014c, 0xc0c48d27, 0xc08ee8b1, 0xc0a1a3f9, 0xc192d20a,
    ];
}

#[cfg(test)]
mod tests {
    #[test]
    fn vectors_have_their_bits() {
        let mut workspace = [super::Value::default(); super::WORKSPACE];
        let vectors = super::vectors::INPUTS
            .iter()
            .zip(super::vectors::LOG_PROB_BITS);
        for (input, bits) in vectors {
            let score = super::FLOW.score(input, &mut workspace);
            let found = score.map(|score| score.log_prob.to_ne_bytes());
            assert_eq!(found, Ok(bits.to_ne_bytes()));
        }
    }
}
