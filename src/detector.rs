//! From log-densities to an alarm one can trust.
//!
//! A [`Detector`] owns the workspace, scores each reading, compares it with the threshold, and raises
//! its alarm when enough of the last `HISTORY` readings were not normal. A reading that cannot be
//! scored (a sensor that failed, a NaN) counts as not normal.
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Nets, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec, Math};
//! # const SPEC: FlowSpec<'static> = FlowSpec { shape: Shape::vector(2), math: Math::Libm, layers: &[
//! #     LayerSpec::Coupling(CouplingSpec { mask: Mask::Even, transform: Transform::Additive,
//! #         conditioner: Conditioner::Dense(DenseSpec { hidden: &[], activation: Activation::Relu, nets: Nets::One }) })] };
//! # static FLOW: Flow<'static> = match Flow::new(SPEC, &[0.0, 0.0]) { Ok(f) => f, Err(_) => panic!() };
//! use nvpico::detector::{AlarmRule, Decision, Detector};
//!
//! const WORKSPACE: usize = SPEC.workspace_len();
//! // Alarm when 2 of the last 4 readings are not normal, until none of the last 4 is.
//! let rule = AlarmRule { raise: 2, clear: 0 };
//! let mut detector = Detector::<2, WORKSPACE, 4>::new(FLOW, -10.0, rule)?;
//!
//! assert_eq!(detector.observe(&[0.1, 0.2]).decision, Decision::Normal);
//! assert_eq!(detector.observe(&[9.0, 0.2]).decision, Decision::Anomalous);
//! assert!(!detector.alarm());
//! assert!(detector.observe(&[f32::NAN, 0.2]).alarm);
//! # Ok::<(), nvpico::detector::DetectorError>(())
//! ```
//!
//! A model in integers has [`Detector::new_integer`]: readings are counts then, log-densities and the
//! threshold steps of 2^-16 nat.

use core::fmt;

use heapless::HistoryBuf;

use crate::flow::{Flow, Score, ScoreError};
use crate::integer::{IntegerFlow, IntegerScore, Weights};

/// A model that a detector can run: [`Flow`] or [`IntegerFlow`].
pub trait Model: sealed::Sealed {
    /// A value of a reading, and a log-density.
    type Value: Copy + PartialOrd;
    /// What a reading scores.
    type Score: Copy;
    /// The log-density of a reading that cannot be scored.
    const LOWEST: Self::Value;

    /// The score of a reading, and its log-density.
    ///
    /// # Errors
    /// As [`Flow::score`].
    fn score(
        &self,
        x: &[Self::Value],
        workspace: &mut [Self::Value],
    ) -> Result<(Self::Score, Self::Value), ScoreError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Flow<'_> {}
    impl<W> Sealed for super::IntegerFlow<'_, W> {}
}

impl Model for Flow<'_> {
    type Value = f32;
    type Score = Score;
    const LOWEST: f32 = f32::NEG_INFINITY;

    fn score(&self, x: &[f32], workspace: &mut [f32]) -> Result<(Score, f32), ScoreError> {
        let score = Flow::score(self, x, workspace)?;
        Ok((score, score.log_prob))
    }
}

impl<W: Weights> Model for IntegerFlow<'_, W> {
    type Value = i32;
    type Score = IntegerScore;
    const LOWEST: i32 = IntegerScore::IMPOSSIBLE;

    fn score(&self, x: &[i32], workspace: &mut [i32]) -> Result<(IntegerScore, i32), ScoreError> {
        let score = IntegerFlow::score(self, x, workspace)?;
        Ok((score, score.log_prob))
    }
}

/// What one reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decision {
    /// At least as likely as the threshold.
    Normal,
    /// Less likely than the threshold.
    Anomalous,
    /// Could not be scored; never counts as normal.
    Invalid,
}

impl Decision {
    /// The decision for a log-density at a threshold, both in the same unit.
    #[must_use]
    pub fn at<L: PartialOrd + Copy>(log_prob: L, threshold: L) -> Self {
        // A NaN would compare false and so be anomalous.
        if log_prob >= threshold {
            Decision::Normal
        } else {
            Decision::Anomalous
        }
    }
}

/// How many of the last `HISTORY` readings must be not normal for the alarm to come and to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlarmRule {
    /// The alarm comes at this many, `1 ..= HISTORY`.
    pub raise: usize,
    /// The alarm goes at this many or fewer; less than `raise`.
    pub clear: usize,
}

/// One observed reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Observation<S = Score> {
    /// The score; `None` where there was no reading to score.
    pub score: Option<Result<S, ScoreError>>,
    /// What the reading is.
    pub decision: Decision,
    /// Whether the alarm stands after this reading.
    pub alarm: bool,
}

/// What the detector remembers of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Record<L = f32> {
    /// Number of the reading since start, wrapping.
    pub sequence: u32,
    /// `log p(x)` in nats, `-inf` for an invalid reading; of a model in integers in steps of 2^-16 nat, the
    /// lowest for an invalid one.
    pub log_prob: L,
    /// What the reading is.
    pub decision: Decision,
}

/// Why a detector was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DetectorError {
    /// `DIM` or `WORKSPACE` do not fit the model.
    Size {
        /// The model's dimension and workspace.
        expected: (usize, usize),
        /// `(DIM, WORKSPACE)`.
        found: (usize, usize),
    },
    /// The threshold is NaN.
    Threshold,
    /// Not `clear < raise <= HISTORY`.
    Rule,
}

impl fmt::Display for DetectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DetectorError::Size { expected, found } => write!(
                f,
                "the model needs (dimension, workspace) {expected:?}, the detector has {found:?}"
            ),
            DetectorError::Threshold => f.write_str("the threshold is NaN"),
            DetectorError::Rule => f.write_str("the alarm rule is not clear < raise <= HISTORY"),
        }
    }
}

impl core::error::Error for DetectorError {}

/// Scores readings of `DIM` features and keeps the alarm over the last `HISTORY` of them.
#[derive(Debug)]
pub struct Detector<
    const DIM: usize,
    const WORKSPACE: usize,
    const HISTORY: usize,
    M: Model = Flow<'static>,
> {
    model: M,
    threshold: M::Value,
    rule: AlarmRule,
    workspace: [M::Value; WORKSPACE],
    records: HistoryBuf<Record<M::Value>, HISTORY>,
    sequence: u32,
    alarm: bool,
}

impl<const DIM: usize, const WORKSPACE: usize, const HISTORY: usize>
    Detector<DIM, WORKSPACE, HISTORY>
{
    /// A detector without history. `threshold` in nats: what is less likely is anomalous.
    ///
    /// # Errors
    /// [`DetectorError`] where sizes, threshold or rule make no sense.
    pub const fn new(
        flow: Flow<'static>,
        threshold: f32,
        rule: AlarmRule,
    ) -> Result<Self, DetectorError> {
        let sizes = (flow.dim(), flow.spec().workspace_len());
        if let Err(error) = check(sizes, (DIM, WORKSPACE), rule, HISTORY) {
            return Err(error);
        }
        if threshold.is_nan() {
            return Err(DetectorError::Threshold);
        }
        Ok(Self {
            model: flow,
            threshold,
            rule,
            workspace: [0.0; WORKSPACE],
            records: HistoryBuf::new(),
            sequence: 0,
            alarm: false,
        })
    }
}

impl<const DIM: usize, const WORKSPACE: usize, const HISTORY: usize, W: Weights>
    Detector<DIM, WORKSPACE, HISTORY, IntegerFlow<'static, W>>
{
    /// A detector in integers, without history. `threshold` in steps of 2^-16 nat.
    ///
    /// # Errors
    /// [`DetectorError`] where sizes or rule make no sense.
    pub const fn new_integer(
        flow: IntegerFlow<'static, W>,
        threshold: i32,
        rule: AlarmRule,
    ) -> Result<Self, DetectorError> {
        let sizes = (flow.dim(), flow.workspace_len());
        if let Err(error) = check(sizes, (DIM, WORKSPACE), rule, HISTORY) {
            return Err(error);
        }
        Ok(Self {
            model: flow,
            threshold,
            rule,
            workspace: [0; WORKSPACE],
            records: HistoryBuf::new(),
            sequence: 0,
            alarm: false,
        })
    }
}

/// Checks dimension and workspace against the model's, and the rule against the history.
const fn check(
    expected: (usize, usize),
    found: (usize, usize),
    rule: AlarmRule,
    history: usize,
) -> Result<(), DetectorError> {
    if found.0 != expected.0 || found.1 < expected.1 {
        return Err(DetectorError::Size { expected, found });
    }
    if rule.clear >= rule.raise || rule.raise > history {
        return Err(DetectorError::Rule);
    }
    Ok(())
}

impl<const DIM: usize, const WORKSPACE: usize, const HISTORY: usize, M: Model>
    Detector<DIM, WORKSPACE, HISTORY, M>
{
    /// Scores a reading, decides, and updates the alarm.
    pub fn observe(&mut self, x: &[M::Value; DIM]) -> Observation<M::Score> {
        match self.model.score(x, &mut self.workspace) {
            Ok((score, log_prob)) => {
                let decision = Decision::at(log_prob, self.threshold);
                self.remember(Some(Ok(score)), log_prob, decision)
            }
            Err(error) => self.remember(Some(Err(error)), M::LOWEST, Decision::Invalid),
        }
    }

    /// Takes note of a reading that the sensor could not give.
    pub fn observe_invalid(&mut self) -> Observation<M::Score> {
        self.remember(None, M::LOWEST, Decision::Invalid)
    }

    /// Whether the alarm stands.
    #[must_use]
    pub const fn alarm(&self) -> bool {
        self.alarm
    }

    /// The last readings, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record<M::Value>> {
        self.records.oldest_ordered()
    }

    fn remember(
        &mut self,
        score: Option<Result<M::Score, ScoreError>>,
        log_prob: M::Value,
        decision: Decision,
    ) -> Observation<M::Score> {
        self.records.write(Record {
            sequence: self.sequence,
            log_prob,
            decision,
        });
        self.sequence = self.sequence.wrapping_add(1);
        let bad = self
            .records()
            .filter(|record| record.decision != Decision::Normal)
            .count();
        self.alarm = if self.alarm {
            bad > self.rule.clear
        } else {
            bad >= self.rule.raise
        };
        Observation {
            score,
            decision,
            alarm: self.alarm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{
        Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Nets, Shape, Transform,
    };
    use crate::{FlowSpec, LayerSpec, Math};

    static FLOW: Flow<'static> = match Flow::new(
        FlowSpec {
            shape: Shape::vector(2),
            math: Math::Libm,
            layers: &[LayerSpec::Coupling(CouplingSpec {
                mask: Mask::FirstHalf,
                transform: Transform::Additive,
                conditioner: Conditioner::Dense(DenseSpec {
                    hidden: &[],
                    activation: Activation::Relu,
                    nets: Nets::One,
                }),
            })],
        },
        &[0.0, 0.0],
    ) {
        Ok(flow) => flow,
        Err(_) => panic!(),
    };

    fn detector(raise: usize, clear: usize) -> Result<Detector<2, 4, 4>, DetectorError> {
        Detector::new(FLOW, -8.0, AlarmRule { raise, clear })
    }

    #[test]
    fn alarm_comes_and_goes_with_hysteresis() {
        let mut detector = detector(3, 1).unwrap();
        let (good, bad) = ([0.0, 0.0], [6.0, 0.0]);
        let alarms: std::vec::Vec<bool> = [bad, bad, good, bad, good, good, good, good]
            .iter()
            .map(|x| detector.observe(x).alarm)
            .collect();
        assert_eq!(
            alarms,
            [false, false, false, true, true, false, false, false]
        );
        assert_eq!(detector.records().next().unwrap().sequence, 4);
    }

    #[test]
    fn invalid_readings_are_never_normal() {
        let mut detector = detector(2, 0).unwrap();
        assert_eq!(detector.observe_invalid().decision, Decision::Invalid);
        let observation = detector.observe(&[f32::INFINITY, 0.0]);
        assert_eq!(observation.decision, Decision::Invalid);
        assert!(observation.alarm);
        assert_eq!(
            Decision::at(f32::NAN, f32::NEG_INFINITY),
            Decision::Anomalous
        );
        assert_eq!(
            detector.observe(&[f32::MAX, 0.0]).decision,
            Decision::Anomalous
        );
    }

    #[test]
    fn integers_decide_as_floats_do() {
        use crate::integer::{I8, IntegerFlow, op};

        const SPEC: FlowSpec<'static> = FlowSpec {
            shape: Shape::vector(2),
            math: Math::Libm,
            layers: &[LayerSpec::Standardize],
        };
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
        let flow = IntegerFlow::<I8>::new(SPEC, &WORDS).unwrap();
        let rule = AlarmRule { raise: 2, clear: 0 };
        let mut detector = Detector::<2, { SPEC.integer_workspace_len() }, 3, _>::new_integer(
            flow,
            -8 << 16,
            rule,
        )
        .unwrap();
        assert_eq!(detector.observe(&[16, 0]).decision, Decision::Normal);
        assert_eq!(detector.observe(&[100, 0]).decision, Decision::Anomalous);
        assert!(detector.observe_invalid().alarm);
        let last = detector.records().last().unwrap();
        assert_eq!(last.log_prob, IntegerScore::IMPOSSIBLE);
    }

    #[test]
    fn wrong_rules_and_sizes_are_refused() {
        assert_eq!(detector(0, 0).unwrap_err(), DetectorError::Rule);
        assert_eq!(detector(2, 2).unwrap_err(), DetectorError::Rule);
        assert_eq!(detector(5, 0).unwrap_err(), DetectorError::Rule);
        let rule = AlarmRule { raise: 1, clear: 0 };
        assert!(matches!(
            Detector::<3, 4, 2>::new(FLOW, 0.0, rule),
            Err(DetectorError::Size { .. })
        ));
        assert_eq!(
            Detector::<2, 4, 2>::new(FLOW, f32::NAN, rule).unwrap_err(),
            DetectorError::Threshold
        );
    }
}
