//! Test vectors: inputs, and the bits that every target must give for them.

use std::convert::Infallible;
use std::fmt::Write as _;

use super::joined;
use crate::deploy::{Engine, Ready};
use crate::samples::SampleSpec;

/// Inputs and the bits of their log-densities.
pub(super) struct Vectors {
    /// As Rust writes them, each followed by a comma.
    inputs: Vec<String>,
    log_prob_bits: Vec<u32>,
    /// Of windows of samples the type of a sample's values.
    windows_of: Option<&'static str>,
}

impl Vectors {
    /// Samples of the model itself, every fourth one far out in the tail; of a model of raw samples the windows that it holds.
    pub(super) fn new(ready: &Ready<'_>, count: usize) -> Self {
        match &ready.model.header.samples {
            Some(spec) => Self::of_windows(ready, spec, count),
            None => Self::of_rows(ready, count),
        }
    }

    fn of_windows(ready: &Ready<'_>, spec: &SampleSpec, count: usize) -> Self {
        let windows = ready
            .model
            .windows
            .chunks(spec.window * spec.channels.len());
        let windows = windows.take(count);
        let (inputs, bits) = match &ready.engine {
            Engine::Integer(quantized) if spec.units.is_some() => {
                let counts: Vec<i32> = (windows.clone())
                    .flat_map(|window| spec.counts_of(window, &quantized.units))
                    .collect();
                let texts = windows.map(|window| {
                    let counts = spec.sample_counts(window).into_iter();
                    counts
                        .map(|count| format!("{count},"))
                        .collect::<Vec<_>>()
                        .join(" ")
                });
                (texts.collect(), ready.bits_of(&[], Some(&counts)))
            }
            _ => {
                let rows: Vec<f32> = windows
                    .clone()
                    .flat_map(|own| spec.features_of(own))
                    .collect();
                (windows.map(joined).collect(), ready.bits(&rows))
            }
        };
        Self {
            inputs,
            log_prob_bits: log_prob_bits(&bits.1),
            windows_of: Some(if spec.units.is_some() { "i32" } else { "f32" }),
        }
    }

    fn of_rows(ready: &Ready<'_>, count: usize) -> Self {
        let rows = samples(ready, count);
        let dim = ready.spec().dim();
        let mut inputs = Vec::new();
        for row in rows.chunks_exact(dim) {
            inputs.push(match &ready.engine {
                Engine::Float(_) => joined(row),
                Engine::Integer(quantized) => {
                    let counts = quantized.counts(row).unwrap_or_default();
                    let texts: Vec<String> = counts.iter().map(|c| format!("{c},")).collect();
                    texts.join(" ")
                }
            });
        }
        Self {
            inputs,
            log_prob_bits: log_prob_bits(&ready.bits(&rows).1),
            windows_of: None,
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        let count = self.log_prob_bits.len();
        line!(
            out,
            "/// Inputs and the bits that every target must give for them."
        );
        line!(out, "pub mod vectors {{");
        let (what, kind) = match self.windows_of {
            Some(kind) => (
                "Windows of samples, one value a channel after the other.",
                format!("[{kind}; super::WINDOW_VALUES]"),
            ),
            None => (
                "Samples, a quarter of them far out in the tail.",
                "[super::Value; super::DIM]".to_owned(),
            ),
        };
        line!(out, "    /// {what}");
        line!(out, "    #[rustfmt::skip]");
        line!(out, "    pub static INPUTS: [{kind}; {count}] = [");
        for row in &self.inputs {
            line!(out, "        [{}],", row.trim_end_matches(','));
        }
        line!(out, "    ];");
        line!(out, "");
        line!(
            out,
            "    /// The bits of each input's `log_prob`: `f32::to_bits`, or those of a fixed-point number."
        );
        line!(out, "    #[rustfmt::skip]");
        line!(out, "    pub static LOG_PROB_BITS: [u32; {count}] = [");
        for row in self.log_prob_bits.chunks(8) {
            let texts: Vec<String> = row.iter().map(|bits| format!("0x{bits:08x},")).collect();
            line!(out, "        {}", texts.join(" "));
        }
        line!(out, "    ];");
        line!(out, "}}");
        out.push_str(match self.windows_of {
            None => TESTS,
            Some("f32") => WINDOW_TESTS,
            Some(_) => COUNT_TESTS,
        });
    }
}

/// The bits of each row's log-density.
fn log_prob_bits(bits: &[Option<[u32; 3]>]) -> Vec<u32> {
    let log_prob = |bits: &Option<[u32; 3]>| bits.map_or(0, |[log_prob, _, _]| log_prob);
    bits.iter().map(log_prob).collect()
}

/// Samples of the model, every fourth one far out in the tail; zeros for one that overflows.
fn samples(ready: &Ready<'_>, count: usize) -> Vec<f32> {
    let deployed = ready.model.deploy();
    let zeros = vec![0.0; deployed.spec.dim()];
    let temperatures = [1.0, 1.0, 1.0, 4.0].into_iter().cycle().take(count);
    let mut rows = Vec::new();
    let Ok(()) = deployed.draw::<Infallible>(1, temperatures, |row| {
        rows.extend_from_slice(row.unwrap_or(&zeros));
        Ok(())
    });
    rows
}

const TESTS: &str = r"
#[cfg(test)]
mod tests {
    #[test]
    fn vectors_have_their_bits() {
        let mut workspace = [super::Value::default(); super::WORKSPACE];
        let vectors = super::vectors::INPUTS
            .iter()
            .zip(super::vectors::LOG_PROB_BITS);
        for (input, bits) in vectors {
            let score = super::FLOW.score(input, &mut workspace);
            let found = score.map(|score| score.log_prob.to_ne_bytes());
            assert_eq!(found, Ok(bits.to_ne_bytes()));
        }
    }
}
";

const WINDOW_TESTS: &str = r#"
#[cfg(test)]
mod tests {
    #[test]
    fn vectors_have_their_bits() {
        let mut state = [0.0; super::FEATURE_STATE];
        let mut workspace = [super::Value::default(); super::WORKSPACE];
        let vectors = super::vectors::INPUTS
            .iter()
            .zip(super::vectors::LOG_PROB_BITS);
        for (window, bits) in vectors {
            let mut extractor = super::FEATURES.extractor(&mut state).expect("its length");
            for sample in window.chunks_exact(super::CHANNELS.len()) {
                let _ = extractor.push(sample);
            }
            let row = super::row(extractor.finish().expect("a whole window"));
            let score = super::FLOW.score(&row.expect("counts"), &mut workspace);
            let found = score.map(|score| score.log_prob.to_ne_bytes());
            assert_eq!(found, Ok(bits.to_ne_bytes()));
        }
    }
}
"#;

const COUNT_TESTS: &str = r#"
#[cfg(test)]
mod tests {
    #[test]
    fn vectors_have_their_bits() {
        let mut ring = [0; super::FEATURE_RING];
        let mut state = [0; super::FEATURE_STATE];
        let mut workspace = [super::Value::default(); super::WORKSPACE];
        let vectors = super::vectors::INPUTS
            .iter()
            .zip(super::vectors::LOG_PROB_BITS);
        for (window, bits) in vectors {
            let extractor = super::FEATURES.extractor(&mut ring, &mut state);
            let mut extractor = extractor.expect("their lengths");
            for sample in window.as_chunks::<{ super::CHANNELS.len() }>().0 {
                let _ = extractor.push(&sample.map(|count| count as i16));
            }
            let row = super::row(extractor.finish().expect("a whole window"));
            let score = super::FLOW.score(&row.expect("its length"), &mut workspace);
            let found = score.map(|score| score.log_prob.to_ne_bytes());
            assert_eq!(found, Ok(bits.to_ne_bytes()));
        }
    }
}
"#;
