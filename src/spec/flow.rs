//! The structure of a whole model: lengths, checks, and iteration over its layers.

use super::error::{Feature, SpecError};
use super::shape::Shape;
use super::{LayerSpec, add, max, position};
use crate::arithmetic::Math;

/// The structure of a model: sample shape, layers in the order of `forward` (x to z), and back end of
/// elementary functions.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FlowSpec<'a> {
    /// Shape of a sample, at least 2 values.
    pub shape: Shape,
    /// Back end of elementary functions.
    pub math: Math,
    /// The layers, starting with the one that reads `x`.
    pub layers: &'a [LayerSpec<'a>],
}

/// Iterates over the layers and their input shapes, in the order of `forward`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    layers: &'a [LayerSpec<'a>],
    /// Input shape of the next layer.
    pub shape: Shape,
}

impl<'a> Walk<'a> {
    /// Skips the remaining layers.
    #[inline(always)]
    pub const fn end(&mut self) {
        self.layers = &[];
    }

    /// The next layer and its input shape. Also ends at a layer that cannot take its shape.
    #[inline(always)]
    pub const fn next(&mut self) -> Option<(&'a LayerSpec<'a>, Shape)> {
        let [layer, rest @ ..] = self.layers else {
            return None;
        };
        let shape = self.shape;
        let Some(after) = layer.output_shape(shape) else {
            return None;
        };
        self.layers = rest;
        self.shape = after;
        Some((layer, shape))
    }
}

/// Iterates over the layers and the shapes around them, in the order of `inverse`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalkBack<'a> {
    layers: &'a [LayerSpec<'a>],
    /// Output shape (in `forward`) of the next layer.
    after: Shape,
}

impl<'a> WalkBack<'a> {
    /// The previous layer, its input shape and its output shape.
    #[inline(always)]
    pub const fn next(&mut self) -> Option<(&'a LayerSpec<'a>, Shape, Shape)> {
        let [rest @ .., layer] = self.layers else {
            return None;
        };
        let after = self.after;
        let Some(before) = layer.input_shape(after) else {
            return None;
        };
        self.layers = rest;
        self.after = before;
        Some((layer, before, after))
    }
}

impl<'a> FlowSpec<'a> {
    /// A structure with the elementary functions of `libm`.
    #[must_use]
    pub const fn new(shape: Shape, layers: &'a [LayerSpec<'a>]) -> Self {
        Self {
            shape,
            math: Math::Libm,
            layers,
        }
    }

    /// The same structure with other layers.
    #[must_use]
    pub const fn with_layers<'b>(self, layers: &'b [LayerSpec<'b>]) -> FlowSpec<'b> {
        FlowSpec {
            shape: self.shape,
            math: self.math,
            layers,
        }
    }

    /// The same structure with another back end of elementary functions.
    #[must_use]
    pub const fn with_math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// Number of values per sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.shape.len()
    }

    /// The layers and their input shapes.
    #[inline(always)]
    pub(crate) const fn walk(&self) -> Walk<'a> {
        Walk {
            layers: self.layers,
            shape: self.shape,
        }
    }

    /// The layers in reverse order.
    #[inline(always)]
    pub(crate) const fn walk_back(&self) -> WalkBack<'a> {
        WalkBack {
            layers: self.layers,
            after: self.shape_at(usize::MAX),
        }
    }

    /// Input shape of layer `index`; the final shape if there are fewer layers.
    #[must_use]
    pub const fn shape_at(&self, index: usize) -> Shape {
        let mut walk = self.walk();
        let mut at = 0;
        while at < index && walk.next().is_some() {
            at += 1;
        }
        walk.shape
    }

    /// Number of parameters of the flow; `usize::MAX` on overflow.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let mut total: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = add(total, layer.param_len(shape));
        }
        total
    }

    /// Workspace length for one sample, in values: the sample, and the largest scratch of any layer.
    #[must_use]
    pub const fn workspace_len(&self) -> usize {
        add(self.dim(), self.scratch_len())
    }

    /// The largest scratch of any layer, in values.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        let mut most = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            most = max(most, layer.scratch_len(shape));
        }
        most
    }

    /// Multiply-accumulates for one sample, over all layers; only networks are counted.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        let mut total: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = add(total, layer.multiply_accumulates(shape));
        }
        total
    }

    /// The largest number of multiply-accumulates in any layer: the longest step of
    /// [`Flow::stepper`](crate::Flow::stepper).
    #[must_use]
    pub const fn largest_step(&self) -> usize {
        let mut most = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            most = max(most, layer.multiply_accumulates(shape));
        }
        most
    }

    /// Checks everything except the parameters.
    ///
    /// # Errors
    /// The first [`SpecError`] found, in layer order.
    pub const fn validate(&self) -> Result<(), SpecError> {
        let Shape { height, width, .. } = self.shape;
        if height != 1 || width != 1 {
            if !cfg!(feature = "feature-maps") {
                return Err(SpecError::FeatureMissing {
                    layer: None,
                    feature: Feature::FeatureMaps,
                });
            }
            if height == 0 || width == 0 {
                return Err(SpecError::Dimension { dim: 0 });
            }
        }
        if self.dim() < 2 {
            return Err(SpecError::Dimension { dim: self.dim() });
        }
        if !self.math.is_compiled() {
            return Err(SpecError::FeatureMissing {
                layer: None,
                feature: Feature::Micromath,
            });
        }
        let mut layers = self.layers;
        let mut shape = self.shape;
        let mut index = 0;
        while let [layer, rest @ ..] = layers {
            if let Err(error) = layer.validate(shape, index) {
                return Err(error);
            }
            if let LayerSpec::Coupling(spec) = layer
                && let Some(map) = spec.transform.scale_map()
                && map.is_extra()
            {
                if !cfg!(feature = "foreign") {
                    return Err(SpecError::missing(index, Feature::Foreign));
                }
                if !matches!(self.math, Math::Libm) {
                    return Err(SpecError::ScaleMapMath { layer: index });
                }
            }
            match layer.output_shape(shape) {
                Some(after) => shape = after,
                None => {
                    return Err(SpecError::LayerShape {
                        layer: index,
                        shape,
                    });
                }
            }
            index += 1;
            layers = rest;
        }
        // Lengths count f32 values, and a slice holds at most isize::MAX bytes.
        let longest = isize::MAX as usize / size_of::<f32>();
        if self.param_len() > longest || self.workspace_len() > longest {
            return Err(SpecError::Overflow);
        }
        Ok(())
    }

    /// The first input value that no coupling transforms, if any. Such a feature keeps its (standardised) value
    /// and is modelled as a plain Gaussian.
    #[must_use]
    pub const fn untransformed_feature(&self) -> Option<usize> {
        let mut feature = 0;
        while feature < self.dim() {
            // Track the value through the layers that move it.
            let mut place = feature;
            let mut transformed = false;
            let mut walk = self.walk();
            while let Some((layer, shape)) = walk.next() {
                let pixels = shape.pixels();
                if place >= shape.len() {
                    break;
                }
                match layer {
                    LayerSpec::Coupling(spec) => {
                        transformed = transformed || !spec.mask.keeps_value(place, shape);
                    }
                    LayerSpec::Permutation(permutation) => {
                        place = position(permutation, place / pixels) * pixels + place % pixels;
                    }
                    LayerSpec::Squeeze(squeeze) => {
                        let source = place;
                        place = 0;
                        while squeeze.source(shape, place) != source {
                            place += 1;
                        }
                    }
                    LayerSpec::Unsqueeze(squeeze) => place = squeeze.source(walk.shape, place),
                    // These layers do not mix values.
                    LayerSpec::Standardize
                    | LayerSpec::Logit(_)
                    | LayerSpec::Affine
                    | LayerSpec::BatchNorm(_)
                    | LayerSpec::FactorOut => {}
                }
            }
            if !transformed {
                return Some(feature);
            }
            feature += 1;
        }
        None
    }
}
