//! Proves by linking that no panic is reachable from a score: see the firmware's `no_panic` program.

use std::path::Path;

use super::HarnessError;
use super::core::Core;
use super::firmware::{BuildRequest, build};

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
/// of the firmware that the model needs.
///
/// With `control` the program has one panic put in, so the verdict must be [`Verdict::PanicReachable`]: that shows
/// that the check can fail.
///
/// # Errors
/// Whatever else stops the build.
pub fn check(
    model: &Path,
    core: Core,
    features: &[&str],
    control: bool,
    target_dir: &Path,
) -> Result<Verdict, HarnessError> {
    let feature = if control {
        "no-panic-control"
    } else {
        "no-panic"
    };
    let output = target_dir.join(format!("{feature}-{core}.elf"));
    let request = BuildRequest {
        program: "no_panic",
        core,
        model,
        features: &[&[feature], features].concat(),
        target_dir,
        output: &output,
    };
    match build(&request) {
        Ok(()) => Ok(Verdict::NoPanic),
        Err(HarnessError::Build { output, .. }) if output.contains(MISSING_FUNCTION) => {
            Ok(Verdict::PanicReachable(output))
        }
        Err(error) => Err(error),
    }
}
