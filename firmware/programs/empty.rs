//! The program `score` without engine and model: what `nvpico verify` subtracts, so that their cost is a difference.
//! Its scores are zero.

#![no_std]
#![no_main]

use board::{NAME, Timer, entry};
use nvpico_harness::host;
use nvpico_harness::replay::{self, Memory, Record, Scorer, Setting, chunk};

use model::{DIM, THRESHOLD, Value, vectors};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

const ZERO: Value = Value::from_ne_bytes([0; 4]);
const CHUNK: usize = chunk(DIM);

static mut MEMORY: Memory<Value, (), { CHUNK * DIM }, CHUNK> = Memory::new(ZERO, ());

/// In the model's place.
struct Nothing;

impl Scorer for Nothing {
    type Value = Value;
    type Workspace = ();
    type Outcome = u32;

    #[inline(always)]
    fn score(_row: &[Value], _workspace: &mut ()) -> u32 {
        0
    }

    fn record(outcome: u32) -> Record {
        [outcome; 4]
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
    host::exit(replay::run::<Nothing, Timer, DIM, { CHUNK * DIM }, CHUNK>(
        memory, &setting,
    ))
}
