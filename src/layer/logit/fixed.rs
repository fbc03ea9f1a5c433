//! The logit of counts in fixed point; see [`layer::logit`](crate::layer::logit).
//!
//! `p` and `1 - p` are in Q30.

use crate::arithmetic::fixed::Progress;
use crate::arithmetic::fixed::{Q16, Q24, linear, ln, rounded};
use crate::image::{LogitHeader, Program};

/// Maps x to y: counts to Q16.
#[inline(never)]
pub(crate) fn forward(
    program: &mut Program<'_>,
    x: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let LogitHeader {
        values,
        last,
        multiplier,
        shift,
        lowest,
        half,
        ln_slope,
    } = LogitHeader::read(program)?;
    for x in x.get_mut(..values as usize)? {
        if *x < 0 || *x > last {
            progress.beyond = true;
            *x = 0;
            continue;
        }
        let beyond = &mut progress.beyond;
        let low = ln(linear(*x, multiplier, shift, lowest, beyond));
        let high = ln(linear(
            last.wrapping_sub(*x),
            multiplier,
            shift,
            half,
            beyond,
        ));
        let log_det = i64::from(ln_slope)
            .wrapping_sub(i64::from(low))
            .wrapping_sub(i64::from(high));
        progress.log_det = progress.log_det.wrapping_add(log_det);
        *x = rounded(i64::from(low).wrapping_sub(i64::from(high)), Q24 - Q16) as i32;
    }
    Some(())
}
