//! Coupling layers: which features are kept, how the others are transformed, and the network in between.

use super::activation::Activation;
use super::conditioner::Conditioner;
use super::convolution::ResidualForm;
use super::dense::{DenseSpec, Nets};
use super::error::{Feature, SpecError};
use super::mask::Mask;
use super::network::Network;
use super::shape::Shape;
use super::{add, mul};

/// A coupling: the kept features feed a conditioner, whose outputs transform the others.
/// Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CouplingSpec<'a> {
    /// Which features are kept.
    pub mask: Mask<'a>,
    /// How the others are transformed.
    pub transform: Transform,
    /// The network that computes log-scale and shift from the kept features.
    pub conditioner: Conditioner<'a>,
}

/// How a coupling transforms the features that it does not keep.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transform {
    /// NICE: `y = x + t`; log-det 0.
    Additive,
    /// Real NVP: `y = x * exp(s) + t`; log-det `sum(s)` (paper equations 4 to 6).
    Affine(ScaleMap),
    /// Shift first: `y = (x + t) * exp(s)`; log-det `sum(s)`. The inverse of an affine coupling.
    ShiftFirst(ScaleMap),
}

impl Transform {
    /// The map of the log-scale, if any.
    #[must_use]
    pub const fn scale_map(self) -> Option<ScaleMap> {
        match self {
            Transform::Additive => None,
            Transform::Affine(map) | Transform::ShiftFirst(map) => Some(map),
        }
    }
}

/// Map from the conditioner's raw output to the log-scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ScaleMap {
    /// `s = r * tanh(raw)` with a learned `r` per transformed feature (as in the paper).
    RescaledTanh,
    /// `s = clamp * tanh(raw / clamp)`.
    ClampedTanh {
        /// Bound of `|s|`; positive and finite, as is its reciprocal.
        clamp: f32,
    },
    /// `s = raw`. May overflow on extreme outliers, which then score `-inf`.
    Unbounded,
    /// `s = scale * atan(raw)`. Needs feature `extra-layers` and `Math::Libm`.
    Atan {
        /// Bound of `|s|` divided by pi/2; finite.
        scale: f32,
    },
    /// `s = ln(sigmoid(raw + offset) + floor)`, or its negative. Needs feature `extra-layers` and `Math::Libm`.
    Sigmoid {
        /// Added to the raw output; finite.
        offset: f32,
        /// Added to the sigmoid; finite, not negative.
        floor: f32,
        /// Whether `s` is negated.
        inverse: bool,
    },
}

impl ScaleMap {
    /// Whether it needs functions other than `exp` and `tanh`.
    pub(super) const fn is_extra(self) -> bool {
        matches!(self, ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. })
    }

    const fn is_valid(self) -> bool {
        match self {
            ScaleMap::RescaledTanh | ScaleMap::Unbounded => true,
            ScaleMap::ClampedTanh { clamp } => {
                clamp > 0.0 && clamp.is_finite() && (1.0 / clamp).is_finite()
            }
            ScaleMap::Atan { scale } => scale.is_finite(),
            ScaleMap::Sigmoid { offset, floor, .. } => {
                offset.is_finite() && floor >= 0.0 && floor.is_finite()
            }
        }
    }
}

impl<'a> CouplingSpec<'a> {
    /// A coupling.
    #[must_use]
    pub const fn new(mask: Mask<'a>, transform: Transform, conditioner: Conditioner<'a>) -> Self {
        Self {
            mask,
            transform,
            conditioner,
        }
    }

    /// A network of the conditioner; if there are two, they are alike.
    #[must_use]
    #[doc(hidden)]
    pub const fn network(&self, shape: Shape) -> Network<'a> {
        Network {
            conditioner: self.conditioner,
            inputs: self.net_inputs(shape),
            outputs: self.net_outputs(shape),
        }
    }
}

impl CouplingSpec<'_> {
    /// Number of networks of the conditioner.
    #[must_use]
    #[doc(hidden)]
    pub const fn net_count(&self) -> usize {
        match (self.transform.scale_map(), self.conditioner) {
            (
                Some(_),
                Conditioner::Dense(DenseSpec {
                    nets: Nets::Two, ..
                }),
            ) => 2,
            _ => 1,
        }
    }

    /// Number of channels that each network reads per place. Under a checkerboard it reads all channels, with
    /// zeros at places that are not kept.
    #[must_use]
    #[doc(hidden)]
    pub const fn net_inputs(&self, shape: Shape) -> usize {
        self.mask.kept(shape.channels)
    }

    /// Number of outputs of each network per place: `s` and `t`, or one of them.
    #[must_use]
    #[doc(hidden)]
    pub const fn net_outputs(&self, shape: Shape) -> usize {
        let transformed = self.mask.transformed(shape.channels);
        if self.transform.scale_map().is_some() && self.net_count() == 1 {
            mul(transformed, 2)
        } else {
            transformed
        }
    }

    /// Number of learned factors `r` of [`ScaleMap::RescaledTanh`], one per transformed channel.
    #[must_use]
    #[doc(hidden)]
    pub const fn rescale_len(&self, shape: Shape) -> usize {
        match self.transform.scale_map() {
            Some(ScaleMap::RescaledTanh) => self.mask.transformed(shape.channels),
            _ => 0,
        }
    }

    /// Number of parameters of the coupling.
    #[must_use]
    pub const fn param_len(&self, shape: Shape) -> usize {
        let nets = mul(self.network(shape).param_len(), self.net_count());
        add(nets, self.rescale_len(shape))
    }

    /// Length of the scratch: that of one network, plus `s` if `t` has a separate network.
    #[must_use]
    pub const fn scratch_len(&self, shape: Shape) -> usize {
        let (inputs, outputs) = (self.net_inputs(shape), self.net_outputs(shape));
        match self.conditioner {
            Conditioner::Dense(spec) => {
                let net = spec.scratch_len(inputs, outputs);
                add(net, mul(outputs, self.net_count() - 1))
            }
            Conditioner::ResidualDense(spec) => spec.scratch_len(inputs, outputs),
            Conditioner::Convolution(_) => self.network(shape).rows_len(shape),
            Conditioner::ResidualConvolution(spec) => spec.scratch_len(shape, inputs, outputs),
        }
    }

    /// Multiply-accumulates of the conditioner for one sample. As in the usual frameworks, zeros beyond the
    /// edges and under the mask are counted.
    #[must_use]
    pub const fn multiply_accumulates(&self, shape: Shape) -> usize {
        let place = mul(self.network(shape).multiply_accumulates(), self.net_count());
        mul(place, shape.pixels())
    }

    pub(super) const fn validate(&self, shape: Shape, layer: usize) -> Result<(), SpecError> {
        if let Err(error) = self.mask.validate(shape, layer) {
            return Err(error);
        }
        if let Some(map) = self.transform.scale_map()
            && !map.is_valid()
        {
            return Err(SpecError::Constant { layer });
        }
        let activation = match self.conditioner {
            Conditioner::Dense(spec) => spec.activation,
            Conditioner::ResidualDense(spec) => spec.activation,
            Conditioner::Convolution(spec) => spec.activation,
            Conditioner::ResidualConvolution(_) => Activation::Relu,
        };
        if let Activation::LeakyRelu { slope } = activation
            && !(slope >= 0.0 && slope < 1.0)
        {
            return Err(SpecError::Constant { layer });
        }
        let valid = self.network(shape).is_valid();
        match self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
                if shape.pixels() != 1 {
                    return Err(SpecError::DenseOnMap { layer });
                }
                if let Conditioner::ResidualDense(_) = self.conditioner
                    && !cfg!(feature = "extra-layers")
                {
                    return Err(SpecError::missing(layer, Feature::ExtraLayers));
                }
                return if valid {
                    Ok(())
                } else {
                    Err(SpecError::HiddenWidth { layer })
                };
            }
            Conditioner::Convolution(_) => {}
            Conditioner::ResidualConvolution(spec) => {
                if let ResidualForm::Trained { .. } = spec.form
                    && !cfg!(feature = "std")
                {
                    return Err(SpecError::TrainedFormNotCompiled { layer });
                }
                if !spec.has_valid_constants() {
                    return Err(SpecError::Constant { layer });
                }
            }
        }
        if !cfg!(feature = "feature-maps") {
            return Err(SpecError::missing(layer, Feature::FeatureMaps));
        }
        if !valid {
            return Err(SpecError::Convolution { layer });
        }
        Ok(())
    }
}
