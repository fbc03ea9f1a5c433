//! Checks that settings are in the ranges that [`limits`] defines.

use std::fmt::Display;

use super::Recipe;
use crate::limits::{self, Checked};

impl Recipe {
    /// Checks that every setting is in its range, wherever it comes from.
    ///
    /// # Errors
    /// A message that names the setting.
    pub fn check(&self) -> Result<(), String> {
        in_range("couplings", self.couplings, limits::parts)?;
        in_range("scales", self.scales, limits::parts)?;
        in_range("blocks", self.blocks, limits::parts)?;
        in_range("filters", self.filters, limits::parts)?;
        in_range("levels", self.levels, limits::levels)?;
        in_range("alpha", self.alpha, limits::alpha)?;
        for &width in self.hidden.iter().flatten() {
            in_range("hidden", Some(width), limits::parts)?;
        }
        in_range("clamp", self.clamp, limits::above_zero)?;
        in_range("leaky", self.leaky, limits::slope)?;
        in_range("nets", self.nets, |nets| {
            let good = (1..=2).contains(&nets);
            good.then_some(nets).ok_or("must be 1 or 2".into())
        })?;
        let momentum = self.batch_norm_momentum;
        in_range("batch-norm-momentum", momentum, limits::share_or_none)?;
        in_range("kernels", self.kernels, limits::kernels)?;
        in_range("epochs", self.epochs, limits::at_least_one)?;
        in_range("batch", self.batch, limits::at_least_one)?;
        in_range("learning-rate", self.learning_rate, limits::above_zero)?;
        in_range("l2", self.l2, limits::not_negative)?;
        in_range("clip", self.clip, limits::above_zero)?;
        in_range("noise", self.noise, limits::not_negative)?;
        in_range("patience", self.patience, limits::at_least_one)?;
        in_range("seed", self.seed, limits::seed)?;
        in_range("held-out", self.held_out, limits::share)?;
        in_range("folds", self.folds, limits::folds)?;
        let rate = self.false_alarm_rate;
        in_range("false-alarm-rate", rate, limits::share_or_none)
    }
}

/// Checks a setting, if it was made; an error names it.
fn in_range<T: Copy + Display>(
    name: &str,
    value: Option<T>,
    check: fn(T) -> Checked<T>,
) -> Result<(), String> {
    match value.map(|value| (value, check(value))) {
        Some((value, Err(must))) => Err(format!("{name} {must}, not {value}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let check = |text: &str| toml::from_str::<Recipe>(text).unwrap().check();
        assert_eq!(check("couplings = 4\nnoise = 0.0"), Ok(()));
        assert_eq!(
            check("clamp = 0.0"),
            Err("clamp must be above 0, not 0".into())
        );
        assert_eq!(
            check("hidden = [8, 0]"),
            Err("hidden must be from 1 to 100000, not 0".into())
        );
        assert!(check("nets = 3").is_err() && check("levels = 1").is_err());
    }
}
