//! How a spectrum is taken, and its bands.

use super::{FeatureError, FeatureSpec};

/// How the power of a window at each frequency is taken.
///
/// The mean of the window is taken off, then it is cut into frames. With `w` the taper, `X = rfft(w y)` of a frame, the
/// power of bin `k`, at `k rate / frame` Hz, is `|X[k]|^2 / sum(w^2)`, for `k` from 0 to `frame / 2`. It is not doubled
/// for negative frequencies. So white noise of variance `v` has a power of about `v` in every bin.
///
/// A frame is a power of two. A window of another length is filled up with zeros behind the samples
/// ([`Frames::One`]): bins are closer together than those of a transform of the window alone, the powers the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct SpectrumSpec {
    /// Length of a frame: a power of two within `8 ..= 65,536`.
    pub frame: usize,
    /// Weights of the samples of a frame.
    pub taper: Taper,
    /// One frame, or several and what is taken of them.
    pub frames: Frames,
}

/// Weights of the samples of a frame, so that a tone does not leak into all bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Taper {
    /// All 1.
    None,
    /// Hann: `w[i] = (1 - cos(2 pi i / n)) / 2`, `scipy.signal.get_window("hann", n)`; `n` is the number of samples in the
    /// frame, or the window's where that is shorter.
    Hann,
}

/// The frames of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frames {
    /// One, at least as long as the window.
    One,
    /// Welch: mean power of the frames that start every `step` samples and end within the window.
    Mean {
        /// Samples from start to start; half a frame is usual.
        step: usize,
    },
    /// Largest power, bin by bin, of the frames that start every `step` samples within the window; those that reach beyond
    /// its end are filled up with zeros.
    Maximum {
        /// Samples from start to start.
        step: usize,
    },
}

/// Bands of frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Bands<'a> {
    /// So many equal bands from the first bin above 0 Hz to half of the rate: band `b` of `n` has the bins from
    /// `1 + b (frame / 2) / n` on, rounded down.
    Equal(usize),
    /// From edge to edge, in Hz: bins at the lower edge or above it and below the upper one; the last band also has the bin at
    /// its upper edge if that is half of the rate. The bin of 0 Hz belongs to no band.
    Edges(&'a [f32]),
}

impl SpectrumSpec {
    /// One frame, filled up with zeros behind the window.
    #[must_use]
    pub const fn one(frame: usize, taper: Taper) -> Self {
        Self {
            frame,
            taper,
            frames: Frames::One,
        }
    }

    /// One frame of the shortest length that a window of so many samples fits into.
    #[must_use]
    pub const fn of_window(window: usize, taper: Taper) -> Self {
        let frame = match window.checked_next_power_of_two() {
            Some(frame) if frame > 8 => frame,
            Some(_) => 8,
            None => usize::MAX,
        };
        Self::one(frame, taper)
    }

    /// Mean power of frames.
    #[must_use]
    pub const fn mean(frame: usize, step: usize, taper: Taper) -> Self {
        Self {
            frame,
            taper,
            frames: Frames::Mean { step },
        }
    }

    /// Largest power of frames.
    #[must_use]
    pub const fn maximum(frame: usize, step: usize, taper: Taper) -> Self {
        Self {
            frame,
            taper,
            frames: Frames::Maximum { step },
        }
    }

    /// Number of bins, with that of 0 Hz.
    #[must_use]
    pub const fn bins(self) -> usize {
        self.frame / 2 + 1
    }

    /// Samples that the taper covers.
    #[must_use]
    pub const fn taper_len(self, window: usize) -> usize {
        if window < self.frame {
            window
        } else {
            self.frame
        }
    }

    /// Number of frames in a window.
    #[must_use]
    pub const fn count(self, window: usize) -> usize {
        match self.frames {
            Frames::One => 1,
            Frames::Mean { step } => match window.saturating_sub(self.frame).checked_div(step) {
                Some(more) => more + 1,
                None => 1,
            },
            Frames::Maximum { step } => match step {
                0 => 1,
                step => window.div_ceil(step),
            },
        }
    }

    /// Samples from the start of a frame to that of the next.
    pub(crate) const fn step(self) -> usize {
        match self.frames {
            Frames::One => self.frame,
            Frames::Mean { step } | Frames::Maximum { step } => step,
        }
    }

    pub(super) const fn validate(self, window: usize) -> Result<(), FeatureError> {
        let fits = match self.frames {
            Frames::One => self.frame >= window,
            Frames::Mean { .. } | Frames::Maximum { .. } => self.frame <= window,
        };
        let is_long = self.frame < 8 || self.frame > FeatureSpec::LONGEST;
        if !fits || is_long || !self.frame.is_power_of_two() {
            return Err(FeatureError::Frame {
                frame: self.frame,
                window,
            });
        }
        let step = self.step();
        if step == 0 || step > self.frame {
            return Err(FeatureError::Step { step });
        }
        Ok(())
    }

    /// The first bin at a frequency or above it; 1 at the least. Without floating point: a core without an FPU needs it, too.
    const fn bin_at(self, frequency: f32, rate: f32) -> usize {
        let half = self.frame / 2;
        // Positive numbers are in the order of their bits.
        let (bits, of_rate) = (frequency.to_bits(), rate.to_bits());
        if bits == 0 || bits >> 31 == 1 {
            return 1;
        }
        if bits.saturating_add(1 << 23) >= of_rate {
            // Behind the last bin: it belongs to the band that ends here.
            return half + 1;
        }
        // `frequency * frame / rate`, rounded to 24 bits as a float is: 25 bits of the quotient and the rest.
        let (exponent, by_exponent) = ((bits >> 23).cast_signed(), (of_rate >> 23).cast_signed());
        let (mut rest, by) = (
            bits & 0x7f_ffff | 0x80_0000,
            of_rate & 0x7f_ffff | 0x80_0000,
        );
        let mut down = exponent - by_exponent + self.frame.trailing_zeros().cast_signed();
        if rest < by {
            rest <<= 1;
            down -= 1;
        }
        if down < 0 {
            return 1;
        }
        let mut quotient = 0_u32;
        let mut at = 0;
        while at < 25 {
            quotient <<= 1;
            if rest >= by {
                rest -= by;
                quotient |= 1;
            }
            rest <<= 1;
            at += 1;
        }
        let is_odd = quotient >> 1 & 1 == 1;
        let up = quotient & 1 == 1 && (rest > 0 || is_odd);
        let rounded = (quotient >> 1) + up as u32;
        // It is `rounded * 2^(down - 23)`, below half of the frame.
        let fraction = (23 - down).cast_unsigned();
        let bin = rounded.div_ceil(1 << fraction) as usize;
        if bin > half + 1 { half + 1 } else { bin }
    }
}

impl Bands<'_> {
    /// Number of bands.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Bands::Equal(count) => count,
            Bands::Edges(edges) => edges.len().saturating_sub(1),
        }
    }

    /// The first bin of a band and the one behind its last; nothing of a band that does not exist.
    #[must_use]
    pub const fn bins(self, band: usize, spectrum: SpectrumSpec, rate: f32) -> (usize, usize) {
        match self {
            Bands::Equal(count) => {
                let half = spectrum.frame / 2;
                if band >= count {
                    return (0, 0);
                }
                // At most 2^15 times 2^15 where the spec is valid.
                let from = band.saturating_mul(half) / count;
                let to = (band + 1).saturating_mul(half) / count;
                (1 + from, 1 + to)
            }
            Bands::Edges(edges) => match edges.split_at_checked(band) {
                Some((_, [from, to, ..])) => {
                    (spectrum.bin_at(*from, rate), spectrum.bin_at(*to, rate))
                }
                _ => (0, 0),
            },
        }
    }

    pub(super) const fn validate(
        self,
        spectrum: SpectrumSpec,
        rate: f32,
    ) -> Result<(), FeatureError> {
        let bins = spectrum.frame / 2;
        let count = self.count();
        if count == 0 || count > bins {
            return Err(FeatureError::BandCount { count, bins });
        }
        let Bands::Edges(edges) = self else {
            return Ok(());
        };
        let mut rest = edges;
        let mut band = 0;
        while let [from, tail @ ..] = rest {
            if let [to, ..] = tail {
                // Written so that NaN is refused.
                if !(*from >= 0.0 && *to > *from && *to * 2.0 <= rate) {
                    return Err(FeatureError::Edges);
                }
                let (first, behind) = self.bins(band, spectrum, rate);
                if first >= behind {
                    return Err(FeatureError::EmptyBand { band });
                }
                band += 1;
            }
            rest = tail;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_a_quotient_in_floats() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for frame in [8, 64, 256, 65_536] {
            let spectrum = SpectrumSpec::one(frame, Taper::None);
            for rate in [0.1, 1.0, 100.0, 333.333_34, 44_100.0, 1e6] {
                let check = |frequency: f32| {
                    let last = frame / 2 + 1;
                    let expected = if frequency * 2.0 >= rate {
                        last
                    } else {
                        let quotient = frequency * frame as f32 / rate;
                        (quotient.ceil() as usize).clamp(1, last)
                    };
                    let found = spectrum.bin_at(frequency, rate);
                    assert_eq!(found, expected, "{frequency} of {rate}, {frame}");
                };
                for frequency in [0.0, 1e-38, rate / 2.0, rate, rate * 0.499_999_97] {
                    check(frequency);
                }
                for _ in 0..500 {
                    check(next() as f32 / 33_554_432.0 * rate);
                    // At a bin or beside it.
                    let bin = (next() as usize % (frame / 2)) as f32;
                    let at = bin * rate / frame as f32;
                    check(at);
                    check(f32::from_bits(at.to_bits().saturating_add(1)));
                    check(f32::from_bits(at.to_bits().saturating_sub(1)));
                }
            }
        }
    }
}
