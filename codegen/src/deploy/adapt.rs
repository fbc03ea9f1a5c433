//! What a chip that recalibrates would have done with a record: the engine's own code, reading by reading.

use nvpico::detector::Decision;
use nvpico::detector::adapt::{Adapter, Learned, Number, Trace};

use super::quantize::{self, Quantized};
use super::{Engine, Judge, Ready};
use crate::data::Table;
use crate::model::{Adaptation, Limits};

/// A row before and after recalibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replayed {
    /// Log-density of the row as it is, in nats; -inf for an invalid one.
    pub before: f32,
    /// The decision on it; `None` for a valid row without a threshold.
    pub decided_before: Option<Decision>,
    /// Log-density of the row moved back.
    pub after: f32,
    /// The decision on that.
    pub decided: Option<Decision>,
    /// What the row taught.
    pub learned: Learned,
    /// A commissioning was asked for in front of this row.
    pub asked: bool,
    /// Of the value that is moved the farthest its number and the shift, in its deviations.
    pub farthest: (usize, f32),
}

/// A replayed record.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Its rows.
    pub rows: Vec<Replayed>,
    /// The shift of each value in the end, in its unit.
    pub shifts: Vec<f32>,
    /// By how much the spread of each value is wider than in training.
    pub widened: Vec<f32>,
}

/// Replays a record; a commissioning is asked for in front of the rows with the numbers in `asked`, from 0.
///
/// # Errors
/// None for limits that were validated.
pub fn replay(
    ready: &Ready<'_>,
    limits: &Adaptation,
    table: &Table,
    asked: &[usize],
) -> anyhow::Result<Replay> {
    let judge = ready.judge();
    match &ready.engine {
        Engine::Float(deployed) => {
            let floats = limits.floats();
            let judge = |row: &[f32]| {
                let score = deployed.score(row).remove(0);
                let log_prob = score.map_or(f32::NEG_INFINITY, |score| score.log_prob);
                (log_prob, judge.decide(row, &score))
            };
            let rows = table.iter().map(<[f32]>::to_vec);
            run(limits, &floats, rows, asked, &judge)
        }
        Engine::Integer(own) => {
            let counted = counted(limits, own);
            let judge = |row: &[i32]| judge_counts(own, &judge, row);
            let of_windows = table.windows.as_ref().and_then(|own| own.counts.as_ref());
            let rows = table.iter().enumerate().map(|(at, row)| {
                let counts = of_windows.and_then(|all| all.chunks_exact(own.units.len()).nth(at));
                let counts = counts.map(<[i32]>::to_vec).or_else(|| own.counts(row));
                // What is not finite has no counts, and the chip never sees it: an empty row teaches nothing.
                counts.unwrap_or_default()
            });
            let mut found = run(limits, &counted, rows, asked, &judge)?;
            for (shift, unit) in found.shifts.iter_mut().zip(&own.units) {
                *shift *= 2_f32.powi(*unit);
            }
            Ok(found)
        }
    }
}

fn judge_counts(own: &Quantized, judge: &Judge<'_>, row: &[i32]) -> (f32, Option<Decision>) {
    let score = own.integer_scores(row).pop();
    let score = score.and_then(Result::ok).map(quantize::to_floats);
    let log_prob = score.map_or(f32::NEG_INFINITY, |score| score.log_prob);
    let decided = score.map_or(Some(Decision::Invalid), |score| {
        judge.decide_counts(row, &score)
    });
    (log_prob, decided)
}

/// What judges a row: its log-density in nats, and the decision.
type JudgeRow<'a, V> = dyn Fn(&[V]) -> (f32, Option<Decision>) + 'a;

fn run<V: Number + Wide>(
    own: &Adaptation,
    limits: &Limits<V>,
    rows: impl Iterator<Item = Vec<V>>,
    asked: &[usize],
    judge: &JudgeRow<'_, V>,
) -> anyhow::Result<Replay> {
    let dim = own.dim();
    let fine = 2_f32.powi(-i32::from(limits.fraction));
    let mut adapter = Adapter::new(limits.spec(own), vec![Trace::default(); dim])?;
    let mut moved = vec![V::ZERO; dim];
    let mut found = Vec::new();
    for (at, row) in rows.enumerate() {
        let is_asked = asked.contains(&at);
        if is_asked {
            adapter.commission();
        }
        if row.len() != dim {
            adapter.learn(&row, false);
            found.push(Replayed {
                before: f32::NEG_INFINITY,
                decided_before: Some(Decision::Invalid),
                after: f32::NEG_INFINITY,
                decided: Some(Decision::Invalid),
                learned: Learned::Nothing,
                asked: is_asked,
                farthest: (0, 0.0),
            });
            continue;
        }
        adapter.apply(&row, &mut moved);
        let (before, decided_before) = judge(&row);
        let (after, decided) = judge(&moved);
        let learned = adapter.learn(&row, decided == Some(Decision::Normal));
        let shifts = adapter.traces().iter().zip(&limits.spread).zip(&own.spread);
        // A spread is known in both units.
        let deviations = shifts
            .zip(&own.deviation)
            .map(|(((trace, spread), step), deviation)| {
                if *deviation > 0.0 {
                    trace.shift().wide() / spread.wide() * step / deviation
                } else {
                    0.0
                }
            });
        let farthest = deviations
            .enumerate()
            .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
        found.push(Replayed {
            before,
            decided_before,
            after,
            decided,
            learned,
            asked: is_asked,
            farthest: farthest.unwrap_or((0, 0.0)),
        });
    }
    let traces = adapter.traces();
    Ok(Replay {
        rows: found,
        shifts: traces.iter().map(|own| own.shift().wide() * fine).collect(),
        widened: (traces.iter().zip(&limits.spread))
            .map(|(own, spread)| (own.spread().wide() / spread.wide()).max(1.0))
            .collect(),
    })
}

/// A number as a float, to show.
trait Wide {
    fn wide(self) -> f32;
}

impl Wide for f32 {
    fn wide(self) -> f32 {
        self
    }
}

impl Wide for i32 {
    fn wide(self) -> f32 {
        self as f32
    }
}

/// The limits in counts.
#[must_use]
pub fn counted(limits: &Adaptation, quantized: &Quantized) -> Limits<i32> {
    let floats = limits.floats();
    let units = &quantized.units;
    let count = |value: f32, unit: i32| (f64::from(value) * 2_f64.powi(-unit)).round();
    let all = [&floats.near, &floats.track, &floats.reach];
    let largest = all
        .iter()
        .flat_map(|values| values.iter().zip(units))
        .map(|(value, unit)| count(*value, *unit))
        .fold(1.0, f64::max);
    // Twice the largest limit is below 2^30.
    let fraction = (28.0 - largest.log2().ceil()).clamp(0.0, 15.0) as u8;
    let fine = 2_f64.powi(i32::from(fraction));
    let limit = |value: f32, unit: i32| {
        ((f64::from(value) * 2_f64.powi(-unit) * fine).round()).min(f64::from(1_i32 << 29)) as i32
    };
    let of = |values: &[f32]| -> Vec<i32> {
        let values = values.iter().zip(units);
        values.map(|(value, unit)| limit(*value, *unit)).collect()
    };
    let centre = floats.centre.iter().zip(units);
    Limits {
        centre: centre
            .map(|(value, unit)| count(*value, *unit) as i32)
            .collect(),
        spread: of(&floats.spread)
            .into_iter()
            .map(|own| own.max(1))
            .collect(),
        near: of(&floats.near),
        speed: of(&floats.speed),
        track: of(&floats.track),
        reach: of(&floats.reach),
        witnesses: floats
            .witnesses
            .iter()
            .map(|(at, step)| (*at, limit(*step, units[usize::from(*at)])))
            .collect(),
        fraction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Method;
    use crate::model::{Model, small_model};
    use crate::precision::Precision;

    fn noise(at: u32) -> [f32; 2] {
        let own = |prime: u32| (at * prime % 1_009) as f32 / 1_009.0 - 0.5;
        [own(7_919), own(104_729)]
    }

    fn model() -> Model {
        let rows: Vec<f32> = (0..400).flat_map(noise).collect();
        let mut model = small_model();
        model.note_values(&rows);
        model.find_ranges(&rows);
        model.calibrate_on(&rows, 0.01, Method::GivenRows).unwrap();
        model.header.adaptation = Adaptation::of(&rows, 2, 0);
        model
    }

    /// Normal rows, then the same moved by three.
    fn record() -> Table {
        let rows = 0..200_u32;
        let values =
            rows.flat_map(|at| noise(at + 1_000).map(|x| if at >= 60 { x + 3.0 } else { x }));
        Table {
            columns: vec!["a".into(), "b".into()],
            rows: 200,
            values: values.collect(),
            row_numbers: (1..=200).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn a_commissioning_brings_false_alarms_down_in_every_precision() {
        let model = model();
        let limits = model.header.adaptation.clone().unwrap();
        for precision in [Precision::F32, Precision::I16, Precision::I8] {
            let ready = model.ready(Some(precision)).unwrap();
            let found = replay(&ready, &limits, &record(), &[60]).unwrap();
            let normal = |rows: &[Replayed], after: bool| {
                let own = rows.iter().filter(|row| {
                    (if after {
                        row.decided
                    } else {
                        row.decided_before
                    }) == Some(Decision::Normal)
                });
                own.count()
            };
            assert_eq!(found.rows[69].learned, Learned::Commissioned);
            assert_eq!(normal(&found.rows[70..], false), 0, "{precision}");
            assert!(normal(&found.rows[70..], true) > 112, "{precision}");
            assert!(found.rows[60].asked && !found.rows[61].asked);
            for shift in found.shifts {
                assert!((shift - 3.0).abs() < 0.4, "{precision}: {shift}");
            }
        }
    }

    #[test]
    fn nothing_is_moved_far_without_being_asked() {
        let model = model();
        let limits = model.header.adaptation.clone().unwrap();
        let ready = model.ready(Some(Precision::F32)).unwrap();
        let found = replay(&ready, &limits, &record(), &[]).unwrap();
        let normal = found.rows[60..]
            .iter()
            .filter(|row| row.decided == Some(Decision::Normal));
        assert_eq!(normal.count(), 0);
    }
}
