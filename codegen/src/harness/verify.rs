//! Replays rows through a generated model on emulated cores and compares every score's bits with the desktop's.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::HarnessError;
use super::core::Core;
use super::firmware::{self, BuildRequest, Footprint};
use super::qemu::{self, Ended};

/// Bits of `log_prob`, `z_norm_sq` and `log_det`.
pub type ScoreBits = [u32; 3];

/// Words that the firmware writes for a row: a [`ScoreBits`] and a status.
const RECORD_WORDS: usize = 4;
const WORD: usize = size_of::<u32>();
/// Words of the firmware's `report.bin`.
const REPORT_WORDS: usize = 6;
/// The status of a row that was scored.
const SCORED: u32 = 0;
/// Fewer rows than this are not worth another emulator.
const ROWS_PER_EMULATOR: usize = 64;
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What to verify.
#[derive(Clone, Copy, Debug)]
pub struct VerifyRequest<'a> {
    /// The module that `nvpico export` wrote.
    pub model: &'a Path,
    /// Features of a row.
    pub dim: usize,
    /// The rows, one after the other: the bits of floats, or counts.
    pub words: &'a [u32],
    /// The desktop's scores, one a row; `None` where the desktop refuses the row.
    pub expected: &'a [Option<ScoreBits>],
    /// The cores to emulate.
    pub cores: &'a [Core],
    /// Features of the firmware that the model needs, such as `micromath`.
    pub features: &'a [&'a str],
    /// Cargo's target folder for the firmware. Kept between runs it saves most of the building.
    pub target_dir: &'a Path,
    /// Where to leave the ELFs, `score-m4f.elf` and so on; it is made if need be.
    pub keep: Option<&'a Path>,
}

/// What a core's run showed. The names are those of `nvpico verify --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreReport {
    /// The core.
    pub core: Core,
    /// Rows that were replayed.
    pub rows: usize,
    /// Bits that differ from the desktop's, over the three values of all rows.
    pub differing_bits: u64,
    /// Instructions of one score, the mean over the rows.
    pub instructions_per_score: u64,
    /// Flash that engine and model add over the same firmware with an empty score.
    pub flash_bytes: u64,
    /// Static RAM that they add, the workspace among it.
    pub static_ram_bytes: u64,
    /// Stack that they add.
    pub stack_bytes: u64,
    /// The first row with another score than the desktop's.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// What is going on, for whoever shows it.
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

/// Builds, runs and compares, core after core.
///
/// # Errors
/// Whatever stops the building or the emulation. A difference in bits is a result, not an error.
pub fn verify(
    request: &VerifyRequest<'_>,
    mut progress: impl FnMut(Progress),
) -> Result<Vec<CoreReport>, HarnessError> {
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
    for core in request.cores {
        qemu::require(core.emulator())?;
    }
    request
        .cores
        .iter()
        .map(|&core| verify_core(request, core, &mut progress))
        .collect()
}

fn verify_core(
    request: &VerifyRequest<'_>,
    core: Core,
    progress: &mut impl FnMut(Progress),
) -> Result<CoreReport, HarnessError> {
    progress(Progress::Building(core));
    let folder = tempfile::tempdir().map_err(HarnessError::file(
        "cannot create a folder in",
        std::env::temp_dir(),
    ))?;
    let score = build(request, core, "score", &[], folder.path())?;
    let empty = build(request, core, "empty", &["empty-score"], folder.path())?;
    if let Some(keep) = request.keep {
        fs::create_dir_all(keep).map_err(HarnessError::file("cannot create", keep))?;
        let kept = keep.join(format!("score-{core}.elf"));
        fs::copy(&score.elf, &kept).map_err(HarnessError::file("cannot write", kept))?;
    }

    let total = request.expected.len();
    let replay = score.replay(request, folder.path(), |done| {
        progress(Progress::Scoring { core, done, total });
    })?;
    let baseline = empty.replay(request, folder.path(), |_| {})?;
    for part in [&replay, &baseline] {
        if part.stack_depth >= part.stack_reach {
            return Err(HarnessError::StackExhausted {
                core,
                reach: part.stack_reach,
            });
        }
    }
    let (differing_bits, first_difference) = compare(request.expected, &replay.scores);
    let instructions = replay.instructions.saturating_sub(baseline.instructions);
    let rows = total as u64;
    Ok(CoreReport {
        core,
        rows: total,
        differing_bits,
        instructions_per_score: (instructions + rows / 2) / rows,
        flash_bytes: score.footprint.flash.saturating_sub(empty.footprint.flash),
        static_ram_bytes: score
            .footprint
            .static_ram
            .saturating_sub(empty.footprint.static_ram),
        stack_bytes: u64::from(replay.stack_depth.saturating_sub(baseline.stack_depth)),
        first_difference,
    })
}

/// A firmware that replays rows.
struct Replayer {
    core: Core,
    elf: PathBuf,
    footprint: Footprint,
}

fn build(
    request: &VerifyRequest<'_>,
    core: Core,
    name: &str,
    features: &[&str],
    folder: &Path,
) -> Result<Replayer, HarnessError> {
    let elf = folder.join(format!("{name}.elf"));
    firmware::build(&BuildRequest {
        program: "score",
        core,
        model: request.model,
        features: &[request.features, features].concat(),
        target_dir: request.target_dir,
        output: &elf,
    })?;
    let footprint = firmware::footprint(&elf)?;
    Ok(Replayer {
        core,
        elf,
        footprint,
    })
}

/// What came back from replaying rows.
#[derive(Default)]
struct Replay {
    scores: Vec<Option<ScoreBits>>,
    instructions: u64,
    stack_depth: u32,
    stack_reach: u32,
}

impl Replayer {
    /// Replays all rows, on as many emulators at a time as the machine has processors.
    fn replay(
        &self,
        request: &VerifyRequest<'_>,
        folder: &Path,
        mut progress: impl FnMut(usize),
    ) -> Result<Replay, HarnessError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let rows_each = request
            .expected
            .len()
            .div_ceil(processors)
            .max(ROWS_PER_EMULATOR);
        let mut parts = Vec::new();
        for (index, rows) in request.words.chunks(rows_each * request.dim).enumerate() {
            let part = folder.join(format!("part-{index}"));
            fs::create_dir_all(&part).map_err(HarnessError::file("cannot create", &part))?;
            let scores = part.join("scores.bin");
            // Growth is counted from nothing.
            fs::write(&scores, []).map_err(HarnessError::file("cannot write", &scores))?;
            let file = part.join("rows.bin");
            let bytes: Vec<u8> = rows.iter().flat_map(|word| word.to_le_bytes()).collect();
            fs::write(&file, bytes).map_err(HarnessError::file("cannot write", file))?;
            parts.push((part, rows.len() / request.dim));
        }
        thread::scope(|scope| {
            let running: Vec<_> = parts
                .iter()
                .map(|(part, rows)| scope.spawn(|| self.replay_part(part, *rows)))
                .collect();
            while !running.iter().all(thread::ScopedJoinHandle::is_finished) {
                thread::sleep(PROGRESS_EVERY);
                progress(parts.iter().map(|(part, _)| rows_done(part)).sum());
            }
            let mut all = Replay::default();
            for part in running {
                let part = part
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                all.scores.extend(part.scores);
                all.instructions += part.instructions;
                all.stack_depth = all.stack_depth.max(part.stack_depth);
                all.stack_reach = part.stack_reach;
            }
            Ok(all)
        })
    }

    /// Replays the rows that lie in a folder.
    fn replay_part(&self, folder: &Path, rows: usize) -> Result<Replay, HarnessError> {
        let scores = folder.join("scores.bin");
        let mut log = String::new();
        let run = qemu::Run {
            elf: &self.elf,
            folder,
            growing: Some(&scores),
            patience: Some(qemu::PATIENCE),
            arguments: &[],
            colour: false,
        };
        let ended = qemu::run(&run, |line| {
            log.push_str(line);
            log.push('\n');
            ControlFlow::Continue(())
        })?;
        let failed = |reason: &str| HarnessError::Firmware {
            core: self.core,
            log: format!("{log}{reason}"),
        };
        if ended != Ended::Success {
            return Err(failed("it ended with a failure status"));
        }
        let records = read_words(&scores)?;
        let report = read_words(&folder.join("report.bin"))?;
        let Ok(
            [
                scored,
                ticks_low,
                ticks_high,
                picoseconds_per_tick,
                stack_depth,
                stack_reach,
            ],
        ) = <[u32; REPORT_WORDS]>::try_from(report)
        else {
            return Err(failed(
                "its report has another length than this program knows",
            ));
        };
        if scored as usize != rows || records.len() != rows * RECORD_WORDS {
            return Err(failed("it scored another number of rows than it was given"));
        }
        let ticks = u64::from(ticks_high) << 32 | u64::from(ticks_low);
        Ok(Replay {
            scores: records.as_chunks().0.iter().map(to_score).collect(),
            // One nanosecond of virtual time an instruction.
            instructions: ticks * u64::from(picoseconds_per_tick) / 1000,
            stack_depth,
            stack_reach,
        })
    }
}

fn rows_done(folder: &Path) -> usize {
    fs::metadata(folder.join("scores.bin"))
        .map_or(0, |data| data.len() as usize / (RECORD_WORDS * WORD))
}

fn to_score(&[log_prob, z_norm_sq, log_det, status]: &[u32; RECORD_WORDS]) -> Option<ScoreBits> {
    (status == SCORED).then_some([log_prob, z_norm_sq, log_det])
}

fn read_words(path: &Path) -> Result<Vec<u32>, HarnessError> {
    let bytes = fs::read(path).map_err(HarnessError::file("cannot read", path))?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word))
        .collect())
}

/// Counts differing bits; a row that only one side refuses differs in all its bits.
fn compare(desktop: &[Option<ScoreBits>], chip: &[Option<ScoreBits>]) -> (u64, Option<Difference>) {
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
            _ => u64::from(u32::BITS) * size_of::<ScoreBits>() as u64 / WORD as u64,
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
        assert_eq!(compare(&scores, &scores), (0, None));
    }

    #[test]
    fn every_flipped_bit_counts_and_the_first_row_is_named() {
        let desktop = [Some([0, 0, 0]), Some([0, 0, 0]), None];
        let chip = [
            Some([0, 0, 0]),
            Some([0, 0b101, 0x8000_0000]),
            Some([0, 0, 0]),
        ];
        let (bits, first) = compare(&desktop, &chip);
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
