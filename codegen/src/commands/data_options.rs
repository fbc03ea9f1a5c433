//! The options of every verb that reads data, and what is said of what was read.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::sample_options::{SampleOptions, windows};
use crate::data::{self, Layout, LeftOut, Missing, ReadOptions, Table, split_names};
use crate::detection::choice::Choice;
use crate::limits::{self, argument};
use crate::model::Model;
use crate::output::say;
use crate::precision::Precision;
use crate::samples::{SampleSpec, parse_rate};

/// Which rows and columns to read; the same for every verb that reads data.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// CSV (delimiter detected), .wav, .npy or .npz (arrays X and y; maps are N x height x width or N x channels x
    /// height x width); several files must have the same columns or the same shape
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// How to read the files
    #[command(flatten)]
    pub options: DataOptions,
}

/// How to read data files.
#[derive(Debug, Clone, Default, Args)]
pub struct DataOptions {
    /// Columns to use, in this order; all that hold readings by default. A name with a comma stands in double quotes
    #[arg(long, value_name = "NAMES", value_parser = names)]
    pub columns: Option<Names>,
    /// Columns to leave out
    #[arg(long, value_name = "NAMES", value_parser = names)]
    pub exclude: Option<Names>,
    /// Column that says which rows are anomalous (0/1, true/false, or 1/-1 as scikit-learn has it); never a feature
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Array of an .npz archive that holds the rows; X or the only one by default
    #[arg(long, value_name = "NAME")]
    pub array: Option<String>,
    /// Leave out rows with missing or bad cells, and say how many, instead of failing; at most this share of the rows
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "0.1",
        value_parser = share)]
    pub skip_bad: Option<f64>,
    /// Numbers that stand for a missing value, such as -999, or NAME=-999 for one column; `none` takes every number as
    /// a reading
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true, value_parser = missing)]
    pub missing: Option<MissingValues>,
    /// Axes of an array of three or four dimensions: nct (rows, channels, time), ntc, nhw, nchw or nhwc
    #[arg(long, value_name = "AXES", value_parser = layout)]
    pub layout: Option<Layout>,
    /// Rows a second, such as 1kHz; of raw samples, samples a second [default: by the time column or the file's header]
    #[arg(long, value_name = "HZ", value_parser = parse_rate)]
    pub rate: Option<f32>,
    /// Read numbers such as 1,5 as 1.5
    #[arg(long)]
    pub decimal_comma: bool,
    /// Delimiter of CSV files; detected by default
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
}

/// What features are made of columns; a model keeps it in the names of its features.
#[derive(Debug, Clone, Default, Args)]
pub struct FeatureOptions {
    /// Make each row a window of N consecutive rows: a feature for each reading of each column, or the --features of the window
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub window: Option<usize>,
    /// Columns to read as categories, such as an operating mode: a feature of 0 and 1 for each of their values
    #[arg(long, value_name = "NAMES", value_parser = names)]
    pub category: Option<Names>,
    /// Columns that are given, not judged, such as a speed that the machine was set to: what is normal depends on them. Any
    /// of them may be a --category
    #[arg(long, value_name = "NAMES", value_parser = names)]
    pub given: Option<Names>,
    /// Column that names the machine of each row: no machine's rows are both trained on and held out
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
}

impl FeatureOptions {
    pub(crate) fn apply(&self, options: ReadOptions) -> anyhow::Result<ReadOptions> {
        if let Some(length) = self.window.filter(|length| *length > LONGEST_WINDOW) {
            anyhow::bail!("--window {length}: at most {LONGEST_WINDOW} rows make a window");
        }
        Ok(ReadOptions {
            window: self.window,
            category: self.category.clone().unwrap_or_default().0,
            given: self.given.clone().unwrap_or_default().0,
            group: self.group.clone(),
            ..options
        })
    }
}

/// Longest window, in rows.
const LONGEST_WINDOW: usize = 4096;

/// Names of columns.
#[derive(Debug, Clone, Default)]
pub struct Names(pub Vec<String>);

/// Numbers that stand for a missing value.
#[derive(Debug, Clone, Default)]
pub struct MissingValues {
    pub(crate) values: Vec<Missing>,
    /// All others are readings.
    pub(crate) none: bool,
}

fn names(text: &str) -> Result<Names, String> {
    let names = split_names(text)?;
    if names.iter().any(String::is_empty) {
        return Err("a name is empty".into());
    }
    Ok(Names(names))
}

fn missing(text: &str) -> Result<MissingValues, String> {
    let mut found = MissingValues::default();
    for value in split_names(text)? {
        if value.eq_ignore_ascii_case("none") {
            found.none = true;
        } else {
            found.values.push(value.parse()?);
        }
    }
    Ok(found)
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 1 is expected, such as 0.2".into()),
    }
}

fn layout(text: &str) -> Result<Layout, String> {
    let named = |layout: &Layout| layout.name().eq_ignore_ascii_case(text);
    let found = Layout::ALL.into_iter().find(named);
    found.ok_or_else(|| "nct, ntc, nhw, nchw or nhwc is expected".into())
}

impl DataOptions {
    pub(crate) fn read_options(&self) -> anyhow::Result<ReadOptions> {
        let delimiter = self
            .delimiter
            .map(|c| u8::try_from(c).context("the delimiter must be one ASCII character"))
            .transpose()?;
        let missing = self.missing.clone().unwrap_or_default();
        Ok(ReadOptions {
            columns: self.columns.clone().map(|names| names.0),
            exclude: self.exclude.clone().unwrap_or_default().0,
            label: self.label.clone(),
            array: self.array.clone(),
            skip_bad: self.skip_bad,
            missing: missing.values,
            take_all: missing.none,
            samples: false,
            window: None,
            category: Vec::new(),
            given: Vec::new(),
            group: None,
            layout: self.layout,
            delimiter,
            header: None,
            decimal_comma: self.decimal_comma,
        })
    }

    /// Reads the columns of numbers.
    pub(crate) fn read(&self, files: &[PathBuf]) -> anyhow::Result<Table> {
        let options = self.read_options()?;
        let table = data::read(files, &options)?;
        report(&table);
        Ok(self.timed(table))
    }

    /// The rows a second as asked for.
    fn timed(&self, table: Table) -> Table {
        Table {
            rate: self.rate.map(f64::from).or(table.rate),
            ..table
        }
    }

    /// Reads files for training, raw samples as rows of features.
    pub(crate) fn read_training(
        &self,
        files: &[PathBuf],
        features: &FeatureOptions,
        samples: &SampleOptions,
        (precision, seed): (Precision, u64),
    ) -> anyhow::Result<(Table, Option<SampleSpec>, Option<Choice>)> {
        let mut options = features.apply(self.read_options()?)?;
        if samples.is_some() {
            if !options.category.is_empty() {
                anyhow::bail!(
                    "--category: a window of samples has no category; leave it out, or record one file for each"
                );
            }
            options.samples = true;
            options.window = None;
        }
        let table = self.timed(data::read(files, &options)?);
        report(&table);
        if !samples.is_some() {
            return Ok((table, None, None));
        }
        let (spec, table, choice) = samples.windows(features.window, table, precision, seed)?;
        Ok((table, Some(spec), choice))
    }

    /// Reads the columns that a model wants.
    pub(crate) fn read_for(&self, model: &Model, files: &[PathBuf]) -> anyhow::Result<Table> {
        let units = model.integer.as_ref().map(|parts| &parts.units[..]);
        self.read_same(
            &model.features(),
            model.header.samples.as_ref(),
            units,
            files,
        )
    }

    /// Reads these features, or the samples that they are features of.
    pub(crate) fn read_same(
        &self,
        features: &data::Features,
        samples: Option<&SampleSpec>,
        units: Option<&[i32]>,
        files: &[PathBuf],
    ) -> anyhow::Result<Table> {
        let mut options = self.read_options()?;
        let Some(spec) = samples else {
            let table = data::read_for(features, files, &options)?;
            report(&table);
            return Ok(self.timed(table));
        };
        options.samples = true;
        let table = data::read_for(&data::Features::named(&spec.channels), files, &options)?;
        report(&table);
        let table = self.timed(table);
        windows(spec, table, units)
    }
}

impl DataArgs {
    /// Reads the columns that a model wants.
    pub(crate) fn read_for(&self, model: &Model) -> anyhow::Result<Table> {
        self.options.read_for(model, &self.data)
    }
}

/// Says what was read otherwise than it stands, and what was left out.
pub(crate) fn report(table: &Table) {
    for said in &table.said {
        say!("{said}");
    }
    let rows = |left: &&LeftOut| left.what.starts_with("rows");
    let lost: u64 = table
        .left_out
        .iter()
        .filter(rows)
        .map(|left| left.count)
        .sum();
    for LeftOut { what, count, why } in &table.left_out {
        if what.starts_with("rows") {
            let all = table.rows as u64 + lost;
            say!("left out {count} of {all} {what}; {why}");
        } else if what.starts_with("column `") || what.starts_with("array ") {
            say!("left out {what}: {why}");
        } else {
            say!("left out {what} ({count}): {why}");
        }
    }
}

/// Drops rows labelled anomalous: a model is trained and calibrated on normal rows.
pub(super) fn normal_rows_only(mut table: Table) -> Table {
    let Some(labels) = table.labels.take() else {
        return table;
    };
    let dim = table.columns.len();
    let before = table.rows;
    let normal = |index: &usize| !labels[*index];
    table.values = (0..before)
        .filter(normal)
        .flat_map(|row| table.values[row * dim..(row + 1) * dim].to_vec())
        .collect();
    table.row_numbers = (0..before)
        .filter(normal)
        .map(|row| table.row_numbers[row])
        .collect();
    table.groups = table.groups.map(|groups| {
        let rows = (0..before).filter(normal);
        rows.map(|row| groups[row]).collect()
    });
    let mut kept = (0..before)
        .filter(normal)
        .scan(None, |last: &mut Option<usize>, row| {
            let lost = last.map_or(0, |last| last + 1)..row;
            *last = Some(row);
            Some((row, !lost.is_empty()))
        });
    let begins = |(row, after_a_gap): (usize, bool)| {
        after_a_gap || table.stretches.binary_search(&row).is_ok()
    };
    let stretches = (0..).zip(&mut kept).filter(|(_, row)| begins(*row));
    table.stretches = stretches.map(|(at, _)| at).collect();
    if let Some(windows) = &mut table.windows {
        let starts = (0..before).filter(normal).map(|row| windows.starts[row]);
        windows.starts = starts.collect();
        if let Some(counts) = &mut windows.counts {
            let rows = (0..before).filter(normal);
            *counts = rows
                .flat_map(|row| counts[row * dim..(row + 1) * dim].to_vec())
                .collect();
        }
    }
    table.rows = table.row_numbers.len();
    if table.rows < before {
        say!("left out {} rows labelled anomalous", before - table.rows);
        table.left_out.push(LeftOut {
            what: "rows labelled anomalous".into(),
            count: (before - table.rows) as u64,
            why: "only normal rows train and calibrate a model".into(),
        });
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_missing_values() {
        let found = missing("-999,temp=85, none").expect("a list");
        assert!(found.none);
        assert_eq!(found.values[0].value.to_bits(), (-999f64).to_bits());
        assert_eq!(found.values[1].column.as_deref(), Some("temp"));
        for wrong in ["x", "1,inf", "--skip-bad", "a="] {
            assert!(missing(wrong).is_err(), "{wrong}");
        }
        assert!(names("a,,b").is_err() && share("1.5").is_err() && layout("nhcw").is_err());
    }
}
