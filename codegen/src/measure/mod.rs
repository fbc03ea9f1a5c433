//! Measurements on emulated cores: the table that estimates of costs come from, and a comparison with other engines.

pub mod bench;
pub mod coefficients;
pub mod mcu_cost;
mod peers;

use std::path::Path;

use crate::deploy::Ready;
use crate::harness::{Core, CoreReport};

/// Runs a model over rows on a core, in assembly or not, and leaves the firmware in a folder; `None` where the core's
/// board is too small for the model.
pub type Run<'r> =
    dyn Fn(&Ready<'_>, &[f32], Core, bool, &Path) -> anyhow::Result<Option<CoreReport>> + 'r;
