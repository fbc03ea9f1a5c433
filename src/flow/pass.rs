//! The way of a sample through the layers, in floats.

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::layer::{self, Place};
use crate::spec::Walk;

/// How far a sample is on its way from x to z: what is left of the layers and their parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    pub(super) math: Math,
    pub(super) walk: Walk<'a>,
    pub(super) params: &'a [f32],
}

impl Pass<'_> {
    /// Runs the next layer; `None` after the last one. A layer that cannot run, which [`Flow::new`](super::Flow::new) rules
    /// out, ends the way and makes the sample impossible. Lengths are the caller's promise.
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
        // What was factored out lies behind.
        let rest = x
            .get_mut(..input.len())
            .and_then(|x| layer::forward(layer, place, self.params, x, scratch, log_det));
        let Some(rest) = rest else {
            *log_det = V::splat(f32::NEG_INFINITY);
            self.walk.end();
            return None;
        };
        self.params = rest;
        Some(())
    }
}
