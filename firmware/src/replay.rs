//! Recorded rows in, scores out: the part of `score` that is measured.
//!
//! With the feature `empty-score` engine and model are not called, so that everything else cancels in a difference.

use core::hint::black_box;

use crate::model::{DIM, Value};
#[cfg(not(feature = "empty-score"))]
use crate::model::{FLOW, WORKSPACE};

/// What the host gets for a row, word by word: bits of `log_prob`, `z_norm_sq` and `log_det`, then [`status`].
pub type Record = [u32; 4];

/// The last word of a [`Record`]: what became of the row.
pub mod status {
    /// Scored.
    pub const OK: u32 = 0;
    /// An input was NaN or infinite; its index is in the low 24 bits.
    pub const NON_FINITE: u32 = 0x0100_0000;
    /// The engine refused the row for another reason, such as a wrong length.
    pub const REFUSED: u32 = 0x0200_0000;
}

/// Zero, of floats or of integers.
pub const ZERO: Value = Value::from_ne_bytes([0; 4]);

/// Memory that a score works in, besides the row and the stack.
pub struct Workspace {
    #[cfg(not(feature = "empty-score"))]
    values: [Value; WORKSPACE],
}

impl Workspace {
    /// All zero, so that it needs no flash as a `static`.
    pub const fn new() -> Self {
        Self {
            #[cfg(not(feature = "empty-score"))]
            values: [ZERO; WORKSPACE],
        }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
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
    // A body of its own, or the compiler gives both marks one address.
    crate::arch::nop();
    black_box(());
}

/// Scores row after row, as many as `records` has room for. Not inlined, so that there is one copy however often it
/// is called.
#[inline(never)]
pub fn score_rows(rows: &[Value], workspace: &mut Workspace, records: &mut [Record]) {
    for (row, record) in rows.chunks_exact(DIM).zip(records) {
        mark_begin();
        // The optimiser may not move the score out of the marks: it sees neither where the row comes from nor where
        // the result goes.
        let result = black_box(score(black_box(row), workspace));
        mark_end();
        *record = to_record(result);
    }
}

#[cfg(not(feature = "empty-score"))]
#[inline(always)]
fn score(row: &[Value], workspace: &mut Workspace) -> Result<[u32; 3], nvpico::ScoreError> {
    Ok(FLOW.score(row, &mut workspace.values)?.bits())
}

#[cfg(not(feature = "empty-score"))]
fn to_record(result: Result<[u32; 3], nvpico::ScoreError>) -> Record {
    use nvpico::ScoreError;
    match result {
        Ok([log_prob, z_norm_sq, log_det]) => [log_prob, z_norm_sq, log_det, status::OK],
        Err(ScoreError::NonFinite { index }) => {
            [0, 0, 0, status::NON_FINITE | (index as u32 & 0x00FF_FFFF)]
        }
        Err(_) => [0, 0, 0, status::REFUSED],
    }
}

#[cfg(feature = "empty-score")]
#[inline(always)]
fn score(_row: &[Value], _workspace: &mut Workspace) -> u32 {
    0
}

#[cfg(feature = "empty-score")]
fn to_record(result: u32) -> Record {
    [result; 4]
}
