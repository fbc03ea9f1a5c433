//! From values to colours: one range for a whole picture, robust to a few extreme values, and an even colour scale.
//!
//! ```
//! use nvpico_codegen::report::plot::{Group, Sheet, contact_sheet};
//!
//! // One pixel beyond all others does not take the colours from them.
//! let mut rows: Vec<f32> = (0..1600).map(|i| (i % 7) as f32).collect();
//! rows[5] = 1e6;
//! let group = Group { title: "frames".into(), rows, ..Group::default() };
//! contact_sheet(&Sheet { shape: [1, 4, 4], groups: vec![group], ..Sheet::default() })?;
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::style::RGBColor;

/// Share of the values at either end that may lie beyond the range.
const BEYOND: f64 = 0.01;
/// For what is not a number.
pub(super) const UNDEFINED: RGBColor = RGBColor(158, 180, 190);

/// From black by violet, red and orange to pale yellow: evenly brighter, in steps of an eighth.
const ANCHORS: [[f64; 3]; 9] = [
    [6.0, 4.0, 22.0],
    [38.0, 14.0, 82.0],
    [88.0, 20.0, 112.0],
    [136.0, 36.0, 108.0],
    [184.0, 56.0, 86.0],
    [224.0, 90.0, 52.0],
    [246.0, 140.0, 18.0],
    [250.0, 198.0, 58.0],
    [252.0, 252.0, 190.0],
];

/// Which values the ends of the colours stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
    /// Whether values lie below, lie above, and are not numbers.
    pub below: bool,
    pub above: bool,
    pub undefined: bool,
}

impl Range {
    /// All values but the last hundredth at either end, where that differs; never empty.
    pub fn robust(values: &[f32]) -> Self {
        let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
        finite.sort_by(f32::total_cmp);
        let skip = (BEYOND * finite.len() as f64) as usize;
        let (low, high) = match (finite.get(skip), finite.iter().rev().nth(skip)) {
            (Some(low), Some(high)) => (f64::from(*low), f64::from(*high)),
            _ => (0.0, 1.0),
        };
        // Nearly all values are one: the few others are what there is to see.
        let (low, high) = match (finite.first(), finite.last()) {
            (Some(first), Some(last)) if low >= high => (f64::from(*first), f64::from(*last)),
            _ => (low, high),
        };
        Self::over(low, high, values)
    }

    /// As [`Range::robust`], but the usual range of a picture's red, green and blue where the values lie in one.
    pub fn of_picture(values: &[f32]) -> Self {
        let within = |top: f32| {
            values
                .iter()
                .all(|v| !v.is_finite() || (0.0..=top).contains(v))
        };
        if within(1.0) {
            Self::over(0.0, 1.0, values)
        } else if within(255.0) {
            Self::over(0.0, 255.0, values)
        } else {
            Self::robust(values)
        }
    }

    /// From `low` to `high`, whatever the values are.
    pub fn over(low: f64, high: f64, values: &[f32]) -> Self {
        // Equal values get the middle colour.
        let widen = if high > low {
            0.0
        } else {
            0.5f64.max(1e-6 * low.abs())
        };
        let (low, high) = (low - widen, high + widen);
        Self {
            low,
            high,
            below: values.iter().any(|value| f64::from(*value) < low),
            above: values.iter().any(|value| f64::from(*value) > high),
            undefined: values.iter().any(|value| value.is_nan()),
        }
    }

    /// Round numbers in the range, `most` of them or fewer, and the step between them.
    pub fn ticks(&self, most: usize) -> (Vec<f64>, f64) {
        let least = (self.high - self.low) / most.max(1) as f64;
        let power = 10f64.powf(least.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= least)
            .unwrap_or(least);
        let first = (self.low / step).ceil();
        let ticks = (0..=most).map(|index| (first + index as f64) * step);
        let slack = 1e-9 * step;
        (
            ticks.filter(|tick| *tick <= self.high + slack).collect(),
            step,
        )
    }

    /// Where a value lies in the range, from 0 to 1; none for what is not a number.
    fn place(&self, value: f32) -> Option<f64> {
        let place = (f64::from(value) - self.low) / (self.high - self.low);
        (!place.is_nan()).then_some(place.clamp(0.0, 1.0))
    }

    /// The colour of one value.
    pub fn colour(&self, value: f32) -> RGBColor {
        self.place(value).map_or(UNDEFINED, colour)
    }

    /// The colour of a value each for red, green and blue.
    pub fn mixed(&self, parts: [f32; 3]) -> RGBColor {
        match parts.map(|part| self.place(part)) {
            [Some(red), Some(green), Some(blue)] => {
                RGBColor(byte(255.0 * red), byte(255.0 * green), byte(255.0 * blue))
            }
            _ => UNDEFINED,
        }
    }
}

/// The colour at a place from 0 to 1 of the scale.
pub(super) fn colour(place: f64) -> RGBColor {
    let steps = place.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let step = (steps as usize).min(ANCHORS.len() - 2);
    let share = steps - step as f64;
    let part = |index: usize| {
        let (from, to) = (ANCHORS[step][index], ANCHORS[step + 1][index]);
        byte(from + share * (to - from))
    };
    RGBColor(part(0), part(1), part(2))
}

fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_grows_evenly_brighter() {
        // CIE lightness, from sRGB.
        let lightness = |colour: RGBColor| {
            let linear = |part: u8| {
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            };
            let luminance =
                0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2);
            116.0 * luminance.cbrt() - 16.0
        };
        let steps: Vec<f64> = (0..=32)
            .map(|i| lightness(colour(f64::from(i) / 32.0)))
            .collect();
        for pair in steps.windows(2).skip(2) {
            let step = pair[1] - pair[0];
            assert!((1.2..5.5).contains(&step), "{steps:?}");
        }
    }

    #[test]
    fn ranges_are_robust_and_never_empty() {
        let mut values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        values.extend([1e9, f32::NAN, f32::NEG_INFINITY]);
        let range = Range::robust(&values);
        assert!(range.low > 5.0 && range.high < 995.0, "{range:?}");
        assert!(range.below && range.above && range.undefined);
        // A tenth of a percent that differs is seen where nothing else is.
        let mut spot = vec![20.0; 1000];
        spot[7] = 60.0;
        let range = Range::robust(&spot);
        assert_eq!((range.low, range.high), (20.0, 60.0));
        for values in [
            &[][..],
            &[3.0; 9],
            &[f32::NAN],
            &[f32::INFINITY],
            &[3e38, -3e38],
        ] {
            let range = Range::robust(values);
            assert!(
                range.high > range.low && range.high.is_finite(),
                "{values:?}"
            );
        }
        assert_eq!(Range::robust(&[3.0; 9]).colour(3.0), colour(0.5));
    }

    #[test]
    fn ticks_are_round() {
        let ticks = |low, high, most| {
            let range = Range {
                low,
                high,
                ..Range::robust(&[])
            };
            range.ticks(most).0
        };
        assert_eq!(ticks(20.25, 33.5, 5), [25.0, 30.0]);
        assert_eq!(ticks(20.25, 33.5, 7), [22.0, 24.0, 26.0, 28.0, 30.0, 32.0]);
        assert_eq!(ticks(0.0, 1.0, 5).len(), 6);
        assert_eq!(ticks(-0.5, 0.5, 3), [-0.5, 0.0, 0.5]);
        for (low, high) in [(-3e38, 3e38), (1e-30, 3e-30), (1e9, 1e9 + 2e3)] {
            let count = ticks(low, high, 3).len();
            assert!((1..=4).contains(&count), "{low} {high}: {count}");
        }
    }

    #[test]
    fn pictures_keep_their_usual_range() {
        let ends = |values: &[f32]| {
            let range = Range::of_picture(values);
            (range.low, range.high)
        };
        assert_eq!(ends(&[0.2, 0.4]), (0.0, 1.0));
        assert_eq!(ends(&[0.0, 128.0]), (0.0, 255.0));
        assert_eq!(ends(&[-2.0, 2.0]), (-2.0, 2.0));
        let range = Range::of_picture(&[0.0, 1.0]);
        assert_eq!(range.mixed([0.0, 0.5, 1.0]), RGBColor(0, 128, 255));
        assert_eq!(range.mixed([0.0, f32::NAN, 1.0]), UNDEFINED);
    }
}
