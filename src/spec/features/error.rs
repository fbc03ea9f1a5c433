//! Errors of describing features.

use core::fmt;

use super::FeatureSpec;

/// Why a [`FeatureSpec`] was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FeatureError {
    /// No channel.
    Channels,
    /// A window of fewer than 2 samples or more than [`FeatureSpec::LONGEST`].
    Window {
        /// Samples in a window.
        window: usize,
    },
    /// A hop of 0 samples.
    Hop,
    /// A rate below [`FeatureSpec::SLOWEST`], above [`FeatureSpec::FASTEST`], or NaN.
    Rate,
    /// A least power that is not positive or not finite.
    Floor,
    /// Not one list of features for each channel.
    Lists {
        /// Number of channels.
        channels: usize,
        /// Number of lists.
        lists: usize,
    },
    /// No feature at all.
    Nothing,
    /// A lag that is 0 or not shorter than the window.
    Lag {
        /// The lag given.
        lag: usize,
    },
    /// A spectral feature, but no [`SpectrumSpec`](super::SpectrumSpec).
    Spectrum,
    /// A frame that is no power of two within `8 ..= 65,536`, shorter than the window if there is one frame, or longer than it
    /// if there are several.
    Frame {
        /// Values in a frame.
        frame: usize,
        /// Samples in a window.
        window: usize,
    },
    /// A step between frames of 0 or of more than a frame.
    Step {
        /// The step given.
        step: usize,
    },
    /// No bands, or more than there are bins.
    BandCount {
        /// Number of bands.
        count: usize,
        /// Number of bins above 0 Hz.
        bins: usize,
    },
    /// Edges of bands that do not rise, or that are beyond 0 Hz or half of the rate.
    Edges,
    /// A band of so narrow edges that no bin of the spectrum is in it.
    EmptyBand {
        /// Number of the band, from 0.
        band: usize,
    },
    /// A feature across channels that do not exist or are the same.
    Across {
        /// First channel.
        a: usize,
        /// Second channel.
        b: usize,
    },
    /// More sections of a filter than [`Section::MOST`](super::Section::MOST).
    Sections {
        /// Number of sections.
        found: usize,
    },
    /// A section of a filter that does not die away, or too late, or has weights above 2.
    Section {
        /// Its number, from 0.
        section: usize,
    },
    /// A filter, for features in integers.
    IntegerFilter,
    /// A frame longer than [`FeatureSpec::LONGEST_INTEGER_FRAME`], for features in integers.
    IntegerFrame {
        /// Values in a frame.
        frame: usize,
    },
    /// Not one scale for each channel, or not one unit for each feature.
    Counts {
        /// Number of channels, or of features.
        expected: usize,
        /// Number of scales, or of units.
        found: usize,
    },
    /// The value of a count that is not from `2^-100` to `2^100`.
    Scale {
        /// Its channel.
        channel: usize,
    },
    /// A unit of a feature that is not within [`UNITS`](crate::integer::UNITS).
    Unit {
        /// Its feature.
        output: usize,
    },
    /// A length does not fit in `usize`.
    Overflow,
    /// Tables or state do not have the length that the spec asks for.
    Length {
        /// Length needed.
        expected: usize,
        /// Length given.
        found: usize,
    },
}

impl FeatureError {
    /// The error and its remedy without numbers, for a `panic!` at compile time.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            FeatureError::Channels => "features need at least 1 channel",
            FeatureError::Window { .. } => "a window has 2 to 65,536 samples",
            FeatureError::Hop => "a hop has at least 1 sample",
            FeatureError::Rate => "the rate must be from 2^-30 to 2^24 samples a second",
            FeatureError::Floor => "the least power must be positive",
            FeatureError::Lists { .. } => "there must be one list of features for each channel",
            FeatureError::Nothing => "there is no feature: name at least one",
            FeatureError::Lag { .. } => {
                "the lag of an autocorrelation must be at least 1 and shorter than the window"
            }
            FeatureError::Spectrum => {
                "a feature of the spectrum needs one: describe it with with_spectrum"
            }
            FeatureError::Frame { .. } => {
                "the frame of a spectrum must be a power of two from 8 to 65,536; one frame at least as long as the window, several at most as long"
            }
            FeatureError::Step { .. } => {
                "the step from frame to frame must be at least 1 and at most a frame"
            }
            FeatureError::BandCount { .. } => {
                "there must be at least 1 band, and at most as many as the spectrum has bins above 0 Hz"
            }
            FeatureError::Edges => {
                "edges of bands must rise, from at least 0 Hz to at most half of the rate"
            }
            FeatureError::EmptyBand { .. } => {
                "a band is narrower than the bins of the spectrum: take wider bands or longer frames"
            }
            FeatureError::Across { .. } => {
                "a feature across channels needs two different channels that exist"
            }
            FeatureError::Sections { .. } => "a filter has at most 4 sections, order 8",
            FeatureError::Section { .. } => {
                "a section of a filter does not die away soon enough: take a cutoff further from 0 Hz"
            }
            FeatureError::IntegerFilter => {
                "features in integers have no filter: leave it out, or take floats"
            }
            FeatureError::IntegerFrame { .. } => {
                "in integers the frame of a spectrum has at most 2,048 values: take shorter frames, or floats"
            }
            FeatureError::Counts { .. } => {
                "there must be one scale for each channel and one unit for each feature"
            }
            FeatureError::Scale { .. } => "the value of a count must be from 2^-100 to 2^100",
            FeatureError::Unit { .. } => {
                "the unit of a feature is an exponent of 2, from -127 to 126"
            }
            FeatureError::Overflow => "the size of the features overflows usize",
            FeatureError::Length { .. } => {
                "a slice does not have the length that the spec asks for: use its table_len and state_len"
            }
        }
    }
}

impl fmt::Display for FeatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match *self {
            FeatureError::Window { window } => write!(f, " (not {window})"),
            FeatureError::Lists { channels, lists } => {
                write!(f, " ({channels} channels, {lists} lists)")
            }
            FeatureError::Lag { lag } => write!(f, " (not {lag})"),
            FeatureError::Frame { frame, window } => {
                write!(f, " (a frame of {frame}, a window of {window})")
            }
            FeatureError::IntegerFrame { frame } => write!(f, " (not {frame})"),
            FeatureError::Sections { found } => write!(f, " (not {found})"),
            FeatureError::Section { section } => write!(f, " (section {section}, from 0)"),
            FeatureError::Scale { channel } => write!(f, " (channel {channel}, from 0)"),
            FeatureError::Unit { output } => write!(f, " (feature {output}, from 0)"),
            FeatureError::Step { step } => write!(f, " (not {step})"),
            FeatureError::BandCount { count, bins } => write!(f, " ({count} bands, {bins} bins)"),
            FeatureError::EmptyBand { band } => write!(f, " (band {band}, from 0)"),
            FeatureError::Across { a, b } => write!(f, " (not {a} and {b})"),
            FeatureError::Counts { expected, found } | FeatureError::Length { expected, found } => {
                write!(f, " ({expected} are needed, {found} were given)")
            }
            FeatureError::Channels
            | FeatureError::Hop
            | FeatureError::Rate
            | FeatureError::Floor
            | FeatureError::Nothing
            | FeatureError::Spectrum
            | FeatureError::Edges
            | FeatureError::IntegerFilter
            | FeatureError::Overflow => Ok(()),
        }
    }
}

impl core::error::Error for FeatureError {}

// The limits that messages name.
const _: () = assert!(
    FeatureSpec::LONGEST == 65_536
        && FeatureSpec::LONGEST_INTEGER_FRAME == 2048
        && (1.0 / FeatureSpec::SLOWEST) as u32 == 1 << 30
        && FeatureSpec::FASTEST as u32 == 1 << 24
);
