//! Parts of nflows put together by hand.

use super::super::ImportError;
use super::matrix::lu_linear;
use super::{Dict, gather};

const ACTIVATION: f64 = 0.25;

/// A norm far from zero, a coupling in a composite of its own, a permutation, a matrix.
fn parts(change: impl FnOnce(&mut Dict, &mut String)) -> Result<(), ImportError> {
    let mut dict = Dict::default();
    let name = "_transform._transforms";
    let mean: Vec<f64> = dict.random(&format!("{name}.0.running_mean"), &[3]);
    let mean: Vec<f64> = mean.iter().map(|m| 8.0 + m).collect();
    dict.set(&format!("{name}.0.running_mean"), &[3], &mean);
    let var = [0.25, 4.0, 1.5];
    dict.set(&format!("{name}.0.running_var"), &[3], &var);
    let raw = dict.random(&format!("{name}.0.unconstrained_weight"), &[3]);
    let bias = dict.random(&format!("{name}.0.bias"), &[3]);
    let coupling = format!("{name}.1._transforms.0");
    dict.orders
        .insert(format!("{coupling}.identity_features"), vec![0, 2]);
    dict.orders
        .insert(format!("{coupling}.transform_features"), vec![1]);
    let mut linear = |part: &str, outputs: usize, inputs: usize| {
        let key = format!("{coupling}.transform_net.{part}");
        let weight = dict.random(&format!("{key}.weight"), &[outputs, inputs]);
        let bias = dict.random(&format!("{key}.bias"), &[outputs]);
        move |x: &[f64]| -> Vec<f64> {
            let rows = weight.chunks_exact(inputs).zip(&bias);
            let row =
                |(row, b): (&[f64], &f64)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
            rows.map(row).collect()
        }
    };
    let (first, inner) = (
        linear("initial_layer", 4, 2),
        linear("blocks.0.linear_layers.0", 4, 4),
    );
    let (outer, last) = (
        linear("blocks.0.linear_layers.1", 4, 4),
        linear("final_layer", 2, 4),
    );
    dict.orders
        .insert(format!("{name}.2._permutation"), vec![2, 0, 1]);
    let mix = lu_linear(&mut dict, &format!("{name}.3"));
    let mut architecture = format!(
        r#"{{"library": "nflows", "cls": "Flow", "features": 3, "base": "StandardNormal",
        "transforms": ["BatchNorm", "AffineCouplingTransform", "RandomPermutation", "LULinear"],
        "activation": [null, "leaky_relu({ACTIVATION})", null, null],
        "between_eps": [0.5, null, null, null]}}"#
    );
    change(&mut dict, &mut architecture);
    let leaky = |x: Vec<f64>| -> Vec<f64> { x.iter().map(|&x| x.max(ACTIVATION * x)).collect() };
    dict.agrees(&architecture, 3, |x| {
        let scale = |i: usize| (raw[i].exp().ln_1p() + 0.5) / (var[i] + 0.5).sqrt();
        let mut z: Vec<f64> = (0..3)
            .map(|i| scale(i) * (x[i] - mean[i]) + bias[i])
            .collect();
        let mut log_det: f64 = (0..3).map(|i| scale(i).ln()).sum();
        let hidden = first(&gather(&z, &[0, 2]));
        let added = outer(&leaky(inner(&leaky(hidden.clone()))));
        let sum: Vec<f64> = hidden.iter().zip(&added).map(|(h, a)| h + a).collect();
        let out = last(&sum);
        let scale = 1.0 / (1.0 + (-out[1] - 2.0).exp()) + 1e-3;
        z[1] = z[1] * scale + out[0];
        log_det += scale.ln();
        let (z, mixed) = mix(&gather(&z, &[2, 0, 1]));
        (z, log_det + mixed)
    })
}

#[test]
fn parts_put_together_by_hand() {
    parts(|_, _| ()).unwrap();
}

/// A shift for all features and one for each, the second far from zero.
fn pointwise(scale: &[f64]) -> Result<(), ImportError> {
    let mut dict = Dict::default();
    let name = "_transform._transforms";
    dict.set(&format!("{name}.0._shift"), &[], &[0.5]);
    dict.set(&format!("{name}.0._scale"), &[3], scale);
    let shift = [-2026.5, 0.25, 3.0];
    dict.set(
        &format!("{name}.1._shift"),
        &[3],
        &shift.map(|shift| shift / 1024.0),
    );
    dict.set(&format!("{name}.1._scale"), &[], &[2.0]);
    // An additive coupling, without which it is no flow.
    let coupling = format!("{name}.2");
    let orders = &mut dict.orders;
    orders.insert(format!("{coupling}.identity_features"), vec![0, 1]);
    orders.insert(format!("{coupling}.transform_features"), vec![2]);
    let net = format!("{coupling}.transform_net");
    let inner = dict.random(&format!("{net}.initial_layer.weight"), &[1, 2]);
    dict.set(&format!("{net}.initial_layer.bias"), &[1], &[0.25]);
    dict.set(&format!("{net}.final_layer.weight"), &[1, 1], &[0.5]);
    dict.set(&format!("{net}.final_layer.bias"), &[1], &[-1.0]);
    let architecture = r#"{"library": "nflows", "cls": "Flow", "features": 3, "base": "StandardNormal",
        "transforms": ["PointwiseAffineTransform", "AffineTransform", "AdditiveCouplingTransform"]}"#;
    dict.agrees(architecture, 3, |x| {
        let z = (0..3).map(|i| 2.0 * (x[i] * scale[i] + 0.5) + shift[i] / 1024.0);
        let log_det: f64 = scale.iter().map(|scale| (2.0 * scale).ln()).sum();
        let mut z: Vec<f64> = z.collect();
        z[2] += 0.5 * (inner[0] * z[0] + inner[1] * z[1] + 0.25) - 1.0;
        (z, log_det)
    })
}

#[test]
fn pointwise_affine_transforms_come_over() {
    pointwise(&[0.5, 2.0, 1.0]).unwrap();
    let said = pointwise(&[0.5, 0.0, 1.0]).unwrap_err().to_string();
    assert!(said.contains("above 0"), "{said}");
}

#[test]
fn other_parts_are_refused_by_name() {
    for (from, to, expected) in [
        (
            "AffineCoupling",
            "PiecewiseLinearCoupling",
            "PiecewiseLinearCouplingTransform",
        ),
        ("leaky_relu", "elu", "`activation` is \"elu(0.25)\""),
        ("StandardNormal", "DiagonalNormal", "DiagonalNormal"),
        (
            ", \"RandomPermutation\"",
            "",
            "`transforms` names 3, the tensors tell 4",
        ),
        ("0.5, null", "-1, null", "`between_eps` is -1"),
    ] {
        let refused = parts(|_, architecture| *architecture = architecture.replace(from, to));
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
    let context = parts(|dict, _| {
        let block = "_transform._transforms.1._transforms.0.transform_net.blocks.0";
        dict.random(&format!("{block}.context_layer.weight"), &[4, 1]);
    });
    let said = context.unwrap_err().to_string();
    assert!(said.contains("context_layer.weight"), "{said}");
}
