//! A model's structure as a whole: lengths, checks, and the walk through its layers.

use super::base::BaseSpec;
use super::error::{Feature, SpecError};
use super::kernels::KernelsSpec;
use super::shape::Shape;
use super::{LayerSpec, add, max};
use crate::arithmetic::Math;

/// A model's structure: shape, layers in the order of `forward` (x to z), density of z, elementary functions.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FlowSpec<'a> {
    /// Shape of a sample, at least 2 values.
    pub shape: Shape,
    /// Back end of elementary functions.
    pub math: Math,
    /// The layers, first the one that reads `x`.
    pub layers: &'a [LayerSpec<'a>],
    /// The density of z.
    pub base: BaseSpec,
    /// A second density beside that of the flow.
    // Without the feature a model with kernels is refused, and a spec is as small as one that cannot have any.
    #[cfg(feature = "extra-layers")]
    pub kernels: Option<KernelsSpec>,
    /// How many values of a sample are given, its first ones; see [`with_given`](Self::with_given).
    // Without the feature a model with given values is refused, and pays nothing, as with kernels.
    #[cfg(feature = "extra-layers")]
    pub given: usize,
}

/// Layers with the shapes that reach them, in the order of `forward`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    layers: &'a [LayerSpec<'a>],
    /// Of what reaches the next layer.
    pub shape: Shape,
}

impl<'a> Walk<'a> {
    /// Leaves out what is left.
    #[inline(always)]
    pub const fn end(&mut self) {
        self.layers = &[];
    }

    /// The next layer and the shape that reaches it. Ends, too, at a layer that cannot take its shape.
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

/// Layers with the shapes around them, in the order of `inverse`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalkBack<'a> {
    layers: &'a [LayerSpec<'a>],
    /// Of what the next layer gives in `forward`.
    after: Shape,
}

impl<'a> WalkBack<'a> {
    /// The layer before, the shape that reaches it, and that which goes on.
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
    /// A structure with the elementary functions of `libm` and a standard normal z.
    #[must_use]
    pub const fn new(shape: Shape, layers: &'a [LayerSpec<'a>]) -> Self {
        Self {
            shape,
            math: Math::Libm,
            layers,
            base: BaseSpec::Normal,
            #[cfg(feature = "extra-layers")]
            kernels: None,
            #[cfg(feature = "extra-layers")]
            given: 0,
        }
    }

    /// The same with other layers.
    #[must_use]
    pub const fn with_layers<'b>(self, layers: &'b [LayerSpec<'b>]) -> FlowSpec<'b> {
        FlowSpec {
            shape: self.shape,
            math: self.math,
            layers,
            base: self.base,
            #[cfg(feature = "extra-layers")]
            kernels: self.kernels,
            #[cfg(feature = "extra-layers")]
            given: self.given,
        }
    }

    /// The same with another back end of elementary functions.
    #[must_use]
    pub const fn with_math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The same with another density of z.
    #[must_use]
    pub const fn with_base(self, base: BaseSpec) -> Self {
        Self { base, ..self }
    }

    /// The second density; none without the feature.
    #[cfg(feature = "extra-layers")]
    pub(crate) const fn second(&self) -> Option<KernelsSpec> {
        self.kernels
    }

    /// The second density; none without the feature.
    #[cfg(not(feature = "extra-layers"))]
    #[allow(clippy::unused_self, reason = "a part of the spec where it has one")]
    pub(crate) const fn second(&self) -> Option<KernelsSpec> {
        None
    }

    /// The same with a second density, of kernels.
    #[must_use]
    pub const fn with_kernels(self, kernels: KernelsSpec) -> Self {
        Self {
            #[cfg(feature = "extra-layers")]
            kernels: Some(kernels),
            // Refused alike.
            #[cfg(not(feature = "extra-layers"))]
            base: kernels.base(),
            ..self
        }
    }

    /// The same without a second density.
    #[must_use]
    pub const fn without_kernels(self) -> Self {
        Self {
            #[cfg(feature = "extra-layers")]
            kernels: None,
            ..self
        }
    }

    /// Values of a sample, given ones among them.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.shape.len()
    }

    /// The layers with the shapes that reach them.
    #[inline(always)]
    pub(crate) const fn walk(&self) -> Walk<'a> {
        Walk {
            layers: self.layers,
            shape: self.shape,
        }
    }

    /// The layers from the last to the first.
    #[inline(always)]
    pub(crate) const fn walk_back(&self) -> WalkBack<'a> {
        WalkBack {
            layers: self.layers,
            after: self.shape_at(usize::MAX),
        }
    }

    /// Shape of what reaches layer `index`; that of the last map where there are no more layers.
    #[must_use]
    pub const fn shape_at(&self, index: usize) -> Shape {
        let mut walk = self.walk();
        let mut at = 0;
        while at < index && walk.next().is_some() {
            at += 1;
        }
        walk.shape
    }

    /// Parameters of the whole flow; `usize::MAX` where that would overflow.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let mut total: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = add(total, layer.param_len(shape));
        }
        let total = add(total, self.base_param_len());
        match self.second() {
            Some(kernels) => add(total, kernels.param_len(self.dim(), self.given())),
            None => total,
        }
    }

    /// Parameters of the base.
    #[must_use]
    #[inline(always)]
    pub const fn base_param_len(&self) -> usize {
        self.base.param_len(self.dim(), self.given())
    }

    /// Values of workspace for one sample: the sample, and the most scratch that any layer or the base asks for.
    #[must_use]
    pub const fn workspace_len(&self) -> usize {
        add(self.dim(), self.scratch_len())
    }

    /// The most scratch that any layer or the base asks for.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        let (dim, given) = (self.dim(), self.given());
        let base = self.base.scratch_len(dim, given);
        let mut most = KernelsSpec::scratch_of(self.second(), dim, given, base);
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            most = max(most, layer.scratch_len(shape));
        }
        most
    }

    /// Multiply-accumulates of all layers and of the base for one sample; those of a layer are its networks'.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        let mut total = self.base.multiply_accumulates(self.dim());
        if let Some(kernels) = self.second() {
            total = add(total, kernels.multiply_accumulates(self.dim()));
        }
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = add(total, layer.multiply_accumulates(shape));
        }
        total
    }

    /// Multiply-accumulates of the layer that has most of them, or of the base: the longest step of
    /// [`Flow::stepper`](crate::Flow::stepper).
    #[must_use]
    pub const fn largest_step(&self) -> usize {
        let mut most = self.base.multiply_accumulates(self.dim());
        let mut walk = self.walk();
        // Kernels are part of the step of the layer in front of them.
        let mut left = KernelsSpec::behind(self.given());
        while let Some((layer, shape)) = walk.next() {
            left = left.saturating_sub(1);
            let beside = match self.second() {
                Some(kernels) if left == 0 => kernels.multiply_accumulates(self.dim()),
                _ => 0,
            };
            most = max(most, add(beside, layer.multiply_accumulates(shape)));
            if left == 0 {
                left = usize::MAX;
            }
        }
        most
    }

    /// Checks everything that can be checked without the parameters.
    ///
    /// # Errors
    /// The first [`SpecError`] found, in the order of the layers.
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
        let given = self.given();
        if given > 0 && (given >= self.dim() || height != 1 || width != 1) {
            return Err(SpecError::Given { given });
        }
        let mut layers = self.layers;
        let mut shape = self.shape;
        let mut index = 0;
        while let [layer, rest @ ..] = layers {
            if let Err(error) = layer.validate(shape, index) {
                return Err(error);
            }
            if let Some(value) = layer.first_changed(shape, given) {
                return Err(SpecError::GivenChanged {
                    layer: index,
                    value,
                });
            }
            if let LayerSpec::Coupling(spec) = layer
                && let Some(map) = spec.transform.scale_map()
                && map.is_extra()
            {
                if !cfg!(feature = "extra-layers") {
                    return Err(SpecError::missing(index, Feature::ExtraLayers));
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
        if let Err(error) = self.base.validate() {
            return Err(error);
        }
        if let Some(kernels) = self.second()
            && let Err(error) = kernels.validate(self.layers.len(), given)
        {
            return Err(error);
        }
        // Lengths count f32 values; a slice of them holds at most isize::MAX bytes.
        let longest = isize::MAX as usize / size_of::<f32>();
        if self.param_len() > longest || self.workspace_len() > longest {
            return Err(SpecError::Overflow);
        }
        Ok(())
    }

    /// The first value of the input that no coupling transforms, if there is one and z is standard normal: such a feature
    /// keeps its (standardised) value and is modelled as a plain Gaussian. None where the base is a mixture, and never a given
    /// value.
    #[must_use]
    pub const fn untransformed_feature(&self) -> Option<usize> {
        if !matches!(self.base, BaseSpec::Normal) {
            return None;
        }
        if let BaseSpec::Mixture(_) = self.base {
            return None;
        }
        let mut feature = self.given();
        while feature < self.dim() {
            // Follow the value's place through the layers that move it.
            let mut place = feature;
            let mut transformed = false;
            let mut walk = self.walk();
            while let Some((layer, shape)) = walk.next() {
                if place >= shape.len() {
                    break;
                }
                let after;
                (place, after) = layer.follow(place, shape, walk.shape);
                transformed = transformed || after;
            }
            if !transformed {
                return Some(feature);
            }
            feature += 1;
        }
        None
    }
}
