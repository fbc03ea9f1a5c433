//! Samples of 16 bits in, counts out.

use super::super::ring::Ring;
use super::super::stream::{Part, Pending, Pushed, Stream, Work, each};
use super::moments::{self, Moments, View};
use super::spectrum::{self, Spectrum, Transform, Unit};
use super::sums::{self, Level};
use super::wide::Wide;
use crate::spec::features::{Across, Feature, FeatureError, FeatureSpec, INTEGER_LEVEL as LEVEL};

/// A checked [`FeatureSpec`] with what makes integers of it, the counterpart of [`Features`](super::super::Features). Build it once,
/// in a `const` or `static`: the check is the only part that uses floating point.
#[derive(Clone, Copy, Debug)]
pub struct IntegerFeatures<'a> {
    spec: FeatureSpec<'a>,
    scales: &'a [f32],
    units: &'a [i32],
    tables: &'a [i32],
}

/// The counterpart of [`Extractor`](super::super::Extractor): takes samples of 16 bits and has features in counts of their
/// units. Its rules are the same.
#[derive(Debug)]
pub struct IntegerExtractor<'a, 'w> {
    features: IntegerFeatures<'a>,
    stream: Stream<'w, i16>,
    levels: &'w mut [i32],
    output: &'w mut [i32],
    /// Packed pairs of a frame, then the powers of its bins.
    frame: &'w mut [i32],
    /// With several frames: what is taken of them.
    powers: &'w mut [i32],
    /// Of the powers of the window.
    unit: Unit,
}

impl<'a> IntegerFeatures<'a> {
    /// Checks the spec. `scales` has the value of one count of each channel, in the unit of the spec: a power of two or any other
    /// number. `units` has the unit of each feature, an exponent of 2: a count `c` of the output is `c * 2^unit`. These are
    /// the units of the inputs of an [`IntegerFlow`](crate::integer::IntegerFlow). `tables` are those of
    /// [`FeatureSpec::integer_tables`].
    ///
    /// # Errors
    /// [`FeatureError`] for an invalid spec, slices of another length, a scale or unit out of range, or a frame too long for integers.
    pub const fn new(
        spec: FeatureSpec<'a>,
        scales: &'a [f32],
        units: &'a [i32],
        tables: &'a [i32],
    ) -> Result<Self, FeatureError> {
        if let Err(error) = spec.validate_integer() {
            return Err(error);
        }
        let outputs = spec.output_len();
        if scales.len() != spec.channels || units.len() != outputs {
            let (expected, found) = if scales.len() == spec.channels {
                (outputs, units.len())
            } else {
                (spec.channels, scales.len())
            };
            return Err(FeatureError::Counts { expected, found });
        }
        let (mut rest, mut channel) = (scales, 0);
        while let [scale, others @ ..] = rest {
            // Written so that NaN is refused.
            if !(*scale >= FeatureSpec::SMALLEST && *scale <= FeatureSpec::LARGEST) {
                return Err(FeatureError::Scale { channel });
            }
            (rest, channel) = (others, channel + 1);
        }
        let (mut rest, mut output) = (units, 0);
        while let [unit, others @ ..] = rest {
            if *unit < -127 || *unit > 126 {
                return Err(FeatureError::Unit { output });
            }
            (rest, output) = (others, output + 1);
        }
        if tables.len() != spec.integer_table_len() {
            return Err(FeatureError::Length {
                expected: spec.integer_table_len(),
                found: tables.len(),
            });
        }
        Ok(Self {
            spec,
            scales,
            units,
            tables,
        })
    }

    /// The spec.
    #[must_use]
    pub const fn spec(&self) -> &FeatureSpec<'a> {
        &self.spec
    }

    /// The value of one count of each channel.
    #[must_use]
    pub const fn scales(&self) -> &'a [f32] {
        self.scales
    }

    /// The unit of each feature, an exponent of 2.
    #[must_use]
    pub const fn units(&self) -> &'a [i32] {
        self.units
    }

    /// An extractor that starts with no samples. `samples` has at least [`FeatureSpec::integer_ring_len`] values and `state` at least
    /// [`FeatureSpec::integer_state_len`], of any content.
    ///
    /// # Errors
    /// [`FeatureError::Length`] if one has fewer.
    pub fn extractor<'w>(
        &self,
        samples: &'w mut [i16],
        state: &'w mut [i32],
    ) -> Result<IntegerExtractor<'a, 'w>, FeatureError> {
        let spec = &self.spec;
        let short = |expected, found| FeatureError::Length { expected, found };
        let (expected, found) = (spec.integer_ring_len(), samples.len());
        let samples = samples.get_mut(..expected).ok_or(short(expected, found))?;
        let short = short(spec.integer_state_len(), state.len());
        let (frame, powers) = spec.integer_frame_parts();
        let mut rest = state;
        let mut take = |length: usize| {
            let (own, behind) = core::mem::take(&mut rest)
                .split_at_mut_checked(length)
                .ok_or(short)?;
            rest = behind;
            Ok(own)
        };
        let room = spec.window.saturating_add(spec.margin);
        Ok(IntegerExtractor {
            features: *self,
            stream: Stream::new(Ring::new(samples, room), spec),
            levels: take(spec.channels.saturating_mul(LEVEL))?,
            output: take(spec.output_len())?,
            frame: take(frame)?,
            powers: take(powers)?,
            unit: Unit::default(),
        })
    }

    fn scale(&self, channel: usize) -> Wide {
        let scale = self.scales.get(channel).copied();
        scale.map_or(Wide::default(), Wide::of_float)
    }

    fn transform(&self) -> Option<Transform<'a>> {
        self.spec.spectrum.map(|own| Transform {
            spec: own,
            tables: self.tables,
            window: self.spec.window,
        })
    }
}

impl IntegerExtractor<'_, '_> {
    /// Takes a sample, one value a channel: stores it and says whether a window is complete.
    pub fn push(&mut self, sample: &[i16]) -> Pushed {
        let spec = &self.features.spec;
        if sample.len() != spec.channels {
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
    pub fn features(&self) -> Option<&[i32]> {
        self.stream.is_done.then_some(&*self.output)
    }

    /// Does all of the work on the window that is due; its features, or `None` if none is due.
    pub fn finish(&mut self) -> Option<&[i32]> {
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
            Part::Frame(channel, frame) => self.frame(channel, frame, pending),
            Part::Spectrum(channel) => self.spectrum(channel, pending),
            Part::Across => self.across(pending),
        }
        self.stream.advance(&self.features.spec, pending)
    }

    fn time(&mut self, channel: usize, pending: Pending) {
        let features = self.features;
        let spec = &features.spec;
        let window = self.stream.ring.window(channel, pending.start, spec.window);
        let count = sums::count(window);
        let (level, squares) = Level::of(window);
        if let Some(place) = self.levels.as_chunks_mut::<LEVEL>().0.get_mut(channel) {
            *place = level.words();
        }
        let scale = features.scale(channel);
        let mut view = View {
            window,
            count,
            level,
            squares,
            moments: Moments::of(&level, count),
            powers: None,
            scale,
            rate: Wide::of_float(spec.rate),
            floor: Wide::of_float(spec.floor),
        };
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        let mut units = features.units.get(pending.output..).unwrap_or(&[]).iter();
        each(spec, channel, output, |feature, own| {
            if let Feature::Samples = feature {
                let [older, newer] = window;
                let samples = older.iter().chain(newer);
                for ((place, &sample), &unit) in own.iter_mut().zip(samples).zip(&mut units) {
                    *place = Wide::new(sample.into(), 0).times(scale).in_units(unit);
                }
            } else if let ([place], Some(value)) = (&mut *own, view.feature(feature)) {
                let unit = units.next().copied().unwrap_or(0);
                *place = value.in_units(unit);
            } else {
                for _ in own {
                    units.next();
                }
            }
        });
    }

    fn frame(&mut self, channel: usize, index: usize, pending: Pending) {
        let Some(transform) = self.features.transform() else {
            return;
        };
        let spec = &self.features.spec;
        let window = self.stream.ring.window(channel, pending.start, spec.window);
        let level = level(self.levels, channel);
        let exponent = transform.frame(index, window, level, self.frame);
        if self.powers.is_empty() {
            self.unit.exponent = exponent;
        } else {
            let powers = &mut *self.powers;
            transform.accumulate(index, self.frame, exponent, &mut self.unit, powers);
        }
    }

    fn spectrum(&mut self, channel: usize, pending: Pending) {
        let features = self.features;
        let spec = &features.spec;
        let Some(own) = spec.spectrum else {
            return;
        };
        let scale = features.scale(channel);
        let spectrum = Spectrum {
            spec,
            own,
            unit: spectrum::unit(own, spec.window, self.unit.exponent, scale),
            rate: Wide::of_float(spec.rate),
            floor: Wide::of_float(spec.floor),
            powers: if self.powers.is_empty() {
                self.frame
            } else {
                self.powers
            },
        };
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        let mut units = features.units.get(pending.output..).unwrap_or(&[]).iter();
        each(spec, channel, output, |feature, own| {
            if !feature.is_spectral() {
                for _ in own {
                    units.next();
                }
                return;
            }
            let mut places = own.iter_mut().zip(&mut units);
            spectrum.feature(feature, |value| {
                if let Some((place, &unit)) = places.next() {
                    *place = value.in_units(unit);
                }
            });
        });
    }

    fn across(&mut self, pending: Pending) {
        let features = self.features;
        let spec = &features.spec;
        let level = |channel| level(self.levels, channel);
        let window = |channel| self.stream.ring.window(channel, pending.start, spec.window);
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        let units = features.units.get(pending.output..).unwrap_or(&[]);
        for ((place, across), &unit) in output.iter_mut().zip(spec.across).zip(units) {
            let (a, b) = across.channels();
            let value = match across {
                Across::Correlation(..) => {
                    moments::correlation(level(a), window(a), level(b), window(b))
                }
                Across::Ratio(..) => {
                    let count = sums::count(window(a));
                    let scales = [features.scale(a), features.scale(b)];
                    let floor = Wide::of_float(spec.floor);
                    moments::ratio(level(a), level(b), count, scales, floor)
                }
            };
            *place = value.in_units(unit);
        }
    }
}

fn level(levels: &[i32], channel: usize) -> Level {
    let kept = levels.as_chunks::<LEVEL>().0.get(channel);
    Level::of_words(*kept.unwrap_or(&[0; LEVEL]))
}
