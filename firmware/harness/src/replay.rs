//! Recorded rows in, scores out: what the programs `score` and `empty` share. `empty` is `score` without engine and
//! model, so that their cost is a difference.
//!
//! With a file `rows.bin` in the host's folder (little-endian values, `ROW` per row: what the model takes, or a window of
//! samples) it writes `scores.bin` (a
//! [`Record`] per row) and `report.bin` (see [`Report`]) beside it: that is what `nvpico verify` compares with the
//! desktop. Without one it scores the test vectors that the model brings and checks their bits.

use core::hint::black_box;

use nvpico_app::Nats;

use crate::host::{File, Mode, Word};
use crate::{Timer, arch, stack};

/// What the host gets for a row, word by word: bits of `log_prob`, `z_norm_sq` and `log_det`, then [`status`], then a
/// digest (FNV-1a) of the features of a window of samples.
pub type Record = [u32; 5];

/// The fourth word of a [`Record`]: what became of the row.
pub mod status {
    /// Scored.
    pub const OK: u32 = 0;
    /// An input was NaN or infinite; its index is in the low 24 bits.
    pub const NON_FINITE: u32 = 0x0100_0000;
    /// The engine refused the row for another reason, such as a wrong length.
    pub const REFUSED: u32 = 0x0200_0000;
}

/// What scores a row: the generated model, or nothing in its place.
pub trait Scorer {
    /// A value of a row.
    type Value: Word;
    /// A log-density.
    type LogProb: Word + Nats + PartialOrd;
    /// Memory to score in, besides the row and the stack.
    type Workspace;
    /// What comes out.
    type Outcome;

    /// Scores a row. To be inlined: what is measured is the engine, not a call.
    fn score(row: &[Self::Value], workspace: &mut Self::Workspace) -> Self::Outcome;

    /// The outcome as the host gets it.
    fn record(outcome: Self::Outcome) -> Record;

    /// The digest of the features that were computed last; 0 where a row is what the model takes.
    fn digest(workspace: &Self::Workspace) -> u32;
}

/// All memory of the program besides the stack: `VALUES` values in rows, `CHUNK` of them at a time.
pub struct Memory<V, W, const VALUES: usize, const CHUNK: usize> {
    rows: [V; VALUES],
    records: [Record; CHUNK],
    workspace: W,
}

impl<V: Copy, W, const VALUES: usize, const CHUNK: usize> Memory<V, W, VALUES, CHUNK> {
    /// With a `zero` all zero, so that it needs no flash as a `static`.
    pub const fn new(zero: V, workspace: W) -> Self {
        Self {
            rows: [zero; VALUES],
            records: [[0; 5]; CHUNK],
            workspace,
        }
    }
}

/// Rows in memory at a time: enough to time a loop, few enough for the smallest chip.
pub const fn chunk(row: usize) -> usize {
    if row <= 64 { 4 } else { 1 }
}

/// The board and the generated model of a replay.
pub struct Setting<V: 'static, P, const ROW: usize> {
    /// The board's name.
    pub board: &'static str,
    /// The model's test vectors.
    pub inputs: &'static [[V; ROW]],
    /// The bits of each row's log-density.
    pub bits: &'static [u32],
    /// A log-density below it is anomalous.
    pub threshold: Option<P>,
}

/// Where a measuring tool starts to count.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn mark_begin() {
    black_box(());
}

/// Where a measuring tool stops to count.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn mark_end() {
    // Its body differs from the other mark's, or the compiler would merge them.
    arch::nop();
    black_box(());
}

/// Scores row after row, as many as `records` has room for. Not inlined, so that there is one copy however often it
/// is called.
#[inline(never)]
fn score_rows<S: Scorer, const ROW: usize>(
    rows: &[S::Value],
    workspace: &mut S::Workspace,
    records: &mut [Record],
) {
    for (row, record) in rows.chunks_exact(ROW).zip(records) {
        mark_begin();
        // The optimiser may not move the score out of the marks: it sees neither where the row comes from nor where
        // the result goes.
        let outcome = black_box(S::score(black_box(row), workspace));
        mark_end();
        *record = S::record(outcome);
    }
}

/// The words of `report.bin`.
#[derive(Default)]
struct Report {
    rows: u32,
    /// Ticks spent in the scoring loops. They count instructions only under QEMU's `-icount shift=0`.
    ticks: u64,
    /// Bytes from the top of the stack to the deepest word a scoring loop wrote.
    stack_depth: u32,
    /// The greatest depth that could have been seen.
    stack_reach: u32,
}

/// Replays the host's rows or, for want of them, the model's test vectors; whether all went well.
#[inline(always)]
pub fn run<S: Scorer, T: Timer, const ROW: usize, const VALUES: usize, const CHUNK: usize>(
    memory: &mut Memory<S::Value, S::Workspace, VALUES, CHUNK>,
    setting: &Setting<S::Value, S::LogProb, ROW>,
) -> bool {
    T::start();
    match File::open(c"rows.bin", Mode::Read) {
        Some(rows) => replay_file::<S, T, ROW, VALUES, CHUNK>(&rows, memory, setting.board),
        None => check_vectors::<S, ROW, VALUES, CHUNK>(memory, setting),
    }
}

/// Every row of the host's file, a chunk at a time.
fn replay_file<S: Scorer, T: Timer, const ROW: usize, const VALUES: usize, const CHUNK: usize>(
    rows: &File,
    memory: &mut Memory<S::Value, S::Workspace, VALUES, CHUNK>,
    board: &str,
) -> bool {
    let Some(scores) = File::open(c"scores.bin", Mode::Write) else {
        defmt::error!("the host cannot write scores.bin here");
        return false;
    };
    let mut report = Report::default();
    loop {
        let words = rows.read(&mut memory.rows);
        let count = words / ROW;
        if !words.is_multiple_of(ROW) {
            defmt::error!(
                "rows.bin ends inside a row: this model takes rows of {=usize} values",
                ROW
            );
            return false;
        }
        if count == 0 {
            break;
        }
        score_measured::<S, T, ROW, VALUES, CHUNK>(memory, count, &mut report);
        if !scores.write(
            memory
                .records
                .get(..count)
                .unwrap_or_default()
                .as_flattened(),
        ) {
            defmt::error!("the host could not write all of scores.bin");
            return false;
        }
    }
    defmt::info!("{=str}: scored {=u32} rows", board, report.rows);
    write_report::<T>(&report)
}

/// Scores `count` rows of the chunk and adds what they took to the report.
#[inline(always)]
fn score_measured<
    S: Scorer,
    T: Timer,
    const ROW: usize,
    const VALUES: usize,
    const CHUNK: usize,
>(
    memory: &mut Memory<S::Value, S::Workspace, VALUES, CHUNK>,
    count: usize,
    report: &mut Report,
) {
    let records = memory.records.get_mut(..count).unwrap_or_default();
    let painted = stack::paint();
    let begin = T::ticks();
    score_rows::<S, ROW>(&memory.rows, &mut memory.workspace, records);
    let ticks = T::ticks().wrapping_sub(begin);
    report.stack_depth = report.stack_depth.max(painted.depth());
    report.stack_reach = painted.reach();
    report.ticks += u64::from(ticks);
    report.rows += count as u32;
    // Of a single row: the workspace holds the features of the last one only.
    if let [[.., digest]] = records {
        *digest = S::digest(&memory.workspace);
    }
}

fn write_report<T: Timer>(report: &Report) -> bool {
    let words = [
        report.rows,
        report.ticks as u32,
        (report.ticks >> 32) as u32,
        T::PICOSECONDS_PER_TICK,
        report.stack_depth,
        report.stack_reach,
    ];
    File::open(c"report.bin", Mode::Write).is_some_and(|file| file.write(&words))
}

/// The test vectors inside the generated module, each against its expected bits.
fn check_vectors<S: Scorer, const ROW: usize, const VALUES: usize, const CHUNK: usize>(
    memory: &mut Memory<S::Value, S::Workspace, VALUES, CHUNK>,
    setting: &Setting<S::Value, S::LogProb, ROW>,
) -> bool {
    let count = setting.inputs.len();
    defmt::info!(
        "{=str}: no rows.bin here, scoring the model's {=usize} test vectors",
        setting.board,
        count
    );
    let mut differing = 0u32;
    let mut record = [[0; 5]];
    for (index, (input, &expected)) in setting.inputs.iter().zip(setting.bits).enumerate() {
        score_rows::<S, ROW>(input, &mut memory.workspace, &mut record);
        let [[bits, _, _, row_status, _]] = record;
        log_row(index, S::LogProb::of_bits(bits), setting.threshold);
        if bits != expected || row_status != status::OK {
            differing += 1;
            defmt::error!(
                "row {=usize}: got bits {=u32:08x}, expected {=u32:08x}",
                index,
                bits,
                expected
            );
        }
    }
    if differing == 0 {
        defmt::info!(
            "all {=usize} log-densities have exactly the desktop's bits",
            count
        );
    } else {
        defmt::error!(
            "{=u32} of {=usize} log-densities differ from the desktop's",
            differing,
            count
        );
    }
    differing == 0
}

fn log_row<V: Nats + PartialOrd>(index: usize, log_prob: V, threshold: Option<V>) {
    let nats = log_prob.nats();
    match threshold {
        Some(threshold) if log_prob < threshold => {
            defmt::info!(
                "row {=usize}: log-density {=f32}, anomalous (below {=f32})",
                index,
                nats,
                threshold.nats()
            );
        }
        Some(_) => defmt::info!("row {=usize}: log-density {=f32}, normal", index, nats),
        None => defmt::info!("row {=usize}: log-density {=f32}", index, nats),
    }
}
