//! A validated model (spec and parameters) and the passes through its layers.

pub mod base;
#[cfg(feature = "std")]
pub mod batch;
mod density;
pub(crate) mod fixed;
mod gradient;
#[cfg(feature = "extra-layers")]
mod kernels;
mod pass;
mod sample;
mod score;
mod stepper;

use crate::kernel::Kernels;
use crate::layer::{self, Place};
#[cfg(feature = "extra-layers")]
use crate::spec::KernelsSpec;
use crate::spec::{FlowSpec, Shape, SpecError};
pub(crate) use density::sealed;
pub use density::{Cursor, Density, Value};
use pass::Pass;
pub use score::{Score, ScoreError};
pub use stepper::Stepper;

/// A validated model: a spec and parameters that match it. Built once, in a `const` or `static` if you like.
/// Afterwards scoring fails only on invalid arguments.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    spec: FlowSpec<'a>,
    params: &'a [f32],
    /// [`FlowSpec::scratch_len`], cached because computing it walks all layers.
    scratch_len: usize,
}

impl<'a> Flow<'a> {
    /// Validates the model once; usable in a `const` context.
    ///
    /// # Errors
    /// [`SpecError`] for a wrong dimension, mask, permutation, constant or length, or a back end that is not
    /// compiled in.
    pub const fn new(spec: FlowSpec<'a>, params: &'a [f32]) -> Result<Self, SpecError> {
        if let Err(error) = spec.validate() {
            return Err(error);
        }
        if params.len() != spec.param_len() {
            return Err(SpecError::ParamLength {
                expected: spec.param_len(),
                found: params.len(),
            });
        }
        Ok(Self {
            spec,
            params,
            scratch_len: spec.scratch_len(),
        })
    }

    /// The model's spec.
    #[must_use]
    pub const fn spec(&self) -> &FlowSpec<'a> {
        &self.spec
    }

    /// Number of values per sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.spec.dim()
    }

    /// How many values of a sample are given, its first ones; see [`FlowSpec::with_given`].
    #[must_use]
    #[inline(always)]
    pub const fn given(&self) -> usize {
        self.spec.given()
    }

    /// Workspace length for one score, in values.
    #[must_use]
    #[inline(always)]
    pub const fn workspace_len(&self) -> usize {
        self.dim().saturating_add(self.scratch_len)
    }

    /// The parameters, in the order that [`spec`](crate::spec) documents.
    #[must_use]
    pub const fn params(&self) -> &'a [f32] {
        self.params
    }

    /// Maps x to z in place; returns `log |det dz/dx|` in nats.
    ///
    /// `x` has shape `[dim]`, channel after channel; `scratch` holds at least [`FlowSpec::scratch_len`] values.
    /// z has the shape of x: squeezed values are moved back to their positions in x, so a map of z shows where
    /// a sample is unusual. If the flow overflows on a sample far from the training data, some values of z are
    /// infinite and the result is `-inf`. Neither is ever NaN. Given values come out standardised and have no part in the
    /// log-determinant: it is that of the other values where these are given.
    ///
    /// ```
    /// use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
    ///
    /// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// // Means 20 and 1, scales 0.5 and 2, and ln(0.5) + ln(2).
    /// let flow = Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0])?;
    /// let mut x = [22.0, 1.25];
    /// let log_det = flow.forward(&mut x, &mut [0.0; SPEC.scratch_len()])?;
    /// assert_eq!((x, log_det), ([1.0, 0.5], 0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or a non-finite feature; `x` is then unchanged.
    pub fn forward(&self, x: &mut [f32], scratch: &mut [f32]) -> Result<f32, ScoreError> {
        self.check(x, scratch.len(), self.scratch_len)?;
        let (log_det, _) = self.forward_lanes(x, scratch);
        #[cfg(feature = "feature-maps")]
        self.to_places_of_x(x, scratch);
        without_nan(x);
        Ok(finite_or(log_det, f32::NEG_INFINITY))
    }

    /// Maps z to x in place; returns `log |det dx/dz|` in nats. Shapes and lengths as in
    /// [`forward`](Self::forward). If the inverse overflows, some values of x are infinite, and the result may
    /// be. Neither is ever NaN.
    ///
    /// ```
    /// # use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
    /// # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// let flow = Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0])?;
    /// let mut z = [1.0, 0.5];
    /// flow.inverse(&mut z, &mut [0.0; SPEC.scratch_len()])?;
    /// assert_eq!(z, [22.0, 1.25]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`forward`](Self::forward).
    pub fn inverse(&self, z: &mut [f32], scratch: &mut [f32]) -> Result<f32, ScoreError> {
        self.check(z, scratch.len(), self.scratch_len)?;
        #[cfg(feature = "feature-maps")]
        self.to_places_of_z(z, scratch);
        let log_det = self.inverse_lanes(z, scratch);
        without_nan(z);
        // Impossible sample: log p(x) is log p(z) minus this.
        Ok(if log_det.is_nan() {
            f32::INFINITY
        } else {
            log_det
        })
    }

    /// Exact log-density of one sample, with its terms (paper equation 3). `x` has shape `[dim]`, channel after
    /// channel; `workspace` holds at least [`FlowSpec::workspace_len`] values.
    ///
    /// ```
    /// # use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
    /// # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// let flow = Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0])?;
    /// let mut workspace = [0.0; SPEC.workspace_len()];
    /// let score = flow.score(&[22.0, 1.25], &mut workspace)?;
    /// // z is (1, 0.5): log p = -ln(2 pi) - (1 + 0.25) / 2.
    /// assert_eq!(score.z_norm_sq, 1.25);
    /// assert!((score.log_prob + 2.4629).abs() < 1e-4);
    /// assert!(flow.score(&[f32::NAN, 1.25], &mut workspace).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or a non-finite feature.
    #[inline(never)]
    pub fn score(&self, x: &[f32], workspace: &mut [f32]) -> Result<Score, ScoreError> {
        let (z, scratch) = self.load(x, workspace)?;
        let (log_prob, z_norm_sq, log_det) = self.score_lanes(z, scratch);
        Ok(Score {
            log_prob,
            z_norm_sq,
            log_det,
            component: base::component(&self.spec, scratch.iter().copied()),
        })
    }

    /// [`score`](Self::score) in steps of one layer each, for cooperative schedulers. The result is
    /// bit-identical. `workspace` holds the state between steps.
    ///
    /// # Errors
    /// See [`score`](Self::score).
    pub fn stepper<'w>(
        &self,
        x: &[f32],
        workspace: &'w mut [f32],
    ) -> Result<Stepper<'w, Self>, ScoreError> {
        Stepper::new(*self, x, workspace)
    }

    /// `log p(x)` in nats; see [`score`](Self::score).
    ///
    /// # Errors
    /// See [`score`](Self::score).
    pub fn log_prob(&self, x: &[f32], workspace: &mut [f32]) -> Result<f32, ScoreError> {
        Ok(self.score(x, workspace)?.log_prob)
    }

    /// Checks a sample and copies it to the front of the workspace. Returns the copy and the rest of the
    /// workspace.
    #[inline(always)]
    fn load<'w>(
        &self,
        x: &[f32],
        workspace: &'w mut [f32],
    ) -> Result<(&'w mut [f32], &'w mut [f32]), ScoreError> {
        let expected = self.workspace_len();
        let found = workspace.len();
        self.check(x, found, expected)?;
        let Some((z, scratch)) = workspace.split_at_mut_checked(self.dim()) else {
            return Err(ScoreError::WorkspaceLength { expected, found });
        };
        for (slot, &value) in z.iter_mut().zip(x) {
            *slot = value;
        }
        Ok((z, scratch))
    }

    fn check(&self, x: &[f32], scratch: usize, needed: usize) -> Result<(), ScoreError> {
        if x.len() != self.dim() {
            return Err(ScoreError::InputLength {
                expected: self.dim(),
                found: x.len(),
            });
        }
        if scratch < needed {
            return Err(ScoreError::WorkspaceLength {
                expected: needed,
                found: scratch,
            });
        }
        match x.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(ScoreError::NonFinite { index }),
            None => Ok(()),
        }
    }

    /// The state before the first layer.
    #[inline(always)]
    pub(crate) fn start(&self) -> Pass<'a> {
        Pass {
            math: self.spec.math,
            walk: self.spec.walk(),
            params: self.params,
        }
    }

    /// Maps x to z in every lane. The caller guarantees the lengths. Returns the log-determinant and the parameters of
    /// the base.
    #[inline(always)]
    pub(crate) fn forward_lanes<V: Kernels>(
        &self,
        x: &mut [V],
        scratch: &mut [V],
    ) -> (V, &'a [f32]) {
        let mut log_det = V::splat(0.0);
        let mut pass = self.start();
        while pass.next(x, scratch, &mut log_det).is_some() {}
        (log_det, pass.params)
    }

    /// Maps z to x in every lane. The caller guarantees the lengths.
    #[inline(always)]
    pub(crate) fn inverse_lanes<V: Kernels>(&self, z: &mut [V], scratch: &mut [V]) -> V {
        let mut log_det = V::splat(0.0);
        let (mut params, _) = self.split_params();
        let mut walk = self.spec.walk_back();
        while let Some((layer, input, output)) = walk.next() {
            let place = self.place(input, output);
            let len = layer.param_len(input);
            let split = params.split_at_checked(params.len().wrapping_sub(len));
            // No closure: it would not inherit the instruction set.
            let done = match (split, z.get_mut(..input.len())) {
                (Some((others, last)), Some(z)) => {
                    params = others;
                    layer::inverse(layer, place, last, z, scratch, &mut log_det)
                }
                _ => None,
            };
            if done.is_none() {
                // Density 0 at x.
                log_det = V::splat(f32::INFINITY);
            }
        }
        log_det
    }

    /// The parameters of the layers, and of the base.
    #[inline(always)]
    fn split_params(&self) -> (&'a [f32], &'a [f32]) {
        // Without the feature no base has parameters.
        #[cfg(feature = "extra-layers")]
        {
            let own = self.spec.base_param_len();
            let kernels = self.kernels().map_or(0, |(_, params)| params.len());
            let both = self.params.len().checked_sub(kernels);
            if let Some(both) = both.and_then(|end| self.params.get(..end))
                && let Some(at) = both.len().checked_sub(own)
                && let Some(parts) = both.split_at_checked(at)
            {
                return parts;
            }
        }
        (self.params, &[])
    }

    #[inline(always)]
    const fn place(&self, input: Shape, output: Shape) -> Place {
        Place {
            math: self.spec.math,
            input,
            output,
        }
    }

    /// Moves every value of z back to the position in x that squeezing took it from.
    #[cfg(feature = "feature-maps")]
    fn to_places_of_x(self, z: &mut [f32], scratch: &mut [f32]) {
        let mut walk = self.spec.walk_back();
        while let Some((layer, input, output)) = walk.next() {
            if let Some(z) = z.get_mut(..input.len()) {
                layer::to_places_of_x(layer, self.place(input, output), z, scratch);
            }
        }
    }

    /// Moves every value of z to where the layers leave it: inverse of
    /// [`to_places_of_x`](Self::to_places_of_x).
    #[cfg(feature = "feature-maps")]
    fn to_places_of_z(self, z: &mut [f32], scratch: &mut [f32]) {
        let mut walk = self.spec.walk();
        while let Some((layer, input)) = walk.next() {
            if let Some(z) = z.get_mut(..input.len()) {
                layer::to_places_of_z(layer, self.place(input, walk.shape), z, scratch);
            }
        }
    }

    /// `(log_prob, z_norm_sq, log_det)` in every lane; `x` becomes z.
    #[inline(always)]
    pub(crate) fn score_lanes<V: Kernels>(&self, x: &mut [V], scratch: &mut [V]) -> (V, V, V) {
        #[cfg(feature = "extra-layers")]
        if self.spec.kernels.is_some() {
            let mut log_det = V::splat(0.0);
            let mut pass = self.start();
            for _ in 0..KernelsSpec::behind(self.spec.given) {
                let front = pass.next(x, scratch, &mut log_det);
                debug_assert!(front.is_some(), "there are layers in front");
            }
            let second = self.by_kernels(x, scratch, log_det);
            while pass.next(x, scratch, &mut log_det).is_some() {}
            let score = self.score_latent(x, scratch, pass.params, log_det);
            return (base::lower(score.0, second), score.1, score.2);
        }
        let (log_det, params) = self.forward_lanes(x, scratch);
        self.score_latent(x, scratch, params, log_det)
    }

    /// `(log_prob, z_norm_sq, log_det)` of a latent, which `x` already holds; `params` are the base's.
    #[inline(always)]
    pub(crate) fn score_latent<V: Kernels>(
        &self,
        x: &[V],
        scratch: &mut [V],
        params: &[f32],
        log_det: V,
    ) -> (V, V, V) {
        let z_norm_sq = base::norm_sq(base::judged(&self.spec, x));
        let log_prob = base::of_latent(&self.spec, x, scratch, params, z_norm_sq, log_det);
        (
            log_prob,
            finite_or(z_norm_sq, f32::INFINITY),
            finite_or(log_det, f32::NEG_INFINITY),
        )
    }
}

/// Replaces NaN and `+inf` by `overflow`. Processors differ in the sign and payload of the NaN they produce.
#[inline(always)]
fn finite_or<V: Kernels>(value: V, overflow: f32) -> V {
    // False for NaN and +inf.
    value.map(|v| if v < f32::INFINITY { v } else { overflow })
}

/// Replaces every NaN, left by an overflow, by `inf`.
fn without_nan(values: &mut [f32]) {
    for value in values {
        if value.is_nan() {
            *value = f32::INFINITY;
        }
    }
}
