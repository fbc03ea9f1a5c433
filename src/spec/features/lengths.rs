//! Lengths of outputs, tables and state.

use super::{ChannelFeatures, FeatureSpec, Frames, SpectrumSpec, Taper, add, mul};

/// Values kept of each channel for the features across channels.
pub(crate) const LEVEL: usize = 4;

impl FeatureSpec<'_> {
    /// Number of features: those of channel 0 in the order of its list, of channel 1 and so on, then those across.
    #[must_use]
    pub const fn output_len(&self) -> usize {
        let mut total = self.across.len();
        if let ChannelFeatures::All(_) = self.features {
            return add(total, mul(self.channels, self.channel_len(0)));
        }
        let mut channel = 0;
        while channel < self.channels {
            total = add(total, self.channel_len(channel));
            channel += 1;
        }
        total
    }

    /// Number of features of one channel.
    #[must_use]
    pub const fn channel_len(&self, channel: usize) -> usize {
        let mut total = 0;
        let mut features = self.of_channel(channel);
        while let [first, rest @ ..] = features {
            total = add(total, first.len(self.window));
            features = rest;
        }
        total
    }

    /// Whether a channel has a feature of its spectrum.
    #[must_use]
    pub const fn has_spectrum(&self, channel: usize) -> bool {
        let mut features = self.of_channel(channel);
        while let [first, rest @ ..] = features {
            if first.is_spectral() {
                return true;
            }
            features = rest;
        }
        false
    }

    /// Length of the tables: twiddle factors and the taper. 0 without a spectrum.
    #[must_use]
    pub const fn table_len(&self) -> usize {
        match self.spectrum {
            None => 0,
            Some(spectrum) => add(
                spectrum.waves_len(),
                match spectrum.taper {
                    Taper::None => 0,
                    // Symmetric, so half of it.
                    Taper::Hann => spectrum.taper_len(self.window) / 2 + 1,
                },
            ),
        }
    }

    /// Length of the state of an extractor, in values: the ring of samples, scratch and features.
    #[must_use]
    pub const fn state_len(&self) -> usize {
        let own = add(self.ring_len(), mul(self.channels, LEVEL));
        add(add(own, self.output_len()), self.scratch_len())
    }

    pub(crate) const fn ring_len(&self) -> usize {
        mul(self.channels, add(self.window, self.margin))
    }

    /// The window with its mean taken off, or one frame in its place; with several frames a frame and the spectrum.
    const fn scratch_len(&self) -> usize {
        let (window, more) = self.scratch_parts();
        add(window, more)
    }

    /// Lengths of the centred window, and of frame and spectrum.
    pub(crate) const fn scratch_parts(&self) -> (usize, usize) {
        match self.spectrum {
            None => (self.window, 0),
            Some(spectrum) => match spectrum.frames {
                Frames::One => (spectrum.frame, 0),
                Frames::Mean { .. } | Frames::Maximum { .. } => {
                    (self.window, add(spectrum.frame, spectrum.bins()))
                }
            },
        }
    }
}

impl SpectrumSpec {
    /// Values of the first pass of the transform: 8 if an odd power of two of complex values is transformed, else 4.
    pub(crate) const fn first_pass(self) -> usize {
        if (self.frame / 2).trailing_zeros().is_multiple_of(2) {
            4
        } else {
            8
        }
    }

    /// Twiddle factors: for each pass after the first three complex factors of each butterfly, then those that part the
    /// transform of two real values in one.
    pub(crate) const fn waves_len(self) -> usize {
        let half = self.frame / 2;
        let mut total = half.saturating_sub(2);
        let mut quarter = self.first_pass();
        while quarter < half {
            total = add(total, mul(quarter, 6));
            quarter = mul(quarter, 4);
        }
        total
    }
}
