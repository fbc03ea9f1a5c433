//! Columns that another one gives exactly: copies, and the same quantity in another unit. A density has no room for
//! them: the flow would learn the rounding.

use super::step::step;

/// Most columns that are compared pair by pair.
const MOST_COLUMNS: usize = 500;
/// Rows looked at first.
const SAMPLE: usize = 64;
/// The fewest rows, and the fewest roundings within the range, that show a change of unit.
const LEAST_ROWS: usize = 30;
const LEAST_RATIO: f64 = 20.0;

/// A column given by an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Copy {
    /// Positions of the column and of the one that gives it.
    pub column: usize,
    pub of: usize,
    /// Factor and offset; 1 and 0 for a copy.
    pub factor: f64,
    pub offset: f64,
}

impl Copy {
    /// Why it is left out, for the user.
    pub fn reason(&self, of: &str) -> String {
        let (factor, offset) = (tell(self.factor), tell(self.offset.abs()));
        if self.factor == 1.0 && self.offset == 0.0 {
            return format!("a copy of {of:?}");
        }
        let sign = if self.offset < 0.0 { '-' } else { '+' };
        format!("{of:?} gives it exactly, times {factor} {sign} {offset}")
    }
}

fn tell(number: f64) -> String {
    let short: f64 = format!("{number:.5e}").parse().unwrap_or(number);
    short.to_string()
}

/// The columns that an earlier one gives exactly; columns of one value are none.
pub(super) fn copies(columns: &[&[f64]]) -> Vec<Copy> {
    if columns.len() > MOST_COLUMNS {
        return Vec::new();
    }
    let prepared: Vec<Option<Prepared>> = columns.iter().map(|c| Prepared::of(c)).collect();
    let mut found: Vec<Copy> = Vec::new();
    for (column, own) in prepared.iter().enumerate() {
        let Some(own) = own else { continue };
        let mut earlier = prepared[..column]
            .iter()
            .enumerate()
            .filter_map(|(at, other)| {
                let given = found.iter().any(|copy| copy.column == at);
                other.as_ref().filter(|_| !given).map(|other| (at, other))
            });
        let copy = earlier.find_map(|(of, other)| {
            let (factor, offset) = given(own, other)?;
            Some(Copy {
                column,
                of,
                factor,
                offset,
            })
        });
        found.extend(copy);
    }
    found
}

struct Prepared<'a> {
    values: &'a [f64],
    low: f64,
    high: f64,
    /// Half the step in which it is printed: how far a value may be from what it stands for.
    rounding: f64,
    /// Rows of its lowest and highest value.
    ends: (usize, usize),
    /// Rows without a reading.
    gaps: bool,
}

impl<'a> Prepared<'a> {
    fn of(values: &'a [f64]) -> Option<Self> {
        let finite = || values.iter().enumerate().filter(|(_, x)| x.is_finite());
        let low = finite().min_by(|a, b| a.1.total_cmp(b.1))?;
        let high = finite().max_by(|a, b| a.1.total_cmp(b.1))?;
        let largest = low.1.abs().max(high.1.abs());
        (low.1 < high.1).then(|| Self {
            values,
            low: *low.1,
            high: *high.1,
            rounding: step(values).map_or(0.0, |step| step / 2.0) + 8.0 * f64::EPSILON * largest,
            ends: (low.0, high.0),
            gaps: values.iter().any(|x| !x.is_finite()),
        })
    }
}

/// Factor and offset by which one column gives another in every row that has both.
fn given(own: &Prepared<'_>, other: &Prepared<'_>) -> Option<(f64, f64)> {
    given_in_all(own, other).or_else(|| given_in_some(own, other))
}

/// The same where one of them has gaps that the other has not.
fn given_in_some(own: &Prepared<'_>, other: &Prepared<'_>) -> Option<(f64, f64)> {
    if !own.gaps && !other.gaps {
        return None;
    }
    let rows = || own.values.iter().copied().zip(other.values.iter().copied());
    let both = |(a, b): &(f64, f64)| a.is_finite() && b.is_finite();
    let room = |factor: f64| 4.0 * (own.rounding + factor.abs() * other.rounding);
    // A look at a few rows tells nearly all columns apart.
    let step = (own.values.len() / SAMPLE).max(1);
    let few: (Vec<f64>, Vec<f64>) = rows().step_by(step).filter(both).unzip();
    let (factor, offset) = line(&few.0, &few.1)?;
    let mut near = few.0.iter().zip(&few.1);
    if !near.all(|(a, b)| (a - (factor * b + offset)).abs() <= room(factor)) {
        return None;
    }
    let common: (Vec<f64>, Vec<f64>) = rows().filter(both).unzip();
    if 2 * common.0.len() < own.values.len() {
        return None;
    }
    given_in_all(&Prepared::of(&common.0)?, &Prepared::of(&common.1)?)
}

/// Factor and offset by which one column gives another in every row, gaps in the same rows.
fn given_in_all(own: &Prepared<'_>, other: &Prepared<'_>) -> Option<(f64, f64)> {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let rows = || own.values.iter().zip(other.values);
    if rows().take(SAMPLE).chain(rows()).all(|(a, b)| same(*a, *b)) {
        return Some((1.0, 0.0));
    }
    // Where the other has its ends, this one has its own, or the other way round.
    let (a, b) = other.ends;
    let rise = own.values[b] - own.values[a];
    let factor = rise / (other.high - other.low);
    if !factor.is_finite() || factor == 0.0 || own.values.len() < LEAST_ROWS {
        return None;
    }
    let room = own.rounding + factor.abs() * other.rounding;
    if own.high - own.low < LEAST_RATIO * room {
        return None;
    }
    // The ends are rounded too: a first line through them, then the line of least squares.
    let near = |factor: f64, offset: f64, room: f64, rows: usize| {
        let step = (own.values.len() / rows).max(1);
        let mut chosen = own.values.iter().zip(other.values).step_by(step);
        chosen.all(|(a, b)| same(*a, *b) || (a - (factor * b + offset)).abs() <= room)
    };
    if !near(
        factor,
        own.values[a] - factor * other.low,
        4.0 * room,
        SAMPLE,
    ) {
        return None;
    }
    let (factor, offset) = line(own.values, other.values)?;
    near(factor, offset, 1.01 * room, own.values.len()).then(|| tidy(own, other, factor, offset))
}

/// The line of least squares, own = factor * other + offset.
fn line(own: &[f64], other: &[f64]) -> Option<(f64, f64)> {
    let pairs = || {
        own.iter()
            .zip(other)
            .filter(|(a, b)| a.is_finite() && b.is_finite())
    };
    let count = pairs().count() as f64;
    let (sum_a, sum_b) = pairs().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a, sum.1 + b));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (both, square) = pairs().fold((0.0, 0.0), |sum, (a, b)| {
        let (a, b) = (a - mean_a, b - mean_b);
        (sum.0 + a * b, sum.1 + b * b)
    });
    let factor = both / square;
    factor
        .is_finite()
        .then_some((factor, mean_a - factor * mean_b))
}

/// 1.8 and 32 rather than 1.79998 and 32.0004, where they fit as well.
fn tidy(own: &Prepared<'_>, other: &Prepared<'_>, factor: f64, offset: f64) -> (f64, f64) {
    let short = |x: f64, digits: i32| {
        if x == 0.0 {
            return x;
        }
        let scale = 10f64.powi((digits - 1).saturating_sub(x.abs().log10().floor() as i32));
        let short = (x * scale).round() / scale;
        if short.is_finite() { short } else { x }
    };
    let room = 1.01 * (own.rounding + factor.abs() * other.rounding);
    for digits in 1..6 {
        let factor = short(factor, digits);
        let rest = own
            .values
            .iter()
            .zip(other.values)
            .filter(|(a, b)| (*a - *b).is_finite());
        let (sum, count) = rest.fold((0.0, 0), |(sum, n), (a, b)| (sum + a - factor * b, n + 1));
        let offset = sum / f64::from(count.max(1));
        for offset in [0.0, short(offset, 2), short(offset, 4), offset] {
            let mut rows = own.values.iter().zip(other.values);
            if rows.all(|(a, b)| a.is_nan() || (a - (factor * b + offset)).abs() <= room) {
                return (factor, offset);
            }
        }
    }
    (factor, offset)
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;

    fn rounded(values: impl Iterator<Item = f64>, digits: i32) -> Vec<f64> {
        let scale = 10f64.powi(digits);
        values.map(|x| (x * scale).round() / scale).collect()
    }

    #[test]
    fn copies_and_other_units() {
        let celsius: Vec<f64> = noise(300).iter().map(|x| 20.0 + 2.0 * x).collect();
        let printed = rounded(celsius.iter().copied(), 2);
        let fahrenheit = rounded(celsius.iter().map(|x| 1.8 * x + 32.0), 1);
        let kelvin = rounded(printed.iter().map(|x| x + 273.15), 2);
        let copy = printed.clone();
        let found = copies(&[&printed, &fahrenheit, &kelvin, &copy]);
        assert_eq!(
            found.iter().map(|c| (c.column, c.of)).collect::<Vec<_>>(),
            [(1, 0), (2, 0), (3, 0)]
        );
        assert!(
            (found[0].factor - 1.8).abs() < 1e-9 && (found[0].offset - 32.0).abs() < 0.06,
            "{found:?}"
        );
        assert!((found[1].offset - 273.15).abs() < 1e-9, "{found:?}");
        assert_eq!((found[2].factor, found[2].offset), (1.0, 0.0));
        assert_eq!(
            found[1].reason("t"),
            "\"t\" gives it exactly, times 1 + 273.15"
        );
        assert_eq!(found[2].reason("t"), "a copy of \"t\"");
        // Gaps that the other has not.
        let gaps = |values: &[f64], at: usize| -> Vec<f64> {
            let rows = values.iter().enumerate();
            rows.map(|(row, x)| if row % 50 == at { f64::NAN } else { *x })
                .collect()
        };
        let found = copies(&[
            &gaps(&printed, 3),
            &gaps(&fahrenheit, 9),
            &gaps(&copy, 7),
            &noise(600)[300..],
        ]);
        assert_eq!(
            found.iter().map(|c| (c.column, c.of)).collect::<Vec<_>>(),
            [(1, 0), (2, 0)]
        );
        // Turned round, and in full digits.
        let turned: Vec<f64> = celsius.iter().map(|x| 5.0 - 0.25 * x).collect();
        assert_eq!(copies(&[&celsius, &turned]).len(), 1);
    }

    #[test]
    fn two_sensors_of_one_quantity_are_no_copies() {
        let celsius: Vec<f64> = noise(300).iter().map(|x| 20.0 + 2.0 * x).collect();
        let other = noise(600)[300..].to_vec();
        let second = rounded(celsius.iter().zip(&other).map(|(x, n)| x + 0.02 * n), 2);
        let first = rounded(celsius.iter().copied(), 2);
        assert!(copies(&[&first, &second]).is_empty());
        // One reading apart.
        let mut almost = first.clone();
        almost[200] += 0.5;
        assert!(copies(&[&first, &almost]).is_empty());
        // Coarse levels that go together show nothing.
        let coarse = |digits: f64| {
            first
                .iter()
                .map(|x| (x * digits).round())
                .collect::<Vec<_>>()
        };
        assert!(copies(&[&coarse(0.5), &coarse(0.55)]).is_empty());
        assert!(copies(&[&[3.0; 50], &[3.0; 50]]).is_empty());
        assert!(copies(&[&[f64::NAN; 50], &[f64::NAN; 50]]).is_empty());
    }
}
