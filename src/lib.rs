//! Real NVP normalizing flows ([arXiv:1605.08803](https://arxiv.org/abs/1605.08803)) on microcontrollers.
//!
//! A flow learns what readings of healthy machinery look like. On the chip it maps each reading
//! `x` to a latent `z` by an invertible function `f` and returns the exact log-density
//! `log p(x) = log N(f(x); 0, I) + log |det df/dx|` (paper equation 3), or with a mixture of normal
//! densities in place of one. A reading that is too unlikely is an anomaly.
//!
//! # Where to start
//!
//! | to | use |
//! | --- | --- |
//! | smooth readings | [`window`]: moving average over the last few samples |
//! | turn raw samples into features | [`features`]: windows, moments, spectra, in a stream |
//! | describe a model | [`FlowSpec`], [`LayerSpec`] and the types in [`spec`]; every length is a `const fn` |
//! | score in floats | [`Flow`]: `score`, `stepper` (one layer per step), `forward`, `inverse`, `sample` |
//! | explain a score | [`detector::blame`]: which values are to blame, and what would be normal; [`Flow::input_gradient`] |
//! | score in integers | [`IntegerFlow`](integer::IntegerFlow), with weights of 8 or 16 bits, in fixed point |
//! | decide | [`Detector`]: log-density to [`Decision`](detector::Decision) to alarm, with a short history |
//! | train | `train` and `batch` (feature `std`): the same kernels on many rows at once, with gradients |
//!
//! The module that `nvpico export` generates contains the spec, the parameters and any calibrated threshold of a model,
//! ready for [`Flow::new`] or [`IntegerFlow::new`](integer::IntegerFlow::new) and [`Detector::new`].
//!
//! # A model in flash
//!
//! A model is a [`FlowSpec`] and one flat slice of parameters. Both can be `static`; a wrong length,
//! mask or permutation is a compile-time error.
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
//! * No heap, no recursion, no `unsafe` except in the kernels of feature `assembly`. After [`Flow::new`]
//!   scoring fails only on invalid arguments and has no panic path (a test links it for a Cortex-M without
//!   a panic handler).
//! * The same input gives the same bits on every target, with or without an FPU: plain `f32`
//!   multiplies and adds in a fixed order, elementary functions from one pinned crate.
//! * A non-finite reading is an error, and an internal overflow gives `log_prob = -inf`; neither can be
//!   mistaken for a normal reading.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `micromath` | a second back end of elementary functions besides `libm`, for models trained with it ([`Math`]) |
//! | `extra-layers` | mixtures as the density of z, invertible matrices, and what models of other libraries may need: residual networks, log-scales by arc tangent and sigmoid, batch norms that are not folded into affine layers |
//! | `feature-maps` | images and time windows: checkerboards, squeeze, factor-out, convolutions, logit of counts |
//! | `assembly` | dense layers in assembly, for floats and integers, on Cortex-M with an FPU and the DSP extension; bit-identical, and the only `unsafe` code |
//! | `defmt` | `defmt::Format` for the public types |
//! | `std` | batch scoring and training on the desktop; includes `extra-layers` and `feature-maps` |
//!
//! # Tools
//!
//! Exporters, trainers and tests share more with the engine: number types and elementary functions (`arithmetic`),
//! networks (`kernel`), layers (`layer`, `spec::network`), the base density (`base`) and the word format of integer
//! models (`image`). These modules are public, but hidden from this documentation and exempt from semantic
//! versioning. Their documentation is in the source. Applications do not need them.
//!
//! # Build settings for a chip
//!
//! Built for size, the engine is smallest and just as fast, because its kernels are unrolled by hand. Only
//! convolutions need `opt-level = 3`. In the firmware's `Cargo.toml`:
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
//! On a Cortex-M4 also add `-Ctarget-cpu=cortex-m4` to `rustflags`. There a separate multiply and add take two
//! cycles and a fused one takes three, and the compiler needs the CPU's timings to schedule them.
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

#[doc(hidden)]
pub mod arithmetic;
pub mod detector;
pub mod features;
mod flow;
#[doc(hidden)]
pub mod image;
pub mod integer;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod layer;
pub mod spec;
#[cfg(feature = "std")]
pub mod train;
pub mod window;

#[doc(inline)]
pub use arithmetic::Math;
pub use detector::Detector;
#[cfg(feature = "std")]
pub use flow::batch;
#[doc(hidden)]
pub use flow::{Cursor, base};
pub use flow::{Density, Flow, Score, ScoreError, Stepper};
pub use spec::{FlowSpec, LayerSpec, SpecError};

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    /// `NVPICO_FEATURES` lists the features that a test run is meant to enable. If a dependency of the tests enabled
    /// others, the run would test something else.
    #[test]
    fn only_the_features_asked_for_are_on() {
        let Ok(asked) = std::env::var("NVPICO_FEATURES") else {
            return;
        };
        let asked: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
        let by_std = ["extra-layers", "feature-maps"];
        for (name, is_on) in [
            ("micromath", cfg!(feature = "micromath")),
            ("extra-layers", cfg!(feature = "extra-layers")),
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
