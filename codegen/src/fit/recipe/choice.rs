//! Settings that are one of a few names.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::model::MaskName;

/// Kinds of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Fully connected networks; also takes maps, value by value
    Vector,
    /// For windows of time series, N x channels x 1 x samples
    Window,
    /// For small arrays: plain convolutions, multi-scale
    Image,
    /// The paper's multi-scale architecture with residual networks
    Paper,
}

/// Masks of the couplings, in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskChoice {
    /// First half, second half, even, odd features
    Mixed,
    /// First half, second half
    Halves,
    /// Even, odd
    Alternating,
}

impl MaskChoice {
    /// The masks of the couplings, in turn.
    pub(in crate::fit) const fn masks(self) -> &'static [MaskName] {
        match self {
            Self::Halves => &[MaskName::FirstHalf, MaskName::SecondHalf],
            Self::Alternating => &[MaskName::Even, MaskName::Odd],
            Self::Mixed => &[
                MaskName::FirstHalf,
                MaskName::SecondHalf,
                MaskName::Even,
                MaskName::Odd,
            ],
        }
    }
}

/// Log-scale map of the couplings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleChoice {
    /// c * tanh(s / c): bounded, the safest choice
    Clamped,
    /// r * tanh(s) with a learned r (the paper's)
    Rescaled,
    /// s itself: overflows on far outliers
    Unbounded,
    /// No scale: additive coupling (NICE)
    Additive,
}

/// Density of the latent values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseChoice {
    /// Couplings onto a standard normal, or a mixture of Gaussians without couplings: the one that gives held-out rows
    /// the higher density
    Auto,
    /// Standard normal (the paper's)
    Normal,
    /// A mixture of Gaussians, fitted first; the couplings are trained in front of it
    Mixture,
}

/// Batch norm between couplings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormChoice {
    /// No batch norm
    None,
    /// Normalises by running statistics that include the current batch (the paper's appendix E)
    Running,
    /// Normalises by the batch's own statistics
    Batch,
}

/// What mixes the features between couplings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixChoice {
    /// Nothing: the masks alternate
    None,
    /// A learned invertible matrix, of maps over the channels of each place (Glow's 1x1 convolution)
    Linear,
}

/// Which rows are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitChoice {
    /// The last rows: shows how the model does on rows after those it was trained on
    Last,
    /// Ten blocks spread evenly over all rows: covers every operating condition in the data
    Blocks,
}
