//! Replays recorded rows through the whole decision in the emulator: score, guards, evidence, alarm. See
//! `nvpico_harness::replay`; it needs a file `rows.bin`, and a record holds the rarity, decision and alarm with its event, and a digest of the averages.

#![no_std]
#![no_main]

use board::{NAME, Timer, entry};
use nvpico_app::digest;
use nvpico_harness::host;
use nvpico_harness::replay::{self, Memory, Record, Scorer, Setting, chunk, status};

use model::{FLOW, THRESHOLD, Value, WORKSPACE};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

const NO_VALUE: RowValue = RowValue::from_ne_bytes([0; 4]);
const CHUNK: usize = if OF_SAMPLES { 1 } else { chunk(ROW) };

const ZERO: Value = Value::from_ne_bytes([0; 4]);

type Workspace = (model::Monitor, Input, [Value; WORKSPACE]);

static mut MEMORY: Memory<RowValue, Workspace, { CHUNK * ROW }, CHUNK> =
    Memory::new(NO_VALUE, (model::monitor(), Input::NEW, [ZERO; WORKSPACE]));

/// The generated model with its alarm.
struct Model;

/// What a record holds.
struct Outcome {
    rarity: i32,
    flags: u32,
    averages: u32,
}

impl Scorer for Model {
    type Value = RowValue;
    type LogProb = Value;
    type Workspace = Workspace;
    type Outcome = Outcome;

    #[inline(always)]
    fn score(row: &[RowValue], (monitor, input, workspace): &mut Workspace) -> Outcome {
        let report = match input.of(row).try_into() {
            Ok(values) => monitor.observe(&FLOW, values, workspace),
            Err(_) => monitor.observe_invalid::<model::Density>(),
        };
        let averages = monitor.alarm().averages();
        Outcome {
            rarity: report.rarity.unwrap_or(i32::MIN),
            flags: report.flags(),
            averages: digest(averages.map(i32::cast_unsigned)),
        }
    }

    fn record(outcome: Outcome) -> Record {
        let Outcome {
            rarity,
            flags,
            averages,
        } = outcome;
        [rarity.cast_unsigned(), flags, averages, status::OK, 0]
    }

    fn digest(_: &Workspace) -> u32 {
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
        inputs: &[],
        bits: &[],
        threshold: THRESHOLD,
    };
    host::exit(replay::run::<Model, Timer, ROW, { CHUNK * ROW }, CHUNK>(
        memory, &setting,
    ))
}
