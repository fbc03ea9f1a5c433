//! Exact sums over a window of a channel. Inner loops keep to products of 32 bits: cores without an FPU often have no longer ones.

use super::wide::Wide;

/// A window of a channel, oldest sample first.
pub(super) type Window<'v> = [&'v [i16]; 2];

/// Where a channel lies and how far it goes: kept for its spectrum and the features across channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    pub sum: i32,
    pub least: i32,
    pub largest: i32,
    /// `n sum(x^2) - sum(x)^2`: the variance, times `n^2`.
    pub spread: u64,
}

/// Samples of a window, counted.
pub(super) fn count(window: Window<'_>) -> i32 {
    // At most 65,536.
    let [older, newer] = window;
    (older.len().wrapping_add(newer.len()) as u32).cast_signed()
}

impl Level {
    /// Level of a window, and the sum of its squares.
    pub(super) fn of(window: Window<'_>) -> (Self, u64) {
        // At most 2^16 samples of 16 bits.
        let (mut sum, mut squares) = (0_i32, 0_u64);
        let (mut least, mut largest) = (i32::MAX, i32::MIN);
        for part in window {
            for &sample in part {
                let x = i32::from(sample);
                sum = sum.wrapping_add(x);
                squares = squares.wrapping_add(u64::from(x.wrapping_mul(x).cast_unsigned()));
                if x < least {
                    least = x;
                }
                if x > largest {
                    largest = x;
                }
            }
        }
        // Both below 2^63.
        let own = i64::from(sum).wrapping_mul(i64::from(sum)).cast_unsigned();
        let count = u64::from(count(window).cast_unsigned());
        let level = Self {
            sum,
            least,
            largest,
            spread: count.wrapping_mul(squares).wrapping_sub(own),
        };
        (level, squares)
    }

    /// The mean rounded to a whole count, and what that leaves of the sum: at most half of `count`.
    pub(super) fn mean(&self, count: i32) -> (i32, i32) {
        let mean = self
            .sum
            .saturating_add(count >> 1)
            .checked_div_euclid(count)
            .unwrap_or(0);
        (mean, self.sum.wrapping_sub(mean.wrapping_mul(count)))
    }

    pub(super) fn words(self) -> [i32; 5] {
        let (high, low) = ((self.spread >> 32) as i32, self.spread as i32);
        [self.sum, self.least, self.largest, high, low]
    }

    pub(super) fn of_words([sum, least, largest, high, low]: [i32; 5]) -> Self {
        let high = u64::from(high.cast_unsigned()) << 32;
        Self {
            sum,
            least,
            largest,
            spread: high | u64::from(low.cast_unsigned()),
        }
    }
}

/// Sums of powers about a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Powers {
    pub cubes: i64,
    /// In two halves of 32 bits, each with room.
    fourths: [u64; 2],
}

impl Powers {
    /// Adds the cube and the fourth power of a number of a magnitude below 2^16.
    #[inline(always)]
    pub(super) fn add(&mut self, y: i32) {
        let size = y.unsigned_abs();
        let square = size.wrapping_mul(size);
        let (high, low) = (square >> 16, square & 0xffff);
        let cube = (u64::from(size.wrapping_mul(high)) << 16)
            .wrapping_add(u64::from(size.wrapping_mul(low)));
        let cube = cube.cast_signed();
        self.cubes = if y < 0 {
            self.cubes.wrapping_sub(cube)
        } else {
            self.cubes.wrapping_add(cube)
        };
        let outer = u64::from(high.wrapping_mul(high)) << 32 | u64::from(low.wrapping_mul(low));
        let fourth = outer.wrapping_add(u64::from(high.wrapping_mul(low)) << 17);
        let [below, above] = &mut self.fourths;
        *below = below.wrapping_add(fourth & u64::from(u32::MAX));
        *above = above.wrapping_add(fourth >> 32);
    }

    /// Of a window.
    #[inline(never)]
    pub(super) fn of(window: Window<'_>, mean: i32) -> Self {
        let mut powers = Self::default();
        for part in window {
            for &sample in part {
                powers.add(i32::from(sample).wrapping_sub(mean));
            }
        }
        powers
    }

    pub(super) fn fourths(&self) -> Wide {
        let [below, above] = self.fourths;
        // Below 2^48 each.
        Wide::of_size(above, 32).plus(Wide::of_size(below, 0))
    }
}

/// Pairs of samples of a window that are `lag` apart, in up to three runs.
fn apart(window: Window<'_>, lag: usize) -> [Window<'_>; 3] {
    let [older, newer] = window;
    let length = older.len();
    [
        [older, older.get(lag..).unwrap_or(&[])],
        [
            older.get(length.saturating_sub(lag)..).unwrap_or(&[]),
            newer.get(lag.saturating_sub(length)..).unwrap_or(&[]),
        ],
        [newer, newer.get(lag..).unwrap_or(&[])],
    ]
}

/// Sums over pairs: of products, of the first ones, of the second ones.
pub(super) fn products<'v>(pairs: impl IntoIterator<Item = Window<'v>>) -> (i64, i32, i32) {
    let (mut products, mut first, mut second) = (0_i64, 0_i32, 0_i32);
    for [a, b] in pairs {
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (i32::from(a), i32::from(b));
            products = products.wrapping_add(i64::from(a.wrapping_mul(b)));
            first = first.wrapping_add(a);
            second = second.wrapping_add(b);
        }
    }
    (products, first, second)
}

/// [`products`] of samples that are `lag` apart.
pub(super) fn lagged(window: Window<'_>, lag: usize) -> (i64, i32, i32) {
    products(apart(window, lag))
}

/// `sum((2 i + 1 - n) x[i])`: by sums of sums, without products.
pub(super) fn tilt(window: Window<'_>, level: &Level) -> i64 {
    let (mut sum, mut sums) = (0_i32, 0_i64);
    for part in window {
        for &sample in part {
            sum = sum.wrapping_add(i32::from(sample));
            sums = sums.wrapping_add(i64::from(sum));
        }
    }
    // sums = sum((n - i) x[i])
    let middle = i64::from(count(window)).wrapping_add(1);
    let total = middle.wrapping_mul(i64::from(level.sum));
    total.wrapping_sub(sums.wrapping_mul(2))
}

/// How often the samples cross their mean.
pub(super) fn crossings(window: Window<'_>, level: &Level) -> i32 {
    let (mean, rest) = level.mean(count(window));
    // A sample at the rounded mean is on the other side of what rounding has left.
    let (above, below) = match rest {
        ..0 => (mean, mean),
        0 => (mean.wrapping_add(1), mean),
        1.. => (mean.wrapping_add(1), mean.wrapping_add(1)),
    };
    let (mut sign, mut crossings) = (0, 0_i32);
    for part in window {
        for &sample in part {
            let x = i32::from(sample);
            let own = if x >= above {
                1
            } else if x < below {
                -1
            } else {
                continue;
            };
            if sign == -own {
                crossings = crossings.wrapping_add(1);
            }
            sign = own;
        }
    }
    crossings
}
