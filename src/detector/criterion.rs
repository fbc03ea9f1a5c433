//! A model and the log-density threshold that separates normal from anomalous.

use crate::flow::{Density, Flow};
use crate::integer::{IntegerFlow, Weights};

/// A model and its threshold, by which a [`Detector`](super::Detector) judges readings. Created by
/// [`Flow::anomalous_below`] or [`IntegerFlow::anomalous_below`], checked by
/// [`Detector::new`](super::Detector::new). [`or_outside`](Self::or_outside) adds the ranges of the values.
///
/// Stores the sizes that the check needs because a `const fn` cannot call trait methods.
#[derive(Clone, Copy, Debug)]
pub struct Criterion<D: Density> {
    pub(super) density: D,
    pub(super) threshold: D::Value,
    pub(super) threshold_is_number: bool,
    /// Dimension and workspace length of the model.
    pub(super) sizes: (usize, usize),
    /// Lowest and highest value of each channel; none where there is no guard.
    pub(super) ranges: &'static [[D::Value; 2]],
    /// The first values, which are given.
    #[cfg(feature = "extra-layers")]
    pub(super) given: usize,
}

impl<D: Density> Criterion<D> {
    /// Readings with a value outside its range are [`OutOfRange`](super::Decision::OutOfRange), whatever their
    /// log-density: a flow may find a reading likely that lies far from all it was trained on. `ranges` holds the
    /// lowest and the highest value of each channel, of a vector of each value, in the unit of the readings.
    ///
    /// A reading with a [given](crate::FlowSpec::with_given) value outside its range is not judged:
    /// [`GivenOutOfRange`](super::Decision::GivenOutOfRange).
    ///
    /// ```
    /// # use nvpico::spec::Shape;
    /// # use nvpico::{Flow, FlowSpec, LayerSpec};
    /// use nvpico::detector::{AlarmRule, Decision, Detector};
    ///
    /// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) {
    ///     Ok(flow) => flow,
    ///     Err(error) => panic!("{}", error.message()),
    /// };
    /// const RANGES: [[f32; 2]; 2] = [[15.0, 25.0], [0.5, 1.5]];
    ///
    /// let criterion = FLOW.anomalous_below(-20.0).or_outside(&RANGES);
    /// let rule = AlarmRule::new(1, 0);
    /// let mut detector = Detector::<2, { SPEC.workspace_len() }, 4>::new(criterion, rule)?;
    /// assert_eq!(detector.observe(&[21.0, 1.1]).decision, Decision::Normal);
    /// assert_eq!(detector.observe(&[21.0, 1.7]).decision, Decision::OutOfRange(1));
    /// # Ok::<(), nvpico::detector::DetectorError>(())
    /// ```
    #[must_use]
    pub const fn or_outside(mut self, ranges: &'static [[D::Value; 2]]) -> Self {
        self.ranges = ranges;
        self
    }
}

impl Flow<'_> {
    /// Readings with a log-density below `threshold`, in nats, are anomalous.
    #[must_use]
    pub const fn anomalous_below(self, threshold: f32) -> Criterion<Self> {
        Criterion {
            threshold,
            threshold_is_number: !threshold.is_nan(),
            sizes: (self.dim(), self.workspace_len()),
            #[cfg(feature = "extra-layers")]
            given: self.given(),
            density: self,
            ranges: &[],
        }
    }
}

impl<W: Weights> IntegerFlow<'_, W> {
    /// Readings with a log-density below `threshold`, in units of 2^-16 nat, are anomalous.
    #[must_use]
    pub const fn anomalous_below(self, threshold: i32) -> Criterion<Self> {
        Criterion {
            threshold,
            threshold_is_number: true,
            sizes: (self.dim(), self.workspace_len()),
            #[cfg(feature = "extra-layers")]
            given: self.given(),
            density: self,
            ranges: &[],
        }
    }
}
