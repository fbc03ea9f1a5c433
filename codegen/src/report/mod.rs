//! What people look at: plots of evaluations and sheets of images.

pub mod plot;
