//! The model's structure as Rust text.

use std::fmt::Write as _;

use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, NetsName, ScaleName, SqueezeName,
    TransformName,
};

/// A layer of the spec.
pub(super) fn layer(out: &mut String, layer: &Layer) {
    let indent = "        ";
    match layer {
        Layer::Standardize => line!(out, "{indent}nvpico::LayerSpec::Standardize,"),
        Layer::Affine => line!(out, "{indent}nvpico::LayerSpec::Affine,"),
        Layer::BatchNorm { eps, affine } => line!(
            out,
            "{indent}nvpico::LayerSpec::BatchNorm(nvpico::spec::BatchNormSpec {{ eps: {eps:?}, affine: {affine} }}),"
        ),
        Layer::Permutation { order } => {
            line!(out, "{indent}nvpico::LayerSpec::Permutation(&{order:?}),");
        }
        Layer::Logit { alpha, levels } => line!(
            out,
            "{indent}nvpico::LayerSpec::Logit(nvpico::spec::LogitSpec {{ alpha: {alpha:?}, levels: {levels:?} }}),"
        ),
        Layer::Squeeze(squeeze) => line!(
            out,
            "{indent}nvpico::LayerSpec::Squeeze(nvpico::spec::Squeeze::{}),",
            squeeze_name(*squeeze)
        ),
        Layer::Unsqueeze(squeeze) => line!(
            out,
            "{indent}nvpico::LayerSpec::Unsqueeze(nvpico::spec::Squeeze::{}),",
            squeeze_name(*squeeze)
        ),
        Layer::FactorOut => line!(out, "{indent}nvpico::LayerSpec::FactorOut,"),
        Layer::Coupling {
            mask,
            transform,
            conditioner: own,
        } => {
            let mask = match mask {
                MaskName::FirstHalf => "FirstHalf".to_owned(),
                MaskName::SecondHalf => "SecondHalf".to_owned(),
                MaskName::Even => "Even".to_owned(),
                MaskName::Odd => "Odd".to_owned(),
                MaskName::Indices(indices) => format!("Indices(&{indices:?})"),
                MaskName::CheckerboardOdd => "CheckerboardOdd".to_owned(),
                MaskName::CheckerboardEven => "CheckerboardEven".to_owned(),
            };
            let transform = match transform {
                TransformName::Additive => "Additive".to_owned(),
                TransformName::Affine(map) => format!("Affine({})", scale_map(*map)),
                TransformName::ShiftFirst(map) => format!("ShiftFirst({})", scale_map(*map)),
            };
            line!(
                out,
                "{indent}nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec {{"
            );
            line!(out, "{indent}    mask: nvpico::spec::Mask::{mask},");
            line!(
                out,
                "{indent}    transform: nvpico::spec::Transform::{transform},"
            );
            conditioner(out, &format!("{indent}    "), own);
            line!(out, "{indent}}}),");
        }
    }
}

fn conditioner(out: &mut String, indent: &str, conditioner: &ConditionerName) {
    let activation = |name: &ActivationName| match name {
        ActivationName::Relu => "nvpico::spec::Activation::Relu".to_owned(),
        ActivationName::LeakyRelu(slope) => {
            format!("nvpico::spec::Activation::LeakyRelu {{ slope: {slope:?} }}")
        }
    };
    let kernel = |height: usize, width: usize| {
        format!("nvpico::spec::Kernel {{ height: {height}, width: {width} }}")
    };
    let start = format!("{indent}conditioner: nvpico::spec::Conditioner");
    match conditioner {
        ConditionerName::Dense {
            hidden,
            activation: own,
            nets,
        } => {
            let nets = match nets {
                NetsName::One => "One",
                NetsName::Two => "Two",
            };
            line!(out, "{start}::Dense(nvpico::spec::DenseSpec {{");
            line!(out, "{indent}    hidden: &{hidden:?},");
            line!(out, "{indent}    activation: {},", activation(own));
            line!(out, "{indent}    nets: nvpico::spec::Nets::{nets},");
        }
        ConditionerName::ResidualDense {
            width,
            blocks,
            activation: own,
            norm,
        } => {
            line!(
                out,
                "{start}::ResidualDense(nvpico::spec::ResidualDenseSpec {{"
            );
            line!(out, "{indent}    width: {width},");
            line!(out, "{indent}    blocks: {blocks},");
            line!(out, "{indent}    activation: {},", activation(own));
            line!(out, "{indent}    norm: {norm},");
        }
        ConditionerName::Convolution {
            hidden,
            last,
            activation: own,
        } => {
            line!(out, "{start}::Convolution(nvpico::spec::ConvolutionSpec {{");
            line!(out, "{indent}    hidden: &[");
            for layer in hidden {
                line!(
                    out,
                    "{indent}        nvpico::spec::ConvolutionLayer {{ filters: {}, kernel: {} }},",
                    layer.filters,
                    kernel(layer.kernel.height, layer.kernel.width)
                );
            }
            line!(out, "{indent}    ],");
            line!(out, "{indent}    last: {},", kernel(last[0], last[1]));
            line!(out, "{indent}    activation: {},", activation(own));
        }
        ConditionerName::ResidualConvolution {
            filters,
            blocks,
            kernel: own,
            eps,
        } => {
            let form = match eps {
                None => "Deployed".to_owned(),
                Some(eps) => format!("Trained {{ eps: {eps:?} }}"),
            };
            line!(
                out,
                "{start}::ResidualConvolution(nvpico::spec::ResidualConvolutionSpec {{"
            );
            line!(out, "{indent}    filters: {filters},");
            line!(out, "{indent}    blocks: {blocks},");
            line!(out, "{indent}    kernel: {},", kernel(own[0], own[1]));
            line!(out, "{indent}    form: nvpico::spec::ResidualForm::{form},");
        }
    }
    line!(out, "{indent}}}),");
}

fn squeeze_name(squeeze: SqueezeName) -> &'static str {
    match squeeze {
        SqueezeName::Cells => "Cells",
        SqueezeName::CellsAlternate => "CellsAlternate",
        SqueezeName::Pairs => "Pairs",
    }
}

fn scale_map(map: ScaleName) -> String {
    let map = match map {
        ScaleName::RescaledTanh => "RescaledTanh".to_owned(),
        ScaleName::ClampedTanh(clamp) => format!("ClampedTanh {{ clamp: {clamp:?} }}"),
        ScaleName::Unbounded => "Unbounded".to_owned(),
        ScaleName::Atan(scale) => format!("Atan {{ scale: {scale:?} }}"),
        ScaleName::Sigmoid {
            offset,
            floor,
            inverse,
        } => {
            format!("Sigmoid {{ offset: {offset:?}, floor: {floor:?}, inverse: {inverse} }}")
        }
    };
    format!("nvpico::spec::ScaleMap::{map}")
}
