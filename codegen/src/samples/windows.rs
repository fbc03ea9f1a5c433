//! From a table of samples to a table of features, window by window, by the engine's own extractor.

use std::fmt::Write as _;

use anyhow::bail;
use nvpico::features::{Features, Pushed};
use nvpico::spec::features::FeatureSpec;

use super::integers::sample_count;
use super::spec::SampleSpec;
use crate::data::{LeftOut, Table, Windows};

/// What an extractor is given.
enum Step<'a> {
    Gap,
    Sample(&'a [f32]),
}

/// What became of the samples.
#[derive(Default)]
struct Count {
    /// Samples in a window.
    used: usize,
    /// Stretches too short for a window.
    short: usize,
}

impl SampleSpec {
    /// The rows of features of a table of samples: of each window the features, the number of its last sample, and
    /// anomalous if one of its samples is. Features in integers are counts of `units`, and the rows hold their values.
    ///
    /// # Errors
    /// Samples that are too large, or too few for a window.
    pub fn windows(&self, samples: Table, units: Option<&[i32]>) -> anyhow::Result<Table> {
        if samples.columns != self.channels {
            bail!(
                "the samples have the channels {}; {} are expected",
                samples.columns.join(", "),
                self.channels.join(", ")
            );
        }
        let mut table = Table {
            columns: self.names(),
            labels: samples.labels.is_some().then(Vec::new),
            groups: samples.groups.is_some().then(Vec::new),
            source: samples.source.clone(),
            // Channels that are given come first, and so do their features.
            given: self.with(|spec| (0..samples.given).map(|own| spec.channel_len(own)).sum()),
            ..Table::default()
        };
        let mut counts = self.units.is_some().then(Vec::new);
        let starts = self.extract(&samples, units.unwrap_or(&[]), &mut table, counts.as_mut())?;
        self.count_left_out(&samples, &starts, &mut table);
        self.compare_rate(&samples, &mut table);
        if table.rows == 0 {
            bail!(
                "no window of {} samples: there are {} samples, the longest stretch without a gap has {}; take a shorter --window",
                self.window,
                samples.rows,
                longest(&samples)
            );
        }
        table.rate = (self.rate != Self::NO_RATE).then(|| f64::from(self.rate) / self.hop as f64);
        let follows = |pair: &[usize]| pair[1] - pair[0] == self.hop;
        let pairs = (1..).zip(starts.windows(2));
        let later = pairs.filter(|(_, pair)| !follows(pair)).map(|(at, _)| at);
        table.stretches = std::iter::once(0).chain(later).collect();
        let Table {
            values,
            skipped_columns,
            skipped_rows,
            said,
            left_out,
            overview,
            ..
        } = samples;
        table.said.splice(0..0, said);
        table.left_out.splice(0..0, left_out);
        Ok(Table {
            skipped_columns,
            skipped_rows,
            overview,
            windows: Some(Windows {
                samples: values,
                channels: self.channels.len(),
                window: self.window,
                starts,
                counts,
                units: units.unwrap_or_default().to_vec(),
            }),
            ..table
        })
    }

    /// The features of one window, a value a channel after the other; none of anything but a whole window of valid samples.
    #[must_use]
    pub fn features_of(&self, window: &[f32]) -> Vec<f32> {
        self.with(|spec| {
            let mut tables = vec![0.0; spec.table_len()];
            spec.fill_tables(&mut tables);
            let mut state = vec![0.0; spec.state_len()];
            let Ok(features) = Features::new(spec, &tables) else {
                return Vec::new();
            };
            let Ok(mut extractor) = features.extractor(&mut state) else {
                return Vec::new();
            };
            for sample in window.chunks(self.channels.len()) {
                let _ = extractor.push(sample);
            }
            extractor.finish().unwrap_or_default().to_vec()
        })
    }

    /// As [`features_of`](Self::features_of), in counts of `units`, for features in integers.
    #[must_use]
    pub fn counts_of(&self, window: &[f32], units: &[i32]) -> Vec<i32> {
        let samples = self.sample_counts(window);
        let counts = self.with_integers(units, |features| {
            let mut ring = vec![0; features.spec().integer_ring_len()];
            let mut state = vec![0; features.spec().integer_state_len()];
            let mut extractor = features.extractor(&mut ring, &mut state).ok()?;
            for sample in samples.chunks(self.channels.len()) {
                let _ = extractor.push(sample);
            }
            extractor.finish().map(<[i32]>::to_vec)
        });
        counts.ok().flatten().unwrap_or_default()
    }

    /// Adds a row for every window to the table, and its counts where features are in integers; where each window starts.
    fn extract(
        &self,
        samples: &Table,
        units: &[i32],
        table: &mut Table,
        counts: Option<&mut Vec<i32>>,
    ) -> anyhow::Result<Vec<usize>> {
        if let (Some(sample_units), Some(counts)) = (&self.units, counts) {
            return self.with_integers(units, |features| {
                let spec = features.spec();
                let mut ring = vec![0; spec.integer_ring_len()];
                let mut state = vec![0; spec.integer_state_len()];
                let mut extractor = features.extractor(&mut ring, &mut state)?;
                let mut counted = vec![0; sample_units.len()];
                let act = |step: Step<'_>| match step {
                    Step::Gap => {
                        extractor.gap();
                        (Pushed::Stored, None)
                    }
                    Step::Sample(sample) => {
                        let pairs = sample.iter().zip(sample_units);
                        for (count, (sample, unit)) in counted.iter_mut().zip(pairs) {
                            *count = sample_count(*sample, *unit);
                        }
                        let pushed = extractor.push(&counted);
                        let own = extractor.finish().map(|own| {
                            counts.extend_from_slice(own);
                            let values = own.iter().zip(units);
                            values
                                .map(|(c, unit)| (f64::from(*c) * 2.0_f64.powi(*unit)) as f32)
                                .collect()
                        });
                        (pushed, own)
                    }
                };
                self.walk(samples, table, act)
            })?;
        }
        self.with(|spec| {
            let mut tables = vec![0.0; spec.table_len()];
            spec.fill_tables(&mut tables);
            let features = Features::new(spec, &tables)?;
            let mut state = vec![0.0; spec.state_len()];
            let mut extractor = features.extractor(&mut state)?;
            let act = |step: Step<'_>| match step {
                Step::Gap => {
                    extractor.gap();
                    (Pushed::Stored, None)
                }
                Step::Sample(sample) => {
                    let pushed = extractor.push(sample);
                    (pushed, extractor.finish().map(<[f32]>::to_vec))
                }
            };
            self.walk(samples, table, act)
        })
    }

    /// Gives all samples and gaps to `act`, which returns the features of a window that is complete.
    fn walk(
        &self,
        samples: &Table,
        table: &mut Table,
        mut act: impl FnMut(Step<'_>) -> (Pushed, Option<Vec<f32>>),
    ) -> anyhow::Result<Vec<usize>> {
        let mut starts = Vec::new();
        let mut stretches = samples.stretches.iter().copied().peekable();
        // Rows of the table by file, in order.
        let ends: Vec<usize> = (samples.source.iter())
            .scan(0, |end, file| {
                *end += file.rows;
                Some(*end)
            })
            .collect();
        for file in &mut table.source {
            file.rows = 0;
        }
        for (at, sample) in samples.iter().enumerate() {
            if stretches.next_if_eq(&at).is_some() {
                let _ = act(Step::Gap);
            }
            let (pushed, own) = act(Step::Sample(sample));
            if pushed == Pushed::Invalid {
                bail!(
                    "row {}: a sample of a magnitude above {:e}, more than features can hold; check units and missing values",
                    samples.row_numbers[at],
                    FeatureSpec::LARGEST
                );
            }
            let Some(own) = own else { continue };
            let first = at + 1 - self.window;
            table.values.extend_from_slice(&own);
            table.row_numbers.push(samples.row_numbers[at]);
            if let (Some(labels), Some(all)) = (&mut table.labels, &samples.labels) {
                labels.push(all[first..=at].contains(&true));
            }
            if let (Some(groups), Some(all)) = (&mut table.groups, &samples.groups) {
                groups.push(all[at]);
            }
            let file = ends.partition_point(|end| *end <= at);
            if let Some(file) = table.source.get_mut(file) {
                file.rows += 1;
            }
            table.rows += 1;
            starts.push(first);
        }
        Ok(starts)
    }

    /// Says how many samples are in no window.
    fn count_left_out(&self, samples: &Table, starts: &[usize], table: &mut Table) {
        let mut count = Count::default();
        let mut end = 0;
        for &start in starts {
            count.used += start + self.window - end.max(start);
            end = start + self.window;
        }
        let mut bounds = samples.stretches.clone();
        bounds.push(samples.rows);
        let lengths = bounds.windows(2).map(|pair| pair[1] - pair[0]);
        count.short = lengths.filter(|length| *length < self.window).count();
        let unused = samples.rows - count.used;
        if unused == 0 {
            return;
        }
        let mut why = format!(
            "a window is {} samples in a row, every {} samples",
            self.window, self.hop
        );
        if count.short > 0 {
            let _ = write!(
                why,
                "; {} of {} stretches without a gap are shorter than a window",
                count.short,
                samples.stretches.len()
            );
        }
        table.left_out.push(LeftOut {
            what: "samples in no window".into(),
            count: unused as u64,
            why,
        });
    }

    /// Says where samples come at another rate than those of the model.
    fn compare_rate(&self, samples: &Table, table: &mut Table) {
        const TOLERANCE: f64 = 0.05;
        let wanted = f64::from(self.rate);
        let Some(rate) = samples.rate else { return };
        if ((rate - wanted) / wanted).abs() > TOLERANCE {
            table.said.push(format!(
                "the samples come at {rate:.6} Hz by their time or header, the features take them at {wanted:.6} Hz"
            ));
        }
    }
}

/// Samples of the longest stretch without a gap.
fn longest(samples: &Table) -> usize {
    let mut bounds = samples.stretches.clone();
    bounds.push(samples.rows);
    let lengths = bounds.windows(2).map(|pair| pair[1] - pair[0]);
    lengths.max().unwrap_or(0)
}
