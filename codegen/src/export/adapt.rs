//! The limits of recalibration, as Rust text.

use std::fmt::{Debug, Write as _};

use crate::deploy::adapt::counted;
use crate::deploy::{Engine, Ready};
use crate::model::{Adaptation, Limits};

/// The `ADAPT` of a model that has limits.
pub(super) fn write(out: &mut String, ready: &Ready<'_>, own: &Adaptation) {
    match &ready.engine {
        Engine::Float(_) => spec(out, "f32", own, &own.floats()),
        Engine::Integer(quantized) => spec(out, "i32", own, &counted(own, quantized)),
    }
}

fn spec<V: Copy + Debug>(out: &mut String, kind: &str, own: &Adaptation, limits: &Limits<V>) {
    let spec = limits.spec(own);
    line!(
        out,
        "/// What recalibration may do: `nvpico::detector::adapt::Adapter::new(ADAPT, [Default::default(); DIM])`."
    );
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const ADAPT: nvpico::detector::adapt::AdaptSpec<'static, {kind}> = nvpico::detector::adapt::AdaptSpec::new(["
    );
    let values = [
        ("centre", spec.centre),
        ("spread", spec.spread),
        ("near", spec.near),
        ("speed", spec.speed),
        ("track", spec.track),
        ("reach", spec.reach),
    ];
    for (name, values) in values {
        line!(out, "    &{values:?}, // {name}");
    }
    line!(out, "])");
    line!(out, ".with_witnesses(&{:?})", spec.witnesses);
    line!(out, ".with_fraction({})", spec.fraction);
    line!(out, ".with_tracking({}, {})", spec.block, spec.rate);
    line!(out, ".with_smoothing({})", spec.smooth);
    line!(out, ".with_widening({})", spec.widen);
    line!(
        out,
        ".with_commissioning({}, {})",
        spec.windows,
        spec.settle
    );
    line!(out, ".with_steady({:?});", spec.steady);
    line!(out, "");
}
