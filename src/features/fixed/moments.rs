//! Features of one channel in time and of two channels, from exact sums.

use super::sums::{self, Level, Powers, Window};
use super::wide::Wide;
use crate::spec::features::Feature;

/// Moments of values about their mean: from sums about the mean rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moments {
    /// Number of values, and 1 divided by it.
    count: Wide,
    inverse: Wide,
    /// What rounding the mean has left of it: at most 1/2.
    rest: Wide,
    /// `mean(y^2)`.
    pub variance: Wide,
}

impl Moments {
    pub(super) fn of(level: &Level, count: i32) -> Self {
        let number = Wide::new(count.into(), 0);
        let inverse = Wide::new(1, 0).over(number);
        let (_, rest) = level.mean(count);
        Self {
            count: number,
            inverse,
            rest: Wide::new(rest.into(), 0).times(inverse),
            variance: Wide::of_size(level.spread, 0).times(inverse).times(inverse),
        }
    }

    /// `sum(y^2)` about the rounded mean: exact but for its last bits.
    fn squares(self) -> Wide {
        let more = self.rest.times(self.rest);
        self.variance.plus(more).times(self.count)
    }

    /// 0 of values that do not change.
    pub(super) fn skewness(self, powers: &Powers) -> Wide {
        // sum((y - d)^3) = sum(y^3) - 3 d sum(y^2) + 2 n d^3, as sum(y) = n d.
        let rest = self.rest;
        let two = rest.times(rest).times(self.count).shifted(1);
        let middle = Wide::new(3, 0).times(self.squares()).minus(two);
        let cubes = Wide::new(powers.cubes, 0).minus(rest.times(middle));
        let below = self.variance.times(self.variance.root());
        cubes.times(self.inverse).over(below)
    }

    /// 0 of values that do not change.
    pub(super) fn kurtosis(self, powers: &Powers) -> Wide {
        if self.variance.mantissa == 0 {
            return Wide::default();
        }
        // sum((y - d)^4) = sum(y^4) - 4 d sum(y^3) + 6 d^2 sum(y^2) - 3 n d^4
        let rest = self.rest;
        let square = rest.times(rest);
        let three = Wide::new(3, 0);
        let last = three.times(self.count).times(square);
        let inner = three.times(self.squares()).shifted(1).minus(last);
        let cubes = Wide::new(powers.cubes, 2);
        let fourths = powers
            .fourths()
            .minus(rest.times(cubes))
            .plus(square.times(inner));
        let below = self.variance.times(self.variance);
        fourths.times(self.inverse).over(below).minus(three)
    }
}

/// A window of a channel, and what is known of it.
pub(super) struct View<'v> {
    pub window: Window<'v>,
    pub count: i32,
    pub level: Level,
    /// `sum(x^2)`.
    pub squares: u64,
    pub moments: Moments,
    /// Computed when the first feature needs them.
    pub powers: Option<Powers>,
    /// The value of a count, samples a second, and the least power.
    pub scale: Wide,
    pub rate: Wide,
    pub floor: Wide,
}

impl View<'_> {
    /// A feature of one value in time, in its unit; nothing for others.
    pub(super) fn feature(&mut self, feature: Feature<'_>) -> Option<Wide> {
        let level = self.level;
        let counts = match feature {
            Feature::LogDeviation => return Some(self.log(self.moments.variance)),
            Feature::LogRms => return Some(self.log(self.power())),
            Feature::Crest => return Some(self.crest()),
            Feature::Skewness => {
                let powers = self.powers();
                return Some(self.moments.skewness(&powers));
            }
            Feature::Kurtosis => {
                let powers = self.powers();
                return Some(self.moments.kurtosis(&powers));
            }
            Feature::ZeroCrossings => {
                let crossings = sums::crossings(self.window, &level);
                return Some(Wide::new(crossings.into(), 0));
            }
            Feature::Autocorrelation { lag } => return Some(self.autocorrelation(lag)),
            Feature::Last => {
                let [older, newer] = self.window;
                let last = newer.last().or(older.last()).copied().unwrap_or(0);
                Wide::new(last.into(), 0)
            }
            Feature::Mean => Wide::new(level.sum.into(), 0).times(self.moments.inverse),
            Feature::Deviation => self.moments.variance.root(),
            Feature::Rms => self.power().root(),
            Feature::Minimum => Wide::new(level.least.into(), 0),
            Feature::Maximum => Wide::new(level.largest.into(), 0),
            Feature::PeakToPeak => Wide::new(level.largest.wrapping_sub(level.least).into(), 0),
            Feature::Slope => self.slope().times(self.rate),
            Feature::Samples
            | Feature::Bands(_)
            | Feature::Centroid
            | Feature::Spread
            | Feature::SpectralSkewness
            | Feature::SpectralKurtosis => return None,
        };
        Some(counts.times(self.scale))
    }

    fn powers(&mut self) -> Powers {
        let (window, level) = (self.window, self.level);
        *self
            .powers
            .get_or_insert_with(|| Powers::of(window, &level))
    }

    /// Mean square.
    fn power(&self) -> Wide {
        Wide::of_size(self.squares, 0).times(self.moments.inverse)
    }

    /// Half of the logarithm of a power.
    fn log(&self, power: Wide) -> Wide {
        let power = power.times(self.scale).times(self.scale);
        power.or_more(self.floor).log10().shifted(-1)
    }

    fn crest(&self) -> Wide {
        // Times the number of samples, all whole: n max(x) - sum(x).
        let of = |x: i32| i64::from(x).wrapping_mul(self.count.into());
        let sum = i64::from(self.level.sum);
        let above = of(self.level.largest).wrapping_sub(sum);
        let below = sum.wrapping_sub(of(self.level.least));
        let peak = if above > below { above } else { below };
        Wide::new(peak, 0).over(Wide::of_size(self.level.spread, 0).root())
    }

    /// Slope a sample.
    fn slope(&self) -> Wide {
        let tilt = sums::tilt(self.window, &self.level);
        let count = i64::from(self.count);
        // n (n^2 - 1) / 6
        let square = Wide::new(count.wrapping_mul(count).wrapping_sub(1), 0);
        Wide::new(tilt.wrapping_mul(6), 0).over(self.moments.count.times(square))
    }

    fn autocorrelation(&self, lag: usize) -> Wide {
        let (products, first, second) = sums::lagged(self.window, lag);
        let (mean, _) = self.level.mean(self.count);
        let (mean, ends) = (
            i64::from(mean),
            i64::from(first).wrapping_add(i64::from(second)),
        );
        let pairs = i64::from(self.count).wrapping_sub((lag as u64).cast_signed());
        // About the rounded mean, exact: below 2^50.
        let own = pairs.wrapping_mul(mean);
        let products = products
            .wrapping_sub(mean.wrapping_mul(ends))
            .wrapping_add(mean.wrapping_mul(own));
        let ends = ends.wrapping_sub(own.wrapping_mul(2));
        let rest = self.moments.rest;
        let more = rest.times(Wide::new(pairs, 0)).minus(Wide::new(ends, 0));
        let covariance = Wide::new(products, 0).plus(rest.times(more));
        covariance.over(self.moments.variance.times(self.moments.count))
    }
}

/// Correlation of two channels.
pub(super) fn correlation(a: Level, of_a: Window<'_>, b: Level, of_b: Window<'_>) -> Wide {
    // Both channels lie in the ring alike.
    let [[a_older, a_newer], [b_older, b_newer]] = [of_a, of_b];
    let (products, ..) = sums::products([[a_older, b_older], [a_newer, b_newer]]);
    let count = i64::from(sums::count(of_a));
    // n sum(a b) - sum(a) sum(b), below 2^63.
    let both = i64::from(a.sum).wrapping_mul(i64::from(b.sum));
    let covariance = count.wrapping_mul(products).wrapping_sub(both);
    let square = Wide::of_size(a.spread, 0).times(Wide::of_size(b.spread, 0));
    Wide::new(covariance, 0).over(square.root())
}

/// Ratio of the deviations; the values of a count, and the least power of the second one.
pub(super) fn ratio(a: Level, b: Level, count: i32, scales: [Wide; 2], floor: Wide) -> Wide {
    let [of_a, of_b] = scales;
    let below = Moments::of(&b, count).variance.times(of_b).times(of_b);
    let above = Moments::of(&a, count).variance.times(of_a).times(of_a);
    above.over(below.or_more(floor)).root()
}
