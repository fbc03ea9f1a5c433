//! Scores row by row.

use nvpico::Score;
use nvpico::detector::Decision;
use serde::{Serialize, Serializer};

use super::alarms::{Change, change};
use super::blame::{Blame, BlamedColumn};
use crate::data::Table;
use crate::deploy::Ready;
use crate::output;

/// The decision on a row with a given value outside what was seen.
pub const NOT_JUDGED: &str = "given_out_of_range";

/// A row's score; the names are those of `--json`. What an invalid row does not have is `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowScore {
    /// Number of the row in its file, from 1.
    pub row: u64,
    /// Log-density, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub log_prob: Option<f32>,
    /// Squared norm of the latent.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub z_norm_sq: Option<f32>,
    /// Log-determinant, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub log_det: Option<f32>,
    /// Share of the calibration rows that are at most as likely; `None` without calibration.
    pub p_value: Option<f64>,
    /// `normal`, `anomalous`, `given_out_of_range` (not judged) or `invalid`; `None` for a valid row without a threshold.
    pub decision: Option<&'static str>,
    /// The first feature that lies far outside the range of the training rows: then the row is anomalous, however likely; or
    /// a given one outside what was seen: then it is not judged.
    pub out_of_range: Option<String>,
    /// Rarity of the row in bits: `-log2(2 p)` for the p-value p up to 1/2, `log2(2 (1 - p))` beyond; `None` where the row is not judged, or
    /// the model has no alarm.
    pub rarity: Option<f64>,
    /// Whether the alarm is on after the row; `None` for a model without one.
    pub alarm: Option<bool>,
    /// What changed: `raised`, `resumed` or `cleared`, and why.
    pub event: Option<String>,
    /// Of a model of counts, `Some(None)` for an invalid row; absent for any other model.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_bits"
    )]
    pub bits_per_dimension: Option<Option<f64>>,
    /// With `--blame`, what is to blame for a row that is not normal; empty for any other row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blamed: Option<Vec<BlamedColumn>>,
}

/// Scores every row of a table.
#[must_use]
pub fn score_rows(ready: &Ready<'_>, table: &Table) -> Vec<RowScore> {
    let scored = ready.scored(table);
    let judge = ready.judge();
    let decisions = table.iter().zip(&scored.scores).map(|(row, score)| {
        let decision = judge.decide(row, score);
        (score.ok(), decision)
    });
    let rows = decisions.zip(&table.row_numbers);
    let mut rows: Vec<RowScore> = rows
        .map(|((score, decision), number)| RowScore::new(ready, *number, score, decision))
        .collect();
    let replayed = ready.replay_scored(table, &scored, &[]);
    for (row, own) in rows.iter_mut().zip(replayed.unwrap_or_default()) {
        row.rarity = own.rarity.map(|rarity| f64::from(rarity) / 256.0);
        row.alarm = Some(own.is_on);
        row.event = own.event.map(|event| {
            let Change { event, cause, .. } = change(ready.model, row.row, event);
            cause.map_or_else(|| event.to_owned(), |cause| format!("{event}: {cause}"))
        });
    }
    rows
}

/// Adds to scores of all rows of a table what is to blame for those that are not normal.
pub fn blame_rows(blame: &Blame<'_>, scores: &mut [RowScore]) {
    let is_blamed = |row: &RowScore| {
        let normal = Decision::Normal.as_str();
        row.decision
            .is_some_and(|own| own != normal && own != NOT_JUDGED)
    };
    let rows: Vec<usize> = (0..scores.len())
        .filter(|&row| is_blamed(&scores[row]))
        .collect();
    for score in scores.iter_mut() {
        score.blamed = Some(Vec::new());
    }
    for (row, blamed) in rows.iter().zip(blame.rows(&rows)) {
        scores[*row].blamed = Some(blamed);
    }
}

impl RowScore {
    fn new(ready: &Ready<'_>, row: u64, score: Option<Score>, decision: Option<Decision>) -> Self {
        let model = ready.model;
        let out_of_range = match decision {
            Some(Decision::OutOfRange(value) | Decision::GivenOutOfRange(value)) => {
                model.header.columns.get(usize::from(value))
            }
            _ => None,
        };
        let log_prob = score.map(|score| score.log_prob);
        let bits = log_prob.and_then(|log_prob| model.bits_per_dimension(f64::from(log_prob)));
        Self {
            row,
            log_prob,
            z_norm_sq: score.map(|score| score.z_norm_sq),
            log_det: score.map(|score| score.log_det),
            p_value: log_prob.and_then(|log_prob| ready.p_value(log_prob)),
            decision: decision.map(|decision| match decision {
                Decision::OutOfRange(_) => Decision::Anomalous.as_str(),
                Decision::GivenOutOfRange(_) => NOT_JUDGED,
                other => other.as_str(),
            }),
            out_of_range: out_of_range.cloned(),
            rarity: None,
            alarm: None,
            event: None,
            bits_per_dimension: model.levels().map(|_| bits),
            blamed: None,
        }
    }
}

#[allow(
    clippy::option_option,
    clippy::ref_option,
    reason = "serde hands over the field"
)]
fn serialize_bits<S: Serializer>(bits: &Option<Option<f64>>, to: S) -> Result<S::Ok, S::Error> {
    output::serialize_option(&bits.flatten(), to)
}
