//! Blocks of `FrEIA`.

use super::super::ImportError;
use super::{Dict, gather};

#[test]
fn freia_blocks_with_every_clamp() {
    for (class, activation) in [
        ("RNVPCouplingBlock", "SIGMOID"),
        ("RNVPCouplingBlock", "TANH"),
        ("GLOWCouplingBlock", "SIGMOID"),
        ("GLOWCouplingBlock", "ATAN"),
        ("AffineCouplingOneSided", "SIGMOID"),
        ("NICECouplingBlock", "null"),
    ] {
        let mut dict = Dict::default();
        let (first, second) = ([0], [1, 2]);
        let name = "module_list.0";
        let (one, two): (&[&str], &[&str]) = match class {
            "RNVPCouplingBlock" => (&["subnet_s2", "subnet_t2"], &["subnet_s1", "subnet_t1"]),
            "GLOWCouplingBlock" => (&["subnet2"], &["subnet1"]),
            "NICECouplingBlock" => (&["F"], &["G"]),
            _ => (&[], &["subnet"]),
        };
        let halves = [
            (one, &second[..], &first[..]),
            (two, &first[..], &second[..]),
        ];
        for (nets, kept, changed) in halves {
            let doubled = nets.len() == 1 && class != "NICECouplingBlock";
            let outputs = changed.len() * if doubled { 2 } else { 1 };
            for net in nets {
                dict.net(&format!("{name}.{net}"), &[0, 2], &[kept.len(), 4, outputs]);
            }
        }
        let scale = dict.random("module_list.1.scale", &[1, 3]);
        let bias = dict.random("module_list.1.bias", &[1, 3]);
        let elements = dict.random("module_list.2.s", &[1, 3]);
        let clamp = if class == "NICECouplingBlock" {
            String::new()
        } else {
            format!(r#", "clamp": 1.3, "clamp_activation": "{activation}""#)
        };
        let architecture = format!(
            r#"{{"library": "FrEIA", "modules": ["{class}", "ActNorm", "LearnedElementwiseScaling"],
            "features": 3, "hidden": [4], "activation": "relu", "split_len": 0.45{clamp}}}"#
        );
        let found = dict.agrees(&architecture, 3, |x| {
            let (mut z, mut log_det) = (x.to_vec(), 0.0);
            for (nets, kept, changed) in halves {
                let inputs = gather(&z, kept);
                let outputs: Vec<f64> = nets
                    .iter()
                    .flat_map(|net| dict.run(&format!("{name}.{net}"), &inputs))
                    .collect();
                let shifts = outputs.len().saturating_sub(changed.len());
                for (i, &at) in changed.iter().enumerate().filter(|_| !nets.is_empty()) {
                    let s = match activation {
                        "SIGMOID" => 1.3 * 2.0 * (1.0 / (1.0 + (-outputs[i]).exp()) - 0.5),
                        "TANH" => 1.3 * outputs[i].tanh(),
                        "ATAN" => 1.3 * 0.636 * outputs[i].atan(),
                        _ => 0.0,
                    };
                    z[at] = z[at] * s.exp() + outputs[shifts + i];
                    log_det += s;
                }
            }
            for (i, z) in z.iter_mut().enumerate() {
                *z = (*z * scale[i].exp() + bias[i]) * elements[i].exp();
                log_det += scale[i] + elements[i];
            }
            (z, log_det)
        });
        found.unwrap_or_else(|e| panic!("{class} {activation}: {e}"));
    }
}

/// How the permutation of an `AllInOneBlock` is stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    /// A matrix of zeros and ones.
    Hard,
    /// A rotation.
    Soft,
    /// A hard one and two reflections.
    Reflected,
    /// Not the inverse of what is stored as its inverse.
    Damaged,
}

/// The matrix that the block permutes by.
fn permutation(dict: &mut Dict, stored: Stored) -> [[f64; 3]; 3] {
    let name = "module_list.0";
    // Output 0 is input 2, output 1 input 0, output 2 input 1.
    let hard = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    let matrix = match stored {
        Stored::Hard => hard,
        Stored::Damaged => hard.map(|row| row.map(|v| 0.9 * v)),
        Stored::Soft => {
            let turn = [[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]];
            times(&times(&turn, &hard), &turn)
        }
        Stored::Reflected => {
            let vectors = [[0.5, -0.25, 1.0], [0.125, 0.75, -0.5]];
            dict.set(
                &format!("{name}.vk_householder"),
                &[2, 3],
                &vectors.concat(),
            );
            dict.set(&format!("{name}.w_0"), &[3, 3], &hard.concat());
            return vectors.iter().fold(hard, |matrix, v| {
                let square: f64 = v.iter().map(|v| v * v).sum();
                let reflection = [0, 1, 2]
                    .map(|i| [0, 1, 2].map(|j| f64::from(i == j) - 2.0 * v[i] * v[j] / square));
                times(&matrix, &reflection)
            });
        }
    };
    let inverse = transposed(&matrix);
    dict.set(&format!("{name}.w_perm"), &[3, 3], &matrix.concat());
    dict.set(&format!("{name}.w_perm_inv"), &[3, 3], &inverse.concat());
    matrix
}

fn times(a: &[[f64; 3]; 3], b: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    a.map(|row| [0, 1, 2].map(|j| (0..3).map(|k| row[k] * b[k][j]).sum()))
}

fn transposed(a: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    [0, 1, 2].map(|i| [0, 1, 2].map(|j| a[j][i]))
}

fn apply(matrix: &[[f64; 3]; 3], x: &[f64]) -> Vec<f64> {
    let row = |row: &[f64; 3]| row.iter().zip(x).map(|(a, b)| a * b).sum();
    matrix.iter().map(row).collect()
}

fn all_in_one(kind: &str, reversed: bool, stored: Stored) -> Result<(), ImportError> {
    let mut dict = Dict::default();
    dict.net("module_list.0.subnet", &[0, 2], &[2, 4, 2]);
    let global = dict.random("module_list.0.global_scale", &[1, 3]);
    let offset = dict.random("module_list.0.global_offset", &[1, 3]);
    let matrix = permutation(&mut dict, stored);
    let architecture = format!(
        r#"{{"library": "FrEIA", "modules": ["AllInOneBlock"], "features": 3, "activation": "relu",
        "affine_clamping": 2.5, "global_affine_type": "{kind}", "reverse_permutation": {reversed}}}"#
    );
    dict.agrees(&architecture, 3, |x| {
        let mut z = if reversed {
            apply(&transposed(&matrix), x)
        } else {
            x.to_vec()
        };
        let out = dict.run("module_list.0.subnet", &z[..2]);
        let s = 2.5 * (0.1 * out[0]).tanh();
        z[2] = z[2] * s.exp() + 0.1 * out[1];
        let mut log_det = s;
        for i in 0..3 {
            let scale = match kind {
                "SOFTPLUS" => 0.1 * 2.0 * (1.0 + (0.5 * global[i]).exp()).ln(),
                "SIGMOID" => 10.0 / (1.0 + (2.0 - global[i]).exp()),
                _ => global[i].exp(),
            };
            z[i] = z[i] * scale + offset[i];
            log_det += scale.ln();
        }
        (apply(&matrix, &z), log_det)
    })
}

#[test]
fn all_in_one_blocks_with_every_permutation() {
    for kind in ["SOFTPLUS", "SIGMOID", "EXP"] {
        for reversed in [false, true] {
            for stored in [Stored::Hard, Stored::Soft, Stored::Reflected] {
                all_in_one(kind, reversed, stored)
                    .unwrap_or_else(|e| panic!("{kind} {reversed} {stored:?}: {e}"));
            }
        }
    }
    let damaged = all_in_one("EXP", false, Stored::Damaged).unwrap_err();
    let said = damaged.to_string();
    assert!(said.contains("module_list.0.w_perm_inv"), "{said}");
}
