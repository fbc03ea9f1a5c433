//! The gradient of a log-density with respect to the sample: which values make it unlikely.

use super::{Flow, Score, ScoreError, base, without_nan};
use crate::layer;

impl Flow<'_> {
    /// Scores a sample and writes the gradient `d log p(x) / d x` to `gradient`, in nats per unit of each feature, with the
    /// shape of `x`. The score has the same bits as that of [`score`](Self::score). `gradient` has the length of `x`;
    /// `workspace` holds at least [`FlowSpec::gradient_workspace_len`](crate::FlowSpec::gradient_workspace_len) values.
    ///
    /// A feature with a large gradient makes the sample unlikely: changing it in the direction of the gradient would make
    /// the sample more likely. Features have different units, so multiply each gradient by the standard deviation of its
    /// feature before you compare them:
    ///
    /// ```
    /// use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform};
    /// use nvpico::{Flow, FlowSpec, LayerSpec};
    ///
    /// const COUPLING: CouplingSpec<'static> = CouplingSpec::new(
    ///     Mask::FirstHalf,
    ///     Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.0 }),
    ///     Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
    /// );
    /// const SPEC: FlowSpec<'static> =
    ///     FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize, LayerSpec::Coupling(COUPLING)]);
    /// const NAMES: [&str; 2] = ["temperature", "pressure"];
    /// const STANDARD_DEVIATIONS: [f32; 2] = [5.0, 0.25];
    ///
    /// let params = [
    ///     40.0, 2.0, 0.2, 4.0, -0.223_143_55, // means, 1 / standard deviations, sum of their logarithms
    ///     0.0, 0.0, 0.0, -0.8, // s = 0, t = -0.8 x: pressure rises with temperature
    /// ];
    /// let flow = Flow::new(SPEC, &params)?;
    /// let (mut gradient, mut workspace) = ([0.0; 2], [0.0; SPEC.gradient_workspace_len()]);
    ///
    /// // Warm as usual, but no pressure.
    /// let score = flow.input_gradient(&[41.0, 0.5], &mut gradient, &mut workspace)?;
    /// assert!(score.log_prob < -15.0);
    /// let mut blame = [0.0; 2];
    /// for ((blame, gradient), deviation) in blame.iter_mut().zip(gradient).zip(STANDARD_DEVIATIONS) {
    ///     *blame = (gradient * deviation).abs();
    /// }
    /// let worst = if blame[0] > blame[1] { 0 } else { 1 };
    /// assert_eq!(NAMES[worst], "pressure");
    /// // More of it would be likelier.
    /// assert!(gradient[worst] > 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Method and accuracy
    ///
    /// The score keeps only z. The backward pass recovers each layer's input from its output by the inverse,
    /// and runs the layer's networks again, keeping their hidden layers until the gradients have read them. So
    /// the workspace depends on the largest layer, not on the number of layers. In total this takes about three
    /// times the multiply-accumulates of a score.
    ///
    /// The price is rounding: an input recovered by the inverse differs from the original by the error of a round trip
    /// through [`forward`](Self::forward) and [`inverse`](Self::inverse), which grows from layer to layer. In the tests,
    /// with random models of up to seven layers on vectors, gradients deviate from exact ones by less than 1e-6 of the
    /// largest value, with models of sixteen layers on maps by less than 1e-5.
    /// The error is larger where several couplings in a row shrink values by large factors (log-scales of -5 and
    /// below), which samples far from the training data can cause. Where an input of a ReLU is within this error of
    /// zero, the gradient of either side may result.
    ///
    /// If the flow overflows, values of the gradient are infinite, but never NaN; they then only show which features are
    /// affected.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length, a non-finite feature, or for a model with a residual network of convolutions;
    /// `gradient` is then unchanged.
    #[inline(never)]
    pub fn input_gradient(
        &self,
        x: &[f32],
        gradient: &mut [f32],
        workspace: &mut [f32],
    ) -> Result<Score, ScoreError> {
        let (expected, found) = (self.spec.gradient_workspace_len(), workspace.len());
        let short = ScoreError::WorkspaceLength { expected, found };
        if found < expected {
            return Err(short);
        }
        if gradient.len() != self.dim() {
            return Err(ScoreError::GradientLength {
                expected: self.dim(),
                found: gradient.len(),
            });
        }
        if let Some(layer) = self.spec.layer_without_gradient() {
            return Err(ScoreError::NoGradient { layer });
        }
        let score = self.score(x, workspace)?;
        #[cfg(feature = "extra-layers")]
        if self.spec.kernels.is_some() {
            if let Some(done) = self.kernel_gradient(x, &score, gradient, workspace) {
                return if done { Ok(score) } else { Err(short) };
            }
            // The workspace holds z again.
            self.score(x, workspace)?;
        }
        let Some((z, scratch)) = workspace.split_at_mut_checked(self.dim()) else {
            return Err(short);
        };
        let (mut params, own) = self.split_params();
        if base::gradient(&self.spec, z, scratch, own, gradient).is_none() {
            return Err(short);
        }
        let mut walk = self.spec.walk_back();
        while let Some((layer, input, output)) = walk.next() {
            let place = self.place(input, output);
            let len = layer.param_len(input);
            let done = params.len().checked_sub(len).and_then(|end| {
                let (others, last) = params.split_at_checked(end)?;
                params = others;
                let y = z.get_mut(..input.len())?;
                let gradient = gradient.get_mut(..input.len())?;
                layer::gradient::pull_back(layer, place, last, y, gradient, scratch)
            });
            // Unreachable: lengths are checked, and the spec is valid.
            if done.is_none() {
                return Err(short);
            }
        }
        without_nan(gradient);
        Ok(score)
    }
}
