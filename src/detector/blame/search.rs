//! The search: values of a reading are replaced, and the others stay.

use super::{BlameSpec, Blamed, COMPARED, Number};
use crate::flow::{Density, Value as _};

/// Values tried of each channel: the middles of so many equal parts of its range, a power of two.
const PARTS_BITS: u8 = 4;
pub(super) const PARTS: u8 = 1 << PARTS_BITS;
/// Then so many times the two values beside the best one, each time at half the distance.
pub(super) const ROUNDS: u8 = 6;
/// Steps of the bisection that finds the nearest normal value.
pub(super) const HALVINGS: u8 = 10;

/// A reading whose values are replaced one by one.
pub(super) struct Search<'s, 'a, D: Density> {
    pub density: &'s D,
    pub spec: &'s BlameSpec<'a, D::Value>,
    /// As it was read.
    pub reading: &'s [D::Value],
    /// What is scored.
    pub x: &'s mut [D::Value],
    pub scratch: &'s mut [D::Value],
}

/// The typical readings that are nearest to a reading, the nearest first.
pub(super) struct Nearest<'a, V> {
    typical: [&'a [V]; COMPARED],
    count: usize,
}

impl<'a, V: Number> Nearest<'a, V> {
    pub fn of<D: Density<Value = V>>(search: &Search<'_, 'a, D>) -> Self {
        let spec = search.spec;
        let mut apart = [u32::MAX; COMPARED];
        let mut own = Self {
            typical: [&[]; COMPARED],
            count: 0,
        };
        for typical in spec.typical.chunks_exact(search.reading.len().max(1)) {
            let mut here = 0_u32;
            let values = search.reading.iter().zip(typical).zip(spec.scales);
            for ((&x, &typical), &scale) in values {
                here = here.saturating_add(x.apart(typical, scale));
            }
            let mut moved = typical;
            for (known, place) in apart.iter_mut().zip(&mut own.typical) {
                if here < *known {
                    core::mem::swap(known, &mut here);
                    core::mem::swap(place, &mut moved);
                }
            }
            own.count = own.count.wrapping_add(1).min(COMPARED);
        }
        own
    }

    pub fn typical(&self) -> &[&'a [V]] {
        self.typical.get(..self.count).unwrap_or_default()
    }
}

impl<D: Density<Value: Number>> Search<'_, '_, D> {
    /// Takes the reading, with values outside their range moved into it; what is given stays as it is.
    pub fn load(&mut self) {
        let values = self.reading.iter().zip(self.spec.ranges).enumerate();
        for (own, (index, (&x, &range))) in self.x.iter_mut().zip(values) {
            *own = if index < self.spec.given {
                x
            } else {
                within(x, range)
            };
        }
    }

    /// What a value costs half way between the reading and typical ones, on average.
    pub fn gain(&mut self, index: usize, typical: &[&[D::Value]]) -> D::Value {
        let mut sum = D::ZERO;
        for typical in typical {
            self.load();
            let own = self.x.get(index).copied();
            for (x, &typical) in self.x.iter_mut().zip(*typical).skip(self.spec.given) {
                *x = D::Value::between(*x, typical, 1, 1);
            }
            let (Some(own), Some(&normal)) = (own, typical.get(index)) else {
                continue;
            };
            let with = self.with(index, normal);
            let without = self.with(index, own);
            sum = sum.plus(with.above(without));
        }
        sum.part(u8::try_from(typical.len()).unwrap_or(1))
    }

    /// The reading's log-density; impossible where it cannot be scored.
    pub fn log_prob(&mut self) -> D::Value {
        match self.density.score(self.x, self.scratch) {
            Ok(score) => D::log_prob(&score),
            Err(_) => D::IMPOSSIBLE,
        }
    }

    /// The same with another value in one place.
    fn with(&mut self, index: usize, value: D::Value) -> D::Value {
        let Some(place) = self.x.get_mut(index) else {
            return D::IMPOSSIBLE;
        };
        let kept = core::mem::replace(place, value);
        let log_prob = self.log_prob();
        if let Some(place) = self.x.get_mut(index) {
            *place = kept;
        }
        log_prob
    }

    /// The likeliest value within a range, and its log-density; `base` is that of the reading.
    pub fn best(
        &mut self,
        index: usize,
        [low, high]: [D::Value; 2],
        base: D::Value,
    ) -> (D::Value, D::Value) {
        let own = self.x.get(index).copied().unwrap_or(low);
        let (mut best, mut at) = ((own, base), 0);
        let mut part = 0_u8;
        while part < PARTS {
            let first = D::Value::between(low, high, part, PARTS_BITS);
            // The reading's own value is a first guess.
            if first <= own && best.1 <= base {
                at = part;
            }
            let middle = D::Value::between(low, high, odd(part), PARTS_BITS + 1);
            if self.improve(index, middle, &mut best) {
                at = part;
            }
            part = part.wrapping_add(1);
        }
        // Between the middles of the parts beside it.
        let (before, after) = (
            odd(at).saturating_sub(2),
            odd(at).wrapping_add(2).min(2 * PARTS),
        );
        let mut from = D::Value::between(low, high, before, PARTS_BITS + 1);
        let mut to = D::Value::between(low, high, after, PARTS_BITS + 1);
        for _ in 0..ROUNDS {
            let middle = best.0;
            let left = D::Value::between(from, middle, 1, 1);
            let right = D::Value::between(middle, to, 1, 1);
            let is_left = self.improve(index, left, &mut best);
            if self.improve(index, right, &mut best) {
                from = middle;
            } else if is_left {
                to = middle;
            } else {
                (from, to) = (left, right);
            }
        }
        best
    }

    /// Takes a value if it is likelier than the best one so far.
    fn improve(&mut self, index: usize, value: D::Value, best: &mut (D::Value, D::Value)) -> bool {
        let log_prob = self.with(index, value);
        let is_better = log_prob > best.1;
        if is_better {
            *best = (value, log_prob);
        }
        is_better
    }

    /// The nearest normal value on the way from the reading, whose log-density is `base`, to a normal one.
    pub fn nearest(&mut self, index: usize, normal: D::Value, base: D::Value) -> D::Value {
        let Some(&value) = self.x.get(index) else {
            return normal;
        };
        if base >= self.spec.threshold {
            return value;
        }
        let (mut far, mut near) = (value, normal);
        for _ in 0..HALVINGS {
            let middle = D::Value::between(far, near, 1, 1);
            if self.with(index, middle) >= self.spec.threshold {
                near = middle;
            } else {
                far = middle;
            }
        }
        near
    }
}

/// Twice a part and one: the middle of a part, in half parts.
const fn odd(part: u8) -> u8 {
    part.wrapping_mul(2).wrapping_add(1)
}

/// Whether a value lies outside its range; what is no number does.
pub(super) fn is_outside<V: Number>(value: V, [low, high]: [V; 2]) -> bool {
    !(low <= value && value <= high)
}

/// The nearest value within a range; the middle of it for what is no number.
fn within<V: Number>(value: V, [low, high]: [V; 2]) -> V {
    if value < low {
        low
    } else if value > high {
        high
    } else if is_outside(value, [low, high]) {
        V::between(low, high, 1, 1)
    } else {
        value
    }
}

/// Puts a value in its place among the first `count` and returns how many there are: those outside their range first, then by gain, then
/// by index. The last one falls out where there is no room.
pub(super) fn insert<V: Number>(
    places: &mut [Blamed<V>],
    count: usize,
    mut found: Blamed<V>,
) -> usize {
    let comes_before = |a: &Blamed<V>, b: &Blamed<V>| {
        (a.is_outside && !b.is_outside) || (a.is_outside == b.is_outside && a.gain > b.gain)
    };
    let mut is_in = false;
    for place in places.iter_mut().take(count) {
        is_in = is_in || comes_before(&found, place);
        if is_in {
            core::mem::swap(place, &mut found);
        }
    }
    match places.get_mut(count) {
        Some(place) => {
            *place = found;
            count.wrapping_add(1)
        }
        None => count,
    }
}
