//! What stands between readings and density: nothing, or recalibration that outlasts a reset.

use nvpico::detector::Value;
use nvpico::detector::adapt::{AdaptError, AdaptSpec, Adapter, Kept, Learned, Number, Trace};

use crate::blame::InUnit;
use crate::digest;
use crate::keep::{Budget, KEPT_HEAD, Keep, KeepError};

/// Which version of what is kept it is.
const FORMAT: u32 = 0x3141_564E; // "NVA1"

/// Milliseconds in an hour.
const HOUR_MS: u32 = 3_600_000;

/// What happened to the recalibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdaptEvent {
    /// It goes on from what was kept before the reset.
    Restored,
    /// It begins as the model was trained: what was kept is of no use.
    NotRestored(KeepError),
    /// A commissioning began: until it ends readings are not judged.
    Began,
    /// It found the new place of every value.
    Commissioned,
    /// It was refused, as readings changed on the way: all is as it was before.
    Refused,
    /// What was learned is kept from now on.
    Kept,
    /// What was learned could not be kept.
    NotKept(KeepError),
}

/// What stands between readings of `DIM` values and the density.
pub trait Adapt<V, const DIM: usize> {
    /// Whether a reading is ever moved. Where not, the compiler leaves out all that serves it.
    const MOVES: bool;

    /// At the start: takes up what was kept.
    fn restore(&mut self) -> Option<AdaptEvent>;

    /// The sensor was mounted anew.
    fn commission(&mut self);

    /// Where the model expects a reading.
    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM];

    /// Learns from a reading after it was scored; `None` for one that a sensor failed to deliver.
    fn learn(&mut self, x: Option<&[V; DIM]>, is_normal: bool) -> (Learned, Option<AdaptEvent>);

    /// Keeps what was learned if that is due. Once for each reading.
    fn keep(&mut self) -> Option<AdaptEvent>;

    /// A value that the model expects at this place of a reading, in the unit of the sensor: where the sensor would give it now.
    fn back(&self, index: u16, value: f32, unit: i32) -> f32;
}

/// No recalibration: the model as it was trained.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsTrained;

impl<V: Copy, const DIM: usize> Adapt<V, DIM> for AsTrained {
    const MOVES: bool = false;

    fn restore(&mut self) -> Option<AdaptEvent> {
        None
    }

    fn commission(&mut self) {}

    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM] {
        *x
    }

    fn learn(&mut self, _x: Option<&[V; DIM]>, _is_normal: bool) -> (Learned, Option<AdaptEvent>) {
        (Learned::Nothing, None)
    }

    fn keep(&mut self) -> Option<AdaptEvent> {
        None
    }

    fn back(&self, _index: u16, value: f32, _unit: i32) -> f32 {
        value
    }
}

/// Recalibration within the limits of a model, kept in `K`.
#[derive(Debug)]
pub struct Recalibration<'a, V, K, const DIM: usize> {
    adapter: Adapter<'a, V, [Trace<V>; DIM]>,
    keep: K,
    /// What the state belongs to: the model and its limits.
    model: u32,
    /// Shifts as they were kept last.
    kept: [V; DIM],
    /// Whether what was kept last says that a commissioning is on.
    is_kept_on: bool,
    /// Whether one is on, and was told of.
    is_on: bool,
    /// Something is to be kept that cannot wait.
    is_urgent: bool,
    budget: Budget,
}

impl<'a, V: Number + Value, K: Keep, const DIM: usize> Recalibration<'a, V, K, DIM> {
    /// As the model was trained. `spec` and `model` are a generated module's `ADAPT` and `MODEL`, a reading comes every `period_ms`.
    ///
    /// # Errors
    /// Limits that are not those of readings of `DIM` values.
    pub fn new(
        spec: AdaptSpec<'a, V>,
        model: u32,
        period_ms: u32,
        keep: K,
    ) -> Result<Self, AdaptError> {
        let limits = [
            spec.centre,
            spec.spread,
            spec.near,
            spec.speed,
            spec.track,
            spec.reach,
        ];
        let limits = limits.into_iter().flatten();
        let words = limits.map(|own| Number::to_word(*own));
        let settings = [u32::from(spec.fraction), u32::from(spec.widen)];
        Ok(Self {
            adapter: Adapter::new(spec, [Trace::default(); DIM])?,
            keep,
            model: digest([model].into_iter().chain(settings).chain(words)),
            kept: [<V as Value>::ZERO; DIM],
            is_kept_on: false,
            is_on: false,
            is_urgent: false,
            budget: Budget::new(HOUR_MS / period_ms.max(1)),
        })
    }

    /// The engine's part.
    pub const fn adapter(&self) -> &Adapter<'a, V, [Trace<V>; DIM]> {
        &self.adapter
    }

    fn shifts(&self) -> [V; DIM] {
        let mut shifts = [<V as Value>::ZERO; DIM];
        for (shift, trace) in shifts.iter_mut().zip(self.adapter.traces()) {
            *shift = trace.shift();
        }
        shifts
    }

    /// Whether a value moved by more than a mean step between two readings since it was kept.
    fn has_drifted(&self) -> bool {
        let values = self.adapter.traces().iter().zip(&self.kept);
        (values.zip(self.adapter.spec().spread))
            .any(|((trace, kept), spread)| trace.shift().distance(*kept) > *spread)
    }

    fn take_up(&mut self) -> Result<bool, KeepError> {
        let mut words = [[0; 3]; DIM];
        let Some([format, model, flags]) = self.keep.load(&mut words)? else {
            return Ok(false);
        };
        if format != FORMAT {
            return Err(KeepError::Version);
        }
        if model != self.model {
            return Err(KeepError::Model);
        }
        let restored = self.adapter.restore(&words.map(Kept::from_words));
        restored.map_err(|_| KeepError::Values)?;
        self.kept = self.shifts();
        self.is_kept_on = flags & COMMISSIONING != 0;
        if self.is_kept_on {
            self.adapter.commission();
        }
        Ok(true)
    }

    fn write(&mut self) -> Result<(), KeepError> {
        let mut words = [[0; 3]; DIM];
        for (words, trace) in words.iter_mut().zip(self.adapter.traces()) {
            *words = trace.kept().to_words();
        }
        let is_on = self.adapter.is_commissioning();
        let flags = if is_on { COMMISSIONING } else { 0 };
        let head: [u32; KEPT_HEAD] = [FORMAT, self.model, flags];
        self.keep.save(head, &words)?;
        self.kept = self.shifts();
        self.is_kept_on = is_on;
        self.is_urgent = false;
        Ok(())
    }
}

/// A commissioning was on.
const COMMISSIONING: u32 = 1;

impl<V: Number + Value + InUnit, K: Keep, const DIM: usize> Adapt<V, DIM>
    for Recalibration<'_, V, K, DIM>
{
    const MOVES: bool = true;

    fn restore(&mut self) -> Option<AdaptEvent> {
        match self.take_up() {
            Ok(true) => Some(AdaptEvent::Restored),
            Ok(false) => None,
            Err(error) => Some(AdaptEvent::NotRestored(error)),
        }
    }

    fn commission(&mut self) {
        self.adapter.commission();
    }

    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM] {
        let mut moved = *x;
        self.adapter.apply(x, &mut moved);
        moved
    }

    fn learn(&mut self, x: Option<&[V; DIM]>, is_normal: bool) -> (Learned, Option<AdaptEvent>) {
        let Some(x) = x else {
            return (self.adapter.learn(&[], false), None);
        };
        let learned = self.adapter.learn(x, is_normal);
        let event = match learned {
            Learned::Commissioned => Some(AdaptEvent::Commissioned),
            Learned::Refused => Some(AdaptEvent::Refused),
            Learned::Settling | Learned::Commissioning if !self.is_on => Some(AdaptEvent::Began),
            Learned::Settling | Learned::Commissioning | Learned::Nothing | Learned::Tracked => {
                None
            }
        };
        // One that begins again after every reset is kept once.
        self.is_urgent |= match event {
            Some(AdaptEvent::Began) => !self.is_kept_on,
            other => other.is_some(),
        };
        self.is_on = self.adapter.is_commissioning();
        (learned, event)
    }

    fn keep(&mut self) -> Option<AdaptEvent> {
        self.budget.pass();
        if !(self.is_urgent || self.budget.allows(false) && self.has_drifted())
            || !self.budget.allows(self.is_urgent)
        {
            return None;
        }
        self.budget.spend();
        Some(
            self.write()
                .map_or_else(AdaptEvent::NotKept, |()| AdaptEvent::Kept),
        )
    }

    fn back(&self, index: u16, value: f32, unit: i32) -> f32 {
        let index = usize::from(index);
        let spec = self.adapter.spec();
        let place = spec.centre.get(index).zip(spec.spread.get(index));
        let own = self.adapter.traces().get(index).zip(spec.reach.get(index));
        let (Some((centre, spread)), Some((trace, reach))) = (place, own) else {
            return value;
        };
        if *reach <= <V as Value>::ZERO {
            return value;
        }
        // Of the unit of the limits only the ratio counts.
        let widest = InUnit::in_unit(1_i32, i32::from(spec.widen));
        let wider = trace.spread().in_unit(0) / spread.in_unit(0);
        let centre = centre.in_unit(unit);
        let shift = trace
            .shift()
            .in_unit(unit.saturating_sub(i32::from(spec.fraction)));
        centre + (value - centre) * wider.clamp(1.0, widest) + shift
    }
}

#[cfg(test)]
#[path = "adapt_tests.rs"]
mod tests;
