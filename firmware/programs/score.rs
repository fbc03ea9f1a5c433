//! Replays recorded rows through the generated model, in the emulator: see `nvpico_harness::replay`. A row is what the model
//! takes or, of a model of raw samples, a window of them. Exit status 0 when all is well, 1 otherwise.

#![no_std]
#![no_main]

use board::{NAME, Timer, entry};
use nvpico::ScoreError;
use nvpico_harness::host;
use nvpico_harness::replay::{self, Memory, Record, Scorer, Setting, chunk, status};

use model::{FLOW, THRESHOLD, Value, WORKSPACE, vectors};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

const ZERO: Value = Value::from_ne_bytes([0; 4]);
const NO_VALUE: RowValue = RowValue::from_ne_bytes([0; 4]);
const CHUNK: usize = if OF_SAMPLES { 1 } else { chunk(ROW) };

type Workspace = ([Value; WORKSPACE], Input);

static mut MEMORY: Memory<RowValue, Workspace, { CHUNK * ROW }, CHUNK> =
    Memory::new(NO_VALUE, ([ZERO; WORKSPACE], Input::NEW));

/// The generated model.
struct Model;

impl Scorer for Model {
    type Value = RowValue;
    type LogProb = Value;
    type Workspace = Workspace;
    type Outcome = Result<[u32; 3], ScoreError>;

    #[inline(always)]
    fn score(row: &[RowValue], (workspace, input): &mut Workspace) -> Self::Outcome {
        Ok(FLOW.score(input.of(row), workspace)?.bits())
    }

    fn record(outcome: Self::Outcome) -> Record {
        match outcome {
            Ok([log_prob, z_norm_sq, log_det]) => [log_prob, z_norm_sq, log_det, status::OK, 0],
            Err(ScoreError::NonFinite { index }) => [
                0,
                0,
                0,
                status::NON_FINITE | (index as u32 & 0x00FF_FFFF),
                0,
            ],
            Err(_) => [0, 0, 0, status::REFUSED, 0],
        }
    }

    fn digest((_, input): &Workspace) -> u32 {
        input.digest()
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
    host::exit(replay::run::<Model, Timer, ROW, { CHUNK * ROW }, CHUNK>(
        memory, &setting,
    ))
}
