//! Real NVP normalizing flows ([arXiv:1605.08803](https://arxiv.org/abs/1605.08803)) on microcontrollers.
//!
//! A flow learns what readings of healthy machinery look like. On the chip it maps each reading
//! `x` to a latent `z` by an invertible function `f` and returns the exact log-density
//! `log p(x) = log N(f(x); 0, I) + log |det df/dx|` (paper equation 3). A reading that is too
//! unlikely is an anomaly.
//!
//! # The stages, in the order data takes
//!
//! | stage | module | what it does |
//! | --- | --- | --- |
//! | smooth | [`window`] | trailing mean over the last few samples, when a model wants it |
//! | describe | [`spec`] | what a model is: shape, layers, masks; every length a `const fn` |
//! | map | [`Flow`], [`Stepper`] | `forward` (x to z), `inverse` (z to x), `score` whole or in steps, `sample` |
//! | layers | [`layer`] | forward, inverse and backward of each, and the one place where they are chosen |
//! | networks | [`kernel`] | dense layers, convolutions, residual networks: for one sample and for many |
//! | numbers | [`arithmetic`] | lanes and elementary functions |
//! | words | [`image`] | for tools: a model in integers as words, field by field, with their check |
//! | in integers | [`integer`] | the same structure with weights of 8 or 16 bits and fixed point |
//! | decide | [`detector`] | log-density to [`Decision`](detector::Decision) to alarm, with a short record |
//! | train | `train`, `batch` | feature `std`: the same kernels, many rows at once, with gradients |
//!
//! # A model in flash
//!
//! A model is a [`FlowSpec`] and one flat slice of parameters. Both can be `static`; a wrong length,
//! mask or permutation does not compile.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform};
//! use nvpico::{Flow, FlowSpec, LayerSpec};
//!
//! const SPEC: FlowSpec<'static> = FlowSpec::new(
//!     Shape::vector(2),
//!     &[LayerSpec::Coupling(CouplingSpec::new(
//!         Mask::FirstHalf,
//!         Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.0 }),
//!         Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
//!     ))],
//! );
//! // One panel of two outputs (s, t): the biases, then one row of weights for the kept feature.
//! static PARAMS: [f32; SPEC.param_len()] = [0.0, 0.5, 0.25, -1.0];
//! static FLOW: Flow<'static> = match Flow::new(SPEC, &PARAMS) {
//!     Ok(flow) => flow,
//!     Err(error) => panic!("{}", error.message()),
//! };
//!
//! let mut workspace = [0.0; SPEC.workspace_len()];
//! let score = FLOW.score(&[0.3, -0.2], &mut workspace)?;
//! assert!(score.log_prob.is_finite());
//! # Ok::<(), nvpico::ScoreError>(())
//! ```
//!
//! # Guarantees
//!
//! * No heap, no recursion, no `unsafe` but in the kernels of feature `assembly`; after [`Flow::new`]
//!   scoring cannot fail and holds no panic path (a test links it for a Cortex-M against a panic
//!   handler that does not exist).
//! * The same input gives the same bits on every target, with or without an FPU: plain `f32`
//!   multiplies and adds in a fixed order, elementary functions from one pinned crate.
//! * A non-finite reading is an error, an overflow inside is `log_prob = -inf`; neither is ever a
//!   number that could pass for normal.
//!
//! # Features
//!
//! `micromath` adds its back end of elementary functions to `libm`, for models trained with it ([`Math`]). `foreign`
//! adds what models of other libraries have: residual networks, log-scales by arc tangent and sigmoid, batch norms
//! that are not folded into fixed affine maps (exported ones are). `feature-maps` adds images and time windows:
//! checkerboards, squeeze, factor-out, convolutions, the logit of counts. `assembly` runs dense layers in assembly,
//! of floats and of integers, on Cortex-M with an FPU and the DSP extension: the only `unsafe` code, with the same
//! bits. `defmt` derives `Format` on public types. `std` adds batch scoring and training, `foreign` and
//! `feature-maps`.
//!
//! # Build settings for a chip
//!
//! Optimised for size the engine is smallest and not slower, for the products of its kernels are written
//! out; the kernels of convolutions are not, and want `opt-level = 3`. In the firmware's `Cargo.toml`:
//!
//! ```toml
//! [profile.release]
//! opt-level = 3
//! lto = "fat"
//! codegen-units = 1
//! panic = "abort"
//!
//! [profile.release.package.nvpico]
//! opt-level = "s" # 3 for models with feature maps
//! ```
//!
//! and on a Cortex-M4 `-Ctarget-cpu=cortex-m4` among the `rustflags`: a multiply and an add take two cycles
//! there, fused they would take three, and the compiler orders them by such numbers.
#![no_std]
#![cfg_attr(not(feature = "assembly"), forbid(unsafe_code))]
#![deny(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::float_cmp
    )
)]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod arithmetic;
pub mod detector;
mod flow;
pub mod image;
pub mod integer;
pub mod kernel;
pub mod layer;
pub mod spec;
#[cfg(feature = "std")]
pub mod train;
pub mod window;

pub use arithmetic::Math;
pub use detector::Detector;
#[doc(hidden)]
pub use flow::Cursor;
#[cfg(feature = "std")]
pub use flow::batch;
pub use flow::{Density, Flow, Score, ScoreError, Stepper, base};
pub use spec::{FlowSpec, LayerSpec, SpecError};

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    /// `NVPICO_FEATURES` tells which features a run is meant to have. A dependency of the tests that turned on
    /// others would make the run test something else.
    #[test]
    fn only_the_features_asked_for_are_on() {
        let Ok(asked) = std::env::var("NVPICO_FEATURES") else {
            return;
        };
        let asked: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
        let by_std = ["foreign", "feature-maps"];
        for (name, is_on) in [
            ("micromath", cfg!(feature = "micromath")),
            ("foreign", cfg!(feature = "foreign")),
            ("feature-maps", cfg!(feature = "feature-maps")),
            ("assembly", cfg!(feature = "assembly")),
            ("defmt", cfg!(feature = "defmt")),
            ("std", cfg!(feature = "std")),
        ] {
            let is_wanted =
                asked.contains(&name) || (asked.contains(&"std") && by_std.contains(&name));
            assert_eq!(is_on, is_wanted, "{name}, of {asked:?}");
        }
    }
}
