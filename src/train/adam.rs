//! Adam (arXiv:1412.6980) on the flat parameter slice, with L2 decay added to the gradient.

use std::vec;
use std::vec::Vec;

use pulp::{Arch, NullaryFnOnce};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// First and second moments of every parameter, and the number of steps taken.
#[derive(Clone, Debug)]
pub(super) struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    // beta^steps, accumulated as products: avoids a power function and gives the same bits everywhere.
    first_left: f64,
    second_left: f64,
}

impl Adam {
    pub(super) fn new(param_len: usize) -> Self {
        Self {
            first: vec![0.0; param_len],
            second: vec![0.0; param_len],
            first_left: 1.0,
            second_left: 1.0,
        }
    }

    /// One step along `gradient` (times `gradient_scale`); `decay` is the L2 coefficient of each
    /// parameter, 0 for those that do not decay.
    pub(super) fn step(
        &mut self,
        arch: Arch,
        params: &mut [f32],
        gradient: &[f32],
        decay: &[f32],
        gradient_scale: f32,
        learning_rate: f32,
    ) {
        self.first_left *= f64::from(BETA_1);
        self.second_left *= f64::from(BETA_2);
        let rate = f64::from(learning_rate) / (1.0 - self.first_left);
        let second_scale = 1.0 / (1.0 - self.second_left);
        arch.dispatch(Update {
            params,
            gradient,
            decay,
            first: &mut self.first,
            second: &mut self.second,
            gradient_scale,
            rate: rate as f32,
            second_scale: second_scale as f32,
        });
    }
}

struct Update<'s> {
    params: &'s mut [f32],
    gradient: &'s [f32],
    decay: &'s [f32],
    first: &'s mut [f32],
    second: &'s mut [f32],
    gradient_scale: f32,
    rate: f32,
    second_scale: f32,
}

impl NullaryFnOnce for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (params, _) = self.params.as_chunks_mut::<1>();
        let tensors = params
            .iter_mut()
            .zip(self.gradient)
            .zip(self.decay)
            .zip(self.first)
            .zip(self.second);
        for (((([param], &gradient), &decay), first), second) in tensors {
            let g = gradient * self.gradient_scale + decay * *param;
            *first = BETA_1 * *first + (1.0 - BETA_1) * g;
            *second = BETA_2 * *second + (1.0 - BETA_2) * g * g;
            // Correctly rounded on every machine, and a single SIMD instruction.
            let root = (*second * self.second_scale).sqrt();
            *param -= self.rate * *first / (root + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_is_the_learning_rate_against_the_sign() {
        let mut params = [1.0, 1.0, 1.0];
        let mut adam = Adam::new(3);
        adam.step(
            Arch::new(),
            &mut params,
            &[4.0, -0.01, 0.0],
            &[0.0, 0.0, 0.0],
            1.0,
            0.1,
        );
        for (param, expected) in params.iter().zip([0.9, 1.1, 1.0]) {
            assert!((param - expected).abs() < 1e-5, "{param}");
        }
    }

    #[test]
    fn finds_the_minimum_of_a_quadratic() {
        let (mut params, mut adam) = ([3.0], Adam::new(1));
        for _ in 0..2_000 {
            let gradient = [2.0 * (params[0] - 1.5)];
            adam.step(Arch::new(), &mut params, &gradient, &[0.0], 1.0, 0.01);
        }
        assert!((params[0] - 1.5).abs() < 1e-3, "{}", params[0]);
    }
}
