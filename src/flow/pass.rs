//! State of a pass through the layers, in floats.

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::layer::{self, Place};
use crate::spec::Walk;

/// State of a pass from x to z: the remaining layers and parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    pub(super) math: Math,
    pub(super) walk: Walk<'a>,
    /// Those of the layers to come and of the base.
    pub(super) params: &'a [f32],
}

impl Pass<'_> {
    /// Runs the next layer; `None` after the last one. A layer that cannot run, which
    /// [`Flow::new`](super::Flow::new) rules out, ends the pass and makes the sample impossible. The caller
    /// guarantees the lengths.
    #[inline(always)]
    pub(crate) fn next<V: Kernels>(
        &mut self,
        x: &mut [V],
        scratch: &mut [V],
        log_det: &mut V,
    ) -> Option<()> {
        let (layer, input) = self.walk.next()?;
        let place = Place {
            math: self.math,
            input,
            output: self.walk.shape,
        };
        // Factored-out values are at the end of `x`. No closure: it would not inherit the instruction set.
        let rest = match x.get_mut(..input.len()) {
            Some(x) => layer::forward(layer, place, self.params, x, scratch, log_det),
            None => None,
        };
        let Some(rest) = rest else {
            *log_det = V::splat(f32::NEG_INFINITY);
            self.walk.end();
            return None;
        };
        self.params = rest;
        Some(())
    }
}
