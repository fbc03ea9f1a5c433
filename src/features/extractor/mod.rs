//! Samples in, features out.

mod parts;

use super::ring::Ring;
use crate::spec::features::{FeatureError, FeatureSpec, LEVEL};

/// A checked [`FeatureSpec`] with its tables. Build it once, in a `const` or `static` if you like.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    spec: FeatureSpec<'a>,
    tables: &'a [f32],
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Pushed {
    /// It is stored, no window is complete.
    Stored,
    /// It completes a window: call [`Extractor::step`] or [`Extractor::finish`].
    Due,
    /// It is not stored: the wrong number of channels, NaN, infinity, or a magnitude above [`FeatureSpec::LARGEST`]. This is a
    /// [gap](Extractor::gap).
    Invalid,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Work {
    /// Nothing: no window is due.
    Idle,
    /// A part; call again.
    More,
    /// The last part: [`Extractor::features`] has the features.
    Done,
}

/// The next part of the work on a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Level and features in time of a channel.
    Time(usize),
    /// Transform of a frame of a channel.
    Frame(usize, usize),
    /// Features of the spectrum of a channel.
    Spectrum(usize),
    Across,
}

/// A window that is worked on.
#[derive(Clone, Copy, Debug)]
struct Pending {
    part: Part,
    /// Where it starts in the ring.
    start: usize,
    /// Samples pushed since it was complete.
    pushed: usize,
    /// The first output of the channel.
    output: usize,
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
    ring: Ring<'w>,
    levels: &'w mut [f32],
    output: &'w mut [f32],
    scratch: Scratch<'w>,
    /// Samples until the next window is complete.
    until: usize,
    pending: Option<Pending>,
    is_done: bool,
    missed: u32,
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
        Ok(Extractor {
            features: *self,
            ring: Ring::new(
                take(spec.ring_len())?,
                spec.window.saturating_add(spec.margin),
            ),
            levels: take(levels)?,
            output: take(spec.output_len())?,
            scratch: Scratch {
                window: take(window)?,
                frame: take(frame)?,
                powers: take(more.saturating_sub(frame))?,
            },
            until: spec.window,
            pending: None,
            is_done: false,
            missed: 0,
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
        if let Some(pending) = &mut self.pending {
            pending.pushed = pending.pushed.saturating_add(1);
            if pending.pushed > spec.margin {
                self.give_up();
            }
        }
        self.ring.push(sample);
        self.until = self.until.saturating_sub(1);
        if self.until > 0 {
            return Pushed::Stored;
        }
        self.until = self.features.spec.hop;
        if self.pending.is_some() {
            self.give_up();
        }
        self.is_done = false;
        self.pending = Some(Pending {
            part: Part::Time(0),
            start: self.ring.start(self.features.spec.window),
            pushed: 0,
            output: 0,
        });
        Pushed::Due
    }

    fn give_up(&mut self) {
        self.pending = None;
        self.missed = self.missed.saturating_add(1);
    }

    /// Forgets the samples so far: the next one comes after a gap. A window that was complete is still worked on.
    pub fn gap(&mut self) {
        self.until = self.features.spec.window;
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
        self.missed
    }

    /// The features of the last window that was finished; `None` from the moment on when the next one is complete until it is
    /// finished.
    #[must_use]
    pub fn features(&self) -> Option<&[f32]> {
        self.is_done.then_some(&*self.output)
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
        let Some(pending) = self.pending else {
            return Work::Idle;
        };
        let next = match pending.part {
            Part::Time(channel) => {
                self.time(channel, pending);
                self.after_time(channel, pending)
            }
            Part::Frame(channel, frame) => {
                self.frame(frame);
                let count = (self.features.spec.spectrum)
                    .map_or(0, |spectrum| spectrum.count(self.features.spec.window));
                let next = frame.saturating_add(1);
                let part = if next < count {
                    Part::Frame(channel, next)
                } else {
                    Part::Spectrum(channel)
                };
                Some(Pending { part, ..pending })
            }
            Part::Spectrum(channel) => {
                self.spectrum(channel, pending);
                self.next_channel(channel, pending)
            }
            Part::Across => {
                self.across(pending);
                None
            }
        };
        self.pending = next;
        if next.is_some() {
            return Work::More;
        }
        self.is_done = true;
        Work::Done
    }

    fn after_time(&self, channel: usize, pending: Pending) -> Option<Pending> {
        if self.features.spec.has_spectrum(channel) {
            Some(Pending {
                part: Part::Frame(channel, 0),
                ..pending
            })
        } else {
            self.next_channel(channel, pending)
        }
    }

    fn next_channel(&self, channel: usize, pending: Pending) -> Option<Pending> {
        let spec = &self.features.spec;
        let next = channel.saturating_add(1);
        let part = if next < spec.channels {
            Part::Time(next)
        } else if spec.across.is_empty() {
            return None;
        } else {
            Part::Across
        };
        let output = pending.output.saturating_add(spec.channel_len(channel));
        Some(Pending {
            part,
            output,
            ..pending
        })
    }
}
