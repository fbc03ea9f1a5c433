//! Replays rows through a `score` program in emulators.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::HarnessError;
use super::core::Core;
use super::qemu::{self, Ended};

/// Words that the firmware writes for a row: the bits of three values, a status, the digest of features.
const RECORD_WORDS: usize = 5;
const WORD: usize = size_of::<u32>();
/// Words of the firmware's `report.bin`.
const REPORT_WORDS: usize = 6;
/// The status of a row that was scored.
const SCORED: u32 = 0;
/// Fewer rows than this are not worth another emulator.
const ROWS_PER_EMULATOR: usize = 64;
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What came back from replaying rows.
#[derive(Default)]
pub(super) struct Replay {
    /// Bits of `log_prob`, `z_norm_sq` and `log_det` by row; `None` of a row that the engine refused.
    pub(super) scores: Vec<Option<[u32; 3]>>,
    /// Digest of the features of each window of samples.
    pub(super) digests: Vec<u32>,
    /// Instructions of the scoring loops.
    pub(super) instructions: u64,
    /// Bytes from the top of the stack to the deepest word that was written.
    pub(super) stack_depth: u32,
    /// The greatest depth that could have been seen.
    pub(super) stack_reach: u32,
}

/// Rows to replay.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The core, for messages.
    pub(super) core: Core,
    /// The rows, one after the other: the bits of floats, or counts.
    pub(super) words: &'a [u32],
    /// Values of a row.
    pub(super) dim: usize,
}

impl Rows<'_> {
    /// Replays all rows on one emulator, in their order: what comes of a row depends on those before.
    pub(super) fn replay_in_order(self, elf: &Path, folder: &Path) -> Result<Replay, HarnessError> {
        let part = folder.join("in-order");
        write_part(&part, self.words)?;
        self.replay_part(elf, &part, self.words.len() / self.dim)
    }

    /// Replays all rows, on as many emulators at a time as the machine has processors.
    pub(super) fn replay(
        self,
        elf: &Path,
        folder: &Path,
        mut progress: impl FnMut(usize),
    ) -> Result<Replay, HarnessError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let rows = self.words.len() / self.dim;
        let rows_each = rows.div_ceil(processors).max(ROWS_PER_EMULATOR);
        let mut parts = Vec::new();
        for (index, rows) in self.words.chunks(rows_each * self.dim).enumerate() {
            let part = folder.join(format!("part-{index}"));
            write_part(&part, rows)?;
            parts.push((part, rows.len() / self.dim));
        }
        thread::scope(|scope| {
            let running: Vec<_> = parts
                .iter()
                .map(|(part, rows)| scope.spawn(|| self.replay_part(elf, part, *rows)))
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
                all.digests.extend(part.digests);
                all.instructions += part.instructions;
                all.stack_depth = all.stack_depth.max(part.stack_depth);
                all.stack_reach = part.stack_reach;
            }
            Ok(all)
        })
    }

    /// Replays the rows that lie in a folder.
    fn replay_part(self, elf: &Path, folder: &Path, rows: usize) -> Result<Replay, HarnessError> {
        let scores = folder.join("scores.bin");
        let mut log = String::new();
        let run = qemu::Run {
            elf,
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
            return Err(failed("its report does not have the expected length"));
        };
        if scored as usize != rows || records.len() != rows * RECORD_WORDS {
            return Err(failed("it did not score as many rows as it was given"));
        }
        let ticks = u64::from(ticks_high) << 32 | u64::from(ticks_low);
        Ok(Replay {
            scores: records.as_chunks().0.iter().map(to_score).collect(),
            digests: (records.chunks(RECORD_WORDS))
                .filter_map(|record| record.last().copied())
                .collect(),
            // One nanosecond of virtual time an instruction.
            instructions: ticks * u64::from(picoseconds_per_tick) / 1000,
            stack_depth,
            stack_reach,
        })
    }
}

/// A folder with rows for an emulator.
fn write_part(part: &Path, rows: &[u32]) -> Result<(), HarnessError> {
    fs::create_dir_all(part).map_err(HarnessError::file("cannot create", part))?;
    let scores = part.join("scores.bin");
    // Growth is counted from nothing.
    fs::write(&scores, []).map_err(HarnessError::file("cannot write", &scores))?;
    let file = part.join("rows.bin");
    let bytes: Vec<u8> = rows.iter().flat_map(|word| word.to_le_bytes()).collect();
    fs::write(&file, bytes).map_err(HarnessError::file("cannot write", file))
}

fn rows_done(folder: &Path) -> usize {
    fs::metadata(folder.join("scores.bin"))
        .map_or(0, |data| data.len() as usize / (RECORD_WORDS * WORD))
}

fn to_score(&[log_prob, z_norm_sq, log_det, status, _]: &[u32; RECORD_WORDS]) -> Option<[u32; 3]> {
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
