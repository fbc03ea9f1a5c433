//! What a value does that no working sensor does: it stands still, lies at a limit, hardly moves, or jumps.
//!
//! A density says little about it: a stuck value is as likely as it was when it stuck, and it may be the most likely one. A guard knows
//! how long a channel of normal readings stands still, how much it moves and how far it jumps, and says when one exceeds that by far.

use core::cmp::Ordering;

use crate::flow::Value;

/// Changes of a value are summed up over so many readings.
pub const QUIET_WINDOW: u8 = 32;

/// What a value does, by the index of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Guard {
    /// It repeats exactly.
    Stuck(u16),
    /// It stays exactly at the lowest or the highest value that was seen, as one does that is cut off there.
    AtLimit(u16),
    /// It moves far less than it should.
    Quiet(u16),
    /// It jumped farther than it can.
    Jump(u16),
    /// No value but the machine: readings stay with this component of the model's mixture, which they only pass through while all is well.
    Dwell(u16),
}

impl Guard {
    /// The index of the value, or of the component.
    #[must_use]
    pub const fn index(self) -> u16 {
        match self {
            Guard::Stuck(at)
            | Guard::AtLimit(at)
            | Guard::Quiet(at)
            | Guard::Jump(at)
            | Guard::Dwell(at) => at,
        }
    }

    /// What it does, in words for logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Guard::Stuck(_) => "stuck",
            Guard::AtLimit(_) => "at limit",
            Guard::Quiet(_) => "quiet",
            Guard::Jump(_) => "jump",
            Guard::Dwell(_) => "dwell",
        }
    }
}

/// The limits of a value, in the unit of the readings: found on normal readings, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GuardSpec<V> {
    repeats: Option<u16>,
    limits: Option<([V; 2], u16)>,
    quiet: Option<V>,
    jump: Option<V>,
}

impl<V: Copy> GuardSpec<V> {
    /// Without a guard, as for a value that is given.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            repeats: None,
            limits: None,
            quiet: None,
            jump: None,
        }
    }

    /// [`Guard::Stuck`] once a value has repeated more often than this in a row.
    #[must_use]
    pub const fn with_repeats(self, most: u16) -> Self {
        Self {
            repeats: Some(most),
            ..self
        }
    }

    /// [`Guard::AtLimit`] once more than `most` values in a row equal one of the limits. A slow value may well go beyond what was seen.
    #[must_use]
    pub const fn with_limits(self, limits: [V; 2], most: u16) -> Self {
        Self {
            limits: Some((limits, most)),
            ..self
        }
    }

    /// [`Guard::Quiet`] where the changes from reading to reading, without their signs, add up to less than this over
    /// [`QUIET_WINDOW`] readings, until they no longer do.
    #[must_use]
    pub const fn with_quiet(self, least: V) -> Self {
        Self {
            quiet: Some(least),
            ..self
        }
    }

    /// [`Guard::Jump`] at a change from one reading to the next above this.
    #[must_use]
    pub const fn with_jump(self, most: V) -> Self {
        Self {
            jump: Some(most),
            ..self
        }
    }
}

/// What a guard remembers of its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardState<V> {
    last: V,
    moved: V,
    repeats: u16,
    at_limit: u16,
    is_quiet: bool,
}

/// Never so for what is no number.
fn equal<V: Value>(a: V, b: V) -> bool {
    a.partial_cmp(&b) == Some(Ordering::Equal)
}

impl<V: Value> GuardState<V> {
    /// Before the first reading.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            last: V::ZERO,
            moved: V::ZERO,
            repeats: 0,
            at_limit: 0,
            is_quiet: false,
        }
    }

    /// Takes the next value; `window_ends` with the last one of a window.
    fn note(&mut self, spec: &GuardSpec<V>, x: V, window_ends: bool, at: u16) -> Option<Guard> {
        let change = x.distance(self.last);
        let repeats = equal(x, self.last);
        self.last = x;
        self.repeats = if repeats {
            self.repeats.saturating_add(1)
        } else {
            0
        };
        self.moved = self.moved.plus(change);
        if window_ends {
            self.is_quiet = spec.quiet.is_some_and(|least| self.moved < least);
            self.moved = V::ZERO;
        }
        let is_at_limit = |([low, high], _): ([V; 2], u16)| equal(x, low) || equal(x, high);
        self.at_limit = if spec.limits.is_some_and(is_at_limit) {
            self.at_limit.saturating_add(1)
        } else {
            0
        };
        if spec.repeats.is_some_and(|most| self.repeats > most) {
            Some(Guard::Stuck(at))
        } else if spec.limits.is_some_and(|(_, most)| self.at_limit > most) {
            Some(Guard::AtLimit(at))
        } else if self.is_quiet {
            Some(Guard::Quiet(at))
        } else if spec.jump.is_some_and(|most| change > most) {
            Some(Guard::Jump(at))
        } else {
            None
        }
    }

    /// Takes the first value: there is none that it follows.
    fn begin(&mut self, x: V) {
        *self = Self {
            last: x,
            ..Self::new()
        };
    }
}

impl<V: Value> Default for GuardState<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// The guards of all values of a reading: limits, and what each remembers.
///
/// ```
/// use nvpico::detector::{Guard, GuardSpec, GuardState, Guards};
///
/// let specs = [GuardSpec::none().with_repeats(2), GuardSpec::none().with_jump(5.0)];
/// let mut states = [GuardState::new(); 2];
/// let mut guards = Guards::new();
/// let mut note = |x: [f32; 2]| guards.note(&specs, &mut states, &x);
/// assert_eq!([note([1.0, 1.0]), note([1.0, 2.0]), note([1.0, 3.0])], [None; 3]);
/// assert_eq!(note([1.0, 4.0]), Some(Guard::Stuck(0)));
/// assert_eq!(note([1.5, 9.5]), Some(Guard::Jump(1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Readings of the window so far; 0 before the first reading.
    count: u8,
    has_begun: bool,
}

impl Guards {
    /// Before the first reading.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: 0,
            has_begun: false,
        }
    }

    /// Takes a reading; the first guard that has something to say. Values without a spec or a state have no guard.
    pub fn note<V: Value>(
        &mut self,
        specs: &[GuardSpec<V>],
        states: &mut [GuardState<V>],
        x: &[V],
    ) -> Option<Guard> {
        let begins = !self.has_begun;
        self.has_begun = true;
        self.count = self.count.wrapping_add(1);
        let window_ends = !begins && self.count >= QUIET_WINDOW;
        if begins || window_ends {
            self.count = 0;
        }
        let mut found = None;
        let mut at: u16 = 0;
        for ((spec, state), x) in specs.iter().zip(states).zip(x) {
            if begins {
                state.begin(*x);
            } else {
                let guard = state.note(spec, *x, window_ends, at);
                found = found.or(guard);
            }
            at = at.wrapping_add(1);
        }
        found
    }

    /// The next reading does not follow the last one.
    pub fn gap(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// What a guard says of values, one a reading.
    fn said<V: Value>(spec: GuardSpec<V>, values: &[V]) -> Vec<Option<Guard>> {
        let (mut guards, mut states) = (Guards::new(), [GuardState::new()]);
        let notes = values.iter();
        notes
            .map(|x| guards.note(&[spec], &mut states, &[*x]))
            .collect()
    }

    #[test]
    fn a_stuck_value_is_found_and_forgotten() {
        let spec = GuardSpec::none().with_repeats(3);
        let said = said(spec, &[5, 5, 5, 5, 5, 5, 6, 6, 7]);
        let stuck = Some(Guard::Stuck(0));
        assert_eq!(
            said,
            [None, None, None, None, stuck, stuck, None, None, None]
        );
        assert!(
            super::tests::said(spec, &[0; 4])
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn a_value_at_its_limit_is_found_on_either_side() {
        let spec = GuardSpec::none().with_limits([-1.0, 9.0], 1);
        let said = said(spec, &[0.0, 9.0, 9.0, 9.5, -1.0, 9.0, -1.0]);
        let at_limit = Some(Guard::AtLimit(0));
        assert_eq!(said, [None, None, at_limit, None, None, at_limit, at_limit]);
    }

    #[test]
    fn a_value_that_hardly_moves_is_found_window_by_window() {
        let spec = GuardSpec::none().with_quiet(31.0);
        // Half a unit a reading, then one: after the first reading 32 changes make a window.
        let mut x = 0.0;
        let values: Vec<f32> = (0..100)
            .map(|at| {
                x += if at <= 32 { 0.5 } else { 1.0 };
                x
            })
            .collect();
        let said = said(spec, &values);
        let quiet = said.iter().map(Option::is_some);
        assert!(quiet.eq((0..100).map(|at| (32..64).contains(&at))));
    }

    #[test]
    fn jumps_are_found_but_not_across_gaps() {
        let spec = GuardSpec::none().with_jump(10);
        assert_eq!(
            said(spec, &[0, 10, 21, 20]),
            [None, None, Some(Guard::Jump(0)), None]
        );
        assert_eq!(
            said(spec, &[i32::MIN, i32::MAX]),
            [None, Some(Guard::Jump(0))]
        );
        let (mut guards, mut states) = (Guards::new(), [GuardState::new()]);
        let mut note = |guards: &mut Guards, x| guards.note(&[spec], &mut states, &[x]);
        assert_eq!(note(&mut guards, 0), None);
        guards.gap();
        assert_eq!(note(&mut guards, 50), None);
        assert_eq!(note(&mut guards, 0), Some(Guard::Jump(0)));
    }

    #[test]
    fn nothing_is_guarded_without_limits() {
        assert!(
            said(GuardSpec::none(), &[1.0; 300])
                .iter()
                .all(Option::is_none)
        );
        let mut states = [GuardState::new()];
        assert_eq!(Guards::new().note(&[], &mut states, &[1.0]), None);
    }
}
