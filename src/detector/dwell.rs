//! Where a machine stays that it only passes through while all is well.
//!
//! The components of a mixture are the states that normal readings were found in. In some a machine works for hours, others it passes
//! through in seconds. A machine that stands still in one of those, as with a valve that sticks half open, gives readings that are all
//! normal, so no density finds it: that they last is what is wrong.
//!
//! ```
//! use nvpico::detector::{Dwell, Guard};
//!
//! // In component 0 the machine works. Component 1 has never had more than a fifth of about 32 readings.
//! const LIMITS: [u16; 2] = [Dwell::<2>::NO_LIMIT, 13_107];
//! let mut dwell = Dwell::new();
//! let mut passes = (0..60).map(|at| dwell.note(&LIMITS, Some(u8::from(at % 10 > 8))));
//! assert!(passes.all(|said| said.is_none()));
//! let mut stays = (0..60).map(|_| dwell.note(&LIMITS, Some(1)));
//! assert_eq!(stays.position(|said| said == Some(Guard::Dwell(1))), Some(3));
//! ```

use super::Guard;

/// Shares are over about `2^SHIFT` readings.
const SHIFT: u32 = 5;

/// The share that each of `N` components had of about the last 32 readings: exponentially weighted, in steps of 2^-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dwell<const N: usize> {
    shares: [u16; N],
    /// The component that is beyond its limit.
    beyond: Option<u8>,
}

impl<const N: usize> Dwell<N> {
    /// The limit of a component in which a machine may stay.
    pub const NO_LIMIT: u16 = u16::MAX;

    /// Before the first reading.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            shares: [0; N],
            beyond: None,
        }
    }

    /// Takes the component of a reading. [`Guard::Dwell`] where that had more of the last readings than its limit allows, and until it has
    /// half as many: readings waver between neighbouring components. A reading without a component, or beyond the last limit, has none of them.
    #[inline]
    pub fn note(&mut self, limits: &[u16; N], component: Option<u8>) -> Option<Guard> {
        for share in &mut self.shares {
            *share = share.wrapping_sub(*share >> SHIFT);
        }
        if let Some(own) = component
            && let Some(share) = self.shares.get_mut(usize::from(own))
        {
            *share = share.saturating_add(u16::MAX >> SHIFT);
            let limit = limits.get(usize::from(own));
            if limit.is_some_and(|limit| *share > *limit) {
                self.beyond = component;
            }
        }
        let at = self.beyond?;
        let share = self.shares.get(usize::from(at))?;
        let limit = limits.get(usize::from(at))?;
        if *share <= *limit >> 1 {
            self.beyond = None;
        }
        self.beyond.map(|at| Guard::Dwell(at.into()))
    }

    /// The shares, in steps of 2^-16.
    #[must_use]
    pub const fn shares(&self) -> &[u16; N] {
        &self.shares
    }

    /// The next reading does not follow the last one.
    pub const fn gap(&mut self) {
        *self = Self::new();
    }
}

impl<const N: usize> Default for Dwell<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_and_never_wrap() {
        let mut dwell = Dwell::<2>::new();
        for _ in 0..4_000 {
            assert_eq!(dwell.note(&[Dwell::<2>::NO_LIMIT; 2], Some(0)), None);
        }
        let [own, other] = *dwell.shares();
        assert!(own > 65_000 && other == 0, "{own} {other}");
        // 1 - (31 / 32)^22 is about a half.
        for _ in 0..22 {
            dwell.note(&[0; 2], Some(1));
        }
        let [own, other] = dwell.shares().map(|share| f64::from(share) / 65_536.0);
        assert!((own - 0.5).abs() < 0.01 && (other - 0.5).abs() < 0.01);
        dwell.gap();
        assert_eq!(dwell, Dwell::new());
    }

    #[test]
    fn a_state_is_told_until_it_has_half_of_its_limit() {
        const LIMITS: [u16; 2] = [Dwell::<2>::NO_LIMIT, 20_000];
        let mut dwell = Dwell::new();
        // How many of so many readings are told.
        let mut said = |component, count| {
            let found = (0..count).map(|_| dwell.note(&LIMITS, Some(component)));
            found.flatten().count()
        };
        // 1 - (31/32)^12 is 0.31, and 20,000 steps are 0.305.
        assert_eq!(said(1, 11), 0);
        assert_eq!(said(1, 1), 1);
        // In and out: still the same.
        for _ in 0..5 {
            assert_eq!((said(0, 1), said(1, 1)), (1, 1));
        }
        // From a share of 0.37 to one of 0.15.
        assert_eq!((said(0, 40), said(1, 1)), (27, 0));
    }

    #[test]
    fn no_component_is_no_sign() {
        let mut dwell = Dwell::<1>::new();
        assert_eq!(dwell.note(&[0], None), None);
        assert_eq!(dwell.note(&[0], Some(7)), None);
        assert_eq!(dwell.note(&[0], Some(0)), Some(Guard::Dwell(0)));
        assert_eq!(dwell.note(&[0], None), Some(Guard::Dwell(0)));
        assert_eq!(Dwell::<0>::new().note(&[], Some(0)), None);
    }
}
