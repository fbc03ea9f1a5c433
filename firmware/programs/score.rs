//! Replays recorded rows through the generated model, in the emulator: see `nvpico_harness::replay`. Exit status 0 when
//! all is well, 1 otherwise.

#![no_std]
#![no_main]

use board::{NAME, Timer, entry};
use nvpico::ScoreError;
use nvpico_harness::host;
use nvpico_harness::replay::{self, Memory, Record, Scorer, Setting, chunk, status};

use model::{DIM, FLOW, THRESHOLD, Value, WORKSPACE, vectors};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

const ZERO: Value = Value::from_ne_bytes([0; 4]);
const CHUNK: usize = chunk(DIM);

static mut MEMORY: Memory<Value, [Value; WORKSPACE], { CHUNK * DIM }, CHUNK> =
    Memory::new(ZERO, [ZERO; WORKSPACE]);

/// The generated model.
struct Model;

impl Scorer for Model {
    type Value = Value;
    type Workspace = [Value; WORKSPACE];
    type Outcome = Result<[u32; 3], ScoreError>;

    #[inline(always)]
    fn score(row: &[Value], workspace: &mut [Value; WORKSPACE]) -> Self::Outcome {
        Ok(FLOW.score(row, workspace)?.bits())
    }

    fn record(outcome: Self::Outcome) -> Record {
        match outcome {
            Ok([log_prob, z_norm_sq, log_det]) => [log_prob, z_norm_sq, log_det, status::OK],
            Err(ScoreError::NonFinite { index }) => {
                [0, 0, 0, status::NON_FINITE | (index as u32 & 0x00FF_FFFF)]
            }
            Err(_) => [0, 0, 0, status::REFUSED],
        }
    }
}

#[entry]
fn main() -> ! {
    let memory = &raw mut MEMORY;
    // SAFETY: the only reference ever taken, and main runs once.
    let memory = unsafe { &mut *memory };
    let setting = Setting {
        board: NAME,
        inputs: &vectors::INPUTS,
        bits: &vectors::LOG_PROB_BITS,
        threshold: THRESHOLD,
    };
    host::exit(replay::run::<Model, Timer, DIM, { CHUNK * DIM }, CHUNK>(
        memory, &setting,
    ))
}
