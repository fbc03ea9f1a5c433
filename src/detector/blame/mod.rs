//! What to blame for a reading that is not normal: how much log-density it would gain by another value in place of each, and
//! which value would be normal there.
//!
//! A reading is compared with typical ones, of which the model keeps some: those that are nearest to it, where no value counts for more than
//! two standard deviations, so that a few wrong values do not decide which. Half way between the two, each value is once that of the
//! typical reading and once that of the reading itself: the difference in log-density is what the value is to blame for. If log-densities were
//! quadratic, these differences would be Shapley values: they would add up to what the reading lacks.
//!
//! Without typical readings a value is to blame for what the reading gains if it is replaced by the likeliest one.

mod number;
mod search;

use core::fmt;

use crate::flow::{Density, ScoreError};
pub use number::Number;
use search::{HALVINGS, Nearest, PARTS, ROUNDS, Search, insert, is_outside};

/// Typical readings that a reading is compared with.
const COMPARED: usize = 3;

/// What is normal, to blame by: a part of the module that `nvpico export` writes.
#[derive(Clone, Copy, Debug)]
pub struct BlameSpec<'a, V> {
    /// A log-density below it is not normal, in nats or in units of 2^-16 nat.
    pub threshold: V,
    /// The lowest and the highest value of each value.
    pub ranges: &'a [[V; 2]],
    /// The first values, which are given: never to blame.
    pub given: usize,
    /// Typical readings, one after the other; may be empty.
    pub typical: &'a [V],
    /// A standard deviation of each value; empty without typical readings.
    pub scales: &'a [V],
}

impl<V> BlameSpec<'_, V> {
    /// Scores that [`blame`] takes at most, with room for `most` values to blame.
    #[must_use]
    pub const fn scores(&self, most: usize) -> usize {
        let dim = self.ranges.len();
        let search = PARTS as usize + 2 * ROUNDS as usize;
        let judged = dim.saturating_sub(self.given);
        let typical = match self.typical.len().checked_div(dim) {
            Some(count) if count < COMPARED => count,
            Some(_) => COMPARED,
            None => 0,
        };
        let each = if typical > 0 { 2 * typical } else { search + 1 };
        let rest = most.saturating_mul(search + HALVINGS as usize);
        judged
            .saturating_mul(each)
            .saturating_add(rest)
            .saturating_add(1)
    }
}

/// A value that is to blame, as [`blame`] finds it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Blamed<V> {
    /// Which value of the reading.
    pub index: u16,
    /// The value as it was read.
    pub value: V,
    /// What would be normal. If `is_enough`, the nearest value with which the reading is normal, all others as they are. Otherwise that
    /// of the nearest typical reading; without typical readings, the likeliest one.
    pub normal: V,
    /// The log-density that the reading would gain by another value, in nats or in units of 2^-16 nat.
    pub gain: V,
    /// Whether the reading would be normal with `normal` in place of `value`. If not, other values are to blame beside it.
    pub is_enough: bool,
    /// Whether the value lies outside its range. Such values come first.
    pub is_outside: bool,
}

impl<V: Default> Default for Blamed<V> {
    /// Nothing: a place for a value to blame.
    fn default() -> Self {
        Self {
            index: 0,
            value: V::default(),
            normal: V::default(),
            gain: V::default(),
            is_enough: false,
            is_outside: false,
        }
    }
}

/// Why [`blame`] cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BlameError {
    /// The specification does not have a range for each value: that of a map, or of a model without ranges.
    Ranges {
        /// The model's dimension.
        expected: usize,
        /// Number of ranges.
        found: usize,
    },
    /// The typical readings do not have as many values as the model, or not as many have a scale.
    Typical,
    /// The reading or the workspace has another length than the model asks for.
    Score(ScoreError),
}

impl fmt::Display for BlameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlameError::Ranges { expected, found } => write!(
                f,
                "blame needs a range for each of {expected} values, {found} were given"
            ),
            BlameError::Typical => f.write_str(
                "typical readings have as many values as the model, and each value has a scale",
            ),
            BlameError::Score(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for BlameError {}

/// Finds the values that are to blame for a reading that is not normal. Those that gain most come first, into the places of `blamed`; values
/// outside their range stand before them. Returns the places that were filled; a value without a gain is not among them.
///
/// `workspace` holds at least the [workspace length](crate::FlowSpec::workspace_len) of a score and as many values as a
/// reading has. It takes [`BlameSpec::scores`] scores at most, hundreds of them: it is for alarms, not for every reading.
///
/// A value that is given is never to blame, and the reading may hold a NaN. Maps have no blame: it needs a range for each value.
///
/// ```
/// use nvpico::detector::{BlameSpec, Blamed, blame};
/// use nvpico::spec::Shape;
/// use nvpico::{Flow, FlowSpec, LayerSpec};
///
/// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
/// // Means 20 and 1, standard deviations 2 and 0.5.
/// static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) {
///     Ok(flow) => flow,
///     Err(error) => panic!("{}", error.message()),
/// };
/// const BLAME: BlameSpec<'static, f32> = BlameSpec {
///     threshold: -6.0,
///     ranges: &[[10.0, 40.0], [-1.0, 3.0]],
///     given: 0,
///     typical: &[19.0, 1.25, 21.0, 0.75],
///     scales: &[2.0, 0.5],
/// };
///
/// let mut workspace = [0.0; SPEC.workspace_len() + 2];
/// let mut places = [Blamed::default(); 1];
/// let blamed = blame(&FLOW, &BLAME, &[35.0, 1.1], &mut places, &mut workspace)?;
/// assert_eq!(blamed[0].index, 0);
/// // Less than three standard deviations from the mean, and just normal.
/// assert!(blamed[0].is_enough && (24.0..26.0).contains(&blamed[0].normal));
/// # Ok::<(), nvpico::detector::BlameError>(())
/// ```
///
/// # Errors
/// [`BlameError`] for a wrong length, and for a specification of another model.
pub fn blame<'b, D: Density<Value: Number>>(
    density: &D,
    spec: &BlameSpec<'_, D::Value>,
    x: &[D::Value],
    blamed: &'b mut [Blamed<D::Value>],
    workspace: &mut [D::Value],
) -> Result<&'b [Blamed<D::Value>], BlameError> {
    let dim = density.dim();
    if x.len() != dim {
        let (expected, found) = (dim, x.len());
        return Err(BlameError::Score(ScoreError::InputLength {
            expected,
            found,
        }));
    }
    if spec.ranges.len() != dim {
        let (expected, found) = (dim, spec.ranges.len());
        return Err(BlameError::Ranges { expected, found });
    }
    let has_scales = spec.typical.is_empty() || spec.scales.len() == dim;
    if !has_scales || spec.typical.len().checked_rem(dim) != Some(0) {
        return Err(BlameError::Typical);
    }
    let needed = density.workspace_len().saturating_add(dim);
    let (expected, found) = (needed, workspace.len());
    let short = BlameError::Score(ScoreError::WorkspaceLength { expected, found });
    if found < expected {
        return Err(short);
    }
    let Some((own, scratch)) = workspace.split_at_mut_checked(dim) else {
        return Err(short);
    };
    let mut search = Search {
        density,
        spec,
        reading: x,
        x: own,
        scratch,
    };
    let nearest = Nearest::of(&search);
    search.load();
    let base = search.log_prob();
    let mut count = 0;
    let values = x.iter().zip(spec.ranges).enumerate().skip(spec.given);
    for (index, (&value, &range)) in values {
        let gain = match nearest.typical() {
            [] => search.best(index, range, base).1.above(base),
            typical => search.gain(index, typical),
        };
        let found = Blamed {
            index: u16::try_from(index).unwrap_or(u16::MAX),
            value,
            normal: value,
            gain,
            is_enough: false,
            is_outside: is_outside(value, range),
        };
        if found.is_outside || gain > D::ZERO {
            count = insert(blamed, count, found);
        }
    }
    let (blamed, _) = blamed.split_at_mut_checked(count).unwrap_or_default();
    search.load();
    let outside = x
        .iter()
        .zip(spec.ranges)
        .filter(|&(&x, &range)| is_outside(x, range))
        .count();
    for found in blamed.iter_mut() {
        let index = usize::from(found.index);
        let Some(&range) = spec.ranges.get(index) else {
            continue;
        };
        let (best, log_prob) = search.best(index, range, base);
        // Nothing is enough while another value lies outside.
        found.is_enough = outside == usize::from(found.is_outside) && log_prob >= spec.threshold;
        found.normal = if found.is_enough {
            search.nearest(index, best, base)
        } else {
            let typical = nearest.typical().first().and_then(|own| own.get(index));
            typical.copied().unwrap_or(best)
        };
    }
    Ok(blamed)
}

#[cfg(test)]
mod tests;
