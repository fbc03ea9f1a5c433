//! Parts of convolutions that only training runs (feature `std`): the residual network with batch statistics, weight
//! normalisation, and the dispatch to the best instruction set.

pub(crate) mod norm;
pub(crate) mod residual;
pub(crate) mod weight_norm;

use pulp::{Arch, NullaryFnOnce};

use super::Row;
use super::map::Backward;
use crate::arithmetic::Packet;

impl<const N: usize> NullaryFnOnce for Row<'_, Packet<N>> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.run();
    }
}

impl<const N: usize> NullaryFnOnce for Backward<'_, Packet<N>> {
    type Output = Option<()>;

    #[inline(always)]
    fn call(self) -> Option<()> {
        self.run()
    }
}

/// Runs a row with the best instruction set. Not inlined, to keep the code of networks small.
#[inline(never)]
pub(crate) fn dispatch_row<const N: usize>(row: Row<'_, Packet<N>>) {
    if N == 16 {
        // Maps are trained with sixteen lanes on every machine.
        Arch::new().dispatch(row);
    } else {
        row.call();
    }
}

/// The counterpart of [`dispatch_row`] for gradients.
#[inline(never)]
pub(crate) fn dispatch_backward<const N: usize>(backward: Backward<'_, Packet<N>>) {
    let done = if N == 16 {
        Arch::new().dispatch(backward)
    } else {
        backward.call()
    };
    debug_assert!(done.is_some(), "slices fit the spec");
}
