//! The options of recalibration.

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::model::{Adaptation, Model};

/// Settings of recalibration that take the place of the model's.
#[derive(Debug, Clone, Default, Args)]
pub struct AdaptOptions {
    /// Commission in front of the first row. N is the number of rows of each commissioning, a multiple of 4 [default: the model's]
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = false, default_missing_value = "0")]
    pub(super) commission: Option<u8>,
    /// Values by which a move of the sensor is seen, such as the mean acceleration of each axis: a step of 16 mean steps starts a
    /// commissioning; none
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) witness: Vec<String>,
    /// Score the mean of so many rows
    #[arg(long, value_enum, value_name = "ROWS")]
    pub(super) smooth: Option<Smooth>,
    /// Other limits: near, track and reach in standard deviations, widen as a power of two, steady in spreads, settle in rows, such as
    /// track=4,reach=32
    #[arg(long, value_name = "NAME=NUMBER", value_delimiter = ',', value_parser = limit)]
    pub(super) limits: Vec<(String, f32)>,
}

/// Rows that a scored mean is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Smooth {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    #[value(name = "4")]
    Four,
}

const LIMITS: [&str; 6] = ["near", "track", "reach", "widen", "steady", "settle"];

fn limit(text: &str) -> Result<(String, f32), String> {
    let (name, number) = text
        .split_once('=')
        .ok_or_else(|| format!("a name and a number are expected, such as {}=4", LIMITS[1]))?;
    if !LIMITS.contains(&name) {
        return Err(format!("{name:?} is none of {}", LIMITS.join(", ")));
    }
    // Readings to wait for, and a power of two: whole numbers.
    let most = match name {
        "settle" => 255.0,
        "widen" => 15.0,
        _ => 1e6,
    };
    let is_whole = most < 1e6;
    match number.parse::<f32>() {
        Ok(own) if (0.0..=most).contains(&own) && !(is_whole && own.fract() > 0.0) => {
            Ok((name.into(), own))
        }
        _ => Err(format!(
            "{name}: a {}number from 0 to {most} is expected, found {number:?}",
            if is_whole { "whole " } else { "" }
        )),
    }
}

impl AdaptOptions {
    /// These, with witnesses and means of 4 rows where nothing was asked about them.
    pub(crate) fn or(&self, witnesses: Vec<String>) -> Self {
        let mut own = self.clone();
        if own.witness.is_empty() {
            own.witness = witnesses;
        }
        own.smooth = own.smooth.or(Some(Smooth::Four));
        own
    }

    /// The model's settings with these in their place.
    ///
    /// # Errors
    /// A model without limits, a witness that it does not have, settings out of range.
    pub(crate) fn applied(&self, model: &Model) -> anyhow::Result<Adaptation> {
        let Some(mut own) = model.header.adaptation.clone() else {
            bail!(
                "the model holds no limits of recalibration: train it again with this version, on a table of at least 20 rows; an \
                 imported model and one of maps have none"
            );
        };
        if let Some(windows) = self.commission.filter(|windows| *windows > 0) {
            own = own.with_windows(windows);
        }
        let columns = &model.header.columns;
        if !self.witness.is_empty() {
            own.witnesses.clear();
        }
        for name in self.witness.iter().filter(|name| *name != "none") {
            let at = columns.iter().position(|column| column == name);
            let Some(at) = at.and_then(|at| u16::try_from(at).ok()) else {
                bail!(
                    "--witness {name}: the model has no such value; it has {}",
                    columns.join(", ")
                );
            };
            own.witnesses.push(at);
        }
        if let Some(smooth) = self.smooth {
            own.smooth = match smooth {
                Smooth::One => 0,
                Smooth::Two => 1,
                Smooth::Four => 2,
            };
        }
        for (name, number) in &self.limits {
            match name.as_str() {
                "near" => own.near = *number,
                "track" => own.track = *number,
                "reach" => own.reach = *number,
                "widen" => own.widen = *number as u8,
                "steady" => own.steady = [*number; 2],
                _ => own.settle = *number as u8,
            }
        }
        own.validate(columns.len()).map_err(anyhow::Error::msg)?;
        Ok(own)
    }
}
