//! What integers have of the features, and the lengths that they take.

use super::{FeatureError, FeatureSpec, Frames, Taper, add, mul};

/// Words kept of each channel for its spectrum and the features across channels.
pub(crate) const INTEGER_LEVEL: usize = 5;

impl FeatureSpec<'_> {
    /// Longest frame of a spectrum in integers.
    pub const LONGEST_INTEGER_FRAME: usize = 2048;

    /// Checks the spec for samples of 16 bits: as [`validate`](Self::validate), that there is no filter, and that no frame of a
    /// spectrum is longer than [`LONGEST_INTEGER_FRAME`](Self::LONGEST_INTEGER_FRAME). Integers have all features.
    ///
    /// # Errors
    /// [`FeatureError`] says what is wrong with it.
    pub const fn validate_integer(&self) -> Result<(), FeatureError> {
        if let Err(error) = self.validate() {
            return Err(error);
        }
        if !self.filter.is_empty() {
            return Err(FeatureError::IntegerFilter);
        }
        match self.spectrum {
            Some(spectrum) if spectrum.frame > Self::LONGEST_INTEGER_FRAME => {
                Err(FeatureError::IntegerFrame {
                    frame: spectrum.frame,
                })
            }
            _ => Ok(()),
        }
    }

    /// Length of the ring of samples of an extractor in integers.
    #[must_use]
    pub const fn integer_ring_len(&self) -> usize {
        self.ring_len()
    }

    /// Length of the state of an extractor in integers, beside its ring.
    #[must_use]
    pub const fn integer_state_len(&self) -> usize {
        let own = add(mul(self.channels, INTEGER_LEVEL), self.output_len());
        let (frame, powers) = self.integer_frame_parts();
        add(add(own, frame), powers)
    }

    /// Words of a frame, a pair of samples each and one more for the last bin; with several frames as many for their powers.
    pub(crate) const fn integer_frame_parts(&self) -> (usize, usize) {
        match self.spectrum {
            None => (0, 0),
            Some(spectrum) => match spectrum.frames {
                Frames::One => (spectrum.bins(), 0),
                Frames::Mean { .. } | Frames::Maximum { .. } => (spectrum.bins(), spectrum.bins()),
            },
        }
    }

    /// Length of the tables of integers: a word for each twiddle factor and for each weight of half of the taper. 0 without a
    /// spectrum.
    #[must_use]
    pub const fn integer_table_len(&self) -> usize {
        match self.spectrum {
            None => 0,
            Some(spectrum) => add(
                spectrum.waves_len() / 2,
                match spectrum.taper {
                    Taper::None => 0,
                    Taper::Hann => spectrum.taper_len(self.window) / 2 + 1,
                },
            ),
        }
    }
}
