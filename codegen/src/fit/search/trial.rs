//! A budget, the models tried within it, and the choice between them.

use serde::Serialize;

use crate::deploy::cost::Cost;
use crate::output;
use crate::precision::Precision;

/// A model whose AUROC is lower than the best one by more than this is not chosen, whatever its log-density.
const DETECTION: f64 = 0.01;

/// Log-densities that differ by no more than this, in nats, count as equal.
const NEXT_TO: f64 = 0.02;

/// What a score may cost. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// Bytes of flash that engine and model add.
    pub flash: Option<u64>,
    /// Bytes of RAM that they add, workspace and stack.
    pub ram: Option<u64>,
    /// Cycles of a score.
    pub cycles: Option<u64>,
}

impl Budget {
    /// Whether a cost is within the budget, with a margin for estimates: a tenth of the engine's code and of the
    /// stack, a twentieth of the cycles.
    #[must_use]
    pub fn allows(&self, cost: &Cost) -> bool {
        let code = cost.flash_bytes.saturating_sub(cost.parameter_bytes);
        let flash = cost.flash_bytes + code / 10;
        let ram = cost.static_ram_bytes + cost.stack_bytes + cost.stack_bytes / 10;
        let within = |limit: Option<u64>, value: u64| limit.is_none_or(|limit| value <= limit);
        within(self.flash, flash as u64)
            && within(self.ram, ram as u64)
            && within(self.cycles, cost.cycles + cost.cycles / 20)
    }
}

/// A structure in a precision. The names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Couplings; of maps, in a row.
    pub couplings: usize,
    /// Hidden layers, of a vector model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// Channels inside the networks, of a model for maps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<usize>,
    /// The arithmetic.
    pub precision: Precision,
    /// What a score costs.
    pub cost: Cost,
    /// Whether the cost is within the budget; models that do not fit were not trained.
    pub fits: bool,
    /// Mean log-density of held-out rows, in nats; `null` where it was not trained.
    #[serde(serialize_with = "output::serialize_option")]
    pub held_out_log_prob: Option<f64>,
    /// Area under the ROC curve, held-out rows against synthetic outliers.
    #[serde(serialize_with = "output::serialize_option")]
    pub outlier_auroc: Option<f64>,
    /// Whether it was chosen.
    pub chosen: bool,
}

impl Trial {
    /// A short description of the structure, as `6 x 32-32`.
    #[must_use]
    pub fn structure(&self) -> String {
        let inside = match (&self.hidden, self.filters) {
            (Some(hidden), _) => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                widths.join("-")
            }
            (None, Some(filters)) => format!("{filters} filters"),
            (None, None) => String::new(),
        };
        format!("{} x {inside}", self.couplings)
    }

    /// Bytes of RAM.
    #[must_use]
    pub fn ram(&self) -> usize {
        self.cost.static_ram_bytes + self.cost.stack_bytes
    }
}

/// Among those that detect outliers nearly as well as the best, and whose log-density is about the highest of these,
/// the one that takes the least flash.
pub(super) fn best(trials: &[Trial]) -> Option<usize> {
    let judged = || trials.iter().enumerate().filter(|(_, trial)| trial.fits);
    let highest = judged().filter_map(|(_, trial)| trial.outlier_auroc);
    let highest = highest.fold(f64::NEG_INFINITY, f64::max);
    let sees = |trial: &Trial| {
        trial
            .outlier_auroc
            .is_none_or(|own| own >= highest - DETECTION)
    };
    let log_prob = |trial: &Trial| trial.held_out_log_prob.unwrap_or(f64::NEG_INFINITY);
    let densest = judged()
        .filter(|(_, trial)| sees(trial))
        .map(|(_, trial)| log_prob(trial));
    let densest = densest.fold(f64::NEG_INFINITY, f64::max);
    judged()
        .filter(|(_, trial)| sees(trial) && log_prob(trial) >= densest - NEXT_TO)
        .min_by_key(|(_, trial)| trial.cost.flash_bytes)
        .map(|(index, _)| index)
}

/// The lowest of each cost.
pub(super) fn smallest(trials: &[Trial]) -> String {
    let least = |of: &dyn Fn(&Trial) -> u64| trials.iter().map(of).min().unwrap_or_default();
    format!(
        "the smallest need {} bytes of flash, {} bytes of RAM and {} cycles, not all the same model",
        least(&|t| t.cost.flash_bytes as u64),
        least(&|t| t.ram() as u64),
        least(&|t| t.cost.cycles)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::cost::CycleSource;

    fn trial(flash: usize, log_prob: f64, auroc: f64) -> Trial {
        Trial {
            couplings: 4,
            hidden: Some(vec![16, 16]),
            filters: None,
            precision: Precision::I8,
            cost: Cost {
                parameter_bytes: 100,
                flash_bytes: flash,
                static_ram_bytes: 100,
                stack_bytes: 300,
                multiply_accumulates: 1000,
                instructions: 5000,
                cycles: 7000,
                cycle_source: CycleSource::Mix,
            },
            fits: true,
            held_out_log_prob: Some(log_prob),
            outlier_auroc: Some(auroc),
            chosen: false,
        }
    }

    #[test]
    fn a_budget_counts_stack_as_ram() {
        let own = trial(1000, 0.0, 0.9);
        let ram = |limit| Budget {
            ram: Some(limit),
            ..Budget::default()
        };
        // 100 of workspace, 300 of stack and a tenth of that.
        assert!(ram(430).allows(&own.cost) && !ram(429).allows(&own.cost));
        assert_eq!(own.structure(), "4 x 16-16");
    }

    #[test]
    fn a_blind_model_is_not_taken() {
        let trials = [
            trial(1, 3.0, 0.80),
            trial(2, 1.0, 0.90),
            trial(3, 2.0, 0.895),
        ];
        assert_eq!(best(&trials), Some(2));
        assert!(smallest(&trials).contains("need 1 bytes of flash"));
    }
}
