//! Samples of a model.

use super::{Flow, ScoreError, base};
#[cfg(feature = "extra-layers")]
use crate::spec::BaseSpec;

impl Flow<'_> {
    /// Draws a sample into `x`, of shape `[dim]`: `temperature` times a standard normal latent, mapped by the
    /// inverse. Lower temperatures stay closer to the mode; of a mixture, to the centre of a component, which is picked by
    /// its weight. Returns `log |det dx/dz|` in nats.
    ///
    /// ```
    /// # use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
    /// # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::SeedableRng};
    ///
    /// let flow = Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0])?;
    /// let mut random = Xoshiro128PlusPlus::seed_from_u64(1);
    /// let mut x = [0.0; 2];
    /// flow.sample(&mut random, 0.7, &mut x, &mut [0.0; SPEC.scratch_len()])?;
    /// // Standard deviations of 0.7 * 2 and 0.7 * 0.5 around the means.
    /// assert!((x[0] - 20.0).abs() < 8.0 && (x[1] - 1.0).abs() < 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Of a model with given values, `x` holds these in front, in the sensors' units; they stay as they are but for rounding, and the
    /// sample is one of the other values where these are given.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length, a given value that is not finite, or a temperature that makes the latent non-finite.
    pub fn sample(
        &self,
        random: &mut impl rand_core::Rng,
        temperature: f32,
        x: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<f32, ScoreError> {
        #[cfg(feature = "extra-layers")]
        if self.spec.given > 0 {
            return self.sample_given(random, temperature, x, scratch);
        }
        #[cfg(feature = "extra-layers")]
        if let BaseSpec::Mixture(spec) = self.spec.base {
            // Other lengths are refused below.
            if x.len() == self.dim() && scratch.len() >= self.scratch_len {
                let (_, own) = self.split_params();
                let done = base::mixture::sample(spec, own, random, temperature, x);
                debug_assert!(done.is_some(), "the parameters fit the spec");
                #[cfg(feature = "feature-maps")]
                self.to_places_of_x(x, scratch);
            }
            return self.inverse(x, scratch);
        }
        for x in x.iter_mut() {
            *x = temperature * base::standard_normal(random.next_u32());
        }
        self.inverse(x, scratch)
    }

    /// [`sample`](Self::sample) of a model with given values.
    #[cfg(feature = "extra-layers")]
    fn sample_given(
        &self,
        random: &mut impl rand_core::Rng,
        temperature: f32,
        x: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<f32, ScoreError> {
        let given = self.spec.given;
        for x in x.iter_mut().skip(given) {
            *x = 0.0;
        }
        self.check(x, scratch.len(), self.scratch_len)?;
        // No layer lets the other values change a given one.
        self.forward_lanes(x, scratch);
        match self.spec.base {
            BaseSpec::Mixture(spec) => {
                let (_, own) = self.split_params();
                let done =
                    base::conditional::sample(spec, given, own, random, temperature, x, scratch);
                debug_assert!(done.is_some(), "the parameters fit the spec");
            }
            BaseSpec::Normal => {
                for x in x.iter_mut().skip(given) {
                    *x = temperature * base::standard_normal(random.next_u32());
                }
            }
        }
        self.inverse(x, scratch)
    }
}
