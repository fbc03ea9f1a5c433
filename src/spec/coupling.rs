//! What a coupling is: which features it keeps, how it changes the others, and the network between.

use super::error::SpecError;
use super::mask::Mask;
use super::max;

/// A coupling: the kept features feed a conditioner, whose outputs transform the others.
/// Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CouplingSpec<'a> {
    /// Features that are kept.
    pub mask: Mask<'a>,
    /// How the others change.
    pub transform: Transform,
    /// The network from kept features to log-scale and shift.
    pub conditioner: DenseSpec<'a>,
}

/// How a coupling changes the features that it does not keep.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transform {
    /// NICE: `y = x + t`; log-det 0.
    Additive,
    /// Real NVP: `y = x * exp(s) + t`; log-det `sum(s)` (paper equations 4 to 6).
    Affine(ScaleMap),
    /// The shift first: `y = (x + t) * exp(s)`; log-det `sum(s)`. The inverse of an affine coupling.
    ShiftFirst(ScaleMap),
}

impl Transform {
    /// The map to the log-scale, where there is one.
    #[must_use]
    pub const fn scale_map(self) -> Option<ScaleMap> {
        match self {
            Transform::Additive => None,
            Transform::Affine(map) | Transform::ShiftFirst(map) => Some(map),
        }
    }
}

/// From the conditioner's raw output to the log-scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ScaleMap {
    /// `s = r * tanh(raw)` with a learned `r` per transformed feature (the paper's).
    RescaledTanh,
    /// `s = clamp * tanh(raw / clamp)`.
    ClampedTanh {
        /// Bound of `|s|`; positive and finite, and so is its reciprocal.
        clamp: f32,
    },
    /// `s = raw`. Overflows on far outliers; they score `-inf`.
    Unbounded,
    /// `s = scale * atan(raw)`. Needs feature `extra-scales` and `Math::Libm`.
    Atan {
        /// Bound of `|s|`, divided by half pi; finite.
        scale: f32,
    },
    /// `s = ln(sigmoid(raw + offset) + floor)`, or minus that. Needs feature `extra-scales` and
    /// `Math::Libm`.
    Sigmoid {
        /// Added to the raw output; finite.
        offset: f32,
        /// Added to the sigmoid; finite and not negative.
        floor: f32,
        /// Whether `s` is negated.
        inverse: bool,
    },
}

impl ScaleMap {
    /// Whether it takes more than `exp` and `tanh`.
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

/// A multi-layer perceptron from the kept features to the transform's inputs.
/// One net gives `[s..., t...]`; two nets stand one after the other, `s` first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenseSpec<'a> {
    /// Widths of the hidden layers; may be empty.
    pub hidden: &'a [usize],
    /// Between layers; the last layer is linear.
    pub activation: Activation,
    /// Whether `s` and `t` share a net. An additive coupling has one net in either case.
    pub nets: Nets,
}

/// Activation of hidden layers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
    /// `x` if positive, else `slope * x`.
    LeakyRelu {
        /// Within `0 .. 1`.
        slope: f32,
    },
}

/// One network for `s` and `t`, or one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Nets {
    /// One network with both outputs.
    One,
    /// A network for `s` and a network for `t`.
    Two,
    /// One network of residual blocks with both outputs. Hidden layers are all as wide: the first is
    /// linear, then two at a time make a block `h + W2 a(W1 a(h) + b1) + b2`, `a` being the activation.
    /// Runs and inverts, but cannot be trained yet. Needs feature `residual`.
    Residual {
        /// Whether every block starts by `h * scale + shift`: a batch norm on its running statistics.
        /// Parameters: `scale[width]`, `shift[width]` before the block's.
        norm: bool,
    },
}

impl DenseSpec<'_> {
    /// Parameters of one network with `inputs` inputs and `outputs` outputs.
    #[must_use]
    pub const fn net_len(&self, inputs: usize, outputs: usize) -> usize {
        let mut total: usize = match (self.nets, self.hidden) {
            // Two values for each unit of every block, a block being two layers.
            (Nets::Residual { norm: true }, [width, blocks @ ..]) => {
                width.saturating_mul(blocks.len())
            }
            _ => 0,
        };
        let mut from = inputs;
        let mut hidden = self.hidden;
        while let [width, rest @ ..] = hidden {
            total = total.saturating_add(from.saturating_add(1).saturating_mul(*width));
            from = *width;
            hidden = rest;
        }
        total.saturating_add(from.saturating_add(1).saturating_mul(outputs))
    }

    const fn widest_hidden(&self) -> usize {
        let mut widest = 0;
        let mut hidden = self.hidden;
        while let [width, rest @ ..] = hidden {
            widest = max(widest, *width);
            hidden = rest;
        }
        widest
    }
}

impl CouplingSpec<'_> {
    /// Networks of the conditioner.
    #[must_use]
    pub const fn net_count(&self) -> usize {
        match (self.transform.scale_map(), self.conditioner.nets) {
            (Some(_), Nets::Two) => 2,
            _ => 1,
        }
    }

    /// Outputs of each network: `s` and `t`, or one of them.
    #[must_use]
    pub const fn net_outputs(&self, dim: usize) -> usize {
        let transformed = self.mask.transformed(dim);
        match (self.transform.scale_map(), self.conditioner.nets) {
            (Some(_), Nets::One | Nets::Residual { .. }) => transformed.saturating_mul(2),
            _ => transformed,
        }
    }

    /// Learned factors `r` of [`ScaleMap::RescaledTanh`].
    #[must_use]
    pub const fn rescale_len(&self, dim: usize) -> usize {
        match self.transform.scale_map() {
            Some(ScaleMap::RescaledTanh) => self.mask.transformed(dim),
            _ => 0,
        }
    }

    /// Parameters of the coupling.
    #[must_use]
    pub const fn param_len(&self, dim: usize) -> usize {
        let net = self
            .conditioner
            .net_len(self.mask.kept(dim), self.net_outputs(dim));
        net.saturating_mul(self.net_count())
            .saturating_add(self.rescale_len(dim))
    }

    /// Values of scratch: what one network needs, and `s` if `t` has its own.
    #[must_use]
    pub const fn scratch_len(&self, dim: usize) -> usize {
        let own = if self.net_count() == 2 {
            self.mask.transformed(dim)
        } else {
            0
        };
        self.net_scratch_len(dim).saturating_add(own)
    }

    /// Values of scratch that one network needs: the most that a layer's input and output take
    /// together. The last hidden layer is never stored.
    #[must_use]
    pub const fn net_scratch_len(&self, dim: usize) -> usize {
        let ends = max(self.mask.kept(dim), self.net_outputs(dim));
        if let (Nets::Residual { .. }, [width, blocks @ ..]) =
            (self.conditioner.nets, self.conditioner.hidden)
        {
            // A block works on its input, the activated input, and its own result.
            let block = if blocks.is_empty() {
                0
            } else {
                width.saturating_mul(2)
            };
            return width.saturating_add(max(ends, block));
        }
        let mut most = 0;
        let mut from = self.mask.kept(dim);
        let mut hidden = self.conditioner.hidden;
        while let [width, _, ..] = hidden {
            most = max(most, from.saturating_add(*width));
            from = *width;
            hidden = hidden.split_at(1).1;
        }
        max(most, from.saturating_add(self.net_outputs(dim)))
    }

    /// The widest of inputs, hidden layers and outputs.
    #[must_use]
    pub const fn widest(&self, dim: usize) -> usize {
        let ends = max(self.mask.kept(dim), self.net_outputs(dim));
        max(ends, self.conditioner.widest_hidden())
    }

    /// Multiply-accumulates of the conditioner for one sample.
    #[must_use]
    pub const fn multiply_accumulates(&self, dim: usize) -> usize {
        let outputs = self.net_outputs(dim);
        let mut total: usize = 0;
        let mut from = self.mask.kept(dim);
        let mut hidden = self.conditioner.hidden;
        while let [width, rest @ ..] = hidden {
            total = total.saturating_add(from.saturating_mul(*width));
            from = *width;
            hidden = rest;
        }
        total
            .saturating_add(from.saturating_mul(outputs))
            .saturating_mul(self.net_count())
    }

    pub(super) const fn validate(&self, dim: usize, layer: usize) -> Result<(), SpecError> {
        if let Err(error) = self.mask.validate(dim, layer) {
            return Err(error);
        }
        if let Some(map) = self.transform.scale_map()
            && !map.is_valid()
        {
            return Err(SpecError::Constant { layer });
        }
        if let Activation::LeakyRelu { slope } = self.conditioner.activation
            && !(slope >= 0.0 && slope < 1.0)
        {
            return Err(SpecError::Constant { layer });
        }
        if let Nets::Residual { .. } = self.conditioner.nets {
            if !cfg!(feature = "residual") {
                return Err(SpecError::ResidualNotCompiled { layer });
            }
            if !is_residual(self.conditioner.hidden) {
                return Err(SpecError::ResidualWidths { layer });
            }
        }
        let mut hidden = self.conditioner.hidden;
        while let [width, rest @ ..] = hidden {
            if *width == 0 {
                return Err(SpecError::HiddenWidth { layer });
            }
            hidden = rest;
        }
        Ok(())
    }
}

/// An odd number of layers, all as wide.
const fn is_residual(hidden: &[usize]) -> bool {
    let mut rest = hidden;
    while let [first, tail @ ..] = rest {
        if let [second, ..] = tail
            && *second != *first
        {
            return false;
        }
        rest = tail;
    }
    hidden.len() % 2 == 1
}
