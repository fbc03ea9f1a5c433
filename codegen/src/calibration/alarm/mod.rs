//! An alarm with a promise: charts of rarities whose limits are set by blocks of normal readings, and guards.
//!
//! Single readings cannot carry "one false alarm a week": there is no record that long, and neighbours are alike. Blocks can. A block is
//! much longer than the correlation and carries at most one alarm; the highest of n normal blocks promises, in 95 of 100 records, that at
//! most a share of `1 - 0.05^(1/n)` of further blocks is beyond it. What the record cannot carry is not promised.
//!
//! ```
//! use nvpico_codegen::calibration::{AlarmSettings, Record};
//!
//! // A day of readings, one in 10 s, that tell nothing of each other.
//! let log_probs: Vec<f32> = (0..8_640).map(|at| -((at * 7_919 % 8_640) as f32).sqrt()).collect();
//! let record = Record { log_probs: &log_probs, effective: 8_640.0, rate: Some(0.1), own: true };
//! let alarm = AlarmSettings::of(&record, None, Vec::new()).expect("a record");
//! // 3 over the length of the record, whatever the block.
//! let weekly = alarm.promised * 0.1 * 604_800.0;
//! assert!(weekly > 19.0 && weekly < 22.0);
//! ```

mod budget;
mod dwell;
mod guards;
mod limits;

use nvpico::detector::{Alarm, AlarmSpec, Chart, Decision, Quantile, QuantileTable, Value as _};
use serde::{Deserialize, Serialize};

pub use budget::{Budget, rate_words, time_words};
pub use dwell::{allow_dwell, dwell_limits};
pub use guards::GuardLimits;
use limits::{Track, limits, tail_estimate, upper_bound};

/// A bit of rarity in the engine's steps, and a bit of an average.
const BIT: f64 = 256.0;
const AVERAGE_BIT: f64 = 65_536.0;
/// The rarest quantile has at least so many rows below it.
const ROWS_BELOW: f64 = 8.0;
/// The likely end needs no rarer quantile.
const MOST_LIKELY: i32 = 8;
/// Averages over 1, 8, 32, ... readings, as far as a block is three times as long.
const SHIFTS: [u8; 6] = [0, 3, 5, 7, 9, 11];
/// As rare, at most, counts a reading in each, in bits.
const MOST: [f64; 6] = [64.0, 12.0, 8.0, 6.0, 5.0, 4.0];
/// Averages from this shift on can be too low.
const TWO_SIDED: u8 = 5;
/// A block is this many times as long as the correlation, a record has at least so many blocks, and no more than needed.
const CORRELATIONS: f64 = 20.0;
const LEAST_BLOCKS: usize = 20;
const MOST_BLOCKS: usize = 200;
/// No limit is nearer to 0, in bits.
const LEAST_LIMIT: f64 = 0.05;
/// One of so many blocks may decide: a limit among the usual ones would be no limit.
const MOST_RANK: usize = 10;

/// Log-densities of normal readings that the model did not see, in the order in which they were recorded.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// In nats.
    pub log_probs: &'a [f32],
    /// Independent readings that they stand for.
    pub effective: f64,
    /// Readings a second, where known.
    pub rate: Option<f64>,
    /// Whether the model itself scored them. Models of parts of the rows find normal readings less likely than the final one does, so
    /// what is too likely cannot be told by their scores.
    pub own: bool,
}

/// A chart's numbers, those of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartLimits {
    /// An average over about `2^shift` readings.
    pub shift: u8,
    /// A reading counts as no rarer than this, in steps of 2^-8 bit.
    pub most: i32,
    /// In steps of 2^-16 bit.
    pub upper: i32,
    /// In steps of 2^-16 bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<i32>,
}

impl ChartLimits {
    /// The engine's form.
    #[must_use]
    pub fn chart(&self) -> Chart {
        let chart = Chart::new(self.shift, self.most, self.upper);
        match self.lower {
            Some(lower) => chart.with_lower(lower),
            None => chart,
        }
    }
}

/// When an alarm is raised, and what that promises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmSettings {
    /// What was asked for; `None` for as few as the record carries.
    pub budget: Option<Budget>,
    /// Readings a second, where known.
    pub rate: Option<f64>,
    /// Readings of a block, within which a further alarm is the same one.
    pub hold_off: u32,
    /// Blocks of the record.
    pub blocks: usize,
    /// Correlations of the record in a block; with fewer than 20 the blocks tell of each other.
    pub correlations: f64,
    /// Which of them, from the highest, sets the limits.
    pub rank: usize,
    /// False alarms a reading that are exceeded in at most 5 of 100 records.
    pub promised: f64,
    /// False alarms a reading to be expected.
    pub expected: f64,
    /// The same by the tail of the blocks: an estimate, not a promise.
    pub estimated: f64,
    /// The charts.
    pub charts: Vec<ChartLimits>,
    /// The guards of the values; none for maps.
    pub guards: Vec<GuardLimits>,
    /// The largest share of the last readings that each component of the mixture may have, in the engine's steps; empty where none has a
    /// limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dwell: Vec<u16>,
}

impl AlarmSettings {
    /// From a record; `None` where it is too short for three blocks.
    #[must_use]
    pub fn of(
        record: &Record<'_>,
        budget: Option<Budget>,
        guards: Vec<GuardLimits>,
    ) -> Option<Self> {
        let rows = record.log_probs.len();
        let block = block(rows, record.effective);
        let sorted = super::ascending(record.log_probs);
        let table = RarityTable::of(&sorted)?;
        let mut charts = charts(block);
        let (averages, sides) = averages(&table, &charts, record)?;
        let blocks = rows / block;
        let asked = budget.or(record.rate.map(|_| Budget::WEEKLY));
        let asked = asked.and_then(|budget| budget.per_reading(record.rate));
        let bound = |rank: usize| upper_bound(rank, blocks) / block as f64;
        let most = (blocks / MOST_RANK).max(1);
        let rank = match asked {
            Some(asked) => (1..=most)
                .take_while(|rank| bound(*rank) <= asked)
                .last()
                .unwrap_or(1),
            None => 1,
        };
        let found = limits(&averages, block, rank)?;
        for (limit, side) in found.values.iter().zip(sides) {
            let steps = (limit.max(LEAST_LIMIT) * AVERAGE_BIT).min(f64::from(i32::MAX)) as i32;
            match side {
                Side::Upper(at) => charts[at].upper = steps,
                Side::Lower(at) => charts[at].lower = Some(-steps),
            }
        }
        // An average that cannot get beyond its limit is none.
        let single = charts[0];
        charts.retain(|chart| {
            chart.lower.is_some()
                || f64::from(chart.upper) < f64::from(chart.most) * (AVERAGE_BIT / BIT)
        });
        if charts.is_empty() {
            charts.push(single);
        }
        let score = found.scores[rank - 1];
        Some(Self {
            budget,
            rate: record.rate,
            hold_off: u32::try_from(block).unwrap_or(u32::MAX),
            blocks,
            correlations: block as f64 * record.effective.max(1.0) / rows as f64,
            rank,
            promised: bound(rank),
            expected: rank as f64 / (blocks as f64 + 1.0) / block as f64,
            estimated: tail_estimate(&found.scores, score) / block as f64,
            charts,
            guards,
            dwell: Vec::new(),
        })
    }

    /// False alarms a reading that were asked for, or one a week where the time of readings is known.
    #[must_use]
    pub fn asked(&self) -> Option<f64> {
        let budget = self.budget.or(self.rate.map(|_| Budget::WEEKLY));
        budget.and_then(|budget| budget.per_reading(self.rate))
    }

    /// Whether blocks are too short for the correlation.
    #[must_use]
    pub fn has_short_blocks(&self) -> bool {
        self.correlations < 0.95 * CORRELATIONS
    }

    /// Readings of a record that would carry what was asked for; `None` where this one does.
    #[must_use]
    pub fn readings_to_carry(&self) -> Option<f64> {
        let asked = self.asked().filter(|asked| *asked < self.promised)?;
        let share = (asked * f64::from(self.hold_off)).min(0.5);
        Some(libm::log(0.05) / libm::log1p(-share) * f64::from(self.hold_off))
    }

    /// The engine's charts.
    #[must_use]
    pub fn engine_charts(&self) -> Vec<Chart> {
        self.charts.iter().map(ChartLimits::chart).collect()
    }

    /// Whether the numbers can be those of an alarm.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self, dim: usize) -> Result<(), String> {
        let charts = self.engine_charts();
        let quantiles = [Quantile::new(0, 0)];
        let spec = AlarmSpec::new(QuantileTable::new(&quantiles, 1, 0), &charts, self.hold_off);
        let rates = [self.promised, self.expected, self.estimated];
        let rate = self.rate.is_none_or(|rate| rate > 0.0 && rate.is_finite());
        if Alarm::new(spec).is_err()
            || !rate
            || !rates.iter().all(|rate| (0.0..=1.0).contains(rate))
        {
            return Err("its alarm is damaged".into());
        }
        if !(self.guards.is_empty() || self.guards.len() == dim)
            || !self.guards.iter().all(GuardLimits::is_valid)
        {
            return Err("its guards are damaged".into());
        }
        Ok(())
    }
}

/// Readings of a block.
fn block(rows: usize, effective: f64) -> usize {
    let correlation = rows as f64 / effective.max(1.0);
    let wanted = (CORRELATIONS * correlation).ceil() as usize;
    wanted
        .max(rows / MOST_BLOCKS)
        .min(rows / LEAST_BLOCKS)
        .max(1)
}

/// Charts without limits, as long as a block lets them be.
fn charts(block: usize) -> Vec<ChartLimits> {
    let shifts = SHIFTS.iter().zip(MOST);
    let fitting = shifts.filter(|(shift, _)| **shift == 0 || 3 << **shift <= block);
    let chart = |(shift, most): (&u8, f64)| ChartLimits {
        shift: *shift,
        most: (most * BIT) as i32,
        upper: i32::MAX,
        lower: None,
    };
    fitting.map(chart).collect()
}

/// Which limit of which chart.
enum Side {
    Upper(usize),
    Lower(usize),
}

/// The averages of all charts over a record, by the engine, and which limit each is for.
fn averages(
    table: &RarityTable,
    charts: &[ChartLimits],
    record: &Record<'_>,
) -> Option<(Vec<Track>, Vec<Side>)> {
    let log_probs = record.log_probs;
    let own: Vec<Chart> = charts.iter().map(ChartLimits::chart).collect();
    let quantiles = table.quantiles();
    let mut alarm = Alarm::new(AlarmSpec::new(table.engine(&quantiles), &own, 1)).ok()?;
    let mut values = vec![Vec::with_capacity(log_probs.len()); charts.len()];
    for log_prob in log_probs {
        alarm.note(steps(*log_prob), Decision::Normal, None);
        for (values, average) in values.iter_mut().zip(alarm.averages()) {
            values.push(f64::from(average) / AVERAGE_BIT);
        }
    }
    let (mut tracks, mut sides) = (Vec::new(), Vec::new());
    for (at, (chart, values)) in charts.iter().zip(values).enumerate() {
        if record.own && chart.shift >= TWO_SIDED {
            tracks.push(Track {
                values: values.iter().map(|value| -value).collect(),
            });
            sides.push(Side::Lower(at));
        }
        tracks.push(Track { values });
        sides.push(Side::Upper(at));
    }
    Some((tracks, sides))
}

/// A log-density in the engine's steps of 2^-16 nat.
pub(crate) fn steps(log_prob: f32) -> i32 {
    log_prob.steps()
}

/// Quantiles of the log-densities of normal readings, a bit of rarity apart: the numbers of the engine's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RarityTable {
    /// Log-density in steps of 2^-16 nat, and how fast the rarity falls from there on.
    pub quantiles: Vec<(i32, u32)>,
    /// Rarity of the first, in bits.
    pub first: u8,
    /// How fast the rarity grows below it.
    pub tail: u32,
}

impl RarityTable {
    /// Of ascending log-densities; `None` without any.
    #[must_use]
    pub fn of(sorted: &[f32]) -> Option<Self> {
        let rows = Some(sorted.len()).filter(|rows| *rows > 0)?;
        let first = ((rows as f64 / ROWS_BELOW).max(1.0).log2().floor() as i32 - 1).max(1);
        let last = -first.min(MOST_LIKELY);
        let at = |rarity: i32| {
            let share = if rarity >= 0 {
                libm::exp2(-f64::from(rarity) - 1.0)
            } else {
                1.0 - libm::exp2(f64::from(rarity) - 1.0)
            };
            let rank = (share * (rows as f64 + 1.0)).floor() as usize;
            sorted.get(rank.clamp(1, rows) - 1).copied().map(steps)
        };
        let log_probs: Vec<i32> = (last..=first).rev().map(at).collect::<Option<_>>()?;
        let rate = |from: i32, to: i32, bits: f64| {
            let width = f64::from(to) - f64::from(from);
            (bits * 4_294_967_296.0 / width.max(1.0)).min(f64::from(u32::MAX)) as u32
        };
        let pairs = log_probs.windows(2).map(|pair| rate(pair[0], pair[1], 1.0));
        let mut rates: Vec<u32> = pairs.collect();
        rates.push(rates.last().copied()?);
        let end = log_probs.len().min(4) - 1;
        let tail = rate(log_probs[0], log_probs[end], end as f64);
        Some(Self {
            quantiles: log_probs.into_iter().zip(rates).collect(),
            first: u8::try_from(first).unwrap_or(u8::MAX),
            tail,
        })
    }

    /// The engine's quantiles.
    #[must_use]
    pub fn quantiles(&self) -> Vec<Quantile> {
        let own = self.quantiles.iter();
        own.map(|(log_prob, rate)| Quantile::new(*log_prob, *rate))
            .collect()
    }

    /// The engine's table of them.
    #[must_use]
    pub fn engine<'a>(&self, quantiles: &'a [Quantile]) -> QuantileTable<'a> {
        QuantileTable::new(quantiles, self.first, self.tail)
    }
}

#[cfg(test)]
mod tests;
