//! A validated model: spec and parameters, and the passes through all layers.

use core::fmt;

use crate::base;
use crate::lanes::Lanes;
#[cfg(feature = "foreign")]
use crate::layer::batch_norm;
use crate::layer::{affine, coupling, permutation, standardize};
#[cfg(feature = "feature-maps")]
use crate::layer::{logit, squeeze};
use crate::math::Math;
use crate::spec::{FlowSpec, LayerSpec, SpecError, Walk};
use crate::stepper::Stepper;

/// A spec with parameters that fit it. Built once, also in a `const` or `static`; scoring then
/// cannot fail but for what the caller hands in.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    spec: FlowSpec<'a>,
    params: &'a [f32],
    /// [`FlowSpec::scratch_len`], which would cost a walk through all layers in every score.
    scratch_len: usize,
}

/// What a sample scores.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// `log p(x)` in nats; `-inf` where the flow overflowed, never NaN.
    pub log_prob: f32,
    /// `sum(z^2)` of the latent; may be `inf` or NaN where `log_prob` is `-inf`.
    pub z_norm_sq: f32,
    /// `log |det dz/dx|` in nats; may be `inf` or NaN where `log_prob` is `-inf`.
    pub log_det: f32,
}

impl Score {
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

    /// The parameters, in the order that [`spec`](crate::spec) documents.
    #[must_use]
    pub const fn params(&self) -> &'a [f32] {
        self.params
    }

    /// x to z in place; returns `log |det dz/dx|` in nats. `x` has shape `[dim]`, channel after channel;
    /// `scratch` holds at least [`FlowSpec::scratch_len`] values. z has the shape of x: what squeezing
    /// moved is put back to its place, so a map of z shows where a sample is unusual.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or a non-finite feature; `x` is then unchanged.
    pub fn forward(&self, x: &mut [f32], scratch: &mut [f32]) -> Result<f32, ScoreError> {
        self.check(x, scratch.len(), self.scratch_len)?;
        let log_det = self.forward_lanes(x, scratch);
        #[cfg(feature = "feature-maps")]
        self.places_of_x(x, scratch);
        Ok(log_det)
    }

    /// z to x in place; returns `log |det dx/dz|` in nats. Lengths as for [`forward`](Self::forward).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn inverse(&self, z: &mut [f32], scratch: &mut [f32]) -> Result<f32, ScoreError> {
        self.check(z, scratch.len(), self.scratch_len)?;
        #[cfg(feature = "feature-maps")]
        self.places_of_z(z, scratch);
        Ok(self.inverse_lanes(z, scratch))
    }

    /// Exact log-density of one sample, with its parts. `workspace` holds at least
    /// [`FlowSpec::workspace_len`] values.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or a non-finite feature.
    #[inline(never)]
    pub fn score(&self, x: &[f32], workspace: &mut [f32]) -> Result<Score, ScoreError> {
        let needed = self.dim().saturating_add(self.scratch_len);
        self.check(x, workspace.len(), needed)?;
        let Some((z, scratch)) = workspace.split_at_mut_checked(self.dim()) else {
            return Err(ScoreError::WorkspaceLength {
                expected: needed,
                found: workspace.len(),
            });
        };
        for (slot, &value) in z.iter_mut().zip(x) {
            *slot = value;
        }
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
    ) -> Result<Stepper<'a, 'w>, ScoreError> {
        let needed = self.dim().saturating_add(self.scratch_len);
        self.check(x, workspace.len(), needed)?;
        let found = workspace.len();
        let Some((z, scratch)) = workspace.split_at_mut_checked(self.dim()) else {
            return Err(ScoreError::WorkspaceLength {
                expected: needed,
                found,
            });
        };
        for (slot, &value) in z.iter_mut().zip(x) {
            *slot = value;
        }
        Ok(Stepper::new(*self, z, scratch))
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

    /// The way from x to z, layer by layer.
    #[inline(always)]
    pub(crate) fn pass(&self) -> Pass<'a> {
        Pass {
            math: self.spec.math,
            walk: self.spec.walk(),
            params: self.params,
        }
    }

    /// x to z for every lane; lengths are the caller's promise.
    #[inline(always)]
    pub(crate) fn forward_lanes<V: Lanes>(&self, x: &mut [V], scratch: &mut [V]) -> V {
        let mut log_det = V::splat(0.0);
        let mut pass = self.pass();
        while pass.next(x, scratch, &mut log_det).is_some() {}
        log_det
    }

    /// z to x for every lane; lengths are the caller's promise.
    #[inline(always)]
    pub(crate) fn inverse_lanes<V: Lanes>(&self, z: &mut [V], scratch: &mut [V]) -> V {
        let mut log_det = V::splat(0.0);
        let mut params = self.params;
        let mut after = self.spec.shape_at(usize::MAX);
        for layer in self.spec.layers.iter().rev() {
            let Some(shape) = layer.input_shape(after) else {
                break;
            };
            let end = params.len().saturating_sub(layer.param_len(shape));
            let (Some((rest, own)), Some(z)) =
                (params.split_at_checked(end), z.get_mut(..shape.len()))
            else {
                break;
            };
            params = rest;
            match layer {
                LayerSpec::Standardize => standardize::inverse(shape, own, z, &mut log_det),
                LayerSpec::Affine => affine::inverse(shape, own, z, &mut log_det),
                #[cfg(feature = "foreign")]
                LayerSpec::BatchNorm(spec) => {
                    batch_norm::inverse(*spec, shape, own, z, &mut log_det);
                }
                LayerSpec::Coupling(spec) => {
                    coupling::inverse(spec, self.spec.math, shape, own, z, scratch, &mut log_det);
                }
                LayerSpec::Permutation(order) => permutation::inverse(shape, order, z, scratch),
                #[cfg(feature = "feature-maps")]
                LayerSpec::Logit(spec) => logit::inverse(*spec, self.spec.math, z, &mut log_det),
                #[cfg(feature = "feature-maps")]
                LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, shape, z, scratch),
                #[cfg(feature = "feature-maps")]
                LayerSpec::Unsqueeze(kind) => squeeze::forward(*kind, after, z, scratch),
                _ => {}
            }
            after = shape;
        }
        log_det
    }

    /// Puts every value of z back to the place in the sample that squeezing took it from.
    #[cfg(feature = "feature-maps")]
    fn places_of_x(&self, z: &mut [f32], scratch: &mut [f32]) {
        let mut after = self.spec.shape_at(usize::MAX);
        for layer in self.spec.layers.iter().rev() {
            let Some(shape) = layer.input_shape(after) else {
                return;
            };
            let Some(z) = z.get_mut(..shape.len()) else {
                return;
            };
            match layer {
                LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, shape, z, scratch),
                LayerSpec::Unsqueeze(kind) => squeeze::forward(*kind, after, z, scratch),
                _ => {}
            }
            after = shape;
        }
    }

    /// Puts every value of z to where the layers leave it: undoes [`places_of_x`](Self::places_of_x).
    #[cfg(feature = "feature-maps")]
    fn places_of_z(&self, z: &mut [f32], scratch: &mut [f32]) {
        let mut walk = self.spec.walk();
        while let Some((layer, shape)) = walk.next() {
            let Some(z) = z.get_mut(..shape.len()) else {
                return;
            };
            match layer {
                LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, z, scratch),
                LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, walk.shape, z, scratch),
                _ => {}
            }
        }
    }

    /// `(log_prob, z_norm_sq, log_det)` for every lane; `x` becomes z.
    #[inline(always)]
    pub(crate) fn score_lanes<V: Lanes>(&self, x: &mut [V], scratch: &mut [V]) -> (V, V, V) {
        let log_det = self.forward_lanes(x, scratch);
        self.score_latent(x, log_det)
    }

    /// `(log_prob, z_norm_sq, log_det)` of a latent; `x` is z already.
    #[inline(always)]
    pub(crate) fn score_latent<V: Lanes>(&self, x: &[V], log_det: V) -> (V, V, V) {
        let z_norm_sq = base::norm_sq(x);
        let log_prob = base::log_prob(z_norm_sq, log_det, self.dim());
        (log_prob, one_nan(z_norm_sq), one_nan(log_det))
    }
}

/// The way from x to z: what is left of the layers and their parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    math: Math,
    walk: Walk<'a>,
    params: &'a [f32],
}

impl Pass<'_> {
    /// Runs the next layer; `None` after the last one. Lengths are the caller's promise. Layers take their
    /// parameters from the front: to count them first would cost a chip more than many a layer.
    #[inline(always)]
    pub(crate) fn next<V: Lanes>(
        &mut self,
        x: &mut [V],
        scratch: &mut [V],
        log_det: &mut V,
    ) -> Option<()> {
        let (layer, shape) = self.walk.next()?;
        let params = self.params;
        // What was factored out lies behind.
        let x = x.get_mut(..shape.len())?;
        match layer {
            LayerSpec::Standardize => {
                self.params = standardize::forward(shape, params, x, log_det);
            }
            LayerSpec::Affine => self.params = affine::forward(shape, params, x, log_det),
            #[cfg(feature = "foreign")]
            LayerSpec::BatchNorm(spec) => {
                let (own, rest) = params.split_at_checked(layer.param_len(shape))?;
                self.params = rest;
                batch_norm::forward(*spec, shape, own, x, log_det);
            }
            LayerSpec::Coupling(spec) => {
                self.params =
                    coupling::forward(spec, self.math, shape, params, x, scratch, log_det);
            }
            LayerSpec::Permutation(order) => permutation::forward(shape, order, x, scratch),
            #[cfg(feature = "feature-maps")]
            LayerSpec::Logit(spec) => logit::forward(*spec, x, log_det),
            #[cfg(feature = "feature-maps")]
            LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
            #[cfg(feature = "feature-maps")]
            LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, self.walk.shape, x, scratch),
            // Nothing to do, or refused by `Flow::new`.
            _ => {}
        }
        Some(())
    }
}

/// Gives every NaN the same bits: processors differ in the sign and payload of the NaN they make.
#[inline(always)]
fn one_nan<V: Lanes>(value: V) -> V {
    value.map(|v| if v.is_nan() { f32::NAN } else { v })
}
