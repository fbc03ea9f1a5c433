//! Values that stand for no reading: what a logger writes where a sensor gave nothing. They repeat exactly and lie far
//! outside the rest. And single readings far outside: spikes.

use super::Series;

/// Values that mean "no reading" in one logger or another; 0 and 85 are readings as well.
const KNOWN: [f64; 31] = [
    -9.0,
    -99.0,
    -999.0,
    -9999.0,
    -99999.0,
    -999_999.0,
    99.0,
    999.0,
    9999.0,
    99999.0,
    999_999.0,
    -99.9,
    -999.9,
    999.9,
    6999.0,
    7999.0,
    -6999.0,
    -7999.0,
    255.0,
    65535.0,
    65536.0,
    32767.0,
    -32768.0,
    4095.0,
    16_777_215.0,
    2_147_483_647.0,
    -2_147_483_648.0,
    4_294_967_295.0,
    -127.0,
    -200.0,
    -273.15,
];
/// Share of the rows, in the middle of the values, that are the rest for certain.
const CORE: f64 = 0.7;
/// Fewest readings that are the rest beside known values in more than half of the rows.
const FEWEST: usize = 10;
/// How far outside, in ranges of the rest, a value is no reading: known ones, 0 and others.
const FAR: (f64, f64, f64) = (1.0, 1.0, 3.0);
/// A single value this far outside, in ranges of the rest and in its largest values, is no reading: trained on, it makes
/// all others alike.
const SINGLE: (f64, f64) = (1000.0, 20.0);
/// Most values for no reading on one side, such as -999 for no sensor and -888 for no power.
const MOST_FILLS: usize = 3;
/// A spike lies this far outside, and spikes are at most this share of the rows.
const SPIKE: (f64, f64) = (5.0, 0.005);
/// Rows in a row with one value on the average, from which on it is a state of the machine.
const STATE: f64 = 5.0;

/// A value that stands for no reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fill {
    pub value: f64,
    pub count: usize,
    /// Lowest and highest of the rest.
    pub rest: (f64, f64),
}

/// Single readings far outside the rest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spikes {
    pub count: usize,
    /// The farthest one, and its row from 0.
    pub farthest: f64,
    pub row: usize,
    pub rest: (f64, f64),
}

/// What lies far outside the rest of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outside {
    pub fills: Vec<Fill>,
    /// Values as far outside that stay for a while: a machine that stands still, or a logger without its sensor.
    pub states: Vec<Fill>,
    pub spikes: Option<Spikes>,
}

/// Fill values and spikes of a column.
pub(super) fn outside(series: &Series<'_>) -> Outside {
    let runs = &series.runs;
    let Some((first, last)) = rest(runs, series.readings()) else {
        return Outside::default();
    };
    let rest = (runs[first].0, runs[last].0);
    let range = rest.1 - rest.0;
    let mut found = Outside::default();
    let mut single: Vec<f64> = Vec::new();
    for (at, &(value, count)) in runs.iter().enumerate() {
        if (first..=last).contains(&at) {
            continue;
        }
        let away = if value < rest.0 {
            rest.0 - value
        } else {
            value - rest.1
        };
        let beside = [at.wrapping_sub(1), at + 1]
            .into_iter()
            .filter_map(|n| runs.get(n));
        let near = beside
            .map(|(other, _)| (other - value).abs())
            .fold(f64::INFINITY, f64::min);
        let known = KNOWN.contains(&value);
        // Values beside each other are another state, not one value for none; several values for none are few.
        let side = if value < rest.0 {
            &runs[..first]
        } else {
            &runs[last + 1..]
        };
        let few = side.len() <= MOST_FILLS && side.iter().all(|(_, count)| *count > 1);
        let alone = near > if few { 0.02 } else { 0.2 } * away;
        let largest = rest.0.abs().max(rest.1.abs());
        let absurd = away > SINGLE.0 * range && away > SINGLE.1 * largest && range > 0.0;
        let (far, least) = if absurd || (known && away > SPIKE.0 * range) {
            (0.0, 1)
        } else if known {
            (FAR.0 * range, 2)
        } else if value == 0.0 {
            (FAR.1 * range, 3)
        } else {
            (FAR.2 * range, 3)
        };
        let stays = !known && stay(series, value) >= STATE;
        if count >= least && away > far && (alone || absurd) && (known || range > 0.0) {
            let of = if stays {
                &mut found.states
            } else {
                &mut found.fills
            };
            of.push(Fill { value, count, rest });
        } else if away > SPIKE.0 * range && range > 0.0 && count < 3 {
            single.extend(std::iter::repeat_n(value, count));
        }
    }
    let few = (SPIKE.1 * series.readings() as f64).max(3.0);
    if !single.is_empty() && single.len() as f64 <= few {
        let middle = f64::midpoint(rest.0, rest.1);
        let farthest = (single.iter().copied())
            .max_by(|a, b| (a - middle).abs().total_cmp(&(b - middle).abs()))
            .unwrap_or(middle);
        found.spikes = Some(Spikes {
            count: single.len(),
            farthest,
            row: series
                .values
                .iter()
                .position(|x| *x == farthest)
                .unwrap_or(0),
            rest,
        });
    }
    found
}

/// First and last of the different values that belong together: the middle of the rows, and outwards as long as no
/// gap is as wide as all that lies within. A column of nearly one value has no rest to measure by.
fn rest(runs: &[(f64, usize)], rows: usize) -> Option<(usize, usize)> {
    // Known values at the ends may be many rows.
    let known = |(value, count): &(f64, usize)| *count > 1 && KNOWN.contains(value);
    let low = runs.iter().position(|run| !known(run))?;
    let high = runs.iter().rposition(|run| !known(run))?;
    let middle: usize = runs[low..=high].iter().map(|(_, count)| count).sum();
    let (from, to, rows) = if 2 * middle >= rows || (high > low + 1 && middle >= FEWEST) {
        (low, high, middle)
    } else {
        (0, runs.len() - 1, rows)
    };
    let tail = (1.0 - CORE) / 2.0 * rows as f64;
    let (mut first, mut sum) = (from, runs[from].1);
    while sum as f64 <= tail {
        first += 1;
        sum += runs[first].1;
    }
    let (mut last, mut sum) = (to, runs[to].1);
    while sum as f64 <= tail {
        last -= 1;
        sum += runs[last].1;
    }
    loop {
        let range = runs[last].0 - runs[first].0;
        let below = first.checked_sub(1).map(|at| runs[first].0 - runs[at].0);
        let above = runs.get(last + 1).map(|(x, _)| x - runs[last].0);
        let (below, above) = (
            below.unwrap_or(f64::INFINITY),
            above.unwrap_or(f64::INFINITY),
        );
        if below.min(above) > range {
            return Some((first, last));
        }
        if below <= above {
            first -= 1;
        } else {
            last += 1;
        }
    }
}

/// For how many rows a value stays on the average.
fn stay(series: &Series<'_>, value: f64) -> f64 {
    let (mut rows, mut runs, mut before) = (0, 0, false);
    for x in &*series.values {
        let now = *x == value;
        rows += usize::from(now);
        runs += usize::from(now && !before);
        before = now;
    }
    f64::from(rows as u32) / f64::from(runs.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    /// Readings about 20, with a value in every so many rows.
    fn with(value: f64, every: usize) -> Vec<f64> {
        let readings = noise(300).into_iter().map(|x| 20.0 + 2.0 * x).enumerate();
        readings
            .map(|(i, x)| if i % every == 3 { value } else { x })
            .collect()
    }

    fn fills(values: &[f64]) -> Vec<f64> {
        outside(&series(values))
            .fills
            .iter()
            .map(|fill| fill.value)
            .collect()
    }

    #[test]
    fn values_for_no_reading() {
        for value in [
            -999.0, -9999.0, 9999.0, 65535.0, 85.0, -127.0, 0.0, 1e20, -1234.5,
        ] {
            assert_eq!(fills(&with(value, 25)), [value]);
        }
        // Rare, and frequent.
        assert_eq!(fills(&with(-999.0, 4)), [-999.0]);
        assert_eq!(fills(&with(-999.0, 150)), [-999.0]);
        assert_eq!(fills(&with(-999.0, 7)), [-999.0]);
        // In most rows.
        for value in [-999.0, -9999.0, 65535.0] {
            let mut most = with(value, 25);
            most.iter_mut().skip(100).for_each(|x| *x = value);
            assert_eq!(fills(&most), [value]);
        }
        let mut two = with(-999.0, 25);
        for x in two.iter_mut().skip(5).step_by(40) {
            *x = 65535.0;
        }
        for x in two.iter_mut().skip(6).step_by(40) {
            *x = -9999.0;
        }
        assert_eq!(fills(&two), [-9999.0, -999.0, 65535.0]);
        let mut near = with(-999.0, 25);
        near.iter_mut()
            .skip(9)
            .step_by(25)
            .for_each(|x| *x = -888.0);
        assert_eq!(fills(&near), [-999.0, -888.0]);
        // Once.
        for value in [-9999.0, 65535.0, 1e6, -3e9] {
            assert_eq!(fills(&with(value, 299)), [value]);
        }
        // A known one that may be a reading.
        for value in [99.0, 45.0, -200.0] {
            let mut wide = with(20.0, 25);
            wide[150] = value;
            wide.iter_mut()
                .step_by(2)
                .for_each(|x| *x = 4.0 * *x - 50.0);
            assert_eq!(fills(&wide), [0.0; 0]);
        }
        // Beside a single spike, in a long row, and in a column of one value.
        let mut spiked = with(-999.0, 25);
        spiked[150] = 400.0;
        assert_eq!(fills(&spiked), [-999.0]);
        let mut outage = with(20.0, 25);
        outage[50..90].fill(-999.0);
        assert_eq!(fills(&outage), [-999.0]);
        let mut constant = [4.0; 100];
        constant[20..23].fill(-999.0);
        assert_eq!(fills(&constant), [-999.0]);
    }

    #[test]
    fn states_tails_and_levels_are_readings() {
        let none = Outside::default();
        assert_eq!(outside(&series(&noise(500))), none);
        // A machine that stands still for a while.
        let mut still = with(20.0, 25);
        still[100..140].fill(0.0);
        assert_eq!(fills(&still), [0.0; 0]);
        assert_eq!(outside(&series(&still)).states[0].count, 40);
        let tail: Vec<f64> = noise(500).iter().map(|x| (2.0 * x).exp()).collect();
        assert_eq!(fills(&tail), [0.0; 0]);
        let levels: Vec<f64> = (0..200)
            .map(|i| [0.0, 1.0, 1.0, 2.0, 10.0][i % 5])
            .collect();
        assert_eq!(fills(&levels), [0.0; 0]);
        // Mostly zero, as rain is.
        let rain: Vec<f64> = (0..200)
            .map(|i| {
                if i % 9 == 0 {
                    0.2 * f64::from(i % 7)
                } else {
                    0.0
                }
            })
            .collect();
        assert_eq!(fills(&rain), [0.0; 0]);
        assert_eq!(outside(&series(&[])), none);
        assert_eq!(outside(&series(&[f64::NAN; 9])), none);
    }

    #[test]
    fn spikes_are_counted_and_placed() {
        let mut values = with(20.0, 25);
        values[77] = -400.0;
        values[200] = 300.0;
        let spikes = outside(&series(&values)).spikes.unwrap();
        assert_eq!((spikes.count, spikes.farthest, spikes.row), (2, -400.0, 77));
    }
}
