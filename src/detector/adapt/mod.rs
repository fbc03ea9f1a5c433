//! Recalibration on the chip: a machine ages, and a sensor is mounted anew.
//!
//! An [`Adapter`] stands between the readings and the density. It moves each value back to where the model expects it:
//! `x' = centre + (x - centre - shift) * gain`, with a shift and a gain for every value. What it may learn is bounded by an
//! [`AdaptSpec`] that is made with the model:
//!
//! - *Tracking* goes on all the time and is slow: a value moves by at most its `speed` in a block of readings, as fast as it drifted
//!   while normal rows were recorded, and stays within `track` of where it was found. A block that lies farther off than `near`
//!   teaches nothing. A value that did not drift in training does not drift here.
//! - *Commissioning* is fast, and happens on request ([`Adapter::commission`]) after the sensor was mounted, or when a witness saw the
//!   sensor move. Some readings are waited for, then the mean of the next ones is the new place of every value, within `reach` of the
//!   centre, and their spread, up to `2^widen` times that in training, narrows the gain. Readings that change on the way, such as by
//!   a fault that begins, are refused: all stays as it was.
//!
//! A witness tells where the sensor is, not how the machine is: it is scored as if it lay at its centre. A reading that is not finite
//! teaches nothing. [`Adapter::reset`] goes back to the model as it was trained.
//!
//! ```
//! use nvpico::detector::adapt::{AdaptSpec, Adapter, Learned};
//!
//! const SPEC: AdaptSpec<'static> = AdaptSpec::new([
//!     &[20.0, 1.0],  // centre
//!     &[0.5, 0.1],   // spread
//!     &[2.0, 0.4],   // near
//!     &[0.01, 0.0],  // speed
//!     &[1.0, 0.0],   // track
//!     &[10.0, 0.5],  // reach
//! ])
//! .with_commissioning(4, 0)
//! .with_steady([400, 400]);
//! let mut adapter = Adapter::new(SPEC, [Default::default(); 2])?;
//! adapter.commission();
//! let mut x = [0.0; 2];
//! for reading in [[23.0, 1.0], [23.2, 1.1], [22.9, 1.0], [23.1, 1.1]] {
//!     adapter.apply(&reading, &mut x);
//!     adapter.learn(&reading, true);
//! }
//! assert_eq!(adapter.last(), Learned::Commissioned);
//! adapter.apply(&[23.05, 1.05], &mut x);
//! assert!((x[0] - 20.0).abs() < 0.01 && (x[1] - 1.0).abs() < 0.01);
//! # Ok::<(), nvpico::detector::adapt::AdaptError>(())
//! ```

mod kept;
mod learned;
mod number;
mod restore;
mod spec;
mod state;

pub use kept::Kept;
pub use learned::Learned;
pub use number::Number;
pub use spec::{AdaptError, AdaptSpec};
pub use state::Trace;

use number::MOST_SHARE;

/// Bits by which the spread follows each normal reading.
const SPREAD_RATE: u8 = 5;

/// Recalibrates readings within limits. `T` holds a [`Trace`] for each value: an array on the chip, a `Vec` on the desktop.
#[derive(Clone, Debug)]
pub struct Adapter<'a, V, T> {
    spec: AdaptSpec<'a, V>,
    traces: T,
    /// Readings of the block that tracks.
    in_block: u8,
    /// Where the next reading goes in the means that are scored.
    at: u8,
    /// Readings that are still waited for.
    settle: u8,
    /// Readings of the commissioning so far; `None` without one.
    taken: Option<u8>,
    /// The reading before was normal.
    follows: bool,
    /// There was a reading before.
    began: bool,
    last: Learned,
    changes: [u32; 3],
}

impl<'a, V: Number, T: AsRef<[Trace<V>]> + AsMut<[Trace<V>]>> Adapter<'a, V, T> {
    /// Starts as the model was trained; `traces` has one for each value, their content does not matter.
    ///
    /// # Errors
    /// Limits that are not those of so many values.
    pub fn new(spec: AdaptSpec<'a, V>, traces: T) -> Result<Self, AdaptError> {
        spec.check(traces.as_ref().len())?;
        let mut adapter = Self {
            spec,
            traces,
            in_block: 0,
            at: 0,
            settle: 0,
            taken: None,
            follows: false,
            began: false,
            last: Learned::Nothing,
            changes: [0; 3],
        };
        adapter.reset();
        Ok(adapter)
    }

    /// Forgets all that was learned.
    pub fn reset(&mut self) {
        for (trace, spread) in self.traces.as_mut().iter_mut().zip(self.spec.spread) {
            *trace = Trace::at(V::ZERO, *spread);
        }
        self.in_block = 0;
        self.at = 0;
        self.settle = 0;
        self.taken = None;
        self.follows = false;
        self.began = false;
        self.last = Learned::Nothing;
        self.changes = [0; 3];
    }

    /// The sensor was mounted anew: after the readings that are waited for, the next ones show where values lie now. Call it
    /// only when the machine is known to be well: a fault that is there already is taken as normal, within the limits.
    pub fn commission(&mut self) {
        self.settle = self.spec.settle;
        self.taken = Some(0);
        self.in_block = 0;
    }

    /// Whether a commissioning is on.
    #[must_use]
    pub const fn is_commissioning(&self) -> bool {
        self.taken.is_some()
    }

    /// What the last reading taught.
    #[must_use]
    pub const fn last(&self) -> Learned {
        self.last
    }

    /// By how much the first quarter, half and three quarters of the last commissioning differed from the rest: the mean over all
    /// values, in spreads and steps of 2^-8.
    #[must_use]
    pub const fn changes(&self) -> [u32; 3] {
        self.changes
    }

    /// What each value has learned.
    #[must_use]
    pub fn traces(&self) -> &[Trace<V>] {
        self.traces.as_ref()
    }

    /// The settings.
    #[must_use]
    pub const fn spec(&self) -> &AdaptSpec<'a, V> {
        &self.spec
    }

    /// Where the model expects a reading: writes what is to be scored to `out`. What is no reading is passed on as it is.
    pub fn apply(&mut self, x: &[V], out: &mut [V]) {
        let is_reading = x.iter().all(|value| value.is_reading());
        let fraction = self.spec.fraction;
        let smooth = if self.taken.is_some() || !is_reading {
            0
        } else {
            self.spec.smooth
        };
        let limits = self.spec.centre.iter().zip(self.spec.spread);
        let limits = limits.zip(self.spec.reach);
        let values = self.traces.as_mut().iter_mut().zip(limits);
        for ((x, out), (trace, ((centre, spread), reach))) in x.iter().zip(&mut *out).zip(values) {
            *out = *x;
            if !is_reading || *reach <= V::ZERO {
                continue;
            }
            let offset = x.minus(*centre).finer(fraction);
            let mean = if smooth == 0 {
                offset
            } else {
                trace.smoothed(offset, smooth, self.at, self.began)
            };
            let residual = mean.minus(trace.shift);
            let narrowed =
                residual.scaled(*spread, limited(trace.spread, *spread, self.spec.widen));
            *out = centre.plus(narrowed.coarser(fraction));
        }
        if is_reading {
            // A position is as good as another, and a new one may creep for a while.
            for (at, _) in self.spec.witnesses {
                let at = usize::from(*at);
                if let Some((out, centre)) = out.get_mut(at).zip(self.spec.centre.get(at)) {
                    *out = *centre;
                }
            }
        }
    }

    /// Learns from a reading that was [applied](Self::apply) and judged; `normal` says how.
    pub fn learn(&mut self, x: &[V], normal: bool) -> Learned {
        self.last = if x.len() == self.spec.centre.len() && x.iter().all(|value| value.is_reading())
        {
            self.take(x, normal)
        } else {
            self.follows = false;
            Learned::Nothing
        };
        self.last
    }

    fn take(&mut self, x: &[V], normal: bool) -> Learned {
        if self.began && self.has_moved(x) {
            self.commission();
        }
        let learned = match self.taken {
            Some(_) if self.settle > 0 => {
                self.settle = self.settle.saturating_sub(1);
                Learned::Settling
            }
            Some(taken) => self.part(x, taken),
            None => self.track(x, normal),
        };
        self.follows = normal && !learned.is_commissioning();
        self.began = true;
        self.at = self.at.wrapping_add(1);
        let fraction = self.spec.fraction;
        let traces = self.traces.as_mut().iter_mut().zip(self.spec.centre);
        for ((trace, centre), x) in traces.zip(x) {
            trace.previous = x.minus(*centre).finer(fraction);
        }
        learned
    }

    /// Whether a witness of the sensor's position made a step.
    fn has_moved(&self, x: &[V]) -> bool {
        let spec = &self.spec;
        spec.witnesses.iter().any(|(at, step)| {
            let at = usize::from(*at);
            let place = x.get(at).zip(spec.centre.get(at));
            let now = place.map(|(x, centre)| x.minus(*centre).finer(spec.fraction));
            let before = self.traces.as_ref().get(at).map(|trace| trace.previous);
            now.zip(before)
                .is_some_and(|(now, before)| now.minus(before).magnitude() > *step)
        })
    }

    /// A reading of the block that tracks.
    fn track(&mut self, x: &[V], normal: bool) -> Learned {
        self.in_block = self.in_block.saturating_add(1);
        let is_full = self.in_block >= 1 << self.spec.block.min(7);
        let AdaptSpec {
            block,
            rate,
            widen,
            fraction,
            ..
        } = self.spec;
        let spec = &self.spec;
        let limits = spec.near.iter().zip(spec.speed).zip(spec.track);
        let places = spec.centre.iter().zip(spec.spread).zip(spec.reach);
        let values = self.traces.as_mut().iter_mut().zip(places.zip(limits));
        for (x, (trace, (((centre, spread), reach), ((near, speed), track)))) in
            x.iter().zip(values)
        {
            let offset = x.minus(*centre).finer(fraction);
            if normal && self.follows {
                let step = offset.minus(trace.previous).magnitude();
                let off = step.least(spread.doubled(widen)).minus(trace.spread);
                trace.spread = trace.spread.plus(off.halved(SPREAD_RATE));
            }
            // A single reading cannot carry a block away.
            let own = offset.minus(trace.shift).within(near.doubled(1));
            trace.sum = trace.sum.plus(own.halved(block));
            if is_full {
                let mean = trace.sum;
                trace.sum = V::ZERO;
                if mean.magnitude() <= *near {
                    let step = mean.halved(rate).within(*speed);
                    let from = trace.shift.plus(step).minus(trace.anchor).within(*track);
                    trace.shift = trace.anchor.plus(from).within(reach.plus(*track));
                }
            }
        }
        if is_full {
            self.in_block = 0;
        }
        Learned::Tracked
    }

    /// A reading of a commissioning, the one after `taken` others.
    fn part(&mut self, x: &[V], taken: u8) -> Learned {
        let spec = &self.spec;
        let quarter = (spec.windows / 4).max(1);
        let (part, count) = (taken / quarter, (taken % quarter).saturating_add(1));
        let limits = spec.centre.iter().zip(spec.spread).zip(spec.reach);
        for (x, (trace, ((centre, spread), reach))) in
            x.iter().zip(self.traces.as_mut().iter_mut().zip(limits))
        {
            let offset = x.minus(*centre).finer(spec.fraction);
            if taken == 0 {
                trace.sum = V::ZERO;
            } else {
                let step = offset.minus(trace.previous).magnitude();
                let step = step.least(spread.doubled(spec.widen));
                trace.sum = trace.sum.plus(step.minus(trace.sum).over(taken));
            }
            // Twice the reach: what lies beyond counts as there, and no more.
            let near = offset.within(reach.doubled(1));
            if let Some(mean) = trace.four.get_mut(usize::from(part)) {
                let before = if count == 1 { near } else { *mean };
                *mean = before.plus(near.minus(before).over(count));
            }
        }
        let taken = taken.saturating_add(1);
        if taken < spec.windows {
            self.taken = Some(taken);
            return Learned::Commissioning;
        }
        self.changes = self.found_changes();
        let [half, quarters] = self.spec.steady;
        let is_steady = (self.changes.iter().zip([quarters, half, quarters]))
            .all(|(change, limit)| *change <= limit);
        self.taken = None;
        self.in_block = 0;
        let limits = self.spec.spread.iter().zip(self.spec.reach);
        for (trace, (spread, reach)) in self.traces.as_mut().iter_mut().zip(limits) {
            let own = limited(trace.sum, *spread, self.spec.widen);
            trace.sum = V::ZERO;
            if is_steady {
                let found = trace.mean(0, 4).within(*reach);
                // What was wide once is expected to be so again, half as much each time.
                let kept = trace.spread.plus(own.minus(trace.spread).halved(1));
                *trace = Trace::at(found, own.most(kept));
            } else {
                trace.four = [trace.shift; 4];
            }
        }
        if is_steady {
            Learned::Commissioned
        } else {
            Learned::Refused
        }
    }

    /// By how much the first quarter, half and three quarters of a commissioning differ from the rest: the mean over all values, in
    /// spreads and steps of 2^-8.
    fn found_changes(&self) -> [u32; 3] {
        let mut sums = [0_u32; 3];
        let mut values = 0_u32;
        let limits = self.spec.spread.iter().zip(self.spec.reach);
        for (trace, (spread, reach)) in self.traces.as_ref().iter().zip(limits) {
            if *reach <= V::ZERO {
                continue;
            }
            values = values.saturating_add(1);
            let own = limited(trace.sum, *spread, self.spec.widen);
            for (sum, first) in sums.iter_mut().zip(1..) {
                let change = trace.mean(0, first).minus(trace.mean(first, 4));
                let share = change.magnitude().share_of(own);
                *sum = sum.saturating_add(share.min(MOST_SHARE));
            }
        }
        sums.map(|sum| sum.checked_div(values).unwrap_or(0))
    }
}

/// A spread between that in training and the widest.
fn limited<V: Number>(spread: V, trained: V, widen: u8) -> V {
    spread.least(trained.doubled(widen)).most(trained)
}

#[cfg(test)]
mod tests;
