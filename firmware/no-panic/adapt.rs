//! Recalibration, with limits that the optimiser does not know.

use core::hint::black_box;

use nvpico::detector::adapt::{AdaptSpec, Adapter, Kept, Trace};

use crate::ZERO;
use crate::model::{DIM, Value};

/// Everything that recalibration does on a chip.
pub fn follow(row: &[Value], moved: &mut [Value]) {
    let limits: &[Value] = black_box(&[ZERO; DIM]);
    let spec = black_box(AdaptSpec::new([limits; 6]).with_witnesses(black_box(&[(0, ZERO)])));
    let Ok(mut adapter) = Adapter::new(spec, [Trace::default(); DIM]) else {
        return;
    };
    let kept: &[Kept<Value>] = black_box(
        &[Kept {
            shift: ZERO,
            anchor: ZERO,
            spread: ZERO,
        }; DIM],
    );
    black_box(adapter.restore(kept)).ok();
    for _ in 0..black_box(9) {
        adapter.apply(row, moved);
        black_box(adapter.learn(row, black_box(true)));
        if black_box(true) {
            adapter.commission();
        }
    }
    for trace in adapter.traces() {
        black_box(Kept::<Value>::from_words(trace.kept().to_words()));
    }
    adapter.reset();
}
