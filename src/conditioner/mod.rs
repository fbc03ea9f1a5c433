//! The networks that give a coupling its log-scale and shift.
//!
//! [`dense`] holds the kernels of a fully connected layer, forward and backward; the coupling layer
//! chains them into a multi-layer perceptron.

pub mod dense;
