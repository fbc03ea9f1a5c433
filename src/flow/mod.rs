//! A validated model: spec and parameters, and the passes through all layers.

pub mod base;
#[cfg(feature = "std")]
pub mod batch;
mod density;
pub(crate) mod fixed;
mod gradient;
mod stepper;

use core::fmt;

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::layer::{self, Place};
use crate::spec::{FlowSpec, Shape, SpecError, Walk};
pub(crate) use density::sealed;
pub use density::{Cursor, Density};
pub use stepper::Stepper;

/// A spec with parameters that fit it. Built once, also in a `const` or `static`; scoring then
/// cannot fail but for what the caller hands in.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    spec: FlowSpec<'a>,
    params: &'a [f32],
    /// [`FlowSpec::scratch_len`], which would cost a walk through all layers in every score.
    scratch_len: usize,
}

/// What a sample scores: `log_prob` and the two terms it is made of (paper equation 3). No field is ever NaN.
///
/// On readings far beyond the training data the flow may overflow. Each term that did so is infinite and
/// makes `log_prob = -inf`; a term that did not keeps its value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// `log p(x)` in nats; `-inf` where the flow overflowed.
    pub log_prob: f32,
    /// `sum(z^2)` of the latent; `inf` where it overflowed.
    pub z_norm_sq: f32,
    /// `log |det dz/dx|` in nats; `-inf` where it overflowed, upwards too.
    pub log_det: f32,
}

impl Score {
    /// Of a sample that is as unlikely as can be.
    pub(crate) const IMPOSSIBLE: Self = Self {
        log_prob: f32::NEG_INFINITY,
        z_norm_sq: f32::INFINITY,
        log_det: f32::NEG_INFINITY,
    };

    /// `log_prob`, `z_norm_sq` and `log_det` as plain words.
    #[must_use]
    pub const fn bits(self) -> [u32; 3] {
        [
            self.log_prob.to_bits(),
            self.z_norm_sq.to_bits(),
            self.log_det.to_bits(),
        ]
    }
}

/// Why a sample has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ScoreError {
    /// A feature is NaN or infinite.
    NonFinite {
        /// The first such feature.
        index: usize,
    },
    /// The sample has not `dim` features.
    InputLength {
        /// The model's dimension.
        expected: usize,
        /// Features given.
        found: usize,
    },
    /// The workspace is shorter than the pass needs.
    WorkspaceLength {
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The gradient has not as many values as the sample.
    GradientLength {
        /// The model's dimension.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The model has a layer without a gradient with respect to its input: a coupling by a residual network of
    /// convolutions. A stack of convolutions has one.
    NoGradient {
        /// The first such layer, from 0 in the order of `forward`.
        layer: usize,
    },
}

impl fmt::Display for ScoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ScoreError::NonFinite { index } => {
                write!(f, "feature {index} is NaN or infinite")
            }
            ScoreError::InputLength { expected, found } => {
                write!(f, "the model takes {expected} features, {found} were given")
            }
            ScoreError::WorkspaceLength { expected, found } => {
                write!(
                    f,
                    "the workspace holds {found} values, {expected} are needed"
                )
            }
            ScoreError::GradientLength { expected, found } => {
                write!(
                    f,
                    "the gradient has {expected} values, memory for {found} was given"
                )
            }
            ScoreError::NoGradient { layer } => {
                write!(
                    f,
                    "layer {layer} is a residual network of convolutions, which has no gradient with respect to its \
                     input; a stack of convolutions has one"
                )
            }
        }
    }
}

impl core::error::Error for ScoreError {}

impl<'a> Flow<'a> {
    /// Checks everything there is to check, once. Usable in a `const` context.
    ///
    /// # Errors
    /// [`SpecError`]: a wrong dimension, mask, permutation, constant or length, or a back end that
    /// is not compiled in.
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

    /// The structure.
    #[must_use]
    pub const fn spec(&self) -> &FlowSpec<'a> {
        &self.spec
    }

    /// Values of a sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.spec.dim()
    }

    /// Values of workspace that a score needs.
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

    /// x to z in place; returns `log |det dz/dx|` in nats. `x` has shape `[dim]`, channel after channel;
    /// `scratch` holds at least [`FlowSpec::scratch_len`] values. z has the shape of x: what squeezing
    /// moved is put back to its place, so a map of z shows where a sample is unusual. On a sample so far out that the
    /// flow overflows, values of z are infinite and the result is `-inf`; neither is ever NaN.
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
        let log_det = self.forward_lanes(x, scratch);
        #[cfg(feature = "feature-maps")]
        self.to_places_of_x(x, scratch);
        without_nan(x);
        Ok(finite_or(log_det, f32::NEG_INFINITY))
    }

    /// z to x in place; returns `log |det dx/dz|` in nats. Lengths as for [`forward`](Self::forward). Where the
    /// inverse overflows, values of x are infinite and the result may be; neither is ever NaN.
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
    /// As [`forward`](Self::forward).
    pub fn inverse(&self, z: &mut [f32], scratch: &mut [f32]) -> Result<f32, ScoreError> {
        self.check(z, scratch.len(), self.scratch_len)?;
        #[cfg(feature = "feature-maps")]
        self.to_places_of_z(z, scratch);
        let log_det = self.inverse_lanes(z, scratch);
        without_nan(z);
        // As unlikely as can be: the log-density of x is that of z less this.
        Ok(if log_det.is_nan() {
            f32::INFINITY
        } else {
            log_det
        })
    }

    /// Exact log-density of one sample, with its parts. `workspace` holds at least
    /// [`FlowSpec::workspace_len`] values.
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
        })
    }

    /// [`score`](Self::score) in steps of one layer each, for schedulers that must not be held up. The
    /// bits are the same. `workspace` holds the state between the steps.
    ///
    /// # Errors
    /// As [`score`](Self::score).
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
    /// As [`score`](Self::score).
    pub fn log_prob(&self, x: &[f32], workspace: &mut [f32]) -> Result<f32, ScoreError> {
        Ok(self.score(x, workspace)?.log_prob)
    }

    /// Draws a sample into `x`: `temperature` times a standard normal latent, through the inverse.
    /// Lower temperatures stay nearer to the mode. Returns `log |det dx/dz|` in nats.
    ///
    /// ```
    /// # use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
    /// # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::SeedableRng};
    ///
    /// let flow = Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0])?;
    /// let mut random = Xoshiro128PlusPlus::seed_from_u64(1);
    /// let mut x = [0.0; 2];
    /// flow.sample(&mut random, 0.7, &mut x, &mut [0.0; SPEC.scratch_len()])?;
    /// // Standard deviations of 0.7 * 2 and 0.7 * 0.5 around the means.
    /// assert!((x[0] - 20.0).abs() < 8.0 && (x[1] - 1.0).abs() < 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length, or for a temperature that makes the latent non-finite.
    pub fn sample(
        &self,
        random: &mut impl rand_core::Rng,
        temperature: f32,
        x: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<f32, ScoreError> {
        for x in x.iter_mut() {
            *x = temperature * base::standard_normal(random.next_u32());
        }
        self.inverse(x, scratch)
    }

    /// Copies a sample to the front of the workspace, once it is checked; gives the copy and the rest.
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

    /// A sample before the first layer.
    #[inline(always)]
    pub(crate) fn start(&self) -> Progress<'a> {
        Progress {
            math: self.spec.math,
            walk: self.spec.walk(),
            params: self.params,
        }
    }

    /// x to z for every lane; lengths are the caller's promise.
    #[inline(always)]
    pub(crate) fn forward_lanes<V: Kernels>(&self, x: &mut [V], scratch: &mut [V]) -> V {
        let mut log_det = V::splat(0.0);
        let mut progress = self.start();
        while progress.next(x, scratch, &mut log_det).is_some() {}
        log_det
    }

    /// z to x for every lane; lengths are the caller's promise.
    #[inline(always)]
    pub(crate) fn inverse_lanes<V: Kernels>(&self, z: &mut [V], scratch: &mut [V]) -> V {
        let mut log_det = V::splat(0.0);
        let mut params = self.params;
        let mut walk = self.spec.walk_back();
        while let Some((layer, input, output)) = walk.next() {
            let place = self.place(input, output);
            let len = layer.param_len(input);
            let done = params.len().checked_sub(len).and_then(|end| {
                let (others, last) = params.split_at_checked(end)?;
                params = others;
                layer::inverse(
                    layer,
                    place,
                    last,
                    z.get_mut(..input.len())?,
                    scratch,
                    &mut log_det,
                )
            });
            if done.is_none() {
                // A density of 0 at x.
                log_det = V::splat(f32::INFINITY);
            }
        }
        log_det
    }

    #[inline(always)]
    const fn place(&self, input: Shape, output: Shape) -> Place {
        Place {
            math: self.spec.math,
            input,
            output,
        }
    }

    /// Puts every value of z back to the place in the sample that squeezing took it from.
    #[cfg(feature = "feature-maps")]
    fn to_places_of_x(&self, z: &mut [f32], scratch: &mut [f32]) {
        let mut walk = self.spec.walk_back();
        while let Some((layer, input, output)) = walk.next() {
            if let Some(z) = z.get_mut(..input.len()) {
                layer::to_places_of_x(layer, self.place(input, output), z, scratch);
            }
        }
    }

    /// Puts every value of z to where the layers leave it: undoes [`to_places_of_x`](Self::to_places_of_x).
    #[cfg(feature = "feature-maps")]
    fn to_places_of_z(&self, z: &mut [f32], scratch: &mut [f32]) {
        let mut walk = self.spec.walk();
        while let Some((layer, input)) = walk.next() {
            if let Some(z) = z.get_mut(..input.len()) {
                layer::to_places_of_z(layer, self.place(input, walk.shape), z, scratch);
            }
        }
    }

    /// `(log_prob, z_norm_sq, log_det)` for every lane; `x` becomes z.
    #[inline(always)]
    pub(crate) fn score_lanes<V: Kernels>(&self, x: &mut [V], scratch: &mut [V]) -> (V, V, V) {
        let log_det = self.forward_lanes(x, scratch);
        self.score_latent(x, log_det)
    }

    /// `(log_prob, z_norm_sq, log_det)` of a latent; `x` is z already.
    #[inline(always)]
    pub(crate) fn score_latent<V: Kernels>(&self, x: &[V], log_det: V) -> (V, V, V) {
        let z_norm_sq = base::norm_sq(x);
        let log_prob = base::log_prob(z_norm_sq, log_det, self.dim());
        (
            log_prob,
            finite_or(z_norm_sq, f32::INFINITY),
            finite_or(log_det, f32::NEG_INFINITY),
        )
    }
}

/// How far a sample is on its way from x to z: what is left of the layers and their parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    math: Math,
    walk: Walk<'a>,
    params: &'a [f32],
}

impl Progress<'_> {
    /// Runs the next layer; `None` after the last one. A layer that cannot run, which [`Flow::new`] rules
    /// out, ends the way and makes the sample impossible. Lengths are the caller's promise.
    #[inline(always)]
    pub(crate) fn next<V: Kernels>(
        &mut self,
        x: &mut [V],
        scratch: &mut [V],
        log_det: &mut V,
    ) -> Option<()> {
        let (layer, input) = self.walk.next()?;
        let place = Place {
            math: self.math,
            input,
            output: self.walk.shape,
        };
        // What was factored out lies behind.
        let rest = x
            .get_mut(..input.len())
            .and_then(|x| layer::forward(layer, place, self.params, x, scratch, log_det));
        let Some(rest) = rest else {
            *log_det = V::splat(f32::NEG_INFINITY);
            self.walk.end();
            return None;
        };
        self.params = rest;
        Some(())
    }
}

/// `overflow` in place of NaN and `+inf`. Processors differ in the sign and payload of the NaN they make.
#[inline(always)]
fn finite_or<V: Kernels>(value: V, overflow: f32) -> V {
    // False for NaN and for +inf.
    value.map(|v| if v < f32::INFINITY { v } else { overflow })
}

/// `inf` in place of every NaN that an overflow left.
fn without_nan(values: &mut [f32]) {
    for value in values {
        if value.is_nan() {
            *value = f32::INFINITY;
        }
    }
}
