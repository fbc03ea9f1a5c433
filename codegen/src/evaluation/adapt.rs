//! What recalibration changes on a record, stretch by stretch.

use nvpico::detector::Decision;
use nvpico::detector::adapt::Learned;
use serde::Serialize;

use crate::deploy::adapt::Replayed;
use crate::metrics;
use crate::output;

/// Rows between two commissionings, or with one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Number of its first row in the record, from 1.
    pub first: usize,
    /// Number of its last row.
    pub last: usize,
    /// Whether its rows are labelled anomalous; `None` without labels.
    pub anomalous: Option<bool>,
    /// Rows at its start that a commissioning took; they are not judged.
    pub commissioning: usize,
    /// How that ended: `commissioned`, `refused`, or `None` if it did not.
    pub outcome: Option<&'static str>,
    /// Rows that are judged.
    pub judged: usize,
    /// Those of them that are not normal without recalibration.
    pub alarms_before: usize,
    /// Those of them that are not normal with it.
    pub alarms_after: usize,
    /// Number of the value that is moved the farthest at its end.
    #[serde(skip)]
    pub value: usize,
    /// How far it is moved, in standard deviations of the training rows.
    #[serde(serialize_with = "output::serialize_f32")]
    pub shift: f32,
}

/// Judged rows of a kind and how many of them are not normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowAlarms {
    /// Rows.
    pub rows: usize,
    /// Not normal without recalibration.
    pub before: usize,
    /// Not normal with it.
    pub after: usize,
}

/// What recalibration changes on a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdaptSummary {
    /// Rows of the record.
    pub rows: usize,
    /// Rows that commissionings took.
    pub commissioning: usize,
    /// Commissionings that found a place, and those that were refused.
    pub commissioned: usize,
    /// See `commissioned`.
    pub refused: usize,
    /// Normal rows: all, without labels.
    pub normal: RowAlarms,
    /// Rows that are labelled anomalous, judged or not.
    pub anomalous: RowAlarms,
    /// AUROC of the judged rows without recalibration; `null` without rows of both kinds.
    #[serde(serialize_with = "output::serialize_option")]
    pub auroc_before: Option<f64>,
    /// The same with it.
    #[serde(serialize_with = "output::serialize_option")]
    pub auroc_after: Option<f64>,
    /// The stretches.
    pub stretches: Vec<Stretch>,
}

/// Whether a decision counts as an alarm; a row that is not judged is none.
#[must_use]
pub fn is_alarm(decision: Option<Decision>) -> bool {
    match decision {
        None | Some(Decision::Normal | Decision::GivenOutOfRange(_)) => false,
        Some(Decision::Anomalous | Decision::OutOfRange(_) | Decision::Invalid) => true,
    }
}

impl RowAlarms {
    fn add(&mut self, row: &Replayed) {
        self.rows += 1;
        self.before += usize::from(is_alarm(row.decided_before));
        self.after += usize::from(is_alarm(row.decided));
    }

    /// Shares before and after; 0 without rows.
    #[must_use]
    pub fn shares(&self) -> [f64; 2] {
        [self.before, self.after].map(|own| own as f64 / self.rows.max(1) as f64)
    }
}

impl AdaptSummary {
    /// Of a replayed record, with its labels if it has any.
    #[must_use]
    pub fn of(rows: &[Replayed], labels: Option<&[bool]>) -> Self {
        let label = |at: usize| labels.and_then(|labels| labels.get(at).copied());
        let mut own = Self {
            rows: rows.len(),
            commissioning: 0,
            commissioned: 0,
            refused: 0,
            normal: RowAlarms::default(),
            anomalous: RowAlarms::default(),
            auroc_before: None,
            auroc_after: None,
            stretches: Vec::new(),
        };
        let mut judged: Vec<(usize, &Replayed)> = Vec::new();
        let mut was_commissioning = false;
        for (at, row) in rows.iter().enumerate() {
            let is_commissioning = row.learned.is_commissioning();
            let anomalous = label(at);
            let begins = own.stretches.last().is_none_or(|last| {
                is_commissioning && (row.asked || !was_commissioning) || last.anomalous != anomalous
            });
            if begins {
                own.stretches.push(Stretch {
                    first: at + 1,
                    last: at + 1,
                    anomalous,
                    commissioning: 0,
                    outcome: None,
                    judged: 0,
                    alarms_before: 0,
                    alarms_after: 0,
                    value: 0,
                    shift: 0.0,
                });
            }
            was_commissioning = is_commissioning;
            let Some(stretch) = own.stretches.last_mut() else {
                continue;
            };
            stretch.last = at + 1;
            (stretch.value, stretch.shift) = row.farthest;
            if matches!(row.learned, Learned::Commissioned | Learned::Refused) {
                stretch.outcome = Some(row.learned.as_str());
            }
            own.commissioned += usize::from(row.learned == Learned::Commissioned);
            own.refused += usize::from(row.learned == Learned::Refused);
            if anomalous == Some(true) {
                own.anomalous.add(row);
            }
            if is_commissioning {
                stretch.commissioning += 1;
                own.commissioning += 1;
            } else {
                stretch.judged += 1;
                stretch.alarms_before += usize::from(is_alarm(row.decided_before));
                stretch.alarms_after += usize::from(is_alarm(row.decided));
                if anomalous != Some(true) {
                    own.normal.add(row);
                }
                judged.push((at, row));
            }
        }
        if labels.is_some() {
            let kinds: Vec<bool> = judged
                .iter()
                .map(|(at, _)| label(*at) == Some(true))
                .collect();
            let of = |log_prob: fn(&Replayed) -> f32| {
                let values: Vec<f32> = judged.iter().map(|(_, row)| log_prob(row)).collect();
                metrics::auroc(&metrics::scores(&values), &kinds)
            };
            own.auroc_before = of(|row| row.before);
            own.auroc_after = of(|row| row.after);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(learned: Learned, before: Decision, after: Decision) -> Replayed {
        let log_prob = |decision| {
            if decision == Decision::Normal {
                -1.0
            } else {
                -9.0
            }
        };
        Replayed {
            before: log_prob(before),
            decided_before: Some(before),
            after: log_prob(after),
            decided: Some(after),
            learned,
            asked: learned == Learned::Settling,
            farthest: (1, 2.5),
        }
    }

    #[test]
    fn stretches_begin_at_commissionings_and_labels() {
        use Decision::{Anomalous, Normal};
        let rows = [
            row(Learned::Tracked, Normal, Normal),
            row(Learned::Settling, Anomalous, Anomalous),
            row(Learned::Commissioning, Anomalous, Anomalous),
            row(Learned::Commissioned, Anomalous, Anomalous),
            row(Learned::Tracked, Anomalous, Normal),
            row(Learned::Tracked, Anomalous, Normal),
            row(Learned::Tracked, Anomalous, Anomalous),
        ];
        let labels = [false, false, false, false, false, false, true];
        let own = AdaptSummary::of(&rows, Some(&labels));
        let bounds: Vec<_> = own
            .stretches
            .iter()
            .map(|own| (own.first, own.last))
            .collect();
        assert_eq!(bounds, [(1, 1), (2, 6), (7, 7)]);
        assert_eq!(own.stretches[1].outcome, Some("commissioned"));
        assert_eq!(
            (own.stretches[1].commissioning, own.stretches[1].judged),
            (3, 2)
        );
        assert_eq!(
            own.normal,
            RowAlarms {
                rows: 3,
                before: 2,
                after: 0
            }
        );
        assert_eq!(
            own.anomalous,
            RowAlarms {
                rows: 1,
                before: 1,
                after: 1
            }
        );
        assert_eq!(
            (own.auroc_before, own.auroc_after),
            (Some(2.0 / 3.0), Some(1.0))
        );
        assert_eq!(
            (own.commissioned, own.refused, own.commissioning),
            (1, 0, 3)
        );
        assert_eq!(AdaptSummary::of(&rows, None).auroc_after, None);
        assert!(!is_alarm(Some(Decision::GivenOutOfRange(0))) && is_alarm(Some(Decision::Invalid)));
    }
}
