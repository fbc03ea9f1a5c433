//! Rows that are samples: one after the other in time, but where the recording breaks off.

use super::error::{DataError, Fault};
use super::find::Index;
use super::frame::{Column, Frame};
use super::judge::Clock;

/// Windows of the samples of a table, one for each row of features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Windows {
    /// All samples, one after the other, a value a channel.
    pub samples: Vec<f32>,
    /// Channels of a sample.
    pub channels: usize,
    /// Samples in a window.
    pub window: usize,
    /// Number from 0 of the first sample of each window.
    pub starts: Vec<usize>,
    /// Of features in integers the counts that the rows stand for, row-major.
    pub counts: Option<Vec<i32>>,
    /// The unit of each column of the counts, an exponent of 2; empty without counts.
    pub units: Vec<i32>,
}

impl Windows {
    /// The samples of a window.
    ///
    /// # Panics
    /// If there are fewer windows.
    #[must_use]
    pub fn get(&self, index: usize) -> &[f32] {
        let first = self.starts[index] * self.channels;
        &self.samples[first..first + self.window * self.channels]
    }

    /// All windows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.starts.len()).map(|index| self.get(index))
    }
}

/// Makes rows of the times of an array of channels and times, N x channels x time: N recordings, one after the other.
pub(super) fn unfold(frame: &mut Frame) -> Result<(), DataError> {
    let Some([channels, height, times]) = frame.shape else {
        return Ok(());
    };
    if height != 1 {
        return Err(DataError::Format {
            path: frame.path.clone(),
            reason: "its rows are maps; samples are an array of rows and channels, or recordings with --layout ntc (recordings, time, \
                     channels) or nct"
                .into(),
        });
    }
    let rows = frame.rows;
    let mut old = std::mem::take(&mut frame.columns).into_iter();
    frame.columns = (0..channels)
        .map(|channel| {
            let of_times: Vec<Vec<f64>> = (old.by_ref().take(times))
                .map(|column| column.values)
                .collect();
            let mut column = Column::named(format!("c{channel}"));
            for row in 0..rows {
                for values in &of_times {
                    let value = values[row];
                    column.push(if value.is_finite() {
                        Ok(value)
                    } else {
                        Err(Fault::Missing(value.to_string()))
                    });
                }
            }
            column
        })
        .collect();
    let repeat = |count: usize| (0..rows).flat_map(move |row| std::iter::repeat_n(row, count));
    if let Some(labels) = &mut frame.labels {
        labels.cells.codes = repeat(times).map(|row| labels.cells.codes[row]).collect();
    }
    frame.places = repeat(times).map(|row| frame.places[row]).collect();
    frame.shape = None;
    frame.rows = rows * times;
    frame.total_rows = frame.rows;
    frame.positions = (0..frame.rows as u64).collect();
    frame.recording = Some(times);
    Ok(())
}

/// What tells whether a row is the sample after the row before.
pub(super) struct Continuity {
    clock: Option<Clock>,
}

impl Continuity {
    /// Of these files, by a column of times where they have one.
    pub fn of(frames: &[Frame], columns: &[String]) -> Self {
        let indexes: Vec<Index<'_>> = frames.iter().map(Index::of).collect();
        Self {
            clock: Clock::of(frames, &indexes, columns),
        }
    }

    /// Samples a second.
    pub fn rate(&self, frames: &[Frame]) -> Option<f64> {
        let header = frames.iter().find_map(|frame| frame.rate);
        let clock = self.clock.as_ref().filter(|clock| clock.in_seconds);
        header.or_else(|| clock.map(|clock| clock.step.recip()))
    }

    /// Whether a row of a file follows the one before it without a gap in time; `at` is its number among the rows of all files.
    pub fn follows(&self, frame: &Frame, row: usize, at: usize) -> bool {
        let begins = |times: usize| frame.positions[row].is_multiple_of(times as u64);
        !frame.recording.is_some_and(begins)
            && self.clock.as_ref().is_none_or(|clock| clock.follows(at))
    }
}
