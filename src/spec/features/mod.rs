//! Features of raw samples: which ones, over which windows.
//!
//! ```
//! use nvpico::spec::features::{Bands, Feature, FeatureSpec, SpectrumSpec, Taper};
//!
//! // Three axes of vibration at 1 kHz; a window of 256 samples every 128.
//! const AXIS: &[Feature<'static>] = &[
//!     Feature::LogDeviation,
//!     Feature::Crest,
//!     Feature::Kurtosis,
//!     Feature::Bands(Bands::Equal(8)),
//! ];
//! const SPEC: FeatureSpec<'static> = FeatureSpec::new(3, 256, 128, 1000.0, AXIS)
//!     .with_spectrum(SpectrumSpec::one(256, Taper::Hann));
//! assert!(SPEC.validate().is_ok());
//! assert_eq!(SPEC.output_len(), 3 * (3 + 8));
//! ```

mod error;
mod filter;
mod integer;
mod lengths;
mod spectrum;

pub use error::FeatureError;
pub use filter::Section;
pub(crate) use integer::INTEGER_LEVEL;
pub(crate) use lengths::LEVEL;
pub use spectrum::{Bands, Frames, SpectrumSpec, Taper};

use super::{add, mul};

/// What a window of samples is turned into: features channel by channel, then those across channels.
///
/// In the formulas `x` are the `window` samples of a channel, oldest first, behind the [filter](Self::filter) if there is one, and `y = x - mean(x)`. Moments are those of
/// the population: divided by the number of samples. A channel that does not change within the window (`max |y|` below
/// [`FeatureSpec::SMALLEST`]) has 0 for every feature that would divide by its deviation; no feature is ever NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct FeatureSpec<'a> {
    /// Number of channels, at least 1.
    pub channels: usize,
    /// Samples in a window, `2 ..= 65,536`.
    pub window: usize,
    /// Samples from the end of a window to the end of the next; at least 1. May be shorter than a window (overlap) or
    /// longer (samples in between are not used).
    pub hop: usize,
    /// Samples a second, from [`SLOWEST`](Self::SLOWEST) to [`FASTEST`](Self::FASTEST).
    pub rate: f32,
    /// The features of the channels.
    pub features: ChannelFeatures<'a>,
    /// Features of pairs of channels.
    pub across: &'a [Across],
    /// Sections of a filter that each window of each channel goes through in front of all features; empty for none. It starts from
    /// 0 with every window, so a window's features depend on nothing but its samples. Floats alone have it.
    pub filter: &'a [Section],
    /// How spectra are taken; needed by the features that are [spectral](Feature::is_spectral).
    pub spectrum: Option<SpectrumSpec>,
    /// How many samples may be pushed while the features of a window are computed step by step.
    pub margin: usize,
    /// The least power (mean square) that logarithms and ratios see; the unit is that of the samples, squared.
    pub floor: f32,
}

/// The features of the channels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ChannelFeatures<'a> {
    /// The same ones of every channel.
    All(&'a [Feature<'a>]),
    /// A list for each channel.
    Each(&'a [&'a [Feature<'a>]]),
}

/// A feature of one channel. Values in the unit of the samples unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Feature<'a> {
    /// The window itself, oldest sample first.
    Samples,
    /// The newest sample.
    Last,
    /// `mean(x)`.
    Mean,
    /// Standard deviation, `sqrt(mean(y^2))`: what vibration calls its RMS, the mean taken off.
    Deviation,
    /// `log10(deviation)`, half of the logarithm of the power, which is at least [`FeatureSpec::floor`].
    LogDeviation,
    /// Root mean square, `sqrt(mean(x^2))`: the mean is not taken off.
    Rms,
    /// `log10(rms)`, with the floor of [`LogDeviation`](Self::LogDeviation).
    LogRms,
    /// The least sample.
    Minimum,
    /// The largest sample.
    Maximum,
    /// `max(x) - min(x)`.
    PeakToPeak,
    /// Crest factor, `max |y| / deviation`; no unit.
    Crest,
    /// `mean(y^3) / mean(y^2)^1.5`, `scipy.stats.skew`; no unit.
    Skewness,
    /// Excess kurtosis, `mean(y^4) / mean(y^2)^2 - 3`, `scipy.stats.kurtosis`; no unit.
    Kurtosis,
    /// Slope of the line of least squares, a second.
    Slope,
    /// How often `y` changes its sign; zeros have the sign before them. A count.
    ZeroCrossings,
    /// `sum(y[i] y[i + lag]) / sum(y^2)`, within -1 to 1; no unit.
    Autocorrelation {
        /// Samples between the two, `1 ..= window - 1`.
        lag: usize,
    },
    /// `log10` of the mean power in bands of frequency, at least [`FeatureSpec::floor`]: see [`SpectrumSpec`].
    Bands(Bands<'a>),
    /// Mean frequency, weighted with the power of the bins above 0 Hz; in Hz.
    Centroid,
    /// Deviation of the frequency about the centroid, weighted the same way; in Hz.
    Spread,
    /// Skewness of the powers of all bins, with that of 0 Hz; no unit.
    SpectralSkewness,
    /// Excess kurtosis of the powers of all bins, with that of 0 Hz; no unit.
    SpectralKurtosis,
}

/// A feature of two channels, by their numbers from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Across {
    /// Correlation of the two, within -1 to 1; 0 if one of them does not change.
    Correlation(usize, usize),
    /// Deviation of the first divided by that of the second, which is at least the root of [`FeatureSpec::floor`].
    Ratio(usize, usize),
}

impl<'a> FeatureSpec<'a> {
    /// Samples of a magnitude above this are invalid, as NaN is: `2^100`, about 1.27e30.
    pub const LARGEST: f32 = f32::from_bits((100 + 127) << 23);
    /// A channel whose samples are less than this from their mean does not change: `2^-100`, about 7.9e-31.
    pub const SMALLEST: f32 = f32::from_bits((127 - 100) << 23);
    /// Lowest rate: `2^-30`, a sample in 34 years.
    pub const SLOWEST: f32 = f32::from_bits((127 - 30) << 23);
    /// Highest rate: `2^24`, 16.8 million samples a second.
    pub const FASTEST: f32 = f32::from_bits((127 + 24) << 23);
    /// Longest window, and longest frame of a spectrum.
    pub const LONGEST: usize = 65_536;
    /// The floor of a new spec.
    pub const FLOOR: f32 = 1e-12;

    /// The same features of every channel, over windows of so many samples, one every `hop` samples, at `rate`
    /// samples a second.
    #[must_use]
    pub const fn new(
        channels: usize,
        window: usize,
        hop: usize,
        rate: f32,
        features: &'a [Feature<'a>],
    ) -> Self {
        Self {
            channels,
            window,
            hop,
            rate,
            features: ChannelFeatures::All(features),
            across: &[],
            filter: &[],
            spectrum: None,
            margin: 0,
            floor: Self::FLOOR,
        }
    }

    /// With features of its own for each channel.
    #[must_use]
    pub const fn with_each(mut self, features: &'a [&'a [Feature<'a>]]) -> Self {
        self.features = ChannelFeatures::Each(features);
        self
    }

    /// With features across channels.
    #[must_use]
    pub const fn with_across(mut self, across: &'a [Across]) -> Self {
        self.across = across;
        self
    }

    /// With a filter in front of the features.
    #[must_use]
    pub const fn with_filter(mut self, sections: &'a [Section]) -> Self {
        self.filter = sections;
        self
    }

    /// With spectra.
    #[must_use]
    pub const fn with_spectrum(mut self, spectrum: SpectrumSpec) -> Self {
        self.spectrum = Some(spectrum);
        self
    }

    /// With room for so many samples while features are computed step by step.
    #[must_use]
    pub const fn with_margin(mut self, margin: usize) -> Self {
        self.margin = margin;
        self
    }

    /// With another least power.
    #[must_use]
    pub const fn with_floor(mut self, floor: f32) -> Self {
        self.floor = floor;
        self
    }

    /// The features of a channel; none of a channel that the spec does not have.
    #[must_use]
    pub const fn of_channel(&self, channel: usize) -> &'a [Feature<'a>] {
        match self.features {
            ChannelFeatures::All(features) if channel < self.channels => features,
            ChannelFeatures::All(_) => &[],
            ChannelFeatures::Each(lists) => match lists.split_at_checked(channel) {
                Some((_, [features, ..])) => features,
                _ => &[],
            },
        }
    }

    /// Checks the spec.
    ///
    /// # Errors
    /// [`FeatureError`] says what is wrong with it.
    pub const fn validate(&self) -> Result<(), FeatureError> {
        if self.channels == 0 {
            return Err(FeatureError::Channels);
        }
        if self.window < 2 || self.window > Self::LONGEST {
            return Err(FeatureError::Window {
                window: self.window,
            });
        }
        if self.hop == 0 {
            return Err(FeatureError::Hop);
        }
        if !(self.rate >= Self::SLOWEST && self.rate <= Self::FASTEST) {
            return Err(FeatureError::Rate);
        }
        if !(self.floor >= f32::MIN_POSITIVE && self.floor < Self::LARGEST) {
            return Err(FeatureError::Floor);
        }
        if let ChannelFeatures::Each(lists) = self.features
            && lists.len() != self.channels
        {
            return Err(FeatureError::Lists {
                channels: self.channels,
                lists: lists.len(),
            });
        }
        if let Err(error) = self.validate_filter() {
            return Err(error);
        }
        if let Some(spectrum) = self.spectrum
            && let Err(error) = spectrum.validate(self.window)
        {
            return Err(error);
        }
        if let Err(error) = self.validate_channels() {
            return Err(error);
        }
        let mut across = self.across;
        while let [first, rest @ ..] = across {
            let (a, b) = first.channels();
            if a >= self.channels || b >= self.channels || a == b {
                return Err(FeatureError::Across { a, b });
            }
            across = rest;
        }
        if self.output_len() == 0 {
            return Err(FeatureError::Nothing);
        }
        if self.state_len() == usize::MAX {
            return Err(FeatureError::Overflow);
        }
        Ok(())
    }

    const fn validate_channels(&self) -> Result<(), FeatureError> {
        let mut channel = 0;
        while channel < self.channels {
            let mut features = self.of_channel(channel);
            while let [first, rest @ ..] = features {
                if let Err(error) = self.validate_feature(*first) {
                    return Err(error);
                }
                features = rest;
            }
            // One list for all is checked once.
            if let ChannelFeatures::All(_) = self.features {
                return Ok(());
            }
            channel += 1;
        }
        Ok(())
    }

    const fn validate_feature(&self, feature: Feature<'_>) -> Result<(), FeatureError> {
        match (feature, self.spectrum) {
            (Feature::Autocorrelation { lag }, _) if lag == 0 || lag >= self.window => {
                Err(FeatureError::Lag { lag })
            }
            (Feature::Bands(bands), Some(spectrum)) => bands.validate(spectrum, self.rate),
            (feature, None) if feature.is_spectral() => Err(FeatureError::Spectrum),
            _ => Ok(()),
        }
    }
}

impl Feature<'_> {
    /// Number of values.
    #[must_use]
    pub const fn len(&self, window: usize) -> usize {
        match self {
            Feature::Samples => window,
            Feature::Bands(bands) => bands.count(),
            Feature::Last
            | Feature::Mean
            | Feature::Deviation
            | Feature::LogDeviation
            | Feature::Rms
            | Feature::LogRms
            | Feature::Minimum
            | Feature::Maximum
            | Feature::PeakToPeak
            | Feature::Crest
            | Feature::Skewness
            | Feature::Kurtosis
            | Feature::Slope
            | Feature::ZeroCrossings
            | Feature::Autocorrelation { .. }
            | Feature::Centroid
            | Feature::Spread
            | Feature::SpectralSkewness
            | Feature::SpectralKurtosis => 1,
        }
    }

    /// Whether it has no values, which no valid feature has.
    #[must_use]
    pub const fn is_empty(&self, window: usize) -> bool {
        self.len(window) == 0
    }

    /// Whether it needs a spectrum.
    #[must_use]
    pub const fn is_spectral(&self) -> bool {
        match self {
            Feature::Bands(_)
            | Feature::Centroid
            | Feature::Spread
            | Feature::SpectralSkewness
            | Feature::SpectralKurtosis => true,
            Feature::Samples
            | Feature::Last
            | Feature::Mean
            | Feature::Deviation
            | Feature::LogDeviation
            | Feature::Rms
            | Feature::LogRms
            | Feature::Minimum
            | Feature::Maximum
            | Feature::PeakToPeak
            | Feature::Crest
            | Feature::Skewness
            | Feature::Kurtosis
            | Feature::Slope
            | Feature::ZeroCrossings
            | Feature::Autocorrelation { .. } => false,
        }
    }
}

impl Across {
    /// The two channels.
    #[must_use]
    pub const fn channels(self) -> (usize, usize) {
        match self {
            Across::Correlation(a, b) | Across::Ratio(a, b) => (a, b),
        }
    }
}
