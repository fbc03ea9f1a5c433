//! Which window is due, and which part of the work on it comes next: the same for floats and integers.

use super::ring::Ring;
use crate::spec::features::{Feature, FeatureSpec};

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Pushed {
    /// It is stored, no window is complete.
    Stored,
    /// It completes a window: call [`Extractor::step`](super::Extractor::step) or [`finish`](super::Extractor::finish).
    Due,
    /// It is not stored: the wrong number of channels, NaN, infinity, or a magnitude above [`FeatureSpec::LARGEST`]. This is a
    /// [gap](super::Extractor::gap).
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
    /// The last part: [`Extractor::features`](super::Extractor::features) has the features.
    Done,
}

/// The next part of the work on a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
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
pub(super) struct Pending {
    pub part: Part,
    /// Where it starts in the ring.
    pub start: usize,
    /// Samples pushed since it was complete.
    pushed: usize,
    /// The first output of the channel.
    pub output: usize,
}

/// Samples, and the window that is due.
#[derive(Debug)]
pub(super) struct Stream<'w, T> {
    pub ring: Ring<'w, T>,
    /// Samples until the next window is complete.
    until: usize,
    pub pending: Option<Pending>,
    pub is_done: bool,
    pub missed: u32,
}

impl<'w, T: Copy> Stream<'w, T> {
    pub(super) fn new(ring: Ring<'w, T>, spec: &FeatureSpec<'_>) -> Self {
        Self {
            ring,
            until: spec.window,
            pending: None,
            is_done: false,
            missed: 0,
        }
    }

    /// Stores a valid sample.
    pub(super) fn push(&mut self, spec: &FeatureSpec<'_>, sample: &[T]) -> Pushed {
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
        self.until = spec.hop;
        if self.pending.is_some() {
            self.give_up();
        }
        self.is_done = false;
        self.pending = Some(Pending {
            part: Part::Time(0),
            start: self.ring.start(spec.window),
            pushed: 0,
            output: 0,
        });
        Pushed::Due
    }

    fn give_up(&mut self) {
        self.pending = None;
        self.missed = self.missed.saturating_add(1);
    }

    pub(super) fn gap(&mut self, spec: &FeatureSpec<'_>) {
        self.until = spec.window;
    }

    /// After a part is done: chooses the next one.
    pub(super) fn advance(&mut self, spec: &FeatureSpec<'_>, pending: Pending) -> Work {
        self.pending = next(spec, pending);
        if self.pending.is_some() {
            return Work::More;
        }
        self.is_done = true;
        Work::Done
    }
}

fn next(spec: &FeatureSpec<'_>, pending: Pending) -> Option<Pending> {
    let part = match pending.part {
        Part::Time(channel) if spec.has_spectrum(channel) => Part::Frame(channel, 0),
        Part::Time(channel) | Part::Spectrum(channel) => {
            return next_channel(spec, channel, pending);
        }
        Part::Frame(channel, frame) => {
            let count = (spec.spectrum).map_or(0, |spectrum| spectrum.count(spec.window));
            let next = frame.saturating_add(1);
            if next < count {
                Part::Frame(channel, next)
            } else {
                Part::Spectrum(channel)
            }
        }
        Part::Across => return None,
    };
    Some(Pending { part, ..pending })
}

fn next_channel(spec: &FeatureSpec<'_>, channel: usize, pending: Pending) -> Option<Pending> {
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

/// Each feature of a channel, with its place in the output.
pub(super) fn each<T>(
    spec: &FeatureSpec<'_>,
    channel: usize,
    output: &mut [T],
    mut act: impl FnMut(Feature<'_>, &mut [T]),
) {
    let mut rest = output;
    for &feature in spec.of_channel(channel) {
        let Some((own, behind)) = rest.split_at_mut_checked(feature.len(spec.window)) else {
            return;
        };
        act(feature, own);
        rest = behind;
    }
}
