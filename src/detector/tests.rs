//! Detectors with float and integer models, at once and in steps.

use super::*;
use crate::integer::{I8, IntegerFlow, IntegerScore, op};
use crate::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
use crate::{FlowSpec, LayerSpec};

const COUPLING: LayerSpec<'static> = LayerSpec::Coupling(CouplingSpec::new(
    Mask::FirstHalf,
    Transform::Additive,
    Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
));

static FLOW: Flow<'static> = match Flow::new(
    FlowSpec::new(Shape::vector(2), &[COUPLING, LayerSpec::Standardize]),
    &[0.5, -0.5, 0.25, 0.0, 1.0, 1.0, 0.0],
) {
    Ok(flow) => flow,
    Err(error) => panic!("{}", error.message()),
};

const INTEGER_SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);

// z = x / 16
static WORDS: [i32; INTEGER_SPEC.word_len::<I8>()] = [
    op::STANDARDIZE,
    2,
    1,
    0,
    0,
    1 << 28,
    16,
    0,
    0,
    1 << 28,
    16,
    0,
];

static INTEGER_FLOW: IntegerFlow<'static, I8> = match IntegerFlow::new(INTEGER_SPEC, &WORDS) {
    Ok(flow) => flow,
    Err(error) => panic!("{}", error.message()),
};

// Both kinds of detector can be created at compile time.
const IN_FLOATS: Detector<2, 4, 4> =
    match Detector::new(FLOW.anomalous_below(-8.0), AlarmRule::new(2, 0)) {
        Ok(detector) => detector,
        Err(error) => panic!("{}", error.message()),
    };
const IN_INTEGERS: Detector<2, 2, 4, IntegerFlow<'static, I8>> =
    match Detector::new(INTEGER_FLOW.anomalous_below(-8 << 16), AlarmRule::new(2, 0)) {
        Ok(detector) => detector,
        Err(error) => panic!("{}", error.message()),
    };

fn detector(raise: usize, clear: usize) -> Result<Detector<2, 4, 4>, DetectorError> {
    Detector::new(FLOW.anomalous_below(-8.0), AlarmRule::new(raise, clear))
}

/// Steps to the end and returns the number of steps.
fn finish<const DIM: usize, const WORKSPACE: usize, const HISTORY: usize, D: Density>(
    detector: &mut Detector<DIM, WORKSPACE, HISTORY, D>,
) -> (Observation<D::Score>, usize) {
    let mut steps = 1;
    loop {
        match detector.step() {
            Step::Done(observation) => return (observation, steps),
            Step::Running => steps += 1,
            Step::Idle => panic!("a reading is under way"),
        }
    }
}

#[test]
fn invalid_readings_are_never_normal() {
    let mut detector = detector(2, 0).unwrap();
    assert_eq!(detector.observe_invalid().decision, Decision::Invalid);
    let observation = detector.observe(&[f32::INFINITY, 0.0]);
    assert_eq!(observation.decision, Decision::Invalid);
    assert!(observation.alarm);
    let beyond = detector.observe(&[f32::MAX, 0.0]);
    assert_eq!(beyond.decision, Decision::Anomalous);
    assert_eq!(beyond.score.unwrap().unwrap().z_norm_sq, f32::INFINITY);
}

#[test]
fn integers_decide_as_floats_do() {
    let mut detector = IN_INTEGERS;
    assert_eq!(detector.observe(&[16, 0]).decision, Decision::Normal);
    assert_eq!(detector.observe(&[100, 0]).decision, Decision::Anomalous);
    assert!(detector.observe_invalid().alarm);
    let last = detector.history().last().unwrap();
    assert_eq!(last.log_prob, IntegerScore::IMPOSSIBLE);
}

#[test]
fn steps_decide_as_a_whole_reading_does() {
    let readings = [
        [0.0, 0.0],
        [6.0, 0.5],
        [f32::NAN, 0.0],
        [f32::MAX, 0.0],
        [0.1, -0.2],
    ];
    let (mut whole, mut stepped) = (IN_FLOATS, IN_FLOATS);
    for x in &readings {
        stepped.begin(x);
        let (observation, steps) = finish(&mut stepped);
        assert_eq!(observation, whole.observe(x));
        // Two layers, then the decision.
        let valid = x.iter().all(|x| x.is_finite());
        assert_eq!(steps, if valid { 3 } else { 1 });
        assert_eq!(stepped.step(), Step::Idle);
    }
    assert!(stepped.history().eq(whole.history()));

    let (mut whole, mut stepped) = (IN_INTEGERS, IN_INTEGERS);
    for x in [[16, 0], [100, -3], [i32::MIN, i32::MAX]] {
        stepped.begin(&x);
        assert_eq!(finish(&mut stepped).0, whole.observe(&x));
    }
    assert!(stepped.history().eq(whole.history()));
}

#[test]
fn a_value_outside_its_range_is_not_normal_however_likely() {
    const RANGES: [[f32; 2]; 2] = [[-1.0, 1.0], [-0.5, 0.5]];
    let rule = AlarmRule::new(1, 0);
    let criterion = FLOW.anomalous_below(f32::NEG_INFINITY).or_outside(&RANGES);
    let (mut whole, mut stepped): (Detector<2, 4, 4>, Detector<2, 4, 4>) = (
        Detector::new(criterion, rule).unwrap(),
        Detector::new(criterion, rule).unwrap(),
    );
    for (x, decision) in [
        ([0.0, 0.5], Decision::Normal),
        ([-1.0, 0.0], Decision::Normal),
        ([1.1, 0.0], Decision::OutOfRange(0)),
        ([0.0, -0.6], Decision::OutOfRange(1)),
        ([f32::NAN, 9.0], Decision::Invalid),
        ([f32::MAX, 0.0], Decision::OutOfRange(0)),
    ] {
        let observation = whole.observe(&x);
        assert_eq!(observation.decision, decision, "{x:?}");
        stepped.begin(&x);
        assert_eq!(finish(&mut stepped).0, observation);
    }
    // One range for all places of a channel; in counts as in floats.
    let criterion = INTEGER_FLOW
        .anomalous_below(i32::MIN)
        .or_outside(&[[-3, 9]]);
    let mut counts = Detector::<2, 2, 4, _>::new(criterion, rule).unwrap();
    assert_eq!(counts.observe(&[9, -3]).decision, Decision::Normal);
    assert_eq!(counts.observe(&[9, -4]).decision, Decision::OutOfRange(1));
    let criterion = FLOW.anomalous_below(0.0).or_outside(&[[0.0, 1.0]; 3]);
    let wrong = Detector::<2, 4, 4>::new(criterion, rule).unwrap_err();
    assert_eq!(wrong, DetectorError::Ranges);
}

#[test]
fn a_new_reading_gives_up_the_one_under_way() {
    let mut detector = detector(1, 0).unwrap();
    assert_eq!(detector.step(), Step::Idle);
    detector.begin(&[100.0, 100.0]);
    assert_eq!(detector.step(), Step::Running);
    detector.begin(&[0.0, 0.0]);
    let (observation, _) = finish(&mut detector);
    assert_eq!(observation.decision, Decision::Normal);
    detector.begin(&[100.0, 100.0]);
    assert_eq!(detector.step(), Step::Running);
    assert!(!detector.observe(&[0.0, 0.0]).alarm);
    assert_eq!(detector.step(), Step::Idle);
    detector.begin(&[0.0, 0.0]);
    assert!(detector.observe_invalid().alarm);
    assert_eq!(detector.step(), Step::Idle);
    assert_eq!(detector.history().count(), 3);
}

#[test]
fn wrong_rules_and_sizes_are_refused() {
    assert_eq!(detector(0, 0).unwrap_err(), DetectorError::Rule);
    assert_eq!(detector(2, 2).unwrap_err(), DetectorError::Rule);
    assert_eq!(detector(5, 0).unwrap_err(), DetectorError::Rule);
    let rule = AlarmRule::new(1, 0);
    assert!(matches!(
        Detector::<3, 4, 2>::new(FLOW.anomalous_below(0.0), rule),
        Err(DetectorError::Size { .. })
    ));
    let short = Detector::<2, 3, 2>::new(FLOW.anomalous_below(0.0), rule).unwrap_err();
    let text = std::string::ToString::to_string(&short);
    assert!(text.contains("(2, 4)") && text.contains("(2, 3)"), "{text}");
    let nan = Detector::<2, 4, 2>::new(FLOW.anomalous_below(f32::NAN), rule);
    assert_eq!(nan.unwrap_err(), DetectorError::Threshold);
}
