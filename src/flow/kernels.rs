//! The second density of a flow that has one: [`KernelsSpec`](crate::spec::KernelsSpec) has the formula.

use super::{Flow, Score, base};
use crate::kernel::Kernels;
use crate::layer;
use crate::spec::KernelsSpec;

impl<'a> Flow<'a> {
    /// Writes the gradient by the kernels, where they are the less favourable density of a sample whose score is given; `None`
    /// where they are not, and whether the workspace was long enough.
    pub(super) fn kernel_gradient(
        &self,
        x: &[f32],
        score: &Score,
        gradient: &mut [f32],
        workspace: &mut [f32],
    ) -> Option<bool> {
        let (kernels, params) = self.kernels()?;
        let (y, scratch) = self.load(x, workspace).ok()?;
        let (mut log_det, mut pass) = (0.0, self.start());
        let front = KernelsSpec::behind(self.spec.given);
        for _ in 0..front {
            pass.next(y, scratch, &mut log_det)?;
        }
        let second = self.by_kernels(y, scratch, log_det);
        // The same bits as in the score, if it is the kernels'.
        if second.to_bits() != score.log_prob.to_bits() {
            return None;
        }
        let mut found = || {
            let (&[slope, _], own) = params.split_first_chunk()?;
            base::gradient_of_mixture(kernels.mixture(), &self.spec, y, scratch, own, gradient)?;
            for at in (0..front).rev() {
                let (mut walk, mut params) = (self.spec.walk(), self.params);
                for _ in 0..at {
                    let (before, input) = walk.next()?;
                    params = params.get(before.param_len(input)..)?;
                }
                let (layer, input) = walk.next()?;
                let place = self.place(input, walk.shape);
                let params = params.get(..layer.param_len(input))?;
                layer::gradient::pull_back(layer, place, params, y, gradient, scratch)?;
            }
            for gradient in gradient.iter_mut() {
                *gradient *= slope;
            }
            Some(())
        };
        let done = found();
        super::without_nan(gradient);
        Some(done.is_some())
    }

    /// The kernels and their parameters, where the model has some.
    #[inline(always)]
    pub(super) fn kernels(&self) -> Option<(KernelsSpec, &'a [f32])> {
        let kernels = self.spec.kernels?;
        let len = kernels.param_len(self.dim(), self.spec.given);
        let at = self.params.len().checked_sub(len)?;
        Some((kernels, self.params.get(at..)?))
    }

    /// Log-density by the kernels on the flow's scale, of the values `y` behind the layers in front of them, whose log-determinant is
    /// `log_det`. `inf` for a model without kernels, `-inf` where a value overflowed.
    #[inline(always)]
    pub(super) fn by_kernels<V: Kernels>(&self, y: &[V], scratch: &mut [V], log_det: V) -> V {
        let Some((kernels, params)) = self.kernels() else {
            return V::splat(f32::INFINITY);
        };
        let Some((&[slope, offset], params)) = params.split_first_chunk() else {
            return V::splat(f32::NEG_INFINITY);
        };
        let (spec, flow) = (kernels.mixture(), &self.spec);
        // Of the values that are judged; a conditional density finds its own.
        let norm_sq = base::norm_sq(base::judged(flow, y));
        let log_prob = base::of_mixture(spec, flow, y, scratch, params, norm_sq, log_det);
        base::impossible_if_beyond(log_prob * V::splat(slope) + V::splat(offset))
    }
}
