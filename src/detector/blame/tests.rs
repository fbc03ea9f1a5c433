//! Blame of float and integer models, of readings inside and outside their ranges.

use super::*;
use crate::flow::Flow;
use crate::integer::{I8, IntegerFlow, op};
use crate::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
use crate::{FlowSpec, LayerSpec};
use std::cell::Cell;
use std::vec::Vec;

/// `z_1 = x_1 - 2 x_0` after a standardisation about 0 with deviation 1: the second value follows the first.
const SPEC: FlowSpec<'static> = FlowSpec::new(
    Shape::vector(2),
    &[
        LayerSpec::Standardize,
        LayerSpec::Coupling(CouplingSpec::new(
            Mask::FirstHalf,
            Transform::Additive,
            Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
        )),
    ],
);
static FLOW: Flow<'static> = match Flow::new(SPEC, &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, -2.0]) {
    Ok(flow) => flow,
    Err(error) => panic!("{}", error.message()),
};
const RANGES: [[f32; 2]; 2] = [[-4.0, 4.0], [-10.0, 10.0]];

/// On the line that the flow has learned.
const TYPICAL: [f32; 6] = [-2.0, -4.0, 0.0, 0.0, 2.0, 4.0];

const fn spec(threshold: f32) -> BlameSpec<'static, f32> {
    BlameSpec {
        threshold,
        ranges: &RANGES,
        given: 0,
        typical: &[],
        scales: &[],
    }
}

fn find_by(spec: &BlameSpec<'_, f32>, x: [f32; 2]) -> Vec<Blamed<f32>> {
    let mut places = [Blamed::default(); 2];
    let mut workspace = [0.0; SPEC.workspace_len() + 2];
    blame(&FLOW, spec, &x, &mut places, &mut workspace)
        .unwrap()
        .to_vec()
}

/// Without typical readings.
fn find(x: [f32; 2], threshold: f32) -> Vec<Blamed<f32>> {
    find_by(&spec(threshold), x)
}

fn compare(x: [f32; 2], threshold: f32) -> Vec<Blamed<f32>> {
    let spec = BlameSpec {
        typical: &TYPICAL,
        scales: &[1.0, 2.0],
        ..spec(threshold)
    };
    find_by(&spec, x)
}

#[test]
fn typical_readings_tell_which_value_is_wrong() {
    // The first value could be 3 as well; no typical reading has it.
    for x in [[1.0, 6.0], [-1.0, 2.0], [f32::NAN, 2.0], [0.0, 90.0]] {
        let found = compare(x, -5.0);
        let wrong = u16::from(!x[0].is_nan());
        assert_eq!(found[0].index, wrong, "{x:?}: {found:?}");
        assert!(found[0].is_enough, "{x:?}: {found:?}");
    }
    // Of a quadratic the differences add up to what the reading lacks.
    let spec = BlameSpec {
        typical: &[0.0, 0.0],
        scales: &[1.0, 2.0],
        ..spec(-3.0)
    };
    let found = find_by(&spec, [-1.0, 7.0]);
    let lacking = 0.5 * (1.0 + 9.0 * 9.0);
    let gains: f32 = found.iter().map(|own| own.gain).sum();
    assert!((gains - lacking).abs() < 1e-3, "{found:?}");
    // Two wrong values: those of the nearest typical reading.
    let found = compare([3.9, -9.0], -3.0);
    assert!(
        found
            .iter()
            .all(|own| !own.is_enough && TYPICAL.contains(&own.normal))
    );
}

#[test]
fn the_value_that_breaks_a_relation_is_found_with_what_would_be_normal() {
    // The second value should be about 2: it is 6.
    let found = find([1.0, 6.0], -5.0);
    assert_eq!(found[0].index, 1);
    assert!(found[0].is_enough && !found[0].is_outside);
    // Of -1.84 - 0.5 - z^2 / 2 = -5 the root is z = 2.307.
    assert!((found[0].normal - 4.307).abs() < 0.02, "{found:?}");
    assert!((found[0].gain - 8.0).abs() < 0.01, "{found:?}");
    // The first one could follow the second: it gains less.
    assert_eq!(found[1].index, 0);
    assert!(found[1].gain < found[0].gain && found[1].gain > 4.0);
}

#[test]
fn two_faults_leave_no_value_that_is_enough_alone() {
    let found = find([3.9, -9.0], -3.0);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|own| !own.is_enough), "{found:?}");
    // The likeliest values, then.
    let second = found.iter().find(|own| own.index == 1).unwrap();
    assert!((second.normal - 7.8).abs() < 0.02);
}

#[test]
fn a_normal_reading_is_its_own_nearest_normal_one() {
    let found = find([0.5, 1.5], -5.0);
    for own in &found {
        assert_eq!((own.normal, own.is_enough), (own.value, true));
    }
    assert_eq!(find([0.0, 0.0], -5.0), []);
}

#[test]
fn values_outside_their_range_and_no_numbers_come_first() {
    // The first value is outside; the second would gain far more.
    let found = find([4.5, -9.9], -3.0);
    assert_eq!((found[0].index, found[0].is_outside), (0, true));
    assert_eq!((found[1].index, found[1].is_enough), (1, false));
    for x in [f32::NAN, f32::INFINITY, f32::MAX] {
        let found = find([1.0, x], -5.0);
        assert_eq!(found[0].index, 1);
        assert!(found[0].is_outside && found[0].is_enough);
        assert!(found[0].gain > 0.0);
        assert!((-10.0..=10.0).contains(&found[0].normal));
        assert!(found[0].normal > -0.4 && found[0].normal < 4.4, "{found:?}");
    }
    let found = find([f32::NAN, f32::NAN], -5.0);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|own| own.is_outside && !own.is_enough));
}

#[test]
fn places_hold_the_first_ones() {
    let spec = spec(-5.0);
    let mut workspace = [0.0; SPEC.workspace_len() + 2];
    for x in [[1.0, 6.0], [f32::NAN, 6.0], [3.0, 60.0]] {
        let mut all = [Blamed::default(); 5];
        let all = blame(&FLOW, &spec, &x, &mut all, &mut workspace).unwrap();
        let mut one = [Blamed::default(); 1];
        let one = blame(&FLOW, &spec, &x, &mut one, &mut workspace).unwrap();
        assert_eq!(all[0].index, one[0].index);
        assert_eq!(all[0].normal, one[0].normal);
        let none = blame(&FLOW, &spec, &x, &mut [], &mut workspace).unwrap();
        assert_eq!(none, []);
    }
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let mut workspace = [0.0; SPEC.workspace_len() + 2];
    let mut places = [Blamed::default(); 2];
    let mut refused = |spec: &BlameSpec<'_, f32>, x: &[f32], workspace: &mut [f32]| {
        blame(&FLOW, spec, x, &mut places, workspace).unwrap_err()
    };
    let good = spec(-5.0);
    let other = BlameSpec {
        ranges: &[],
        ..good
    };
    let (expected, found) = (2, 0);
    assert_eq!(
        refused(&other, &[0.0, 0.0], &mut workspace),
        BlameError::Ranges { expected, found }
    );
    for (typical, scales) in [
        (&[1.0, 2.0, 3.0][..], &[1.0, 1.0][..]),
        (&[1.0, 2.0], &[1.0]),
    ] {
        let other = BlameSpec {
            typical,
            scales,
            ..good
        };
        assert_eq!(
            refused(&other, &[0.0, 0.0], &mut workspace),
            BlameError::Typical
        );
    }
    let (expected, found) = (2, 1);
    assert_eq!(
        refused(&good, &[0.0], &mut workspace),
        BlameError::Score(ScoreError::InputLength { expected, found })
    );
    for len in 0..workspace.len() {
        let (expected, found) = (workspace.len(), len);
        let short = ScoreError::WorkspaceLength { expected, found };
        assert_eq!(
            refused(&good, &[0.0, 0.0], &mut workspace[..len]),
            BlameError::Score(short)
        );
    }
}

#[test]
fn integers_find_the_same() {
    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    // z = x / 16
    static WORDS: [i32; SPEC.word_len::<I8>()] = [
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
    static FLOW: IntegerFlow<'static, I8> = match IntegerFlow::new(SPEC, &WORDS) {
        Ok(flow) => flow,
        Err(error) => panic!("{}", error.message()),
    };
    const RANGES: [[i32; 2]; 2] = [[-100, 100], [-100, 100]];
    let spec = BlameSpec {
        threshold: -5 << 16,
        ranges: &RANGES,
        given: 0,
        typical: &[],
        scales: &[],
    };
    let mut places = [Blamed::default(); 2];
    let mut workspace = [0; SPEC.integer_workspace_len() + 2];
    let found = blame(&FLOW, &spec, &[8, 80], &mut places, &mut workspace).unwrap();
    assert_eq!((found[0].index, found[1].index), (1, 0));
    // -1.838 - 0.125 - z^2 / 2 = -5, z = 2.464.
    assert_eq!((found[0].normal, found[0].is_enough), (39, true));
    assert!((found[0].gain - (25 << 15)).abs() < 200, "{found:?}");
    assert!(!found[1].is_enough);
    let found = blame(&FLOW, &spec, &[i32::MIN, 80], &mut places, &mut workspace).unwrap();
    assert_eq!(found[0].index, 0);
    assert!(found[0].is_outside && !found[0].is_enough);
    let spec = BlameSpec {
        typical: &[0, 0, 16, -16, 3, 3, 70, 70],
        scales: &[16, 16],
        ..spec
    };
    let found = blame(&FLOW, &spec, &[8, 80], &mut places, &mut workspace).unwrap();
    assert_eq!((found[0].index, found[0].normal), (1, 39));
}

#[cfg(feature = "extra-layers")]
#[test]
fn given_values_are_never_to_blame() {
    static FLOW: Flow<'static> =
        match Flow::new(SPEC.with_given(1), &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, -2.0]) {
            Ok(flow) => flow,
            Err(error) => panic!("{}", error.message()),
        };
    let spec = BlameSpec {
        given: 1,
        ..spec(-5.0)
    };
    let mut places = [Blamed::default(); 2];
    let mut workspace = [0.0; SPEC.workspace_len() + 2];
    for (first, is_enough) in [(1.0, true), (4.5, false)] {
        let x = [first, 2.0 * first - 8.0];
        let found = blame(&FLOW, &spec, &x, &mut places, &mut workspace).unwrap();
        assert_eq!((found.len(), found[0].index), (1, 1));
        assert_eq!(found[0].is_enough, is_enough);
    }
}

/// A density that counts how often it is asked.
#[derive(Clone, Copy, Debug)]
struct Counted<'c>(&'c Cell<usize>);

impl crate::flow::sealed::Sealed for Counted<'_> {}

impl Density for Counted<'_> {
    type Value = f32;
    type Score = f32;
    type Cursor = ();
    const ZERO: f32 = 0.0;
    const IMPOSSIBLE: f32 = f32::NEG_INFINITY;

    fn dim(&self) -> usize {
        3
    }

    fn workspace_len(&self) -> usize {
        0
    }

    fn score(&self, x: &[f32], _workspace: &mut [f32]) -> Result<f32, ScoreError> {
        self.0.set(self.0.get() + 1);
        Ok(-x.iter().map(|x| x * x).sum::<f32>())
    }

    fn log_prob(score: &f32) -> f32 {
        *score
    }

    fn component(_score: &f32) -> Option<u8> {
        None
    }

    fn begin(&self, _x: &[f32], _workspace: &mut [f32]) -> Result<(), ScoreError> {
        Ok(())
    }

    fn step(&self, (): &mut (), _workspace: &mut [f32]) -> Option<f32> {
        None
    }
}

#[test]
fn it_takes_no_more_scores_than_it_says() {
    let asked = Cell::new(0);
    let spec = BlameSpec {
        threshold: -1.0,
        ranges: &[[-3.0, 3.0]; 3],
        given: 1,
        typical: &[],
        scales: &[],
    };
    let with = BlameSpec {
        typical: &[0.0; 12],
        scales: &[1.0; 3],
        ..spec
    };
    for spec in [spec, with] {
        for x in [[0.0, 0.1, 2.5], [0.0, 9.0, f32::NAN], [0.5, 0.5, 0.5]] {
            for most in 1..3 {
                asked.set(0);
                let mut places = [Blamed::default(); 2];
                let places = &mut places[..most];
                blame(&Counted(&asked), &spec, &x, places, &mut [0.0; 3]).unwrap();
                assert!(asked.get() <= spec.scores(most), "{}", asked.get());
            }
        }
    }
    assert_eq!((spec.scores(1), with.scores(1)), (97, 51));
}
