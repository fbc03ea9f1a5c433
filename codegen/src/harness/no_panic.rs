//! Proves by linking that no panic is reachable from a score: see `firmware/no-panic`.

use std::path::Path;

use super::HarnessError;
use super::core::Core;
use super::firmware::{BuildRequest, build_package};
use crate::output;

/// The function that the firmware's panic handler calls and that does not exist.
const MISSING_FUNCTION: &str = "a_panic_is_reachable";

/// What the linker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The program linked: no path leads to a panic.
    NoPanic,
    /// A path leads to a panic; the text is the linker's.
    PanicReachable(String),
}

/// Links the scoring path of `model` for `core` against a panic handler that cannot link. `features` are those
/// of the engine that the model needs. The memory is no board's, so the core must be a Cortex-M.
///
/// `parts` are features of the program: `gradient` adds the gradient of a score in floats, `samples` the features of samples; with `control` the program has
/// one panic put in, so the verdict must be [`Verdict::PanicReachable`]: that shows that the check can fail.
///
/// # Errors
/// Whatever else stops the build.
pub fn check(
    model: &Path,
    core: Core,
    features: &[&str],
    parts: &[&str],
    target_dir: &Path,
) -> Result<Verdict, HarnessError> {
    // Kept nowhere: that it links is all.
    let output = output::temporary_folder().map_err(HarnessError::file(
        "cannot create a folder in",
        std::env::temp_dir(),
    ))?;
    let request = BuildRequest {
        programs: &["no_panic"],
        core,
        model,
        features,
        target_dir,
        output: output.path(),
    };
    match build_package(&request, Some("nvpico-no-panic"), parts) {
        Ok(()) => Ok(Verdict::NoPanic),
        Err(HarnessError::Build { output, .. }) if output.contains(MISSING_FUNCTION) => {
            Ok(Verdict::PanicReachable(output))
        }
        Err(error) => Err(error),
    }
}
