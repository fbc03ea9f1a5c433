//! Samples in, features out.

mod parts;

use super::ring::Ring;
use super::stream::{Part, Pushed, Stream, Work};
use crate::spec::features::{FeatureError, FeatureSpec, LEVEL};

/// A checked [`FeatureSpec`] with its tables. Build it once, in a `const` or `static` if you like.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    spec: FeatureSpec<'a>,
    tables: &'a [f32],
}

/// Takes samples and computes the features of windows, in a state that the caller supplies.
///
/// * [`push`](Self::push) stores the sample and nothing more.
/// * The work on a complete window is done at once by [`finish`](Self::finish), or by [`step`](Self::step) in parts: a channel's
///   features in time, one transform, the features of a spectrum. The bits are the same.
/// * While a window is worked on, up to [`FeatureSpec::margin`] samples may be pushed. One more, or the next
///   complete window, and the work is given up: the samples go on, the window is [missed](Self::missed).
/// * An invalid sample, lost ones, or a gap that the caller knows of: no window has samples from both sides. The next one is complete
///   when `window` samples have come behind it.
/// * Sums are computed afresh for every window, oldest sample first: bits do not depend on how long the firmware has run.
#[derive(Debug)]
pub struct Extractor<'a, 'w> {
    features: Features<'a>,
    stream: Stream<'w, f32>,
    levels: &'w mut [f32],
    output: &'w mut [f32],
    scratch: Scratch<'w>,
}

/// Room for the work on a channel.
#[derive(Debug)]
struct Scratch<'w> {
    /// The centred window, then with one frame its powers.
    window: &'w mut [f32],
    /// With several frames: one of them, and powers.
    frame: &'w mut [f32],
    powers: &'w mut [f32],
}

impl<'a> Features<'a> {
    /// Checks the spec; `tables` are those of [`FeatureSpec::tables`].
    ///
    /// # Errors
    /// [`FeatureError`] for an invalid spec or tables of another length.
    pub const fn new(spec: FeatureSpec<'a>, tables: &'a [f32]) -> Result<Self, FeatureError> {
        if let Err(error) = spec.validate() {
            return Err(error);
        }
        if tables.len() != spec.table_len() {
            return Err(FeatureError::Length {
                expected: spec.table_len(),
                found: tables.len(),
            });
        }
        Ok(Self { spec, tables })
    }

    /// The spec.
    #[must_use]
    pub const fn spec(&self) -> &FeatureSpec<'a> {
        &self.spec
    }

    /// An extractor that starts with no samples. `state` has at least [`FeatureSpec::state_len`] values, of any content.
    ///
    /// # Errors
    /// [`FeatureError::Length`] if it has fewer.
    pub fn extractor<'w>(&self, state: &'w mut [f32]) -> Result<Extractor<'a, 'w>, FeatureError> {
        let spec = &self.spec;
        let short = FeatureError::Length {
            expected: spec.state_len(),
            found: state.len(),
        };
        let (window, more) = spec.scratch_parts();
        let frame = if more == 0 {
            0
        } else {
            spec.spectrum.map_or(0, |spectrum| spectrum.frame)
        };
        let levels = spec.channels.saturating_mul(LEVEL);
        let mut rest = state;
        let mut take = |length: usize| {
            let (own, behind) = core::mem::take(&mut rest)
                .split_at_mut_checked(length)
                .ok_or(short)?;
            rest = behind;
            Ok(own)
        };
        let room = spec.window.saturating_add(spec.margin);
        let ring = Ring::new(take(spec.ring_len())?, room);
        Ok(Extractor {
            features: *self,
            stream: Stream::new(ring, spec),
            levels: take(levels)?,
            output: take(spec.output_len())?,
            scratch: Scratch {
                window: take(window)?,
                frame: take(frame)?,
                powers: take(more.saturating_sub(frame))?,
            },
        })
    }
}

impl Extractor<'_, '_> {
    /// Takes a sample, one value a channel: stores it and says whether a window is complete.
    pub fn push(&mut self, sample: &[f32]) -> Pushed {
        let spec = &self.features.spec;
        // Written so that NaN is invalid.
        let is_valid = |value: &f32| value.abs() <= FeatureSpec::LARGEST;
        if sample.len() != spec.channels || !sample.iter().all(is_valid) {
            self.gap();
            return Pushed::Invalid;
        }
        self.stream.push(spec, sample)
    }

    /// Forgets the samples so far: the next one comes after a gap. A window that was complete is still worked on.
    pub fn gap(&mut self) {
        self.stream.gap(&self.features.spec);
    }

    /// So many samples were lost before the next one: a [gap](Self::gap), unless it is 0.
    pub fn lost(&mut self, samples: usize) {
        if samples > 0 {
            self.gap();
        }
    }

    /// Windows whose work was given up because samples came too fast.
    #[must_use]
    pub fn missed(&self) -> u32 {
        self.stream.missed
    }

    /// The features of the last window that was finished; `None` from the moment on when the next one is complete until it is
    /// finished.
    #[must_use]
    pub fn features(&self) -> Option<&[f32]> {
        self.stream.is_done.then_some(&*self.output)
    }

    /// Does all of the work on the window that is due; its features, or `None` if none is due.
    pub fn finish(&mut self) -> Option<&[f32]> {
        loop {
            match self.step() {
                Work::More => {}
                Work::Done => return self.features(),
                Work::Idle => return None,
            }
        }
    }

    /// Does a part of the work on the window that is due.
    pub fn step(&mut self) -> Work {
        let Some(pending) = self.stream.pending else {
            return Work::Idle;
        };
        match pending.part {
            Part::Time(channel) => self.time(channel, pending),
            Part::Frame(_, frame) => self.frame(frame),
            Part::Spectrum(channel) => self.spectrum(channel, pending),
            Part::Across => self.across(pending),
        }
        self.stream.advance(&self.features.spec, pending)
    }
}
