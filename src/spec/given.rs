//! Values that are given: how many there are, and what may not happen to them.

use super::flow::FlowSpec;
#[cfg(not(feature = "extra-layers"))]
use super::kernels::KernelsSpec;
use super::shape::Shape;
use super::{LayerSpec, position};

impl FlowSpec<'_> {
    /// The same with the first values of a sample given: the density is that of the other values where these are known,
    /// `log p(x | given)`. Needs feature `extra-layers`.
    ///
    /// Given values, such as the speed that a machine was set to, are not judged. They are standardised by the first
    /// layer, every coupling keeps them and no permutation moves them, so they tell the networks what is normal and reach
    /// z as they are. Their scales have no part in a log-determinant: the `log_det` among the parameters of
    /// [`LayerSpec::Standardize`] and [`LayerSpec::Affine`] is the sum over the other values.
    ///
    /// ```
    /// use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform};
    /// use nvpico::{Flow, FlowSpec, LayerSpec};
    ///
    /// // A speed, and a current whose log-scale and shift are linear in it.
    /// const COUPLING: CouplingSpec<'static> = CouplingSpec::new(
    ///     Mask::Indices(&[0]),
    ///     Transform::Affine(ScaleMap::Unbounded),
    ///     Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
    /// );
    /// const SPEC: FlowSpec<'static> =
    ///     FlowSpec::new(Shape::vector(2), &[LayerSpec::Coupling(COUPLING)]).with_given(1);
    /// // z = current - 3 speed: a standard normal density around three times the speed.
    /// let flow = Flow::new(SPEC, &[0.0, 0.0, 0.0, -3.0])?;
    /// let mut workspace = [0.0; SPEC.workspace_len()];
    /// for speed in [0.0, 1.0, 7.0] {
    ///     let score = flow.score(&[speed, 3.0 * speed + 0.5], &mut workspace)?;
    ///     assert_eq!(score.z_norm_sq, 0.25);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_given(self, given: usize) -> Self {
        Self {
            #[cfg(feature = "extra-layers")]
            given,
            // Refused alike.
            #[cfg(not(feature = "extra-layers"))]
            base: if given > 0 {
                KernelsSpec::new(1).base()
            } else {
                self.base
            },
            ..self
        }
    }

    /// How many values of a sample are given; 0 without the feature.
    #[cfg(feature = "extra-layers")]
    #[must_use]
    #[inline(always)]
    pub const fn given(&self) -> usize {
        self.given
    }

    /// How many values of a sample are given; 0 without the feature.
    #[cfg(not(feature = "extra-layers"))]
    #[must_use]
    #[inline(always)]
    #[allow(clippy::unused_self, reason = "a number of the spec where it has one")]
    pub const fn given(&self) -> usize {
        0
    }
}

impl LayerSpec<'_> {
    /// The first of the `given` first values that the layer changes otherwise than by a map of its own, or moves.
    pub(super) const fn first_changed(&self, shape: Shape, given: usize) -> Option<usize> {
        if given == 0 {
            return None;
        }
        match self {
            LayerSpec::Coupling(spec) => {
                let mut value = 0;
                while value < given {
                    if !spec.mask.keeps_value(value, shape) {
                        return Some(value);
                    }
                    value += 1;
                }
                None
            }
            LayerSpec::Permutation(permutation) => {
                let mut value = 0;
                while value < given {
                    if position(permutation, value) != value {
                        return Some(value);
                    }
                    value += 1;
                }
                None
            }
            LayerSpec::Standardize | LayerSpec::Affine => None,
            // A logarithm of their own scales would count, or they would move.
            LayerSpec::Logit(_)
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut => Some(0),
        }
    }
}
