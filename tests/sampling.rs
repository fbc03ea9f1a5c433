//! Sampling: the inverse of the flow on normal latents, and where those come from.

use crate::common;
use crate::common::models::{self, HIDDEN, Random, spec, whole};
use crate::common::tolerance::{MODEL, QUANTILE, relative};
use nvpico::base::{HALF_LN_2PI, standard_normal};
use nvpico::{LayerSpec, ScoreError};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The random bits whose value is nearest to probability `p`.
fn bits_of(p: f64) -> u32 {
    ((p * 8_388_608.0 - 0.5).round() as u32) << 9
}

/// The probability that random bits stand for.
fn p_of(bits: u32) -> f64 {
    (f64::from(bits >> 9) + 0.5) / 8_388_608.0
}

/// The normal distribution function by its series, with all digits of `f64` that `|z| < 4` leaves.
fn normal_distribution(z: f64) -> f64 {
    let (mut term, mut sum, mut n) = (z, z, 1.0);
    while term.abs() > 1e-18 {
        term *= z * z / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    0.5 + sum * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn standard_normal_has_the_known_quantiles() {
    // Of a table, at probabilities that 23 bits hold to many digits.
    for (p, z) in [
        (0.5, 0.0),
        (0.75, 0.674_489_750),
        (0.841_344_746, 1.0),
        (0.975, 1.959_963_985),
        (0.998_650_102, 3.0),
    ] {
        let found = f64::from(standard_normal(bits_of(p)));
        // Half a step of the probability, by the density's slope.
        let density = (-0.5_f64 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let half_step = 0.5 / 8_388_608.0 / density;
        let error = (found - z).abs();
        assert!(error <= half_step * 1.01 + 2e-7 * z, "{p}: {found} for {z}");
    }
}

#[test]
fn standard_normal_inverts_the_distribution_function() {
    let mut largest = 0.0_f64;
    for bits in (0..=u32::MAX).step_by(1_000_003) {
        let z = f64::from(standard_normal(bits));
        if z.abs() < 4.0 {
            let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let error = (normal_distribution(z) - p_of(bits)) / density;
            largest = largest.max(error.abs() / z.abs().max(1.0));
        }
    }
    println!("standard_normal: {largest:e}");
    assert!(largest <= QUANTILE, "{largest:e}");
}

#[test]
fn standard_normal_rises_and_is_odd() {
    let mut before = f32::NEG_INFINITY;
    for bits in (0..=u32::MAX).step_by(1 << 9) {
        let z = standard_normal(bits);
        assert!(z >= before, "{z:e} after {before:e}");
        assert_eq!(z.to_bits(), (-standard_normal(!bits)).to_bits());
        before = z;
    }
    assert!((5.2..5.4).contains(&before), "{before}");
}

#[test]
fn temperature_zero_gives_the_image_of_zero() {
    let mut random = Random::new(61);
    for spec in whole(4, HIDDEN[1], &mut random) {
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let (mode, log_det) = common::inverse(&flow, &[0.0; 4]);
        let mut x = [9.0; 4];
        let mut scratch = vec![0.0; spec.scratch_len()];
        let found = flow.sample(&mut random.0, 0.0, &mut x, &mut scratch);
        assert_eq!(found, Ok(log_det));
        for (x, mode) in x.iter().zip(&mode) {
            // A latent of -0.0 may end as one.
            assert_eq!((x + 0.0).to_bits(), (mode + 0.0).to_bits());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_sample() {
    let mut random = Random::new(62);
    let [spec, ..] = whole(3, HIDDEN[1], &mut random);
    let params = models::params(&spec, &mut random);
    let flow = common::flow(spec, &params);
    let draw = |seed| {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut x, mut scratch) = ([0.0; 3], vec![0.0; spec.scratch_len()]);
        let drawn = flow.sample(&mut generator, 1.0, &mut x, &mut scratch);
        drawn.expect("samples");
        x.map(f32::to_bits)
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_sample_scores_the_density_of_its_latent() {
    let mut random = Random::new(63);
    for spec in whole(3, HIDDEN[2], &mut random) {
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let (mut x, mut scratch) = ([0.0; 3], vec![0.0; spec.scratch_len()]);
        for _ in 0..100 {
            let mut latents = random.0.clone();
            let log_det = flow
                .sample(&mut random.0, 0.7, &mut x, &mut scratch)
                .expect("samples");
            let squares = (0..3).map(|_| 0.7 * standard_normal(latents.next_u32()));
            let norm_sq: f32 = squares.map(|z| z * z).sum();
            let expected = -0.5 * norm_sq - 3.0 * HALF_LN_2PI - log_det;
            let found = common::score(&flow, &x).log_prob;
            let error = relative(f64::from(found), f64::from(expected));
            assert!(error <= MODEL.log_prob, "{error:e}");
        }
    }
}

#[test]
fn samples_have_the_moments_and_the_entropy_of_the_model() {
    // y = (x - mean) * scale: a normal distribution with known moments.
    let spec = spec(2, vec![LayerSpec::Standardize]);
    let (mean, deviation) = ([3.0, -1.0], [0.5, 4.0]);
    let log_det = -f32::ln(deviation[0]) - f32::ln(deviation[1]);
    let params = [mean[0], mean[1], 1.0 / 0.5, 1.0 / 4.0, log_det];
    let flow = common::flow(spec, &params);
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(64);
    let count: i32 = 20_000;
    let (mut sums, mut squares, mut log_probs) = ([0.0_f64; 2], [0.0_f64; 2], 0.0_f64);
    for _ in 0..count {
        let mut x = [0.0; 2];
        flow.sample(&mut generator, 1.0, &mut x, &mut [])
            .expect("samples");
        log_probs += f64::from(common::score(&flow, &x).log_prob);
        for index in 0..2 {
            let z = f64::from((x[index] - mean[index]) / deviation[index]);
            sums[index] += z;
            squares[index] += z * z;
        }
    }
    let count = f64::from(count);
    // Three standard deviations of a mean, of a mean square, and of a mean log-density, whose
    // variance is that of half a chi-squared value with two degrees of freedom: 1.
    for (sum, square) in sums.into_iter().zip(squares) {
        assert!((sum / count).abs() < 3.0 / count.sqrt());
        assert!((square / count - 1.0).abs() < 3.0 * (2.0 / count).sqrt());
    }
    let entropy = 2.0 * f64::from(HALF_LN_2PI) + 1.0 - f64::from(log_det);
    assert!((log_probs / count + entropy).abs() < 3.0 / count.sqrt());
}

#[test]
fn a_wrong_length_or_temperature_is_an_error() {
    let mut random = Random::new(65);
    let [spec, ..] = whole(3, HIDDEN[1], &mut random);
    let params = models::params(&spec, &mut random);
    let flow = common::flow(spec, &params);
    let mut scratch = vec![0.0; spec.scratch_len()];
    let found = flow.sample(&mut random.0, 1.0, &mut [0.0; 2], &mut scratch);
    let expected = ScoreError::InputLength {
        expected: 3,
        found: 2,
    };
    assert_eq!(found, Err(expected));
    for temperature in [f32::NAN, f32::INFINITY] {
        let found = flow.sample(&mut random.0, temperature, &mut [0.0; 3], &mut scratch);
        assert_eq!(found, Err(ScoreError::NonFinite { index: 0 }));
    }
}
