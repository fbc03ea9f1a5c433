//! Features of one channel in time, in floats.

use super::moments::{Level, Moments, Range, sum};
use crate::arithmetic::elementary::{log10, sqrt};
use crate::spec::features::Feature;

/// A window of a channel, and what is known of it.
pub(super) struct View<'v> {
    pub rate: f32,
    pub floor: f32,
    pub newest: f32,
    pub range: Range,
    pub level: Level,
    pub moments: Moments,
    /// Centred and scaled.
    pub values: &'v [f32],
}

impl View<'_> {
    /// A feature of one value in time; nothing for others.
    pub(super) fn feature(&self, feature: Feature<'_>) -> Option<f32> {
        let level = self.level;
        Some(match feature {
            Feature::Last => self.newest,
            Feature::Mean => level.mean(),
            Feature::Deviation => level.deviation(),
            Feature::LogDeviation => 0.5 * level.log_power(level.square, self.floor),
            Feature::Rms => level.rms(),
            Feature::LogRms => {
                let (value, least) = (log10(level.rms()), 0.5 * log10(self.floor));
                if value > least { value } else { least }
            }
            Feature::Minimum => self.range.least,
            Feature::Maximum => self.range.largest,
            Feature::PeakToPeak => self.range.largest - self.range.least,
            Feature::Crest => self.crest(),
            Feature::Skewness => self.moments.skewness(),
            Feature::Kurtosis => self.moments.kurtosis(),
            Feature::Slope => self.slope(),
            Feature::ZeroCrossings => self.zero_crossings(),
            Feature::Autocorrelation { lag } => self.autocorrelation(lag),
            Feature::Samples
            | Feature::Bands(_)
            | Feature::Centroid
            | Feature::Spread
            | Feature::SpectralSkewness
            | Feature::SpectralKurtosis => return None,
        })
    }

    fn crest(&self) -> f32 {
        if self.level.is_constant() {
            return 0.0;
        }
        let above = self.level.centred(self.range.largest);
        let below = -self.level.centred(self.range.least);
        let peak = if above > below { above } else { below };
        peak / sqrt(self.level.square)
    }

    fn slope(&self) -> f32 {
        let count = self.values.len() as f32;
        // Times from the middle of the window, in samples: exact.
        let mut time = -0.5 * (count - 1.0);
        let covariance = sum(self.values, |value| {
            let own = time * value;
            time += 1.0;
            own
        });
        let square = count * (count * count - 1.0) / 12.0;
        covariance / square * self.level.unit() * self.rate
    }

    fn zero_crossings(&self) -> f32 {
        let mut sign = 0_i32;
        let mut crossings = 0_u32;
        for &value in self.values {
            let own = if value > 0.0 {
                1
            } else if value < 0.0 {
                -1
            } else {
                sign
            };
            if own.wrapping_mul(sign) < 0 {
                crossings = crossings.wrapping_add(1);
            }
            sign = own;
        }
        crossings as f32
    }

    fn autocorrelation(&self, lag: usize) -> f32 {
        if self.level.is_constant() {
            return 0.0;
        }
        let mut later = self.values.get(lag..).unwrap_or(&[]).iter();
        let earlier = self.values.get(..later.len()).unwrap_or(&[]);
        let products = sum(earlier, |value| {
            value * later.next().copied().unwrap_or(0.0)
        });
        let square = sum(self.values, |value| value * value);
        products / square
    }
}
