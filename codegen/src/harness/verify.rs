//! Replays rows through a generated model on emulated cores and compares every score's bits with the desktop's.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::HarnessError;
use super::boards::Board;
use super::core::Core;
use super::elf;
use super::firmware::{self, BuildRequest};
use super::qemu;
use super::replay::{Replay, Rows};
use super::toolchain::Toolchain;
use crate::output::{Folder, temporary_folder};

/// Bits of `log_prob`, `z_norm_sq` and `log_det`.
pub type ScoreBits = [u32; 3];

const BITS_OF_A_SCORE: u64 = 8 * size_of::<ScoreBits>() as u64;

/// The program that scores and raises alarms.
const WATCH: &str = "watch";
/// The program that scores, and the one that is subtracted from it.
const SCORE: &str = "score";
const EMPTY: &str = "empty";

/// What to verify.
#[derive(Clone, Copy, Debug)]
pub struct VerifyRequest<'a> {
    /// The module that `nvpico export` wrote.
    pub model: &'a Path,
    /// Values of a row: features, or those of a window of samples.
    pub dim: usize,
    /// The rows, one after the other: the bits of floats, or counts.
    pub words: &'a [u32],
    /// Of windows of samples the [`digest`] of each one's features.
    pub digests: Option<&'a [u32]>,
    /// The desktop's scores, one a row; `None` where the desktop refuses the row.
    pub expected: &'a [Option<ScoreBits>],
    /// What the desktop's alarm makes of the rows, a record each; `None` for a model without an alarm.
    pub alarm: Option<&'a [ScoreBits]>,
    /// The cores to emulate.
    pub cores: &'a [Core],
    /// Features of the engine that the model needs, such as `micromath`.
    pub features: &'a [&'a str],
    /// Cargo's target folder for the firmware. Kept between runs it saves most of the building.
    pub target_dir: &'a Path,
    /// Where to leave the ELFs, `score-m4f.elf` and so on; it is made if need be.
    pub keep: Option<&'a Path>,
}

/// FNV-1a over the words of a row of features, as the firmware computes it.
#[must_use]
pub fn digest(words: impl Iterator<Item = u32>) -> u32 {
    words.fold(0x811c_9dc5, |hash, word| {
        (hash ^ word).wrapping_mul(0x0100_0193)
    })
}

/// What a core's run showed. The names are those of `nvpico verify --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreReport {
    /// The core.
    pub core: Core,
    /// Rows that were replayed.
    pub rows: usize,
    /// Bits that differ from the desktop's, over the three values of all rows; of raw samples also over digests of the
    /// features, of a model with an alarm over rarity, decision, alarm and evidence.
    pub differing_bits: u64,
    /// Instructions of one score, the mean over the rows.
    pub instructions_per_score: u64,
    /// Flash that engine and model add over the same firmware with an empty score.
    pub flash_bytes: u64,
    /// Static RAM that they add, the workspace among it.
    pub static_ram_bytes: u64,
    /// Stack that they add.
    pub stack_bytes: u64,
    /// What the alarm adds; `None` for a model without one.
    pub alarm: Option<AlarmCost>,
    /// The first row with another score than the desktop's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
}

/// What guards, evidence and alarm add to a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmCost {
    /// Instructions of a row, the mean over the rows.
    pub instructions: u64,
    /// Flash.
    pub flash_bytes: u64,
    /// Static RAM.
    pub static_ram_bytes: u64,
}

/// How a core's scores compare with the desktop's.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The core.
    pub core: Core,
    /// Rows that were replayed.
    pub rows: usize,
    /// Bits that differ from the desktop's, over the three values of all rows.
    pub differing_bits: u64,
    /// The first row with another score than the desktop's.
    pub first_difference: Option<Difference>,
}

/// A row on which chip and desktop disagree. `None` is a refused row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Index of the row, from 0.
    pub row: usize,
    /// Bits of `log_prob`, `z_norm_sq` and `log_det` on the chip.
    pub chip: Option<ScoreBits>,
    /// The same on the desktop.
    pub desktop: Option<ScoreBits>,
}

/// Progress, for a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The firmware is being built for a core.
    Building(Core),
    /// Rows are being scored on a core.
    Scoring {
        /// The core.
        core: Core,
        /// Rows done.
        done: usize,
        /// Rows in all.
        total: usize,
    },
}

/// Whether this machine has a compiler and an emulator for a core.
///
/// # Errors
/// What is missing.
pub fn is_available(core: Core) -> Result<(), HarnessError> {
    qemu::require(core)?;
    let board = Board::of(core)?;
    Toolchain::find(&board.target, &board.folder).map(|_| ())
}

/// Builds, runs, compares and measures, core after core.
///
/// # Errors
/// Building or emulation fails. A difference in bits is a result, not an error.
pub fn verify(
    request: &VerifyRequest<'_>,
    progress: impl FnMut(Progress),
) -> Result<Vec<CoreReport>, HarnessError> {
    each_core(request, progress, verify_core)
}

/// As [`verify`], without measuring: half of the building is saved.
///
/// # Errors
/// As [`verify`].
pub fn compare(
    request: &VerifyRequest<'_>,
    progress: impl FnMut(Progress),
) -> Result<Vec<Comparison>, HarnessError> {
    each_core(request, progress, |request, core, progress| {
        Ok(compare_core(request, core, &[SCORE], progress)?.comparison)
    })
}

fn each_core<T, P: FnMut(Progress)>(
    request: &VerifyRequest<'_>,
    mut progress: P,
    run: impl Fn(&VerifyRequest<'_>, Core, &mut P) -> Result<T, HarnessError>,
) -> Result<Vec<T>, HarnessError> {
    let VerifyRequest {
        dim,
        words,
        expected,
        ..
    } = *request;
    if dim == 0 || expected.is_empty() || expected.len().checked_mul(dim) != Some(words.len()) {
        return Err(HarnessError::Rows {
            values: words.len(),
            dim,
            expected: expected.len(),
        });
    }
    // Before a long build, not after it.
    for &core in request.cores {
        qemu::require(core)?;
    }
    (request.cores.iter())
        .map(|&core| run(request, core, &mut progress))
        .collect()
}

fn verify_core(
    request: &VerifyRequest<'_>,
    core: Core,
    progress: &mut impl FnMut(Progress),
) -> Result<CoreReport, HarnessError> {
    let programs: &[&str] = match request.alarm {
        Some(_) => &[SCORE, EMPTY, WATCH],
        None => &[SCORE, EMPTY],
    };
    let Compared {
        mut comparison,
        replay,
        folder,
    } = compare_core(request, core, programs, progress)?;
    let [score, empty] = [SCORE, EMPTY].map(|program| folder.path().join(format!("{program}.elf")));
    let baseline = rows(request, core).replay(&empty, folder.path(), |_| {})?;
    for part in [&replay, &baseline] {
        if part.stack_depth >= part.stack_reach {
            return Err(HarnessError::StackExhausted {
                core,
                reach: part.stack_reach,
            });
        }
    }
    let (with, without) = (elf::footprint(&score)?, elf::footprint(&empty)?);
    let instructions = replay.instructions.saturating_sub(baseline.instructions);
    let rows = comparison.rows as u64;
    let alarm = match request.alarm {
        None => None,
        Some(expected) => {
            let watch = folder.path().join(format!("{WATCH}.elf"));
            let own = self::rows(request, core).replay_in_order(&watch, folder.path())?;
            let expected: Vec<Option<ScoreBits>> = expected.iter().copied().map(Some).collect();
            let (bits, first) = differences(&expected, &own.scores);
            comparison.differing_bits += bits;
            comparison.first_difference = comparison.first_difference.or(first);
            let whole = elf::footprint(&watch)?;
            Some(AlarmCost {
                instructions: own.instructions.saturating_sub(replay.instructions) / rows.max(1),
                flash_bytes: whole.flash.saturating_sub(with.flash),
                static_ram_bytes: whole.static_ram.saturating_sub(with.static_ram),
            })
        }
    };
    Ok(CoreReport {
        alarm,
        core,
        rows: comparison.rows,
        differing_bits: comparison.differing_bits,
        instructions_per_score: (instructions + rows / 2) / rows,
        flash_bytes: with.flash.saturating_sub(without.flash),
        static_ram_bytes: with.static_ram.saturating_sub(without.static_ram),
        stack_bytes: u64::from(replay.stack_depth.saturating_sub(baseline.stack_depth)),
        first_difference: comparison.first_difference,
    })
}

/// What a core's scores showed, and where its ELFs are.
struct Compared {
    comparison: Comparison,
    replay: Replay,
    folder: Folder,
}

/// Builds the programs, of which the first scores.
fn compare_core(
    request: &VerifyRequest<'_>,
    core: Core,
    programs: &[&str],
    progress: &mut impl FnMut(Progress),
) -> Result<Compared, HarnessError> {
    progress(Progress::Building(core));
    let folder = temporary_folder().map_err(HarnessError::file(
        "cannot create a folder in",
        std::env::temp_dir(),
    ))?;
    firmware::build(&BuildRequest {
        programs,
        core,
        model: request.model,
        features: request.features,
        target_dir: request.target_dir,
        output: folder.path(),
    })?;
    let score = folder.path().join(format!("{SCORE}.elf"));
    if let Some(keep) = request.keep {
        fs::create_dir_all(keep).map_err(HarnessError::file("cannot create", keep))?;
        let kept = keep.join(format!("{SCORE}-{core}.elf"));
        fs::copy(&score, &kept).map_err(HarnessError::file("cannot write", kept))?;
    }
    let total = request.expected.len();
    let replay = rows(request, core).replay(&score, folder.path(), |done| {
        progress(Progress::Scoring { core, done, total });
    })?;
    let (mut differing_bits, mut first_difference) = differences(request.expected, &replay.scores);
    for (row, (desktop, chip)) in request
        .digests
        .into_iter()
        .flatten()
        .zip(&replay.digests)
        .enumerate()
    {
        differing_bits += u64::from((desktop ^ chip).count_ones());
        if desktop != chip
            && first_difference
                .as_ref()
                .is_none_or(|first| first.row > row)
        {
            first_difference = Some(Difference {
                row,
                chip: replay.scores.get(row).copied().flatten(),
                desktop: request.expected[row],
            });
        }
    }
    Ok(Compared {
        comparison: Comparison {
            core,
            rows: total,
            differing_bits,
            first_difference,
        },
        replay,
        folder,
    })
}

fn rows<'a>(request: &VerifyRequest<'a>, core: Core) -> Rows<'a> {
    Rows {
        core,
        words: request.words,
        dim: request.dim,
    }
}

/// Counts differing bits; a row that only one side refuses differs in all its bits.
fn differences(
    desktop: &[Option<ScoreBits>],
    chip: &[Option<ScoreBits>],
) -> (u64, Option<Difference>) {
    let mut differing = 0;
    let mut first = None;
    for (row, (&desktop, &chip)) in desktop.iter().zip(chip).enumerate() {
        let bits = match (desktop, chip) {
            (Some(desktop), Some(chip)) => desktop
                .iter()
                .zip(&chip)
                .map(|(a, b)| u64::from((a ^ b).count_ones()))
                .sum(),
            (None, None) => 0,
            _ => BITS_OF_A_SCORE,
        };
        differing += bits;
        if bits > 0 && first.is_none() {
            first = Some(Difference { row, chip, desktop });
        }
    }
    (differing, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_differ_in_no_bit() {
        let scores = [Some([1, 2, 3]), None];
        assert_eq!(differences(&scores, &scores), (0, None));
    }

    #[test]
    fn every_flipped_bit_counts_and_the_first_row_is_named() {
        let desktop = [Some([0, 0, 0]), Some([0, 0, 0]), None];
        let chip = [
            Some([0, 0, 0]),
            Some([0, 0b101, 0x8000_0000]),
            Some([0, 0, 0]),
        ];
        let (bits, first) = differences(&desktop, &chip);
        assert_eq!(bits, 3 + 96);
        assert_eq!(
            first,
            Some(Difference {
                row: 1,
                chip: chip[1],
                desktop: desktop[1]
            })
        );
    }
}
