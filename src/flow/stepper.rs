//! A score in steps of one layer each, for cooperative schedulers (RTIC, embassy, a superloop): between
//! two steps the processor is free for whatever is due. The bits are those of [`Flow::score`](crate::Flow::score).
//!
//! No step takes longer than that of the layer with most multiply-accumulates,
//! [`FlowSpec::largest_step`](crate::FlowSpec::largest_step).
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Nets, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec, Math};
//! # let layers = [LayerSpec::Coupling(CouplingSpec { mask: Mask::Even, transform: Transform::Additive,
//! #     conditioner: Conditioner::Dense(DenseSpec { hidden: &[], activation: Activation::Relu, nets: Nets::One }) })];
//! # let spec = FlowSpec { shape: Shape::vector(2), math: Math::Libm, layers: &layers };
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

use super::{Flow, Progress, Score};

/// A score under way; [`Flow::stepper`] begins one.
#[derive(Debug)]
pub struct Stepper<'f, 'w> {
    flow: Flow<'f>,
    progress: Progress<'f>,
    log_det: f32,
    x: &'w mut [f32],
    scratch: &'w mut [f32],
}

impl<'f, 'w> Stepper<'f, 'w> {
    pub(crate) fn new(flow: Flow<'f>, x: &'w mut [f32], scratch: &'w mut [f32]) -> Self {
        Self {
            flow,
            progress: flow.start(),
            log_det: 0.0,
            x,
            scratch,
        }
    }

    /// Runs the next layer. After the last one, and from then on, the score.
    pub fn step(&mut self) -> Option<Score> {
        let Self {
            progress,
            log_det,
            x,
            scratch,
            ..
        } = self;
        if progress.next(x, scratch, log_det).is_some() {
            return None;
        }
        let (log_prob, z_norm_sq, log_det) = self.flow.score_latent(self.x, self.log_det);
        Some(Score {
            log_prob,
            z_norm_sq,
            log_det,
        })
    }
}
