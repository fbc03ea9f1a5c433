//! Test vectors: inputs, and the bits that every target must give for them.

use std::convert::Infallible;
use std::fmt::Write as _;

use super::joined;
use crate::deploy::{Engine, Ready};

/// Inputs and the bits of their log-densities.
pub(super) struct Vectors {
    /// As Rust writes them, each followed by a comma.
    inputs: Vec<String>,
    log_prob_bits: Vec<u32>,
}

impl Vectors {
    /// Samples of the model itself, every fourth one far out in the tail.
    pub(super) fn new(ready: &Ready<'_>, count: usize) -> Self {
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
        let (_, bits) = ready.bits(&rows);
        let log_prob = |bits: &Option<[u32; 3]>| bits.map_or(0, |[log_prob, _, _]| log_prob);
        Self {
            inputs,
            log_prob_bits: bits.iter().map(log_prob).collect(),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        let count = self.log_prob_bits.len();
        line!(
            out,
            "/// Inputs and the bits that every target must give for them."
        );
        line!(out, "pub mod vectors {{");
        line!(
            out,
            "    /// Samples, a quarter of them far out in the tail."
        );
        line!(out, "    #[rustfmt::skip]");
        line!(
            out,
            "    pub static INPUTS: [[super::Value; super::DIM]; {count}] = ["
        );
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
        out.push_str(TESTS);
    }
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
