//! Frames of a window and features of their spectrum, in integers.

use super::fourier::{self, Loader, packed};
use super::moments::Moments;
use super::sums::{Level, Powers, Window, count};
use super::wide::Wide;
use crate::spec::features::{Bands, Feature, FeatureSpec, Frames, SpectrumSpec, Taper};

/// Fraction bits of the weights of a taper.
pub(super) const Q15: u32 = 15;

/// Turns frames of a window into powers.
pub(super) struct Transform<'a> {
    pub spec: SpectrumSpec,
    /// Twiddle factors, then half of the taper.
    pub tables: &'a [i32],
    /// Samples in a window.
    pub window: usize,
}

/// Powers of bins, in units of `2^exponent` of four times the square of a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub exponent: i32,
    /// Whether a sum has reached the highest bit.
    is_full: bool,
}

/// How samples become centred values of 16 bits.
#[derive(Clone, Copy)]
struct Centre {
    left: u32,
    right: u32,
    offset: i32,
}

impl Centre {
    /// The largest distance of a sample from the mean fills 15 bits; the exponent is that of the result.
    fn of(level: Level, count: i32) -> (Self, i32) {
        let (mean, rest) = level.mean(count);
        let above = level.largest.wrapping_sub(mean);
        let below = mean.wrapping_sub(level.least);
        let reach = above.max(below).wrapping_add(1);
        // A reach below 2^bits, up to 17 bits.
        let bits = 32_u32.saturating_sub(reach.leading_zeros());
        let up = 15_i32.wrapping_sub(bits.cast_signed()).min(14);
        let (left, right) = (up.max(0).cast_unsigned(), up.min(0).unsigned_abs());
        // What rounding the mean has left, rounded: below 2^15 before the shift of at most 14.
        let rest = rest.wrapping_shl(left);
        let middle = if rest < 0 { -count / 2 } else { count / 2 };
        let rest = rest.wrapping_add(middle).checked_div(count).unwrap_or(0);
        let half = 1_i32.wrapping_shl(right) >> 1;
        let centre = Self {
            left,
            right,
            offset: mean
                .wrapping_shl(left)
                .wrapping_add(rest)
                .wrapping_sub(half),
        };
        (centre, up.wrapping_neg())
    }

    #[inline(always)]
    fn value(self, sample: i16) -> i32 {
        let moved = i32::from(sample)
            .wrapping_shl(self.left)
            .wrapping_sub(self.offset);
        moved.wrapping_shr(self.right)
    }
}

/// Rounds away so many bits of a power.
#[inline(always)]
fn dropped(power: i32, bits: u32) -> u32 {
    let power = power.cast_unsigned();
    match bits {
        0 => power,
        1..=31 => (power.wrapping_shr(bits.wrapping_sub(1)) >> 1)
            .wrapping_add(power.wrapping_shr(bits.wrapping_sub(1)) & 1),
        _ => 0,
    }
}

impl<'a> Transform<'a> {
    fn taper(&self) -> &'a [i32] {
        match self.spec.taper {
            Taper::None => &[],
            Taper::Hann => {
                let waves = self.tables.split_at_checked(self.spec.waves_len() / 2);
                waves.map_or(&[], |(_, taper)| taper)
            }
        }
    }

    /// Replaces the frame by the powers of frame `index` of the window; returns their exponent.
    pub(super) fn frame(
        &self,
        index: usize,
        window: Window<'_>,
        level: Level,
        frame: &mut [i32],
    ) -> i32 {
        let (centre, exponent) = Centre::of(level, count(window));
        let start = index.saturating_mul(self.spec.step());
        let [older, newer] = part(window, start, self.spec.frame);
        let mut loader = Loader::new(frame);
        let taper = self.taper();
        let covered = self.spec.taper_len(self.window);
        let mut at = 0_usize;
        let mut value = |sample: i16| {
            let value = centre.value(sample);
            if taper.is_empty() {
                return value;
            }
            // The second half mirrors the first one.
            let place = at.min(covered.wrapping_sub(at));
            at = at.wrapping_add(1);
            let weight = taper.get(place).copied().unwrap_or(0);
            value.wrapping_mul(weight).wrapping_add(1 << (Q15 - 1)) >> Q15
        };
        let samples = older.len().wrapping_add(newer.len());
        // A pair may begin in the older part and end in the newer one; the last may be half a pair.
        let (pairs, rest) = older.as_chunks::<2>();
        let (joint, rest, newer) = match (rest, newer) {
            (&[first], [second, newer @ ..]) => (Some([first, *second]), &[][..], newer),
            _ => (None, rest, newer),
        };
        let (others, last) = newer.as_chunks::<2>();
        for pairs in [pairs, joint.as_slice(), others] {
            for &[first, second] in pairs {
                let first = value(first);
                loader.put(packed(first, value(second)));
            }
        }
        if let (_, &[single]) | (&[single], _) = (rest, last) {
            loader.put(packed(value(single), 0));
        }
        for _ in samples.div_ceil(2)..self.spec.frame / 2 {
            loader.put(0);
        }
        let seen = loader.seen();
        let own = fourier::power(frame, self.spec.first_pass(), self.tables, seen);
        exponent.wrapping_add(own.cast_signed()).wrapping_mul(2)
    }

    /// Takes the powers of a frame into those of the window.
    pub(super) fn accumulate(
        &self,
        index: usize,
        frame: &[i32],
        exponent: i32,
        unit: &mut Unit,
        powers: &mut [i32],
    ) {
        if index == 0 {
            for (place, &power) in powers.iter_mut().zip(frame) {
                *place = power;
            }
            *unit = Unit {
                exponent,
                is_full: false,
            };
            return;
        }
        let is_mean = matches!(self.spec.frames, Frames::Mean { .. });
        let room = i32::from(unit.is_full);
        let common = unit.exponent.wrapping_add(room).max(exponent);
        let below = common.wrapping_sub(unit.exponent).cast_unsigned();
        let own_below = common.wrapping_sub(exponent).cast_unsigned();
        let mut seen = 0_u32;
        for (place, &power) in powers.iter_mut().zip(frame) {
            let (total, own) = (dropped(*place, below), dropped(power, own_below));
            let total = if is_mean {
                // Both below 2^31.
                total.wrapping_add(own)
            } else {
                total.max(own)
            };
            seen |= total;
            *place = total.cast_signed();
        }
        *unit = Unit {
            exponent: common,
            is_full: seen >> 31 == 1,
        };
    }
}

/// So many samples of a window from one on.
fn part(window: Window<'_>, start: usize, length: usize) -> Window<'_> {
    let [older, newer] = window;
    let from_newer = start.saturating_sub(older.len());
    let older = older.get(start..).unwrap_or(&[]);
    let newer = newer.get(from_newer..).unwrap_or(&[]);
    let older = older.get(..length).unwrap_or(older);
    let left = length.saturating_sub(older.len());
    [older, newer.get(..left).unwrap_or(newer)]
}

/// Powers of a window, with what makes them features.
pub(super) struct Spectrum<'a> {
    pub spec: &'a FeatureSpec<'a>,
    pub own: SpectrumSpec,
    /// What a power is to be multiplied with.
    pub unit: Wide,
    pub rate: Wide,
    pub floor: Wide,
    /// Of every bin.
    pub powers: &'a [i32],
}

/// What the powers of a [`Transform`] are to be multiplied with; `scale` is the value of a count.
pub(super) fn unit(spec: SpectrumSpec, window: usize, exponent: i32, scale: Wide) -> Wide {
    let covered = spec.taper_len(window);
    let weights = match spec.taper {
        Taper::None => Wide::whole(covered),
        Taper::Hann if covered == 2 => Wide::whole(1),
        // Three eighths of them.
        Taper::Hann => Wide::whole(covered).times(Wide::whole(3)).shifted(-3),
    };
    let below = match spec.frames {
        Frames::Mean { .. } => weights.times(Wide::whole(spec.count(window))),
        Frames::One | Frames::Maximum { .. } => weights,
    };
    let square = scale.times(scale);
    square.over(below).shifted(exponent.wrapping_sub(2))
}

impl Spectrum<'_> {
    /// Calls `put` with each value of a feature of the spectrum, not at all for others.
    pub(super) fn feature(&self, feature: Feature<'_>, mut put: impl FnMut(Wide)) {
        match feature {
            Feature::Bands(bands) => self.bands(bands, put),
            Feature::Centroid => put(self.centroid_and_spread().0),
            Feature::Spread => put(self.centroid_and_spread().1),
            Feature::SpectralSkewness => {
                let (moments, powers) = self.moments();
                put(moments.skewness(&powers));
            }
            Feature::SpectralKurtosis => {
                let (moments, powers) = self.moments();
                put(moments.kurtosis(&powers));
            }
            _ => {}
        }
    }

    /// `log10` of the mean power of each band.
    fn bands(&self, bands: Bands<'_>, mut put: impl FnMut(Wide)) {
        // Equal bands have the same number of bins, most often.
        let (mut known, mut unit) = (1, self.unit);
        for band in 0..bands.count() {
            let (from, to) = bands.bins(band, self.own, self.spec.rate);
            let own = self.powers.get(from..to).unwrap_or(&[]);
            let mut total = 0_u64;
            for &power in own {
                total = total.wrapping_add(power.cast_unsigned().into());
            }
            if own.len() != known {
                known = own.len();
                unit = self.unit.over(Wide::whole(known));
            }
            let power = Wide::of_size(total, 0).times(unit);
            put(power.or_more(self.floor).log10());
        }
    }

    /// Mean frequency and its deviation, in Hz.
    fn centroid_and_spread(&self) -> (Wide, Wide) {
        // From the last bin on: sums, sums of sums and their sums; all without products. Below 2^63 for 1025 bins.
        let (mut sum, mut sums, mut more) = (0_u64, 0_u64, 0_u64);
        let above = self.powers.get(1..).unwrap_or(&[]);
        for &power in above.iter().rev() {
            sum = sum.wrapping_add(power.cast_unsigned().into());
            sums = sums.wrapping_add(sum);
            more = more.wrapping_add(sums);
        }
        // sum(k p) and sum(k^2 p), about a bin near the centroid.
        let squares = more.wrapping_mul(2).wrapping_sub(sums);
        let total = Wide::of_size(sum, 0);
        let centroid = Wide::of_size(sums, 0).over(total);
        let bin = u64::from(centroid.in_units(0).cast_unsigned());
        let first = sums.wrapping_sub(bin.wrapping_mul(sum)).cast_signed();
        // Exact modulo 2^64, and not negative.
        let second = squares
            .wrapping_sub(bin.wrapping_mul(sums).wrapping_mul(2))
            .wrapping_add(bin.wrapping_mul(bin).wrapping_mul(sum));
        let off = Wide::new(first, 0).over(total);
        let square = Wide::of_size(second, 0).over(total).minus(off.times(off));
        let hertz = self.rate.over(Wide::whole(self.own.frame));
        (centroid.times(hertz), square.root().times(hertz))
    }

    /// Moments of the powers of all bins, in 16 bits.
    fn moments(&self) -> (Moments, Powers) {
        let mut seen = 0;
        for &power in self.powers {
            seen |= power.cast_unsigned();
        }
        let bits = 16_u32.saturating_sub(seen.leading_zeros());
        let value = |power: i32| dropped(power, bits).min(0xffff).cast_signed();
        let (mut sum, mut squares) = (0_i32, 0_u64);
        let (mut least, mut largest) = (i32::MAX, 0);
        for &power in self.powers {
            let value = value(power);
            // Below 2^27, and a square of 32 bits.
            sum = sum.wrapping_add(value);
            squares = squares.wrapping_add(u64::from(value.wrapping_mul(value).cast_unsigned()));
            least = value.min(least);
            largest = value.max(largest);
        }
        let count = self.powers.len() as u64;
        let own = i64::from(sum).wrapping_mul(i64::from(sum)).cast_unsigned();
        let level = Level {
            sum,
            least,
            largest,
            spread: count.wrapping_mul(squares).wrapping_sub(own),
        };
        let count = (count as u32).cast_signed();
        let (mean, _) = level.mean(count);
        let mut powers = Powers::default();
        for &power in self.powers {
            powers.add(value(power).wrapping_sub(mean));
        }
        (Moments::of(&level, count), powers)
    }
}
