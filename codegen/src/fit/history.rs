//! How a training went, in few enough epochs for a model file.

use nvpico::train::Epoch;

use crate::model::EpochLoss;

/// Epochs that are kept at most.
const MOST: usize = 200;

/// Epochs so far.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<EpochLoss>);

impl History {
    /// Takes note of an epoch. One that overflowed has no figures to show.
    pub fn note(&mut self, epoch: &Epoch) {
        let own = EpochLoss {
            epoch: epoch.epoch,
            train: epoch.train_log_prob as f32,
            held_out: epoch.held_out_log_prob as f32,
        };
        if own.train.is_finite() && own.held_out.is_finite() {
            self.0.push(own);
        }
    }

    /// The epochs, evenly thinned; the first and the last stay.
    #[must_use]
    pub fn into_epochs(self) -> Vec<EpochLoss> {
        let Self(all) = self;
        if all.len() <= MOST {
            return all;
        }
        let last = all.len() - 1;
        (0..MOST).map(|at| all[at * last / (MOST - 1)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: usize, train_log_prob: f64) -> Epoch {
        Epoch {
            epoch: number,
            train_log_prob,
            held_out_log_prob: -1.0,
            best: false,
            learning_rate: 0.001,
            skipped_batches: 0,
        }
    }

    #[test]
    fn a_long_training_is_thinned_and_keeps_its_ends() {
        let mut history = History::default();
        for number in 1..=1_000 {
            history.note(&epoch(number, 0.5));
        }
        history.note(&epoch(1_001, f64::NEG_INFINITY));
        let kept = history.into_epochs();
        assert_eq!(kept.len(), MOST);
        assert_eq!((kept[0].epoch, kept[MOST - 1].epoch), (1, 1_000));
        assert!(kept.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
    }
}
