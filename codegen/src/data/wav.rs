//! Plain audio: `.wav`, whole numbers of 8 to 32 bits or floats. Full scale is 1.

use std::io::Cursor;
use std::path::Path;

use hound::{SampleFormat, WavReader};

use super::error::{DataError, Place};
use super::frame::{Column, Frame, finite};

/// Whether these are the first bytes of a `.wav` file, or all of them.
pub(super) fn is_wav(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE")
}

/// Reads a `.wav` file: a column a channel, `c0`, `c1` and so on.
pub(super) fn read(path: &Path, bytes: &[u8], sha256: String) -> Result<Frame, DataError> {
    let wrong = |reason: String| DataError::Format {
        path: path.into(),
        reason,
    };
    let damaged = |error: hound::Error| {
        wrong(format!(
            "is not a readable .wav file ({error}); uncompressed samples are needed"
        ))
    };
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(damaged)?;
    let format = reader.spec();
    let channels = usize::from(format.channels).max(1);
    // No more than there are bytes, whatever the header says.
    let rows = (reader.duration() as usize).min(bytes.len() / channels);
    let mut columns: Vec<Column> = (0..channels)
        .map(|channel| Column::named(format!("c{channel}")))
        .collect();
    for column in &mut columns {
        column.values.reserve_exact(rows);
    }
    let mut add = |at: usize, value: f64| {
        columns[at % channels].push(finite(value, || value.to_string()));
    };
    match format.sample_format {
        SampleFormat::Float => {
            for (at, sample) in reader.samples::<f32>().enumerate() {
                add(at, f64::from(sample.map_err(damaged)?));
            }
        }
        SampleFormat::Int => {
            let full = 2.0_f64.powi(i32::from(format.bits_per_sample) - 1);
            for (at, sample) in reader.samples::<i32>().enumerate() {
                add(at, f64::from(sample.map_err(damaged)?) / full);
            }
        }
    }
    let rows = columns.iter().map(|column| column.values.len()).min();
    let rows = rows.unwrap_or(0);
    if rows == 0 {
        return Err(wrong("holds no samples".into()));
    }
    for column in &mut columns {
        column.values.truncate(rows);
    }
    Ok(Frame {
        path: path.into(),
        sha256,
        columns,
        rows,
        positions: (0..rows as u64).collect(),
        places: (1..=rows as u64).map(Place::Row).collect(),
        total_rows: rows,
        rate: Some(f64::from(format.sample_rate)),
        ..Frame::default()
    })
}
