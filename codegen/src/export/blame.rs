//! What blames a reading, as Rust text.

use std::fmt::{Debug, Write as _};

use crate::deploy::quantize;
use crate::deploy::{Engine, Ready};

/// What blames a reading that is not normal; it blames nothing for a model without a threshold or typical readings.
pub(super) fn write(out: &mut String, ready: &Ready<'_>) {
    let header = &ready.model.header;
    let (Some(threshold), Some(typical)) = (ready.threshold(), &header.typical) else {
        match &ready.engine {
            Engine::Float(_) => spec(out, ("f32", "&[]"), 0.0, 0, &[], &[]),
            Engine::Integer(_) => spec(out, ("i32", "&[]"), 0, 0, &[], &[]),
        }
        return;
    };
    let readings = typical.readings.concat();
    match &ready.engine {
        Engine::Float(_) => spec(
            out,
            ("f32", "RANGES"),
            threshold,
            header.spec.given,
            &readings,
            &typical.scales,
        ),
        Engine::Integer(own) => spec(
            out,
            ("i32", "RANGES"),
            quantize::threshold(threshold),
            header.spec.given,
            &own.counts_of_rows(&readings),
            &own.counts_of_rows(&typical.scales),
        ),
    }
}

fn spec<V: Debug>(
    out: &mut String,
    (kind, ranges): (&str, &str),
    threshold: V,
    given: usize,
    readings: &[V],
    scales: &[V],
) {
    line!(
        out,
        "/// What `nvpico::detector::blame` needs to say which values of a reading are to blame."
    );
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const BLAME: nvpico::detector::BlameSpec<'static, {kind}> = nvpico::detector::BlameSpec {{"
    );
    line!(out, "    threshold: {threshold:?},");
    line!(out, "    ranges: {ranges},");
    line!(out, "    given: {given},");
    line!(out, "    typical: &{readings:?},");
    line!(out, "    scales: &{scales:?},");
    line!(out, "}};");
    line!(out, "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Method;
    use crate::model::small_model;
    use crate::precision::Precision;

    #[test]
    fn typical_readings_are_in_the_unit_of_the_precision() {
        let rows = [0.5, -0.5, 1.0, 2.0, -0.25, 0.0];
        let mut model = small_model();
        model.find_ranges(&rows);
        model.note_values(&rows);
        model.calibrate_on(&rows, 0.0, Method::GivenRows).unwrap();
        let text = |model: &crate::model::Model, precision| {
            let mut text = String::new();
            write(&mut text, &model.ready(Some(precision)).unwrap());
            text
        };
        assert!(text(&model, Precision::F32).contains("ranges: &[],"));
        model.note_typical(&rows);
        let floats = text(&model, Precision::F32);
        assert!(floats.contains("BlameSpec<'static, f32>") && floats.contains("ranges: RANGES,"));
        assert!(floats.contains("-0.25, 0.0"), "{floats}");
        let integers = text(&model, Precision::I8);
        assert!(integers.contains("BlameSpec<'static, i32>") && !integers.contains("0.5"));
    }
}
