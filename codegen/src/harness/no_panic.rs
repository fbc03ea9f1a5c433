//! Proves by linking that no panic is reachable from a score: see `firmware/no-panic`.

use std::path::Path;

use super::HarnessError;
use super::core::Core;
use super::elf::symbols;
use super::firmware::{BuildRequest, build_package};
use crate::output;

/// The function that the firmware's panic handler calls and that does not exist.
const MISSING_FUNCTION: &str = "a_panic_is_reachable";

const PROGRAM: &str = "no_panic";

/// Parts of the names of functions for floating point without an FPU: arithmetic, comparisons and conversions of Arm's run-time
/// interface, and those behind them.
const FLOATING_POINT: [&str; 8] = [
    "__aeabi_f",
    "__aeabi_d",
    "__aeabi_cf",
    "__aeabi_cd",
    "__aeabi_i2",
    "__aeabi_ui2",
    "__aeabi_l2",
    "sf3",
];

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
/// `parts` are features of the program: `gradient` adds the gradient of a score in floats, `samples` the features of samples, `integer-samples` those in integers; with `control` the program has
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
    match link(model, core, features, parts, target_dir, |_| Ok(())) {
        Ok(()) => Ok(Verdict::NoPanic),
        Err(HarnessError::Build { output, .. }) if output.contains(MISSING_FUNCTION) => {
            Ok(Verdict::PanicReachable(output))
        }
        Err(error) => Err(error),
    }
}

/// The functions of software floating point that the program of [`check`] links on a core without an FPU: none where all is done in
/// integers.
///
/// # Errors
/// Whatever stops the build, a reachable panic too.
pub fn floating_point(
    model: &Path,
    core: Core,
    features: &[&str],
    parts: &[&str],
    target_dir: &Path,
) -> Result<Vec<String>, HarnessError> {
    link(model, core, features, parts, target_dir, |elf| {
        let mut names = symbols(elf)?;
        names.retain(|name| FLOATING_POINT.iter().any(|part| name.contains(part)));
        Ok(names)
    })
}

fn link<T>(
    model: &Path,
    core: Core,
    features: &[&str],
    parts: &[&str],
    target_dir: &Path,
    look: impl FnOnce(&Path) -> Result<T, HarnessError>,
) -> Result<T, HarnessError> {
    // Kept nowhere: that it links, and what, is all.
    let output = output::temporary_folder().map_err(HarnessError::file(
        "cannot create a folder in",
        std::env::temp_dir(),
    ))?;
    let request = BuildRequest {
        programs: &[PROGRAM],
        core,
        model,
        features,
        target_dir,
        output: output.path(),
    };
    build_package(&request, Some("nvpico-no-panic"), parts)?;
    look(&output.path().join(PROGRAM).with_extension("elf"))
}
