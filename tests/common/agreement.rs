//! A model and a sample, the engine against itself and against the reference.

use super::models::{self, Random};
use super::reference;
use super::tolerance::{Tolerance, of_tensor, relative};
use nvpico::FlowSpec;

/// The largest errors over some models and inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errors {
    inverse: f64,
    log_det_pair: f64,
    jacobian: f64,
    latent: f64,
    log_prob: f64,
}

impl Errors {
    pub fn include(&mut self, other: Self) {
        // Of a NaN and a number `f64::max` gives the number: it must not hide the NaN.
        let worse = |a: f64, b: f64| if b.is_nan() { b } else { a.max(b) };
        self.inverse = worse(self.inverse, other.inverse);
        self.log_det_pair = worse(self.log_det_pair, other.log_det_pair);
        self.jacobian = worse(self.jacobian, other.jacobian);
        self.latent = worse(self.latent, other.latent);
        self.log_prob = worse(self.log_prob, other.log_prob);
    }

    /// What is above its tolerance, or NaN.
    pub fn violation(&self, allowed: &Tolerance) -> Option<String> {
        [
            ("inverse", self.inverse, allowed.inverse),
            ("log_det_pair", self.log_det_pair, allowed.log_det_pair),
            ("jacobian", self.jacobian, allowed.jacobian),
            ("latent", self.latent, allowed.latent),
            ("log_prob", self.log_prob, allowed.log_prob),
        ]
        .into_iter()
        .find(|(_, found, allowed)| found.is_nan() || found > allowed)
        .map(|(what, found, allowed)| format!("{what}: {found:e} is above {allowed:e}"))
    }
}

/// The check: one spec, parameters and a sample.
pub fn measure(spec: &FlowSpec<'_>, params: &[f32], x: &[f32]) -> Errors {
    let flow = super::flow(*spec, params);
    let (z, log_det) = super::forward(&flow, x);
    let (back, log_det_back) = super::inverse(&flow, &z);
    let score = super::score(&flow, x);
    assert_eq!(
        score.log_det.to_bits(),
        log_det.to_bits(),
        "score goes through forward"
    );

    let (params, x) = (reference::wide(params), reference::wide(x));
    let expected = reference::forward(spec, &params, &x);
    let jacobian = reference::numerical_log_det(spec, &params, &x);
    let log_det = f64::from(log_det);
    Errors {
        inverse: of_tensor(&reference::wide(&back), &x, 1.0),
        log_det_pair: relative(-f64::from(log_det_back), log_det),
        jacobian: relative(log_det, jacobian),
        latent: of_tensor(&reference::wide(&z), &expected.z, 1.0),
        log_prob: relative(f64::from(score.log_prob), expected.log_prob),
    }
}

/// Random parameters and a few samples for each spec, against one row of the table.
pub fn check(
    what: &str,
    specs: impl IntoIterator<Item = FlowSpec<'static>>,
    samples: usize,
    allowed: &Tolerance,
) {
    let mut random = Random::new(1605);
    let mut all = Errors::default();
    for spec in specs {
        let params = models::params(&spec, &mut random);
        for _ in 0..samples {
            let x = models::maps::sample(&spec, &mut random);
            let errors = measure(&spec, &params, &x);
            if let Some(violation) = errors.violation(allowed) {
                panic!("{what}, {violation} for {x:?} through {spec:?}");
            }
            all.include(errors);
        }
    }
    println!("{what}: {all:?}");
}
