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
        // Two loops: together they have more values than a core without high registers holds.
        let (mut least, mut largest) = (i32::MAX, i32::MIN);
        for part in window {
            for &sample in part {
                let x = i32::from(sample);
                if x < least {
                    least = x;
                }
                if x > largest {
                    largest = x;
                }
            }
        }
        // At most 2^16 samples of 16 bits.
        let (mut sum, mut squares) = (0_i32, 0_u64);
        for part in window {
            for &sample in part {
                let x = i32::from(sample);
                sum = sum.wrapping_add(x);
                squares = squares.wrapping_add(u64::from(x.wrapping_mul(x).cast_unsigned()));
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

/// Sums of cubes and fourth powers about a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Powers {
    pub cubes: i64,
    /// In two halves of 32 bits, each with room.
    fourths: [u64; 2],
}

impl Powers {
    /// Numbers of a magnitude below this can be added in a [`block`](Self::add_block).
    const NARROW: i32 = 1 << 12;
    /// So many at a time.
    const BLOCK: usize = 128;

    /// Of a window, about its rounded mean.
    pub(super) fn of(window: Window<'_>, level: &Level) -> Self {
        let (mean, _) = level.mean(count(window));
        let above = level.largest.wrapping_sub(mean);
        let is_narrow = above.max(mean.wrapping_sub(level.least)) < Self::NARROW;
        let mut powers = Self::default();
        for part in window {
            if is_narrow {
                for block in part.chunks(Self::BLOCK) {
                    powers.add_block(block, mean);
                }
            } else {
                for &sample in part {
                    powers.add(i32::from(sample).wrapping_sub(mean));
                }
            }
        }
        powers
    }

    /// Adds a number of a magnitude below 2^16: the square in two halves, products of 32 bits.
    #[inline(always)]
    pub(super) fn add(&mut self, y: i32) {
        let size = y.unsigned_abs();
        let square = size.wrapping_mul(size);
        let (high, low) = (square >> 16, square & 0xffff);
        let cube = (u64::from(size.wrapping_mul(high)) << 16)
            .wrapping_add(u64::from(size.wrapping_mul(low)))
            .cast_signed();
        let cube = if y < 0 { cube.wrapping_neg() } else { cube };
        self.cubes = self.cubes.wrapping_add(cube);
        let outer = u64::from(high.wrapping_mul(high)) << 32 | u64::from(low.wrapping_mul(low));
        self.add_fourths(outer.wrapping_add(u64::from(high.wrapping_mul(low)) << 17));
    }

    /// Adds up to [`BLOCK`](Self::BLOCK) narrow numbers: the square in two halves of 12 bits, so that sums keep to 32.
    #[inline(always)]
    fn add_block(&mut self, block: &[i16], mean: i32) {
        let (mut cubes, mut low_cubes) = (0_i32, 0_i32);
        let (mut outer, mut middle, mut inner) = (0_u32, 0_u32, 0_u32);
        for &sample in block {
            let y = i32::from(sample).wrapping_sub(mean);
            let square = y.wrapping_mul(y);
            let (high, low) = (square >> 12, square & 0xfff);
            cubes = cubes.wrapping_add(y.wrapping_mul(high));
            low_cubes = low_cubes.wrapping_add(y.wrapping_mul(low));
            let (high, low) = (high.cast_unsigned(), low.cast_unsigned());
            outer = outer.wrapping_add(high.wrapping_mul(high));
            middle = middle.wrapping_add(high.wrapping_mul(low));
            inner = inner.wrapping_add(low.wrapping_mul(low));
        }
        self.cubes = (self.cubes)
            .wrapping_add(i64::from(cubes) << 12)
            .wrapping_add(i64::from(low_cubes));
        // Below 2^55.
        let fourths = (u64::from(outer) << 24).wrapping_add(u64::from(middle) << 13);
        self.add_fourths(fourths.wrapping_add(inner.into()));
    }

    #[inline(always)]
    fn add_fourths(&mut self, fourths: u64) {
        let [below, above] = &mut self.fourths;
        *below = below.wrapping_add(fourths & u64::from(u32::MAX));
        *above = above.wrapping_add(fourths >> 32);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of the first four powers, in integers that hold them.
    fn check(samples: &[i16], split: usize) {
        let (older, newer) = samples.split_at(split);
        let window = [older, newer];
        let (level, squares) = Level::of(window);
        assert_eq!(Level::of_words(level.words()), level);
        let count = count(window);
        let (mean, rest) = level.mean(count);
        assert_eq!(mean * count + rest, level.sum);
        assert!(2 * rest.abs() <= count, "{rest}");
        let sum = |of: &dyn Fn(i128) -> i128| samples.iter().map(|&x| of(x.into())).sum::<i128>();
        let whole = sum(&|x| x);
        assert_eq!(i128::from(level.sum), whole);
        assert_eq!(i128::from(squares), sum(&|x| x * x));
        let spread = i128::from(count) * sum(&|x| x * x) - whole * whole;
        assert_eq!(i128::from(level.spread), spread);
        let powers = Powers::of(window, &level);
        let mean = i128::from(mean);
        assert_eq!(i128::from(powers.cubes), sum(&|x| (x - mean).pow(3)));
        let [below, above] = powers.fourths.map(i128::from);
        assert_eq!((above << 32) + below, sum(&|x| (x - mean).pow(4)));
        let times = (0..).map(|at: i128| 2 * at + 1 - i128::from(count));
        let tilted = times.zip(samples).map(|(time, &x)| time * i128::from(x));
        let tilted: i128 = tilted.sum();
        assert_eq!(i128::from(tilt(window, &level)), tilted);
        for lag in [1, split.max(1), samples.len() - 1] {
            let pairs = || samples.iter().zip(&samples[lag..]);
            let (products, first, second) = lagged(window, lag);
            let expected = pairs()
                .map(|(&a, &b)| i64::from(a) * i64::from(b))
                .sum::<i64>();
            assert_eq!(products, expected);
            assert_eq!(first, pairs().map(|(&a, _)| i32::from(a)).sum::<i32>());
            assert_eq!(second, pairs().map(|(_, &b)| i32::from(b)).sum::<i32>());
        }
    }

    #[test]
    fn sums_are_exact() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        };
        // Narrow ones on an offset and wide ones; the limit between them.
        for shift in [0, 3, 4, 7, 15] {
            for length in [2, 129, 700] {
                let offset = if shift > 2 { 9000 } else { 0 };
                let samples: std::vec::Vec<i16> =
                    (0..length).map(|_| (next() >> shift) + offset).collect();
                for split in [0, 1, length / 3, length - 1, length] {
                    check(&samples, split);
                }
            }
        }
        for [low, high] in [
            [-32_768, 32_767],
            [-4095, 4095],
            [-4096, 4096],
            [-4095, 4096],
        ] {
            let mut samples: std::vec::Vec<i16> = [low, high].repeat(300);
            check(&samples, 11);
            samples.fill(low);
            samples[7] = high;
            check(&samples, 100);
        }
        check(&std::vec![i16::MIN; 65_536], 1);
        let mut longest = std::vec![i16::MIN; 65_536];
        longest[..32_768].fill(i16::MAX);
        check(&longest, 40_000);
    }

    #[test]
    fn crossings_are_those_of_the_mean_itself() {
        let of = |samples: &[i16]| {
            let window = [samples, &[]];
            crossings(window, &Level::of(window).0)
        };
        // Means 1/2, 2/3, 1/3 and 0.
        assert_eq!(of(&[0, 1]), 1);
        assert_eq!(of(&[1, 0, 1]), 2);
        assert_eq!(of(&[0, 1, 0]), 2);
        assert_eq!(of(&[-1, 0, 1, 0, -1, 0, 1, 0]), 3);
        assert_eq!(of(&[5, 5, 5]), 0);
    }
}
