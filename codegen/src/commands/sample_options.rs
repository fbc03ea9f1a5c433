//! The options of raw samples: windows, and the features of each.

use anyhow::bail;
use clap::Args;

use super::feature_search;
use crate::data::Table;
use crate::deploy::quantize;
use crate::detection::choice::Choice;
use crate::limits::{self, argument};
use crate::output::say;
use crate::precision::Precision;
use crate::samples::{
    FilterName, FramesName, Request, SampleSpec, TaperName, check_list, parse_frames, sample_units,
};

/// Raw samples instead of rows of features; `--window` is beside the other features.
#[derive(Debug, Clone, Default, Args)]
pub struct SampleOptions {
    /// Rows are raw samples: take these features of each window of them. A list such as rms,crest,bands:8, a preset (vibration,
    /// trend, raw, spectral), or CHANNEL=LIST for one channel; `search` compares windows and features by synthetic faults and takes the best; the model keeps it, and the chip computes the same bits
    #[arg(long, num_args = 1.., value_name = "LIST", value_parser = check_list)]
    pub features: Vec<String>,
    /// Samples from window to window [default: as many as a window has]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one), requires = "features")]
    pub hop: Option<usize>,
    /// Weights of the samples of a spectrum [default: none]
    #[arg(long, value_enum, value_name = "KIND", requires = "features")]
    pub taper: Option<TaperName>,
    /// Frame of a spectrum in samples, or mean:N:STEP and maximum:N:STEP over several [default: one as long as a window]
    #[arg(long, value_name = "N", value_parser = parse_frames, requires = "features")]
    pub frame: Option<(usize, FramesName)>,
    /// Butterworth filter in front of all features, of each window by itself: low:HZ or high:HZ, with an order of 2, 4, 6 or 8 behind
    /// it, such as low:20:6 [default: none; order 4]
    #[arg(long, value_name = "KIND:HZ", requires = "features")]
    pub filter: Option<FilterName>,
}

impl SampleOptions {
    /// What is missing or too much, which the attributes cannot say.
    pub(crate) fn wrong(&self, window: Option<usize>) -> Option<&'static str> {
        let searches = self.features.iter().any(|list| list == "search");
        if searches && self.features.len() > 1 {
            return Some("--features search stands alone: it compares lists of its own");
        }
        (self.is_some() && window.is_none() && !searches).then_some(
            "--features needs --window: how many samples make a window, such as --window 256",
        )
    }

    /// Whether rows are samples.
    pub(crate) fn is_some(&self) -> bool {
        !self.features.is_empty()
    }

    /// The samples as rows of features, with what was made of them. Where the model is meant for integers, so are the features.
    pub(crate) fn windows(
        &self,
        window: Option<usize>,
        samples: Table,
        precision: Precision,
        seed: u64,
    ) -> anyhow::Result<(SampleSpec, Table, Option<Choice>)> {
        if let (Some(filter), true) = (self.filter, precision != Precision::F32) {
            bail!(
                "--filter {filter} and --precision {precision}: features in integers have no filter; leave out one of the two"
            );
        }
        let mut request = Request {
            features: self.features.clone(),
            window,
            hop: self.hop,
            rate: None,
            taper: self.taper,
            frames: self.frame,
            filter: self.filter,
        };
        let mut choice = None;
        if request.is_search() {
            let found = feature_search::find(&samples, &request, seed)?;
            if let Some(best) = found.judged.first() {
                request.features.clone_from(&best.features);
                request.window = Some(best.window);
            }
            choice = Some(found);
        }
        let mut spec = request
            .resolve(&samples.columns, samples.rate)
            .map_err(anyhow::Error::msg)?;
        if samples.rate.is_none() {
            say!(
                "the files do not tell the rate of the samples; no feature needs it, --rate gives bands their frequencies"
            );
        }
        if precision == Precision::F32 {
            let table = windows(&spec, samples, None)?;
            return Ok((spec, table, choice));
        }
        // The features in floats tell in which units those in integers are to be counted.
        let units = quantize::units_of_columns(&spec.windows(samples.clone(), None)?);
        spec.units = Some(sample_units(&samples));
        spec.validate()?;
        let table = windows(&spec, samples, Some(&units))?;
        Ok((spec, table, choice))
    }
}

/// The samples as rows of features, which is said.
pub(crate) fn windows(
    spec: &SampleSpec,
    samples: Table,
    units: Option<&[i32]>,
) -> anyhow::Result<Table> {
    let (rows, before) = (samples.rows, samples.said.len());
    let table = spec.windows(samples, units)?;
    table.said[before..].iter().for_each(|text| say!("{text}"));
    let unused = table
        .left_out
        .last()
        .filter(|left| left.what.starts_with("samples"));
    let unused = unused.map_or_else(String::new, |left| {
        format!("; {} {} ({})", left.count, left.what, left.why)
    });
    say!(
        "{rows} samples of {} channels: {} windows of {}, {} features each{unused}",
        spec.channels.len(),
        table.rows,
        spec.window,
        table.dim()
    );
    Ok(table)
}
