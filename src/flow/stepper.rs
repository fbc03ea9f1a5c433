//! Stepwise scoring, one layer per step, for cooperative schedulers (RTIC, embassy, a super-loop): other tasks
//! can run between steps. The result is bit-identical to [`Flow::score`](crate::Flow::score).
//!
//! The longest step is that of the layer with the most multiply-accumulates,
//! [`FlowSpec::largest_step`](crate::FlowSpec::largest_step).
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec};
//! # let layers = [LayerSpec::Coupling(CouplingSpec::new(Mask::Even, Transform::Additive,
//! #     Conditioner::Dense(DenseSpec::new(&[], Activation::Relu))))];
//! # let spec = FlowSpec::new(Shape::vector(2), &layers);
//! # let flow = Flow::new(spec, &[0.1, 0.5])?;
//! # fn give_way() {}
//! let reading = [0.3, -0.2];
//! let mut workspace = [0.0; 8];
//! let mut stepper = flow.stepper(&reading, &mut workspace)?;
//! let score = loop {
//!     if let Some(score) = stepper.step() {
//!         break score;
//!     }
//!     give_way();
//! };
//! assert_eq!(score, flow.score(&reading, &mut [0.0; 8])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Density, Flow, ScoreError};

/// A score in progress; created by [`Flow::stepper`] or
/// [`IntegerFlow::stepper`](crate::integer::IntegerFlow::stepper).
#[derive(Debug)]
pub struct Stepper<'w, D: Density = Flow<'static>> {
    density: D,
    cursor: D::Cursor,
    workspace: &'w mut [D::Value],
}

impl<'w, D: Density> Stepper<'w, D> {
    pub(crate) fn new(
        density: D,
        x: &[D::Value],
        workspace: &'w mut [D::Value],
    ) -> Result<Self, ScoreError> {
        Ok(Self {
            cursor: density.begin(x, workspace)?,
            density,
            workspace,
        })
    }

    /// Runs the next layer. Returns the score after the last layer and on every later call.
    pub fn step(&mut self) -> Option<D::Score> {
        self.density.step(&mut self.cursor, self.workspace)
    }
}
