//! Squeeze in fixed point; only moves words.

use crate::image::{Program, SqueezeHeader, op};
use crate::spec::{Shape, Squeeze};

/// Direction: places to channels, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Squeeze,
    Unsqueeze,
}

/// Squeezes or unsqueezes.
#[inline(never)]
pub(crate) fn forward(
    way: Way,
    program: &mut Program<'_>,
    x: &mut [i32],
    scratch: &mut [i32],
) -> Option<()> {
    let SqueezeHeader {
        kind,
        channels,
        height,
        width,
    } = SqueezeHeader::read(program)?;
    let shape = Shape {
        channels: channels as usize,
        height: height as usize,
        width: width as usize,
    };
    let kind = match kind {
        op::CELLS => Squeeze::Cells,
        op::CELLS_ALTERNATE => Squeeze::CellsAlternate,
        op::PAIRS => Squeeze::Pairs,
        _ => return None,
    };
    let x = x.get_mut(..shape.len())?;
    match way {
        Way::Squeeze => super::forward(kind, shape, x, scratch),
        Way::Unsqueeze => super::inverse(kind, shape, x, scratch),
    }
    Some(())
}
