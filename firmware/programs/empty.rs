//! The program `score` without engine and model: what `nvpico verify` subtracts, so that their cost is a difference.
//! Its scores are zero.

#![no_std]
#![no_main]

use board::{NAME, Timer, entry};
use nvpico_harness::host;
use nvpico_harness::replay::{self, Memory, Record, Scorer, Setting, chunk};

use model::{THRESHOLD, Value, vectors};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

const NO_VALUE: RowValue = RowValue::from_ne_bytes([0; 4]);
const CHUNK: usize = if OF_SAMPLES { 1 } else { chunk(ROW) };

static mut MEMORY: Memory<RowValue, (), { CHUNK * ROW }, CHUNK> = Memory::new(NO_VALUE, ());

/// In the model's place.
struct Nothing;

impl Scorer for Nothing {
    type Value = RowValue;
    type LogProb = Value;
    type Workspace = ();
    type Outcome = u32;

    #[inline(always)]
    fn score(_row: &[RowValue], _workspace: &mut ()) -> u32 {
        0
    }

    fn record(outcome: u32) -> Record {
        [outcome; 5]
    }

    fn digest(_workspace: &()) -> u32 {
        0
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
    host::exit(replay::run::<Nothing, Timer, ROW, { CHUNK * ROW }, CHUNK>(
        memory, &setting,
    ))
}
