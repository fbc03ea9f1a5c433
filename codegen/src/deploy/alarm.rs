//! The alarm of a model in one precision, and what it would have said of a record: by the engine's own code.

use nvpico::detector::{
    Alarm, AlarmEvent, AlarmMemory, AlarmSpec, Chart, Decision, Dwell, GuardSpec, GuardState,
    Guards, Quantile, flags,
};

use super::quantize::Quantized;
use super::{Engine, Ready, ScoredTable};
use crate::calibration::{GuardLimits, RarityTable, steps};
use crate::data::Table;
use crate::harness::verify::digest;

/// An alarm as the engine takes it.
#[derive(Clone, Debug)]
pub struct ReadyAlarm {
    /// Quantiles of the log-densities of normal rows in this precision.
    pub table: RarityTable,
    quantiles: Vec<Quantile>,
    charts: Vec<Chart>,
    hold_off: u32,
    /// The guards; none for maps.
    pub guards: ReadyGuards,
    /// Limits of the components.
    dwell: [u16; MOST_COMPONENTS],
}

/// Guards in the values of the engine.
#[derive(Clone, Debug)]
pub enum ReadyGuards {
    /// In the unit of the data.
    Float(Vec<GuardSpec<f32>>),
    /// In counts.
    Integer(Vec<GuardSpec<i32>>),
}

/// What an alarm made of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    /// Rarity in steps of 2^-8 bit; `None` for a row that is not judged.
    pub rarity: Option<i32>,
    /// Whether the alarm is on.
    pub is_on: bool,
    /// What changed.
    pub event: Option<AlarmEvent>,
    /// Digest of the averages.
    pub evidence: u32,
    decision: Decision,
}

impl AlarmRow {
    /// What the firmware's program `watch` writes of a row: the rarity, decision and alarm with its event, a digest of the averages.
    #[must_use]
    pub fn words(&self) -> [u32; 3] {
        [
            self.rarity.unwrap_or(i32::MIN).cast_unsigned(),
            flags(self.decision, self.is_on, self.event),
            self.evidence,
        ]
    }
}

impl ReadyAlarm {
    /// The engine's form.
    #[must_use]
    pub fn spec(&self) -> AlarmSpec<'_> {
        let table = self.table.engine(&self.quantiles);
        AlarmSpec::new(table, &self.charts, self.hold_off)
    }
}

/// The engine numbers no more components.
const MOST_COMPONENTS: usize = 255;

/// Limits of all components that there can be.
fn dwell(limits: &[u16]) -> [u16; MOST_COMPONENTS] {
    let mut all = [Dwell::<1>::NO_LIMIT; MOST_COMPONENTS];
    for (own, limit) in all.iter_mut().zip(limits) {
        *own = *limit;
    }
    all
}

/// The limits of a guard in counts of `2^unit`, no narrower than in the unit of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedGuard {
    /// Lowest and highest value that was seen.
    pub seen: [i32; 2],
    /// The least sum of changes.
    pub quiet: Option<i32>,
    /// The largest change.
    pub jump: Option<i32>,
}

impl CountedGuard {
    /// Of limits in the unit of the data.
    #[must_use]
    pub fn of(limits: &GuardLimits, unit: i32) -> Self {
        let step = 2.0_f64.powi(unit);
        let counted = |value: f64| value.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
        let quiet = limits.quiet.map(|least| (f64::from(least) / step).floor());
        Self {
            seen: limits
                .seen
                .map(|value| nvpico::integer::count(value, unit).unwrap_or_default()),
            quiet: quiet.filter(|least| *least > QUIET_COUNTS).map(counted),
            jump: limits
                .jump
                .map(|most| counted((f64::from(most) / step).ceil() + 1.0)),
        }
    }
}

/// A limit of so few counts is rounding.
const QUIET_COUNTS: f64 = 32.0;

/// A guard without its numbers of repeats, which have no unit.
fn guard<V: Copy>(
    limits: &GuardLimits,
    seen: [V; 2],
    quiet: Option<V>,
    jump: Option<V>,
) -> GuardSpec<V> {
    let mut spec = GuardSpec::none();
    if let Some(most) = limits.repeats {
        spec = spec.with_repeats(most);
    }
    if let Some(most) = limits.at_limit {
        spec = spec.with_limits(seen, most);
    }
    if let Some(least) = quiet {
        spec = spec.with_quiet(least);
    }
    if let Some(most) = jump {
        spec = spec.with_jump(most);
    }
    spec
}

impl ReadyGuards {
    fn of(limits: &[GuardLimits], engine: &Engine) -> Self {
        match engine {
            Engine::Float(_) => Self::Float(
                (limits.iter())
                    .map(|own| guard(own, own.seen, own.quiet, own.jump))
                    .collect(),
            ),
            Engine::Integer(quantized) => {
                let pairs = limits.iter().zip(&quantized.units);
                let counted = pairs.map(|(own, unit)| {
                    let counted = CountedGuard::of(own, *unit);
                    guard(own, counted.seen, counted.quiet, counted.jump)
                });
                Self::Integer(counted.collect())
            }
        }
    }
}

/// Guards at work.
enum Watching<'a> {
    Float(&'a [GuardSpec<f32>], Vec<GuardState<f32>>),
    Integer(&'a [GuardSpec<i32>], Vec<GuardState<i32>>, &'a Quantized),
}

impl Ready<'_> {
    /// The alarm in this precision; `None` for a model that has none.
    #[must_use]
    pub fn alarm(&self) -> Option<ReadyAlarm> {
        let settings = self.model.header.alarm.as_ref()?;
        let table = RarityTable::of(self.calibration())?;
        Some(ReadyAlarm {
            quantiles: table.quantiles(),
            table,
            charts: settings.engine_charts(),
            hold_off: settings.hold_off,
            guards: ReadyGuards::of(&settings.guards, &self.engine),
            dwell: dwell(&settings.dwell),
        })
    }

    /// What the alarm would have said of the rows of a table, in their order. Evidence begins anew behind each of the rows in
    /// `repaired`, as somebody acknowledged the alarm there. `None` for a model without an alarm.
    #[must_use]
    pub fn replay(&self, table: &Table, repaired: &[usize]) -> Option<Vec<AlarmRow>> {
        self.replay_scored(table, &self.scored(table), repaired)
    }

    /// As [`replay`](Self::replay), of rows that were scored.
    #[must_use]
    pub fn replay_scored(
        &self,
        table: &Table,
        scored: &ScoredTable,
        repaired: &[usize],
    ) -> Option<Vec<AlarmRow>> {
        let ready = self.alarm()?;
        let judge = self.judge();
        let ScoredTable { scores, log_probs } = scored;
        let counts = table.windows.as_ref().and_then(|own| own.counts.as_ref());
        let mut watching = match (&ready.guards, &self.engine) {
            (ReadyGuards::Float(specs), _) => {
                Watching::Float(specs, vec![GuardState::new(); specs.len()])
            }
            (ReadyGuards::Integer(specs), Engine::Integer(quantized)) => {
                Watching::Integer(specs, vec![GuardState::new(); specs.len()], quantized)
            }
            (ReadyGuards::Integer(_), Engine::Float(_)) => return None,
        };
        let mut alarm = Alarm::new(ready.spec()).ok()?;
        let (mut guards, mut dwell) = (Guards::new(), Dwell::new());
        let dim = table.dim();
        let mut found = Vec::with_capacity(table.rows);
        for (at, row) in table.iter().enumerate() {
            if table.stretches.binary_search(&at).is_ok() {
                guards.gap();
                dwell.gap();
            }
            let decision = judge.decide(row, &scores[at]).unwrap_or(Decision::Normal);
            let said = if decision == Decision::Invalid {
                guards.gap();
                None
            } else {
                let component = scores[at].as_ref().ok().and_then(|score| score.component);
                let dwells = dwell.note(&ready.dwell, component);
                let said = match &mut watching {
                    Watching::Float(specs, states) => guards.note(specs, states, row),
                    Watching::Integer(specs, states, quantized) => {
                        let own = match counts {
                            Some(counts) => Some(counts[at * dim..(at + 1) * dim].to_vec()),
                            None => quantized.counts(row),
                        };
                        own.and_then(|own| guards.note(specs, states, &own))
                    }
                };
                said.or(dwells)
            };
            let state = alarm.note(log_probs[at], decision, said);
            found.push(AlarmRow {
                rarity: state.rarity,
                is_on: state.is_on,
                event: state.event,
                evidence: digest(alarm.averages().map(i32::cast_unsigned)),
                decision,
            });
            if repaired.binary_search(&at).is_ok() {
                alarm.reset();
                guards.gap();
                dwell.gap();
            }
        }
        Some(found)
    }

    /// What the alarm makes of a reading, in words, after it remembered this, what it remembers then, and the log-density; without
    /// guards, which remember more. `None` for a model without an alarm.
    #[must_use]
    pub fn alarm_after(
        &self,
        memory: AlarmMemory,
        words: &[u32],
    ) -> Option<(AlarmRow, AlarmMemory, i32)> {
        let ready = self.alarm()?;
        let mut alarm = Alarm::new(ready.spec()).ok()?;
        alarm.resume(memory);
        let row = self.values_of(words);
        let score = self.score(&row).into_iter().next()?;
        let log_prob = match &self.engine {
            Engine::Float(_) => score.map_or(i32::MIN, |score| steps(score.log_prob)),
            Engine::Integer(quantized) => {
                let counts: Vec<i32> = words.iter().map(|word| word.cast_signed()).collect();
                let scores = quantized.integer_scores(&counts);
                scores
                    .into_iter()
                    .next()?
                    .map_or(i32::MIN, |score| score.log_prob)
            }
        };
        let decision = self
            .judge()
            .decide(&row, &score)
            .unwrap_or(Decision::Normal);
        let state = alarm.note(log_prob, decision, None);
        let row = AlarmRow {
            rarity: state.rarity,
            is_on: state.is_on,
            event: state.event,
            evidence: digest(alarm.averages().map(i32::cast_unsigned)),
            decision,
        };
        Some((row, alarm.memory(), log_prob))
    }

    /// The values of a reading in the unit of the data, of the words that the chip has of it.
    #[must_use]
    pub fn values_of(&self, words: &[u32]) -> Vec<f32> {
        match &self.engine {
            Engine::Float(_) => words.iter().map(|word| f32::from_bits(*word)).collect(),
            Engine::Integer(quantized) => {
                let pairs = words.iter().zip(&quantized.units);
                let value = |(word, unit): (&u32, &i32)| {
                    (f64::from(word.cast_signed()) * 2.0_f64.powi(*unit)) as f32
                };
                pairs.map(value).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Method;
    use crate::model::{Model, small_model};
    use crate::precision::Precision;
    use nvpico::detector::{Cause, Guard};

    /// Rows of two values that never repeat.
    fn table(rows: usize) -> Table {
        let value = |at: usize| ((at * 7_919 % 1_009) as f32 / 1_009.0) - 0.5;
        Table {
            columns: vec!["a".into(), "b".into()],
            rows,
            values: (0..2 * rows).map(value).collect(),
            stretches: vec![0],
            row_numbers: (1..=rows as u64).collect(),
            ..Table::default()
        }
    }

    fn model(normal: &Table) -> Model {
        let mut model = small_model();
        model.find_ranges(&normal.values);
        model.note_values(&normal.values);
        let scores = model.scores_of(&normal.values).unwrap();
        model.calibrate_by(&scores, 0.01, Method::GivenRows);
        model.set_alarm(&scores.floats, normal, None);
        assert_eq!(model.validate(), Ok(()));
        model
    }

    #[test]
    fn a_normal_record_raises_nothing_and_faults_are_found_in_every_precision() {
        let normal = table(1_000);
        let model = model(&normal);
        for precision in [Precision::F32, Precision::I16, Precision::I8] {
            let ready = model.ready(Some(precision)).unwrap();
            let found = ready.replay(&normal, &[]).unwrap();
            assert!(found.iter().all(|row| row.event.is_none()), "{precision}");
            // The second value sticks.
            let mut faulty = table(200);
            for row in 100..200 {
                faulty.values[2 * row + 1] = faulty.values[201];
            }
            let found = ready.replay(&faulty, &[]).unwrap();
            let at = found.iter().position(|row| row.event.is_some()).unwrap();
            assert!((108..112).contains(&at), "{precision}: {at}");
            let Some(AlarmEvent::Raised(Cause::Guard(Guard::Stuck(1)), _)) = found[at].event else {
                panic!("{precision}: {:?}", found[at]);
            };
            // Somebody mends it.
            let found = ready.replay(&faulty, &[150]).unwrap();
            assert!(found[150].is_on && !found[151].is_on);
        }
    }

    #[test]
    fn guards_in_counts_are_no_narrower() {
        let limits = GuardLimits {
            repeats: Some(9),
            seen: [-1.45, 3.2],
            at_limit: None,
            quiet: Some(10.3),
            jump: Some(1.01),
        };
        let counted = CountedGuard::of(&limits, -2);
        assert_eq!(
            counted,
            CountedGuard {
                seen: [-5, 12],
                quiet: Some(41),
                jump: Some(6)
            }
        );
        // A unit so coarse that the sum is its rounding.
        assert_eq!(CountedGuard::of(&limits, 0).quiet, None);
    }
}
