//! The model's structure as Rust text.

use std::fmt::Write as _;

use nvpico::spec::{BaseSpec, Spread};

use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, NetsName, ScaleName, TransformName,
};

/// A layer of the spec.
pub(super) fn layer(out: &mut String, layer: &Layer) {
    let indent = "            ";
    if let Some(text) = layer.in_rust() {
        line!(out, "{indent}nvpico::LayerSpec::{text},");
    }
    if let Layer::Coupling {
        mask,
        transform,
        conditioner: network,
    } = layer
    {
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
            "{indent}nvpico::LayerSpec::Coupling(nvpico::spec::CouplingSpec::new("
        );
        line!(out, "{indent}    nvpico::spec::Mask::{mask},");
        line!(out, "{indent}    nvpico::spec::Transform::{transform},");
        conditioner(out, &format!("{indent}    "), network);
        line!(out, "{indent})),");
    }
}

fn conditioner(out: &mut String, indent: &str, conditioner: &ConditionerName) {
    let kernel =
        |[height, width]: [usize; 2]| format!("nvpico::spec::Kernel::new({height}, {width})");
    let start = format!("{indent}nvpico::spec::Conditioner");
    match conditioner {
        ConditionerName::Dense {
            hidden,
            activation,
            nets,
        } => {
            let nets = match nets {
                NetsName::One => "",
                NetsName::Two => ".with_nets(nvpico::spec::Nets::Two)",
            };
            line!(
                out,
                "{start}::Dense(nvpico::spec::DenseSpec::new(&{hidden:?}, {}){nets}),",
                activation_name(*activation)
            );
        }
        ConditionerName::ResidualDense {
            width,
            blocks,
            activation,
            norm,
        } => {
            let norm = if *norm { ".with_norm(true)" } else { "" };
            line!(
                out,
                "{start}::ResidualDense(nvpico::spec::ResidualDenseSpec::new({width}, {blocks}, {}){norm}),",
                activation_name(*activation)
            );
        }
        ConditionerName::Convolution {
            hidden,
            last,
            activation,
        } => {
            line!(
                out,
                "{start}::Convolution(nvpico::spec::ConvolutionSpec::new("
            );
            line!(out, "{indent}    &[");
            for layer in hidden {
                line!(
                    out,
                    "{indent}        nvpico::spec::ConvolutionLayer::new({}, {}),",
                    layer.filters,
                    kernel([layer.kernel.height, layer.kernel.width])
                );
            }
            line!(out, "{indent}    ],");
            line!(out, "{indent}    {},", kernel(*last));
            line!(out, "{indent}    {},", activation_name(*activation));
            line!(out, "{indent})),");
        }
        ConditionerName::ResidualConvolution {
            filters,
            blocks,
            kernel: window,
            eps,
        } => {
            let form = match eps {
                None => String::new(),
                Some(eps) => {
                    format!(".with_form(nvpico::spec::ResidualForm::Trained {{ eps: {eps:?} }})")
                }
            };
            line!(
                out,
                "{start}::ResidualConvolution(nvpico::spec::ResidualConvolutionSpec::new({filters}, {blocks}, {}){form}),",
                kernel(*window)
            );
        }
    }
}

fn activation_name(activation: ActivationName) -> String {
    match activation {
        ActivationName::Relu => "nvpico::spec::Activation::Relu".to_owned(),
        ActivationName::LeakyRelu(slope) => {
            format!("nvpico::spec::Activation::LeakyRelu {{ slope: {slope:?} }}")
        }
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

/// What follows the spec of a model with kernels.
pub(super) fn kernels(kernels: Option<usize>) -> String {
    kernels.map_or(String::new(), |count| {
        format!(".with_kernels(nvpico::spec::KernelsSpec::new({count}))")
    })
}

/// What follows the spec of a model with given values.
pub(super) fn given(given: usize) -> String {
    if given == 0 {
        return String::new();
    }
    format!(".with_given({given})")
}

/// What follows the spec of a base that is not standard normal.
pub(super) fn base(base: BaseSpec) -> String {
    let BaseSpec::Mixture(mixture) = base else {
        return String::new();
    };
    let spread = match mixture.spread {
        Spread::Shared => "Shared",
        Spread::Full => "Full",
    };
    format!(
        ".with_base(nvpico::spec::BaseSpec::Mixture(nvpico::spec::MixtureSpec::new({}, \
         nvpico::spec::Spread::{spread})))",
        mixture.components
    )
}
