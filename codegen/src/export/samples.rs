//! The samples of a model, and the features of them, as Rust text.

use std::fmt::Write as _;

use crate::deploy::{Engine, Ready};
use crate::samples::{AcrossName, FeatureName, SampleSpec};

/// Everything about samples in the module of a model that takes them.
pub(super) fn write(out: &mut String, ready: &Ready<'_>, spec: &SampleSpec) {
    let channels = spec.channels.len();
    line!(out, "/// Names of the channels of a sample, in order.");
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const CHANNELS: [&str; {channels}] = {:?};",
        spec.channels
    );
    line!(out, "");
    feature_spec(out, spec);
    line!(out, "/// Samples of a window, one value a channel each.");
    line!(
        out,
        "pub const WINDOW_VALUES: usize = SAMPLES.window * SAMPLES.channels;"
    );
    line!(out, "");
    match &spec.units {
        None => float_features(out),
        Some(units) => integer_features(out, units),
    }
    row(out, ready, spec);
}

fn float_features(out: &mut String) {
    line!(
        out,
        "/// Values of RAM that an extractor of the features needs, four bytes each."
    );
    line!(out, "pub const FEATURE_STATE: usize = SAMPLES.state_len();");
    line!(out, "");
    line!(out, "/// Twiddle factors and taper.");
    line!(
        out,
        "pub static FEATURE_TABLES: [f32; SAMPLES.table_len()] = SAMPLES.tables();"
    );
    line!(out, "");
    line!(
        out,
        "/// The features, validated at compile time: `FEATURES.extractor` takes samples."
    );
    checked(out, "Features", "SAMPLES, &FEATURE_TABLES");
}

fn integer_features(out: &mut String, units: &[i32]) {
    let channels = units.len();
    line!(
        out,
        "/// A sample counts the value of channel `i` in steps of `2^SAMPLE_UNITS[i]`, in 16 bits."
    );
    line!(
        out,
        "pub const SAMPLE_UNITS: [i32; {channels}] = {units:?};"
    );
    line!(out, "");
    line!(out, "/// The same as numbers.");
    line!(out, "#[rustfmt::skip]");
    let scales: Vec<f32> = units.iter().map(|unit| 2.0_f32.powi(*unit)).collect();
    line!(
        out,
        "pub static SAMPLE_SCALES: [f32; {channels}] = {scales:?};"
    );
    line!(out, "");
    line!(
        out,
        "/// Samples of RAM that an extractor of the features needs, two bytes each."
    );
    line!(
        out,
        "pub const FEATURE_RING: usize = SAMPLES.integer_ring_len();"
    );
    line!(out, "");
    line!(out, "/// And words of RAM, four bytes each.");
    line!(
        out,
        "pub const FEATURE_STATE: usize = SAMPLES.integer_state_len();"
    );
    line!(out, "");
    line!(out, "/// Twiddle factors and taper.");
    line!(
        out,
        "pub static FEATURE_TABLES: [i32; SAMPLES.integer_table_len()] = SAMPLES.integer_tables();"
    );
    line!(out, "");
    line!(
        out,
        "/// The features, validated at compile time: `FEATURES.extractor` takes samples."
    );
    checked(
        out,
        "IntegerFeatures",
        "SAMPLES, &SAMPLE_SCALES, &UNITS, &FEATURE_TABLES",
    );
}

/// Features that the compiler checks.
fn checked(out: &mut String, kind: &str, arguments: &str) {
    const ROOM: &str = "nvpico::features";
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub static FEATURES: {ROOM}::{kind}<'static> = match {ROOM}::{kind}::new({arguments}) {{"
    );
    line!(out, "    Ok(features) => features,");
    line!(out, "    Err(error) => panic!(\"{{}}\", error.message()),");
    line!(out, "}};");
    line!(out, "");
}

fn feature_spec(out: &mut String, spec: &SampleSpec) {
    line!(out, "/// The windows of samples, and the features of each.");
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const SAMPLES: nvpico::spec::features::FeatureSpec<'static> = nvpico::spec::features::FeatureSpec::new("
    );
    line!(
        out,
        "    {}, {}, {}, {:?},",
        spec.channels.len(),
        spec.window,
        spec.hop,
        spec.rate
    );
    let list = |features: &[FeatureName]| {
        let texts: Vec<String> = features.iter().map(FeatureName::in_rust).collect();
        format!("&[{}]", texts.join(", "))
    };
    match &spec.features[..] {
        [all] => line!(out, "    {},", list(all)),
        _ => line!(out, "    &[],"),
    }
    line!(out, ")");
    if spec.features.len() > 1 {
        line!(out, ".with_each(&[");
        for own in &spec.features {
            line!(out, "    {},", list(own));
        }
        line!(out, "])");
    }
    if !spec.across.is_empty() {
        let across: Vec<String> = (spec.across.iter())
            .map(|own| match own {
                AcrossName::Correlation(a, b) => {
                    format!("nvpico::spec::features::Across::Correlation({a}, {b})")
                }
                AcrossName::Ratio(a, b) => {
                    format!("nvpico::spec::features::Across::Ratio({a}, {b})")
                }
            })
            .collect();
        line!(out, ".with_across(&[{}])", across.join(", "));
    }
    if let Some(filter) = &spec.filter {
        line!(out, "// Butterworth, {}", filter.name);
        line!(out, ".with_filter({})", filter.in_rust());
    }
    if let Some(spectrum) = spec.spectrum {
        line!(out, ".with_spectrum({})", spectrum.in_rust());
    }
    line!(out, ".with_floor({:?});", spec.floor);
    line!(out, "");
}

/// From features to what the model takes.
fn row(out: &mut String, ready: &Ready<'_>, spec: &SampleSpec) {
    let (value, more) = match ready.engine {
        Engine::Integer(_) if spec.units.is_some() => ("i32", ""),
        Engine::Integer(_) => ("f32", ", and where one has no count"),
        Engine::Float(_) => ("f32", ""),
    };
    line!(
        out,
        "/// The features of a window as the model takes them; `None` for another number of them{more}."
    );
    line!(
        out,
        "pub fn row(features: &[{value}]) -> Option<[Value; DIM]> {{"
    );
    if more.is_empty() {
        line!(out, "    features.try_into().ok()");
    } else {
        line!(
            out,
            "    let features: &[f32; DIM] = features.try_into().ok()?;"
        );
        line!(out, "    let mut row = [0; DIM];");
        line!(
            out,
            "    for ((value, feature), unit) in row.iter_mut().zip(features).zip(UNITS) {{"
        );
        line!(
            out,
            "        *value = nvpico::integer::count(*feature, unit)?;"
        );
        line!(out, "    }}");
        line!(out, "    Some(row)");
    }
    line!(out, "}}");
    line!(out, "");
}
