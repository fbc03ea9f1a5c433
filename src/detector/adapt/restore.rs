//! Taking up what was kept.

use super::kept::Kept;
use super::number::Number;
use super::spec::AdaptError;
use super::state::Trace;
use super::{AdaptSpec, Adapter};

impl<V: Number, T: AsRef<[Trace<V>]> + AsMut<[Trace<V>]>> Adapter<'_, V, T> {
    /// Takes up what was [kept](Trace::kept) over a reset or a power cut. What this model learned comes back bit for bit; whatever else
    /// lies beyond the limits is moved within them. A commissioning that was on is to be asked for again.
    ///
    /// # Errors
    /// [`AdaptError::Kept`] where there is not one for each value, or one is no number: all is then as the model was trained.
    pub fn restore(&mut self, kept: &[Kept<V>]) -> Result<(), AdaptError> {
        self.reset();
        let is_number = |kept: &Kept<V>| {
            let values = [kept.shift, kept.anchor, kept.spread];
            values.iter().all(|value| value.is_reading())
        };
        if kept.len() != self.traces.as_ref().len() || !kept.iter().all(is_number) {
            return Err(AdaptError::Kept);
        }
        let AdaptSpec {
            spread,
            reach,
            track,
            widen,
            ..
        } = self.spec;
        let limits = spread.iter().zip(reach).zip(track);
        let own = self.traces.as_mut().iter_mut().zip(limits);
        for ((trace, ((spread, reach), track)), kept) in own.zip(kept) {
            let anchor = kept.anchor.within(*reach);
            let moved = kept.shift.minus(anchor);
            // In floats a difference that is added again may be another number.
            let shift = if moved.magnitude() <= *track {
                kept.shift
            } else {
                anchor.plus(moved.within(*track))
            };
            let spread = kept.spread.least(spread.doubled(widen)).most(V::ZERO);
            *trace = Trace::at(shift, spread);
            trace.anchor = anchor;
        }
        Ok(())
    }
}
