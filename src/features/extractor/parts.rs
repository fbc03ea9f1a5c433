//! The parts of the work on a window.

use core::cell::Cell;

use super::super::filter::Filter;
use super::super::moments::{Level, Moments};
use super::super::pair;
use super::super::spectrum::{Spectrum, Transform};
use super::super::stream::{Pending, each};
use super::super::time::View;
use super::{Extractor, Features, Scratch};
use crate::spec::features::{Across, Feature, LEVEL};

impl<'a> Extractor<'a, '_> {
    /// Level and features in time.
    pub(super) fn time(&mut self, channel: usize, pending: Pending) {
        let spec = &self.features.spec;
        let Some(values) = self.scratch.window.get_mut(..spec.window) else {
            return;
        };
        let [older, newer] = self.stream.ring.window(channel, pending.start, spec.window);
        if let Some((first, second)) = values.split_at_mut_checked(older.len())
            && second.len() == newer.len()
        {
            first.copy_from_slice(older);
            second.copy_from_slice(newer);
        }
        if !spec.filter.is_empty() {
            let mut filter = Filter::new(spec.filter);
            for value in &mut *values {
                *value = filter.apply(*value);
            }
        }
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        each(spec, channel, output, |feature, own| {
            if let Feature::Samples = feature {
                for (place, &sample) in own.iter_mut().zip(&*values) {
                    *place = sample;
                }
            }
        });
        let newest = values.last().copied().unwrap_or(0.0);
        let (mut level, range) = Level::of(values);
        // Centres the window in place, too.
        let cells = Cell::from_mut(&mut *values).as_slice_of_cells();
        let moments = Moments::of(cells, |cell| {
            let centred = level.centred(cell.get());
            cell.set(centred);
            centred
        });
        level.square = moments.square;
        save(self.levels, channel, level);
        let view = View {
            rate: spec.rate,
            floor: spec.floor,
            newest,
            range,
            level,
            moments,
            values,
        };
        each(spec, channel, output, |feature, own| {
            if let ([place], Some(value)) = (own, view.feature(feature)) {
                *place = value;
            }
        });
    }

    fn transform(&self) -> Option<Transform<'a>> {
        let Features { spec, tables } = self.features;
        spec.spectrum.map(|own| Transform {
            spec: own,
            tables,
            window: spec.window,
        })
    }

    /// Transform of a frame.
    pub(super) fn frame(&mut self, index: usize) {
        let Some(transform) = self.transform() else {
            return;
        };
        let Scratch {
            window,
            frame,
            powers,
        } = &mut self.scratch;
        if frame.is_empty() {
            transform.in_place(window);
        } else {
            transform.accumulate(index, window, frame, powers);
        }
    }

    /// Features of the spectrum.
    pub(super) fn spectrum(&mut self, channel: usize, pending: Pending) {
        let Some(transform) = self.transform() else {
            return;
        };
        let spec = &self.features.spec;
        let powers = if self.scratch.frame.is_empty() {
            &*self.scratch.window
        } else {
            &*self.scratch.powers
        };
        let spectrum = Spectrum {
            spec: transform.spec,
            rate: spec.rate,
            floor: spec.floor,
            unit: transform.unit(),
            level: level(self.levels, channel),
            powers: powers.get(..transform.spec.bins()).unwrap_or(&[]),
        };
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        each(spec, channel, output, |feature, own| {
            spectrum.feature(feature, own);
        });
    }

    /// Features of pairs of channels.
    pub(super) fn across(&mut self, pending: Pending) {
        let Features { spec, .. } = self.features;
        let output = self.output.get_mut(pending.output..).unwrap_or(&mut []);
        for (place, across) in output.iter_mut().zip(spec.across) {
            let (a, b) = across.channels();
            let (first, second) = (level(self.levels, a), level(self.levels, b));
            *place = match across {
                Across::Correlation(..) => {
                    let all = |channel| {
                        let [older, newer] =
                            self.stream.ring.window(channel, pending.start, spec.window);
                        let mut filter = Filter::new(spec.filter);
                        let samples = older.iter().chain(newer);
                        samples.map(move |&sample| filter.apply(sample))
                    };
                    pair::correlation(first, all(a), second, all(b), spec.window)
                }
                Across::Ratio(..) => pair::ratio(first, second, spec.floor),
            };
        }
    }
}

fn save(levels: &mut [f32], channel: usize, level: Level) {
    if let Some(place) = levels.as_chunks_mut::<LEVEL>().0.get_mut(channel) {
        *place = [level.pivot, level.offset, level.scale, level.square];
    }
}

fn level(levels: &[f32], channel: usize) -> Level {
    let kept = levels.as_chunks::<LEVEL>().0.get(channel);
    let &[pivot, offset, scale, square] = kept.unwrap_or(&[0.0; LEVEL]);
    Level {
        pivot,
        offset,
        scale,
        square,
    }
}
