//! What recalibration may do with a model: limits of every value, found on the rows it was trained on.

use nvpico::detector::adapt::{AdaptSpec, Adapter, Trace};
use serde::{Deserialize, Serialize};

use crate::data::Table;

/// More values than this get no limits: a map has as many as pixels.
const MOST_VALUES: usize = 512;
/// Fewer rows than this show no drift.
const LEAST_ROWS: usize = 20;
/// Blocks over which a drift is measured: a longer stretch than a block, so that noise averages out.
const BLOCKS: usize = 4;
/// Limits in standard deviations of the training rows.
const NEAR: f32 = 3.0;
const TRACK: f32 = 8.0;
const REACH: f32 = 64.0;
/// A witness of the sensor's position may go farther: it changes with every mounting.
const FREE: f32 = 1024.0;
/// The step of a witness that means a move, in its mean steps.
const MOVE: f32 = 16.0;
/// Commissionings of training rows may change by so much less than what is refused.
const ROOM: f32 = 1.1;

/// Limits and settings of recalibration, in the units of the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptation {
    /// Mean of each value.
    pub centre: Vec<f32>,
    /// Standard deviation of each value.
    pub deviation: Vec<f32>,
    /// Mean step from row to row.
    pub spread: Vec<f32>,
    /// How far each value drifts in a block at most.
    pub speed: Vec<f32>,
    /// A block farther off teaches nothing, in deviations.
    pub near: f32,
    /// How far slow tracking goes, in deviations.
    pub track: f32,
    /// How far a commissioning goes, in deviations.
    pub reach: f32,
    /// Values by which the position of the sensor is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<u16>,
    /// The first values, which are given.
    #[serde(default)]
    pub given: usize,
    /// Powers of two, and numbers of rows, as [`AdaptSpec`] has them.
    pub block: u8,
    /// See [`AdaptSpec::rate`].
    pub rate: u8,
    /// See [`AdaptSpec::smooth`].
    pub smooth: u8,
    /// See [`AdaptSpec::widen`].
    pub widen: u8,
    /// Rows of a commissioning.
    pub windows: u8,
    /// Rows in front of them.
    pub settle: u8,
    /// The largest change of half and of quarters in commissionings of the training rows, in spreads.
    pub steady: [f32; 2],
}

/// The limits of an [`AdaptSpec`] as it borrows them, in floats.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits<V> {
    /// As in [`AdaptSpec`], like the others.
    pub centre: Vec<V>,
    /// See [`AdaptSpec::spread`].
    pub spread: Vec<V>,
    /// See [`AdaptSpec::near`].
    pub near: Vec<V>,
    /// See [`AdaptSpec::speed`].
    pub speed: Vec<V>,
    /// See [`AdaptSpec::track`].
    pub track: Vec<V>,
    /// See [`AdaptSpec::reach`].
    pub reach: Vec<V>,
    /// See [`AdaptSpec::witnesses`].
    pub witnesses: Vec<(u16, V)>,
    /// See [`AdaptSpec::fraction`].
    pub fraction: u8,
}

impl<V: Copy> Limits<V> {
    /// The spec of an adapter with the settings of a model.
    #[must_use]
    pub fn spec(&self, own: &Adaptation) -> AdaptSpec<'_, V> {
        let steady = own
            .steady
            .map(|change| (change * ROOM * 256.0).ceil() as u32);
        let values = [
            &self.centre,
            &self.spread,
            &self.near,
            &self.speed,
            &self.track,
            &self.reach,
        ];
        AdaptSpec::new(values.map(Vec::as_slice))
            .with_witnesses(&self.witnesses)
            .with_fraction(self.fraction)
            .with_tracking(own.block, own.rate)
            .with_smoothing(own.smooth)
            .with_widening(own.widen)
            .with_commissioning(own.windows, own.settle)
            .with_steady(steady)
    }
}

impl Adaptation {
    /// The limits that rows (row-major, in the order of their recording) show; the first `given` values are left alone. `None` for too
    /// few rows, too many values, or numbers that are none.
    #[must_use]
    pub fn of(rows: &[f32], dim: usize, given: usize) -> Option<Self> {
        Self::of_stretch(rows, dim, given, 0..rows.len().checked_div(dim)?)
    }

    /// As [`of`](Self::of), of the rows of a table; how they move is that of its longest stretch without a gap.
    #[must_use]
    pub fn of_table(table: &Table) -> Option<Self> {
        let inner = table
            .stretches
            .iter()
            .copied()
            .filter(|at| *at > 0 && *at < table.rows);
        let starts = std::iter::once(0).chain(inner.clone());
        let ends = inner.chain([table.rows]);
        let stretches = starts.zip(ends).map(|(from, to)| from..to);
        let longest = stretches.max_by_key(ExactSizeIterator::len)?;
        let longest = Some(longest).filter(|own| own.len() >= LEAST_ROWS);
        let stretch = longest.unwrap_or(0..table.rows);
        Self::of_stretch(&table.values, table.dim(), table.given, stretch)
    }

    fn of_stretch(
        rows: &[f32],
        dim: usize,
        given: usize,
        stretch: std::ops::Range<usize>,
    ) -> Option<Self> {
        let count = rows.len().checked_div(dim)?;
        if count < LEAST_ROWS || dim > MOST_VALUES || rows.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut own = Self {
            centre: Vec::with_capacity(dim),
            deviation: Vec::with_capacity(dim),
            spread: Vec::with_capacity(dim),
            speed: Vec::with_capacity(dim),
            near: NEAR,
            track: TRACK,
            reach: REACH,
            witnesses: Vec::new(),
            given,
            block: 4,
            rate: 1,
            smooth: 0,
            widen: 5,
            windows: 8,
            settle: 2,
            steady: [f32::MAX; 2],
        };
        for at in 0..dim {
            let values = rows.iter().skip(at).step_by(dim);
            let values: Vec<f64> = values.copied().map(f64::from).collect();
            let mean = values.iter().sum::<f64>() / count as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
            let values = &values[stretch.clone()];
            let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let step = steps.sum::<f64>() / (values.len() - 1) as f64;
            let deviation = variance.sqrt();
            own.centre.push(mean as f32);
            own.deviation.push(deviation as f32);
            own.spread.push(step.max(deviation * 1e-3) as f32);
            own.speed.push(drift(values, 1 << own.block) as f32);
        }
        let spreads = own.deviation.iter().chain(&own.spread).chain(&own.centre);
        if spreads.clone().any(|value| !value.is_finite()) {
            return None;
        }
        own.find_steady(&rows[dim * stretch.start..dim * stretch.end]);
        Some(own)
    }

    /// Number of values.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.centre.len()
    }

    /// Values that are never moved: given ones, and those that were constant.
    fn is_free(&self, at: usize) -> bool {
        at >= self.given && self.deviation[at] > 0.0 && self.spread[at] > f32::MIN_POSITIVE
    }

    /// The limits in floats.
    #[must_use]
    pub fn floats(&self) -> Limits<f32> {
        let witness = |at: usize| self.witnesses.iter().any(|own| usize::from(*own) == at);
        let times = |factor: f32, far: f32| -> Vec<f32> {
            let values = self.deviation.iter().enumerate();
            values
                .map(|(at, deviation)| match (self.is_free(at), witness(at)) {
                    (false, _) => 0.0,
                    (true, true) => (far.max(factor) * deviation).min(1e30),
                    (true, false) => (factor * deviation).min(1e30),
                })
                .collect()
        };
        let spread = self.spread.iter().enumerate();
        Limits {
            centre: self.centre.clone(),
            spread: spread
                .map(|(at, spread)| if self.is_free(at) { *spread } else { 1.0 })
                .collect(),
            near: times(self.near, 0.0),
            speed: self.speed.clone(),
            track: times(self.track, 0.0),
            reach: times(self.reach, FREE),
            witnesses: self
                .witnesses
                .iter()
                .map(|at| (*at, MOVE * self.spread[usize::from(*at)]))
                .collect(),
            fraction: 0,
        }
    }

    /// Finds by how much commissionings of training rows change.
    fn find_steady(&mut self, rows: &[f32]) {
        let dim = self.dim();
        let limits = self.floats();
        let mut most = [0_u32; 2];
        let spec = AdaptSpec {
            settle: 0,
            widen: 15,
            ..limits.spec(self)
        };
        let Ok(mut adapter) = Adapter::new(spec, vec![Trace::default(); dim]) else {
            return;
        };
        // Half of each block is in the next: twice as many to see the extremes by.
        let windows = usize::from(self.windows);
        let all: Vec<&[f32]> = rows.chunks_exact(dim).collect();
        for block in all.windows(windows).step_by((windows / 2).max(1)) {
            adapter.reset();
            adapter.commission();
            for row in block {
                adapter.learn(row, true);
            }
            let [first, half, last] = adapter.changes();
            most = [most[0].max(half), most[1].max(first).max(last)];
        }
        self.steady = most.map(|most| most.max(64) as f32 / 256.0);
    }

    /// With another number of rows in a commissioning: means of more of them change less.
    #[must_use]
    pub fn with_windows(mut self, windows: u8) -> Self {
        let factor = (f32::from(self.windows) / f32::from(windows.max(1))).sqrt();
        self.steady = self.steady.map(|change| change * factor);
        self.windows = windows;
        self
    }

    /// Checks it for a model of so many values.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self, dim: usize) -> Result<(), String> {
        let lengths = [&self.centre, &self.deviation, &self.spread, &self.speed];
        if lengths.iter().any(|values| values.len() != dim) {
            return Err("its limits of recalibration are not one for each value".into());
        }
        if self.witnesses.iter().any(|at| usize::from(*at) >= dim) {
            return Err("a witness of its recalibration is none of its values".into());
        }
        let numbers = [self.near, self.track, self.reach];
        let numbers = numbers.iter().chain(&self.steady);
        let not_negative = [&self.deviation, &self.spread, &self.speed];
        if numbers
            .chain(not_negative.into_iter().flatten())
            .any(|value| !(value.is_finite() && *value >= 0.0))
        {
            return Err("its limits of recalibration are damaged".into());
        }
        let limits = self.floats();
        let checked = limits.spec(self).check(dim);
        checked.map_err(|error| format!("its recalibration: {error}"))
    }
}

/// How far a value drifts in a block of so many rows: the change over some blocks, less what chance makes of it.
fn drift(values: &[f64], block: usize) -> f64 {
    let means: Vec<f64> = values
        .chunks_exact(block)
        .map(|own| own.iter().sum::<f64>() / block as f64)
        .collect();
    if means.len() < 2 * BLOCKS {
        return 0.0;
    }
    let mean_square = |pairs: &mut dyn Iterator<Item = f64>| {
        let (count, sum) = pairs.fold((0.0, 0.0), |(n, sum), step| (n + 1.0, sum + step * step));
        sum / f64::max(count, 1.0)
    };
    let noise = mean_square(&mut values.windows(2).map(|pair| pair[1] - pair[0])) / 2.0;
    let ends = means.iter().zip(&means[BLOCKS..]);
    let change = mean_square(&mut ends.map(|(first, last)| last - first));
    (change - 2.0 * noise / block as f64).max(0.0).sqrt() / BLOCKS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slow wave, noise, a constant.
    fn rows(count: u32) -> Vec<f32> {
        let row = |at: u32| {
            let noise = (at * 7_919 % 1_009) as f32 / 1_009.0;
            [(at as f32 / 50.0).sin(), noise, 5.0]
        };
        (0..count).flat_map(row).collect()
    }

    #[test]
    fn limits_are_those_of_the_rows() {
        let own = Adaptation::of(&rows(600), 3, 0).unwrap();
        assert_eq!(own.validate(3), Ok(()));
        assert!((own.centre[2] - 5.0).abs() < 1e-6);
        // 16 rows of a wave of 314: at most 0.32; noise drifts by next to nothing.
        assert!((0.1..0.32).contains(&own.speed[0]), "{:?}", own.speed);
        assert!(own.speed[1] < 0.05, "{:?}", own.speed);
        let limits = own.floats();
        assert!(limits.reach[2] <= 0.0 && limits.track[2] <= 0.0);
        assert!((limits.reach[1] / own.deviation[1] - REACH).abs() < 1e-3);
        assert!(own.steady.iter().all(|change| (0.25..4.0).contains(change)));
        assert_eq!(Adaptation::of(&rows(10), 3, 0), None);
        assert_eq!(Adaptation::of(&[f32::NAN; 60], 3, 0), None);
    }

    #[test]
    fn given_values_are_left_alone() {
        let own = Adaptation::of(&rows(100), 3, 1).unwrap();
        let limits = own.floats();
        assert!(limits.reach[0] <= 0.0);
        assert!(limits.reach[1] > 0.0);
    }

    #[test]
    fn damage_is_seen() {
        let good = Adaptation::of(&rows(100), 3, 0).unwrap();
        let with = |change: &dyn Fn(&mut Adaptation)| {
            let mut own = good.clone();
            change(&mut own);
            own.validate(3)
        };
        assert!(with(&|own| own.centre.truncate(1)).is_err());
        assert!(with(&|own| own.witnesses.push(3)).is_err());
        assert!(with(&|own| own.windows = 7).is_err());
        assert!(with(&|own| own.reach = f32::NAN).is_err());
        assert!(with(&|own| own.spread[1] = -1.0).is_err());
        assert!(with(&|own| own.smooth = 3).is_err());
        assert_eq!(
            good.validate(2).unwrap_err(),
            "its limits of recalibration are not one for each value"
        );
    }
}
