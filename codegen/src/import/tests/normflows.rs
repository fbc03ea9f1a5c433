//! Options of normflows, and tensors that do not fit.

use super::super::ImportError;
use super::{Dict, gather, undo};

const MASKED: &str = r#"{"library": "normflows", "flows": ["MaskedAffineFlow"], "features": 4,
    "s_output": "S_OUTPUT", "t_output": "T_OUTPUT", "activation": "ACTIVATION", "base": "DiagGaussian"}"#;

/// A masked flow with these nets; the output `none` is a linear one.
struct Masked {
    s: Option<&'static str>,
    t: Option<&'static str>,
    slope: f64,
}

fn masked(flow: &Masked) -> Result<(), ImportError> {
    let mut dict = Dict {
        slope: flow.slope,
        ..Dict::default()
    };
    dict.set("flows.0.b", &[1, 4], &[1.0, 0.0, 0.0, 1.0]);
    dict.set("q0.loc", &[1, 4], &[0.0; 4]);
    dict.set("q0.log_scale", &[1, 4], &[0.0; 4]);
    if let Some(output) = flow.s {
        // A dropout stands before the last layer; a function has a factor before and one after.
        dict.net("flows.0.s.net", &[0, 3], &[4, 3, 4]);
        if output != "none" {
            dict.set("flows.0.s.net.4.scale", &[], &[0.5]);
            dict.set("flows.0.s.net.6.scale", &[], &[1.75]);
        }
    }
    if flow.t.is_some() {
        // Of other depth than `s`.
        dict.net("flows.0.t.net", &[0, 2, 4], &[4, 5, 3, 4]);
    }
    let changed = [1, 2];
    let architecture = MASKED
        .replace("S_OUTPUT", flow.s.unwrap_or("none"))
        .replace("T_OUTPUT", flow.t.unwrap_or("none"))
        .replace("ACTIVATION", &format!("leaky_relu({})", flow.slope));
    let after = |output: &str, raw: f64| match output {
        "tanh" => raw.tanh(),
        "sigmoid" => 1.0 / (1.0 + (-raw).exp()),
        "relu" => raw.max(0.0),
        _ => raw,
    };
    dict.agrees(&architecture, 4, |x| {
        let kept = [x[0], 0.0, 0.0, x[3]];
        let net = |output: Option<&str>, name: &str, factors: [f64; 2]| match output {
            Some(output) => gather(&dict.run(name, &kept), &changed)
                .iter()
                .map(|raw| factors[1] * after(output, factors[0] * raw))
                .collect(),
            None => vec![0.0; 2],
        };
        let factors = match flow.s {
            None | Some("none") => [1.0; 2],
            Some(_) => [0.5, 1.75],
        };
        let s = net(flow.s, "flows.0.s.net", factors);
        let t = net(flow.t, "flows.0.t.net", [1.0; 2]);
        undo(x, &changed, &s, &t)
    })
}

#[test]
fn masked_flows_with_either_net_and_every_output() {
    for s in [
        None,
        Some("none"),
        Some("tanh"),
        Some("relu"),
        Some("sigmoid"),
    ] {
        for t in [None, Some("none"), Some("relu")] {
            for slope in [0.0, 0.25] {
                let found = masked(&Masked { s, t, slope });
                found.unwrap_or_else(|e| panic!("{s:?} {t:?} {slope}: {e}"));
            }
        }
    }
    for (s, t) in [("clampexp", "none"), ("none", "tanh"), ("none", "sigmoid")] {
        let (s, t) = (Some(s), Some(t));
        let refused = masked(&Masked { s, t, slope: 0.0 }).unwrap_err();
        assert!(refused.to_string().contains("flows.0"), "{refused}");
    }
}

#[test]
fn coupling_blocks_with_every_split_and_map() {
    for (dim, split, kept) in [
        (5, "channel", vec![0, 1, 2]),
        (5, "channel_inv", vec![3, 4]),
        (6, "checkerboard", vec![1, 3, 5]),
        (6, "checkerboard_inv", vec![0, 2, 4]),
    ] {
        let changed: Vec<usize> = (0..dim).filter(|i| !kept.contains(i)).collect();
        for map in ["exp", "sigmoid", "sigmoid_inv", "none"] {
            let mut dict = Dict::default();
            let outputs = changed.len() * if map == "none" { 1 } else { 2 };
            let net = "flows.0.flows.1.param_map.net";
            dict.net(net, &[0, 2], &[kept.len(), 4, outputs]);
            dict.set("q0.loc", &[1, dim], &vec![0.0; dim]);
            dict.set("q0.log_scale", &[1, dim], &vec![0.0; dim]);
            let architecture = format!(
                r#"{{"library": "normflows", "flows": ["AffineCouplingBlock"], "features": {dim},
                "hidden": [4], "scale_map": ["{map}"], "split_mode": "{split}",
                "activation": "leaky_relu(0.0)", "base": "DiagGaussian"}}"#
            );
            let found = dict.agrees(&architecture, dim, |x| {
                let out = dict.run(net, &gather(x, &kept));
                if map == "none" {
                    return undo(x, &changed, &vec![0.0; changed.len()], &out);
                }
                let (t, raw): (Vec<f64>, Vec<f64>) = out.chunks(2).map(|p| (p[0], p[1])).unzip();
                let sigmoid = |raw: f64| 1.0 / (1.0 + (-raw - 2.0).exp());
                let s: Vec<f64> = raw
                    .iter()
                    .map(|&raw| match map {
                        "exp" => raw,
                        "sigmoid" => -sigmoid(raw).ln(),
                        _ => sigmoid(raw).ln(),
                    })
                    .collect();
                undo(x, &changed, &s, &t)
            });
            found.unwrap_or_else(|e| panic!("{split} {map}: {e}"));
        }
    }
}

#[test]
fn the_base_is_a_layer_after_the_latent() {
    let mut dict = Dict::default();
    let s = dict.random("flows.0.s", &[1, 3]);
    let t = dict.random("flows.0.t", &[1, 3]);
    let loc = dict.random("q0.loc", &[1, 3]);
    let log_scale = dict.random("q0.log_scale", &[1, 3]);
    let architecture = r#"{"library": "normflows", "flows": ["AffineConstFlow", "Permute"],
        "features": 3, "permute": "swap", "activation": "relu", "base": "DiagGaussian"}"#;
    let library = |x: &[f64]| {
        // Sampling puts the smaller half last, so the density takes it to the front.
        let (z, log_det) = undo(&[x[2], x[0], x[1]], &[0, 1, 2], &s, &t);
        let (eps, base) = undo(&z, &[0, 1, 2], &log_scale, &loc);
        let square = |v: &[f64]| 0.5 * v.iter().map(|v| v * v).sum::<f64>();
        // The caller subtracts the norm of z; the base takes that of (z - loc) / scale.
        let own = log_det + base + square(&z) - square(&eps);
        (z, own)
    };
    dict.agrees(architecture, 3, library).unwrap();
}

/// A flow of a permutation and a constant map, after `change`; what its import says.
fn refusal(change: impl FnOnce(&mut Dict)) -> String {
    let mut dict = Dict::default();
    dict.orders.insert("flows.0.perm".into(), vec![2, 0, 1]);
    dict.orders.insert("flows.0.inv_perm".into(), vec![1, 2, 0]);
    for key in ["flows.1.s", "flows.1.t", "q0.loc", "q0.log_scale"] {
        dict.set(key, &[1, 3], &[0.0; 3]);
    }
    dict.set("flows.1.data_dep_init_done", &[], &[1.0]);
    change(&mut dict);
    let architecture = r#"{"library": "normflows", "flows": ["Permute", "ActNorm"], "features": 3,
        "activation": "relu", "base": "DiagGaussian"}"#;
    let found = dict.agrees(architecture, 3, |x| (gather(x, &[1, 2, 0]), 0.0));
    found.map_or_else(|e| e.to_string(), |()| "agrees".into())
}

#[test]
fn damaged_tensors_are_refused_by_key() {
    assert_eq!(refusal(|_| ()), "agrees");
    let order = |key: &'static str, order: &[usize]| {
        let order = order.to_vec();
        refusal(move |dict| {
            dict.orders.insert(key.into(), order);
        })
    };
    let set = |key, shape: &[usize], value| {
        let values = vec![value; shape.iter().product()];
        refusal(|dict| dict.set(key, shape, &values))
    };
    for (found, expected) in [
        (order("flows.0.perm", &[2, 0, 0]), "expected a permutation"),
        (order("flows.0.perm", &[0, 2, 1]), "not the inverse"),
        (
            order("flows.0.perm", &[1, 0]),
            "expected a permutation of 0 to 2",
        ),
        (set("flows.2.s", &[1, 3], 0.0), "`flows.2.s`"),
        (
            set("flows.1.t", &[1, 4], 0.0),
            "`flows.1.t` has shape [1, 4]",
        ),
        (set("flows.1.data_dep_init_done", &[], 0.0), "expected 1"),
        (set("flows.1.s", &[1, 3], f64::NAN), "NaN"),
        (set("flows.1.s", &[1, 3], 1e3), "scale"),
        (set("flows.1.t", &[1, 3], 1.0), "nothing was written"),
        (
            refusal(|dict| drop(dict.tensors.remove("q0.loc"))),
            "`q0.loc` is missing",
        ),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn masks_that_keep_nothing_or_all_are_refused() {
    for bit in [0.0, 1.0, 0.5] {
        let mut dict = Dict::default();
        dict.set("flows.0.b", &[1, 4], &[bit; 4]);
        dict.net("flows.0.s.net", &[0], &[4, 4]);
        let found = dict.agrees(&MASKED.replace("ACTIVATION", "relu"), 4, |x| {
            (x.to_vec(), 0.0)
        });
        assert!(found.unwrap_err().to_string().contains("flows.0"));
    }
}
