//! The architectures that `nvpico train` knows, layer by layer.
//!
//! | name | for | per scale |
//! | --- | --- | --- |
//! | `vector` | tables | couplings with fully connected networks, one scale |
//! | `window` | windows of time series, C x 1 x T | alternate samples, squeeze by pairs, channels; networks of 1 x 3 |
//! | `image` | small arrays | checkerboards, squeeze, channels; networks of 3 x 3, 1 x 1, 3 x 3 |
//! | `paper` | images | the same with the paper's residual networks, batch norm between couplings |
//!
//! After every scale but the last half of the channels is factored out (paper section 3.6).

use nvpico::spec::{ConvolutionLayer, Kernel};

use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, NetsName, ShapeName, SqueezeName,
    TransformName,
};

/// What all architectures are made of; see [`super::settings::Settings`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// First layer: counts or measured values.
    pub input: Layer,
    /// How couplings change values.
    pub transform: TransformName,
    /// Of hidden layers.
    pub activation: ActivationName,
    /// Between couplings, if at all.
    pub norm: Option<Layer>,
    /// Whether a matrix stands between couplings, behind the norm.
    pub mix: bool,
    /// Whether a matrix stands behind the input.
    pub whiten: bool,
    /// Couplings in a row.
    pub couplings: usize,
}

impl Parts {
    /// The layers before the first coupling.
    fn start(&self) -> Vec<Layer> {
        let matrix = self.whiten.then_some(Layer::Linear);
        [self.input.clone()].into_iter().chain(matrix).collect()
    }

    /// The layers between two couplings.
    fn between(&self) -> impl Iterator<Item = Layer> {
        let matrix = self.mix.then_some(Layer::Linear);
        self.norm.clone().into_iter().chain(matrix)
    }
}

/// The masks of a vector whose first values are given: all keep these, and some of the others in turn.
#[must_use]
pub fn masks_with_given([dim, given]: [usize; 2], masks: &[MaskName]) -> Vec<MaskName> {
    let judged = dim - given;
    let keeping = |mask: &MaskName| {
        let kept = mask.spec().kept_features(judged).map(|at| at + given);
        // A single value has no halves.
        let kept = kept.filter(|_| judged > 1);
        MaskName::Indices((0..given).chain(kept).collect())
    };
    masks.iter().map(keeping).collect()
}

/// Layers for vectors.
#[must_use]
pub fn vector(parts: &Parts, masks: &[MaskName], hidden: &[usize], nets: NetsName) -> Vec<Layer> {
    let mut layers = parts.start();
    for (index, mask) in masks.iter().cycle().take(parts.couplings).enumerate() {
        if index > 0 {
            layers.extend(parts.between());
        }
        layers.push(Layer::Coupling {
            mask: mask.clone(),
            transform: parts.transform,
            conditioner: ConditionerName::Dense {
                hidden: hidden.to_vec(),
                activation: parts.activation,
                nets,
            },
        });
    }
    layers
}

/// The networks of an architecture for maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Networks {
    /// Two hidden layers: the window, then 1 x 1.
    Plain {
        /// Channels of hidden layers.
        filters: usize,
    },
    /// The paper's residual network; twice the filters after each squeeze.
    Residual {
        /// Channels inside, in the first couplings.
        filters: usize,
        /// Residual blocks.
        blocks: usize,
    },
}

/// Added to variances inside the paper's networks.
const EPS: f32 = 1e-5;

/// Layers for maps.
///
/// # Errors
/// A sentence, where the map cannot be squeezed as often as there are scales.
pub fn map(
    parts: &Parts,
    networks: Networks,
    shape: ShapeName,
    scales: usize,
) -> Result<Vec<Layer>, String> {
    let [mut channels, mut height, mut width] = shape.0;
    let series = height == 1;
    let (squeeze, cell) = if series {
        (SqueezeName::Pairs, (1, 2))
    } else {
        (SqueezeName::Cells, (2, 2))
    };
    let kernel = if series { [1, 3] } else { [3, 3] };
    if height * width < 2 {
        return Err(format!(
            "samples of {shape} have one place: that is a vector, for --architecture vector"
        ));
    }
    let mut builder = Builder {
        parts,
        networks,
        kernel,
        widen: 1,
        is_first: true,
        layers: parts.start(),
    };
    for scale in 0..scales {
        builder.couplings(&[MaskName::CheckerboardOdd, MaskName::CheckerboardEven]);
        let last = scale + 1 == scales;
        if height % cell.0 != 0 || width % cell.1 != 0 {
            if last {
                break;
            }
            return Err(format!(
                "a map of {channels} x {height} x {width} cannot be squeezed: samples of {shape} allow --scales {}",
                scale + 1
            ));
        }
        // The paper ends with checkerboards, on a map that is small by then.
        if last && matches!(networks, Networks::Residual { .. }) && scales > 1 {
            break;
        }
        builder.layers.push(Layer::Squeeze(squeeze));
        (channels, height, width) = (channels * cell.0 * cell.1, height / cell.0, width / cell.1);
        builder.widen *= 2;
        builder.couplings(&[MaskName::SecondHalf, MaskName::FirstHalf]);
        if last {
            break;
        }
        if !series {
            // In this order what stays is a map of half the resolution in both directions.
            builder.layers.push(Layer::Unsqueeze(SqueezeName::Cells));
            builder
                .layers
                .push(Layer::Squeeze(SqueezeName::CellsAlternate));
        }
        builder.layers.push(Layer::FactorOut);
        channels /= 2;
        if height * width < 2 {
            return Err(format!(
                "samples of {shape} allow --scales {}: after that only one place is left",
                scale + 1
            ));
        }
    }
    Ok(builder.layers)
}

/// The default number of scales: two if the map can be squeezed, else one.
#[must_use]
pub fn default_scales(shape: ShapeName) -> usize {
    let [_, height, width] = shape.0;
    let once = width.is_multiple_of(2) && (height == 1 || height.is_multiple_of(2));
    let left = width / 2 * height.div_ceil(2);
    if once && left >= 2 { 2 } else { 1 }
}

struct Builder<'p> {
    parts: &'p Parts,
    networks: Networks,
    kernel: [usize; 2],
    /// Times the filters of the paper's networks.
    widen: usize,
    /// Whether no coupling stands there yet.
    is_first: bool,
    layers: Vec<Layer>,
}

impl Builder<'_> {
    fn couplings(&mut self, masks: &[MaskName]) {
        for mask in masks.iter().cycle().take(self.parts.couplings) {
            if !self.is_first {
                self.layers.extend(self.parts.between());
            }
            self.is_first = false;
            self.layers.push(Layer::Coupling {
                mask: mask.clone(),
                transform: self.parts.transform,
                conditioner: self.conditioner(),
            });
        }
    }

    fn conditioner(&self) -> ConditionerName {
        let [height, width] = self.kernel;
        match self.networks {
            Networks::Plain { filters } => ConditionerName::Convolution {
                hidden: vec![
                    ConvolutionLayer::new(filters, Kernel { height, width }),
                    ConvolutionLayer::new(filters, Kernel::POINT),
                ],
                last: self.kernel,
                activation: self.parts.activation,
            },
            Networks::Residual { filters, blocks } => ConditionerName::ResidualConvolution {
                filters: filters * self.widen,
                blocks,
                kernel: self.kernel,
                eps: Some(EPS),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MathName, ModelSpec, ScaleName};

    fn parts() -> Parts {
        Parts {
            input: Layer::Standardize,
            transform: TransformName::Affine(ScaleName::RescaledTanh),
            activation: ActivationName::Relu,
            mix: false,
            whiten: false,
            norm: None,
            couplings: 2,
        }
    }

    #[test]
    fn every_map_that_is_accepted_makes_a_valid_model_that_changes_every_value() {
        for shape in [[1, 8, 8], [3, 6, 4], [2, 1, 16], [1, 5, 5], [1, 24, 32]] {
            let shape = ShapeName(shape);
            for networks in [
                Networks::Plain { filters: 4 },
                Networks::Residual {
                    filters: 2,
                    blocks: 1,
                },
            ] {
                let layers = map(&parts(), networks, shape, default_scales(shape)).unwrap();
                let spec = ModelSpec {
                    shape,
                    math: MathName::Libm,
                    layers,
                    base: crate::model::BaseName::Normal,
                    kernels: None,
                    given: 0,
                };
                let layers = spec.layers();
                let flow = spec.flow_spec(&layers);
                assert_eq!(flow.validate(), Ok(()), "{shape}");
                assert_eq!(flow.untransformed_feature(), None, "{shape}");
            }
        }
    }

    #[test]
    fn matrices_stand_first_and_between_couplings() {
        let mixed = Parts {
            mix: true,
            whiten: true,
            ..parts()
        };
        let is_matrix = |layers: Vec<Layer>| -> Vec<bool> {
            layers.iter().map(|layer| *layer == Layer::Linear).collect()
        };
        let masks = [MaskName::Even, MaskName::Odd];
        let layers = vector(&mixed, &masks, &[4], NetsName::One);
        assert_eq!(is_matrix(layers), [false, true, false, true, false]);
        let networks = Networks::Plain { filters: 4 };
        let layers = map(&mixed, networks, ShapeName([2, 1, 8]), 1).unwrap();
        let found = is_matrix(layers);
        assert_eq!(found[..5], [false, true, false, true, false]);
        // A squeeze, then the same again.
        assert_eq!(found[5..], [false, true, false, true, false]);
    }

    #[test]
    fn given_values_stand_in_every_mask() {
        let masks = [MaskName::FirstHalf, MaskName::Even, MaskName::Odd];
        let found = masks_with_given([5, 2], &masks);
        let expected = [&[0, 1, 2][..], &[0, 1, 2, 4], &[0, 1, 3]];
        assert_eq!(found, expected.map(|kept| MaskName::Indices(kept.to_vec())));
        // One value that is judged has no halves.
        let one = masks_with_given([3, 2], &masks[..1]);
        assert_eq!(one, [MaskName::Indices(vec![0, 1])]);
    }

    #[test]
    fn too_many_scales_are_refused_with_the_number_that_fits() {
        let networks = Networks::Plain { filters: 4 };
        let error = map(&parts(), networks, ShapeName([1, 6, 6]), 3).unwrap_err();
        assert!(error.contains("--scales 2"), "{error}");
    }
}
