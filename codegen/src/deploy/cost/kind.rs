//! Which of the measured kinds a model is of.

use super::table::Kind;
use crate::harness::Core;
use crate::model::ModelSpec;
use crate::precision::Precision;

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMeasured {
    /// No model was measured in this precision on this core.
    #[error("not measured: {precision} on {core}")]
    Nothing {
        /// The precision.
        precision: Precision,
        /// The core.
        core: Core,
    },
    /// Models that need such features of the engine were not measured.
    #[error("no estimate for models that need {0}; `nvpico verify` measures this one")]
    Features(String),
    /// No model measured had such a part.
    #[error(
        "not measured: no measured model of its kind has `{0}`; `nvpico verify` measures this one"
    )]
    Part(String),
}

/// The kind of a model, by the features of the engine that its firmware enables.
///
/// # Errors
/// The features that were not measured.
pub fn kind(spec: &ModelSpec, precision: Precision) -> Result<Kind, NotMeasured> {
    match spec.engine_features(precision)[..] {
        [] => Ok(Kind::Vector),
        ["feature-maps"] => Ok(Kind::Map),
        ref features => Err(NotMeasured::Features(features.join(", "))),
    }
}
