//! Tests of the whole: the engine against the reference, and what the desktop command makes of models. One program,
//! so that the engine's kernels are compiled and linked once; `cargo test -p nvpico-tests maps::` runs one part.

mod common;

mod base;
mod bits;
mod edges;
mod features;
mod generated;
mod given;
mod gradients;
mod input_gradients;
mod invertibility;
mod kernels;
mod map_bits;
mod map_refusals;
mod map_training;
mod maps;
mod pages;
mod properties;
mod reference;
mod refusals;
mod rounding;
mod sampling;
mod training;
mod training_step;
