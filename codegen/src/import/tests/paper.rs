//! The paper's multi-scale architecture, written down plainly: values are `[channel][row][column]`.

use super::super::ImportError;
use super::Dict;

/// How weights are stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    Plain,
    Hooked,
    Parametrized,
}

/// Channels, rows, columns.
type Shape = [usize; 3];

const EPS: f64 = 0.125;
const MID: usize = 3;
const BLOCKS: usize = 2;

/// A weight of this shape, whose first axis is normalised.
fn weight(dict: &mut Dict, name: &str, shape: &[usize], stored: Stored) {
    let (gain, direction) = match stored {
        Stored::Plain => {
            let drawn = dict.random(&format!("{name}.weight"), shape);
            let small: Vec<f64> = drawn.iter().map(|v| v / 4.0).collect();
            dict.set(&format!("{name}.weight"), shape, &small);
            return;
        }
        Stored::Hooked => ("weight_g", "weight_v"),
        Stored::Parametrized => (
            "parametrizations.weight.original0",
            "parametrizations.weight.original1",
        ),
    };
    let mut gains = vec![1; shape.len()];
    gains[0] = shape[0];
    dict.random(&format!("{name}.{gain}"), &gains);
    dict.random(&format!("{name}.{direction}"), shape);
}

fn read(dict: &Dict, name: &str) -> Vec<f64> {
    let get = |key: &str| Some(dict.tensors.get(&format!("{name}.{key}"))?.1.clone());
    if let Some(plain) = get("weight") {
        return plain;
    }
    let gain = get("weight_g").or_else(|| get("parametrizations.weight.original0"));
    let direction = get("weight_v").or_else(|| get("parametrizations.weight.original1"));
    let (gain, direction) = (gain.unwrap(), direction.unwrap());
    let own = direction.len() / gain.len();
    let norm = |row: usize| -> f64 {
        let squares = direction[row * own..][..own].iter().map(|v| v * v);
        squares.sum::<f64>().sqrt()
    };
    let at = direction.iter().enumerate();
    at.map(|(i, v)| gain[i / own] * v / norm(i / own)).collect()
}

fn add_norm(dict: &mut Dict, name: &str, channels: usize) {
    for key in ["weight", "bias", "running_mean", "running_var"] {
        dict.random(&format!("{name}.{key}"), &[channels]);
    }
    let variance = dict.tensors.get_mut(&format!("{name}.running_var"));
    variance
        .unwrap()
        .1
        .iter_mut()
        .for_each(|v| *v = 0.5 + v.abs());
    dict.set(&format!("{name}.num_batches_tracked"), &[], &[3.0]);
}

fn norm(dict: &Dict, name: &str, x: &[f64]) -> Vec<f64> {
    let [gain, bias, mean, var] = ["weight", "bias", "running_mean", "running_var"]
        .map(|key| dict.tensors[&format!("{name}.{key}")].1.clone());
    let pixels = x.len() / gain.len();
    let of = |(i, x): (usize, &f64)| {
        let channel = i / pixels;
        (x - mean[channel]) / (var[channel] + EPS).sqrt() * gain[channel] + bias[channel]
    };
    x.iter().enumerate().map(of).collect()
}

fn convolve(dict: &Dict, name: &str, x: &[f64], [_, height, width]: Shape) -> Vec<f64> {
    let (pixels, name) = (height * width, format!("{name}.conv"));
    let (inputs, weights) = (x.len() / pixels, read(dict, &name));
    let shape = dict.tensors.iter().find(|(key, (shape, _))| {
        key.starts_with(&format!("{name}.")) && shape.len() == 4 && shape[1] == inputs
    });
    let [outputs, _, side, _] = shape.unwrap().1.0[..] else {
        panic!("a convolution")
    };
    let bias = dict.tensors.get(&format!("{name}.bias"));
    let mut y = Vec::new();
    for output in 0..outputs {
        for row in 0..height {
            for column in 0..width {
                let mut sum = bias.map_or(0.0, |(_, bias)| bias[output]);
                for input in 0..inputs {
                    for tap in 0..side * side {
                        let from = [row + tap / side, column + tap % side];
                        let [Some(r), Some(c)] = from.map(|at| at.checked_sub(side / 2)) else {
                            continue;
                        };
                        if r < height && c < width {
                            sum += weights[(output * inputs + input) * side * side + tap]
                                * x[input * pixels + r * width + c];
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

fn relu(x: Vec<f64>) -> Vec<f64> {
    x.into_iter().map(|x| x.max(0.0)).collect()
}

fn plus(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x + y).collect()
}

/// A coupling whose net reads so many channels.
fn add_coupling(dict: &mut Dict, name: &str, inputs: usize, mid: usize, stored: Stored) {
    weight(dict, &format!("{name}.rescale"), &[inputs, 1, 1], stored);
    let net = format!("{name}.st_net");
    let mut convolution = |name: &str, outputs: usize, inputs: usize, side: usize, bias: bool| {
        let name = format!("{net}.{name}.conv");
        weight(dict, &name, &[outputs, inputs, side, side], stored);
        if bias {
            dict.random(&format!("{name}.bias"), &[outputs]);
        }
    };
    convolution("in_conv", mid, 2 * inputs, 3, true);
    convolution("in_skip", mid, mid, 1, true);
    convolution("out_conv", 2 * inputs, mid, 1, true);
    for block in 0..BLOCKS {
        convolution(&format!("blocks.{block}.in_conv"), mid, mid, 3, false);
        convolution(&format!("blocks.{block}.out_conv"), mid, mid, 3, true);
        convolution(&format!("skips.{block}"), mid, mid, 1, true);
    }
    add_norm(dict, &format!("{net}.in_norm"), inputs);
    add_norm(dict, &format!("{net}.out_norm"), mid);
    for block in 0..BLOCKS {
        add_norm(dict, &format!("{net}.blocks.{block}.in_norm"), mid);
        add_norm(dict, &format!("{net}.blocks.{block}.out_norm"), mid);
    }
}

/// Log-scales and shifts, of what a coupling's net reads.
fn net(dict: &Dict, name: &str, x: &[f64], shape: Shape, twice: bool) -> (Vec<f64>, Vec<f64>) {
    let at = |part: &str| format!("{name}.st_net.{part}");
    let mut both = norm(dict, &at("in_norm"), x);
    for a in &mut both {
        *a *= if twice { 2.0 } else { 1.0 };
    }
    both.extend(both.clone().iter().map(|a| -a));
    let mut h = convolve(dict, &at("in_conv"), &relu(both), shape);
    let mut skip = convolve(dict, &at("in_skip"), &h, shape);
    for block in 0..BLOCKS {
        let part = |part: &str| at(&format!("blocks.{block}.{part}"));
        let inner = relu(norm(dict, &part("in_norm"), &h));
        let inner = convolve(dict, &part("in_conv"), &inner, shape);
        let inner = relu(norm(dict, &part("out_norm"), &inner));
        h = plus(&h, &convolve(dict, &part("out_conv"), &inner, shape));
        skip = plus(
            &skip,
            &convolve(dict, &at(&format!("skips.{block}")), &h, shape),
        );
    }
    let last = relu(norm(dict, &at("out_norm"), &skip));
    let st = convolve(dict, &at("out_conv"), &last, shape);
    let (raw, t) = st.split_at(x.len());
    let rescale = read(dict, &format!("{name}.rescale"));
    let pixels = shape[1] * shape[2];
    let s = raw.iter().enumerate();
    let s = s.map(|(i, s)| rescale[i / pixels] * s.tanh()).collect();
    (s, t.to_vec())
}

/// Couples in place; the places where `kept` is true stay. Returns the log-determinant.
fn couple(x: &mut [f64], kept: impl Fn(usize) -> bool, s: &[f64], t: &[f64]) -> f64 {
    let mut log_det = 0.0;
    for (i, x) in x.iter_mut().enumerate().filter(|&(i, _)| !kept(i)) {
        *x = (*x + t[i]) * s[i].exp();
        log_det += s[i];
    }
    log_det
}

/// Where `[channel][row][column]` of a squeezed map stands in the map; cells in the usual order, or
/// (0,0), (1,1), (0,1), (1,0) with the channels of a map within each.
fn squeezed([channels, height, width]: Shape, alternate: bool) -> Vec<usize> {
    let mut from = Vec::new();
    for at in 0..4 * channels {
        let (channel, (dy, dx)) = if alternate {
            let cell = [(0, 0), (1, 1), (0, 1), (1, 0)][at / channels];
            (at % channels, cell)
        } else {
            (at / 4, (at % 4 / 2, at % 2))
        };
        for row in 0..height / 2 {
            for column in 0..width / 2 {
                from.push((channel * height + 2 * row + dy) * width + 2 * column + dx);
            }
        }
    }
    from
}

fn gathered(x: &[f64], from: &[usize]) -> Vec<f64> {
    from.iter().map(|&at| x[at]).collect()
}

/// Puts back what was gathered.
fn scattered(y: &[f64], from: &[usize]) -> Vec<f64> {
    let mut x = vec![0.0; y.len()];
    from.iter().zip(y).for_each(|(&at, &y)| x[at] = y);
    x
}

fn add_scales(
    dict: &mut Dict,
    prefix: &str,
    channels: usize,
    mid: usize,
    scales: usize,
    stored: Stored,
) {
    for index in 0..if scales == 1 { 4 } else { 3 } {
        add_coupling(
            dict,
            &format!("{prefix}in_couplings.{index}"),
            channels,
            mid,
            stored,
        );
    }
    if scales > 1 {
        for index in 0..3 {
            let name = format!("{prefix}out_couplings.{index}");
            add_coupling(dict, &name, 2 * channels, 2 * mid, stored);
        }
        let next = format!("{prefix}next_block.");
        add_scales(dict, &next, 2 * channels, 2 * mid, scales - 1, stored);
    }
}

fn forward(dict: &Dict, prefix: &str, x: &mut [f64], shape: Shape, scales: usize) -> f64 {
    let [channels, height, width] = shape;
    let mut log_det = 0.0;
    for index in 0..if scales == 1 { 4 } else { 3 } {
        let name = format!("{prefix}in_couplings.{index}");
        let kept = |i: usize| (i / width % height + i % width + index) % 2 == 1;
        let seen = x.iter().enumerate();
        let seen: Vec<f64> = seen.map(|(i, x)| if kept(i) { *x } else { 0.0 }).collect();
        let (s, t) = net(dict, &name, &seen, shape, true);
        log_det += couple(x, kept, &s, &t);
    }
    if scales == 1 {
        return log_det;
    }
    let cells = squeezed(shape, false);
    let small = [4 * channels, height / 2, width / 2];
    let (mut y, half) = (gathered(x, &cells), x.len() / 2);
    for index in 0..3 {
        let name = format!("{prefix}out_couplings.{index}");
        let (first, second) = y.split_at_mut(half);
        let (changed, seen) = if index == 1 {
            (second, first)
        } else {
            (first, second)
        };
        let (s, t) = net(dict, &name, seen, small, false);
        log_det += couple(changed, |_| false, &s, &t);
    }
    x.copy_from_slice(&scattered(&y, &cells));
    let cells = squeezed(shape, true);
    let mut y = gathered(x, &cells);
    let small = [2 * channels, height / 2, width / 2];
    let next = format!("{prefix}next_block.");
    log_det += forward(dict, &next, &mut y[..half], small, scales - 1);
    x.copy_from_slice(&scattered(&y, &cells));
    log_det
}

/// A model of images, its state dict altered, imported and compared.
fn agrees(
    shape: Shape,
    scales: usize,
    stored: Stored,
    alter: impl Fn(&mut Dict),
) -> Result<(), ImportError> {
    let [channels, height, width] = shape;
    let mut dict = Dict::default();
    add_scales(&mut dict, "", channels, MID, scales, stored);
    let architecture = format!(
        r#"{{"library": "paper", "num_scales": {scales}, "in_channels": {channels}, "height": {height},
        "width": {width}, "mid_channels": {MID}, "num_blocks": {BLOCKS}, "within_eps": {EPS},
        "layout": "NCHW", "note": "n", "seed": 1, "name": "m", "description": "d", "version": "1"}}"#
    );
    alter(&mut dict);
    dict.agrees(&architecture, channels * height * width, |x| {
        let mut z = x.to_vec();
        let log_det = forward(&dict, "", &mut z, shape, scales);
        (z, log_det)
    })
}

#[test]
fn images_of_every_shape_and_weight_norm() {
    for (shape, scales, stored) in [
        ([1, 4, 4], 2, Stored::Hooked),
        ([2, 4, 6], 2, Stored::Parametrized),
        ([1, 3, 5], 1, Stored::Plain),
        ([1, 4, 8], 3, Stored::Hooked),
    ] {
        agrees(shape, scales, stored, |_| {})
            .unwrap_or_else(|e| panic!("{shape:?} {scales} {stored:?}: {e}"));
    }
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let said = |alter: &dyn Fn(&mut Dict)| {
        let found = agrees([1, 4, 4], 2, Stored::Hooked, alter);
        found.expect_err("refused").to_string()
    };
    for key in [
        "in_couplings.0.rescale.weight_g",
        "in_couplings.1.st_net.in_conv.conv.bias",
        "in_couplings.2.st_net.blocks.1.in_conv.conv.weight_v",
        "out_couplings.0.st_net.blocks.0.in_norm.weight",
        "out_couplings.1.st_net.skips.1.conv.bias",
        "next_block.in_couplings.3.st_net.out_norm.running_var",
    ] {
        let text = said(&|dict| {
            dict.tensors.remove(key).unwrap();
        });
        assert!(text.contains(&format!("`{key}` is missing")), "{text}");
        let text = said(&|dict| dict.set(key, &[7, 2], &[0.5; 14]));
        assert!(
            text.contains(&format!("`{key}` has shape [7, 2]")),
            "{text}"
        );
    }
    let gain = "in_couplings.0.st_net.in_skip.conv.weight_g";
    let text = said(&|dict| dict.set(gain, &[1, MID, 1, 1], &[0.5; MID]));
    assert!(text.contains(gain), "normalised over another axis: {text}");
    let direction = "in_couplings.0.rescale.weight_v";
    let text = said(&|dict| dict.set(direction, &[1, 1, 1], &[0.0]));
    assert!(text.contains(direction), "{text}");
    let text = said(&|dict| dict.set("in_couplings.0.norm.weight", &[1], &[1.0]));
    assert!(text.contains("in_couplings.0.norm.weight"), "{text}");
    let text = said(&|dict| dict.tensors.retain(|key, _| !key.starts_with("next_block")));
    assert!(text.contains("`num_scales` is 2, expected 1"), "{text}");
    let text = agrees([1, 2, 2], 2, Stored::Plain, |_| {}).unwrap_err();
    assert!(text.to_string().contains("1 x 1"), "{text}");
}
