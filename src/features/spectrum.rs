//! Frames of a window and features of their spectrum, in floats.

use super::fourier;
use super::moments::{Level, Moments, sum};
use crate::arithmetic::elementary::sqrt;
use crate::spec::features::{Bands, Feature, Frames, SpectrumSpec, Taper};

/// Turns one frame of a centred window into powers. With one frame, `frame` is the window itself, followed by room; with
/// several, `window` is read and `spectrum` takes the result.
pub(super) struct Transform<'a> {
    pub spec: SpectrumSpec,
    /// Twiddle factors, then half of the taper.
    pub tables: &'a [f32],
    /// Samples in a window.
    pub window: usize,
}

impl Transform<'_> {
    fn taper(&self) -> &[f32] {
        match self.spec.taper {
            Taper::None => &[],
            Taper::Hann => {
                let waves = self.tables.split_at_checked(self.spec.waves_len());
                waves.map_or(&[], |(_, taper)| taper)
            }
        }
    }

    /// Of the only frame: `frame` holds the window, then anything.
    pub(super) fn in_place(&self, frame: &mut [f32]) {
        if let Some((samples, rest)) = frame.split_at_mut_checked(self.window) {
            self.weigh(samples, self.window);
            rest.fill(0.0);
        }
        fourier::power(frame, self.spec.first_pass(), self.tables);
    }

    /// Of frame `index` of several.
    pub(super) fn accumulate(
        &self,
        index: usize,
        window: &[f32],
        frame: &mut [f32],
        spectrum: &mut [f32],
    ) {
        let start = index.saturating_mul(self.spec.step());
        let samples = window.get(start..).unwrap_or(&[]);
        let covered = samples.len().min(frame.len());
        if let Some((own, rest)) = frame.split_at_mut_checked(covered) {
            for (place, &sample) in own.iter_mut().zip(samples) {
                *place = sample;
            }
            self.weigh(own, self.spec.taper_len(self.window));
            rest.fill(0.0);
        }
        fourier::power(frame, self.spec.first_pass(), self.tables);
        let is_mean = matches!(self.spec.frames, Frames::Mean { .. });
        if index == 0 {
            spectrum.fill(0.0);
        }
        for (total, &power) in spectrum.iter_mut().zip(&*frame) {
            if is_mean {
                *total += power;
            } else if power > *total {
                *total = power;
            }
        }
    }

    /// Multiplies the first samples of a taper of a length.
    fn weigh(&self, samples: &mut [f32], length: usize) {
        let taper = self.taper();
        if taper.is_empty() {
            return;
        }
        // The second half mirrors the first one, whose first value occurs once.
        let mirrored = taper
            .get(1..length.saturating_sub(length / 2))
            .unwrap_or(&[]);
        let weights = taper.iter().chain(mirrored.iter().rev());
        for (sample, &weight) in samples.iter_mut().zip(weights) {
            *sample *= weight;
        }
    }

    /// What the powers of the transform are to be multiplied with.
    pub(super) fn unit(&self) -> f32 {
        let covered = self.spec.taper_len(self.window) as f32;
        let weights = match self.spec.taper {
            Taper::None => covered,
            Taper::Hann if self.spec.taper_len(self.window) == 2 => 1.0,
            Taper::Hann => covered * 0.375,
        };
        let frames = match self.spec.frames {
            Frames::Mean { .. } => self.spec.count(self.window) as f32,
            Frames::One | Frames::Maximum { .. } => 1.0,
        };
        // The transform gives four times the power.
        0.25 / (weights * frames)
    }
}

/// Powers of a window, with what makes them features.
pub(super) struct Spectrum<'a> {
    pub spec: SpectrumSpec,
    pub rate: f32,
    pub floor: f32,
    pub unit: f32,
    pub level: Level,
    /// Of every bin.
    pub powers: &'a [f32],
}

impl Spectrum<'_> {
    /// Writes a feature of the spectrum; leaves others as they are.
    pub(super) fn feature(&self, feature: Feature<'_>, output: &mut [f32]) {
        let value = match feature {
            Feature::Bands(bands) => {
                for (band, place) in output.iter_mut().enumerate() {
                    *place = self.band(bands, band);
                }
                return;
            }
            Feature::Centroid => self.centroid_and_spread().0,
            Feature::Spread => self.centroid_and_spread().1,
            Feature::SpectralSkewness => self.moments().skewness(),
            Feature::SpectralKurtosis => self.moments().kurtosis(),
            _ => return,
        };
        if let [place] = output {
            *place = value;
        }
    }

    /// `log10` of the mean power of a band.
    fn band(&self, bands: Bands<'_>, band: usize) -> f32 {
        let (from, to) = bands.bins(band, self.spec, self.rate);
        let own = self.powers.get(from..to).unwrap_or(&[]);
        let power = if own.is_empty() {
            0.0
        } else {
            sum(own, |power| power) / own.len() as f32
        };
        self.level.log_power(power * self.unit, self.floor)
    }

    /// Mean frequency in bins, and its deviation.
    fn centroid_and_spread(&self) -> (f32, f32) {
        let above = self.powers.get(1..).unwrap_or(&[]);
        let total = sum(above, |power| power);
        if total <= 0.0 {
            return (0.0, 0.0);
        }
        let weighted = |of: &dyn Fn(f32) -> f32| {
            let mut bin = 0.0;
            let weighted = sum(above, |power| {
                bin += 1.0;
                of(bin) * power
            });
            weighted / total
        };
        let centroid = weighted(&|bin| bin);
        let square = weighted(&|bin| (bin - centroid) * (bin - centroid));
        let hertz = self.rate / self.spec.frame as f32;
        (centroid * hertz, sqrt(square) * hertz)
    }

    /// Moments of the powers themselves.
    fn moments(&self) -> Moments {
        let (level, _) = Level::of(self.powers);
        Moments::of(self.powers, |&power| level.centred(power))
    }
}
