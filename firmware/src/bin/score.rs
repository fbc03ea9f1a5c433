//! Replays recorded rows through the generated model, in the emulator.
//!
//! With a file `rows.bin` in the host's folder (little-endian [`Value`]s, `DIM` per row) it writes `scores.bin` (a
//! [`Record`] per row) and `report.bin` (see [`Report`]) beside it: that is what `nvpico verify` compares with the
//! desktop. Without one it scores the test vectors that the model brings and checks their bits. Exit status 0 when
//! all is well, 1 otherwise.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

#[cfg(target_os = "none")]
use defmt_semihosting as _;
use nvpico_firmware::arch::entry;
use nvpico_firmware::host::{self, File, Mode};
use nvpico_firmware::model::{DIM, THRESHOLD, Value, vectors};
use nvpico_firmware::replay::{Record, Workspace, ZERO, score_rows, status};
use nvpico_firmware::{board, stack};

/// Rows in memory at a time: enough to time a loop, few enough for the smallest chip.
const CHUNK: usize = if DIM <= 64 { 4 } else { 1 };

/// All memory of this application besides the stack.
struct Memory {
    rows: [Value; CHUNK * DIM],
    records: [Record; CHUNK],
    workspace: Workspace,
}

static mut MEMORY: Memory = Memory {
    rows: [ZERO; CHUNK * DIM],
    records: [[0; 4]; CHUNK],
    workspace: Workspace::new(),
};

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

#[entry]
fn main() -> ! {
    let memory = &raw mut MEMORY;
    // SAFETY: the only reference ever taken, and main runs once.
    let memory = unsafe { &mut *memory };
    board::start_timer();
    let good = match File::open(c"rows.bin", Mode::Read) {
        Some(rows) => replay_file(&rows, memory),
        None => check_vectors(memory),
    };
    host::exit(good)
}

/// Every row of the host's file, a chunk at a time.
fn replay_file(rows: &File, memory: &mut Memory) -> bool {
    let Some(scores) = File::open(c"scores.bin", Mode::Write) else {
        defmt::error!("the host cannot write scores.bin here");
        return false;
    };
    let mut report = Report::default();
    loop {
        let words = rows.read(&mut memory.rows);
        let count = words / DIM;
        if !words.is_multiple_of(DIM) {
            defmt::error!(
                "rows.bin ends inside a row: this model has {=usize} features",
                DIM
            );
            return false;
        }
        if count == 0 {
            break;
        }
        score_measured(memory, count, &mut report);
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
    defmt::info!("{=str}: scored {=u32} rows", board::NAME, report.rows);
    write_report(&report)
}

/// Scores `count` rows of the chunk and adds what they took to the report.
#[inline(always)]
fn score_measured(memory: &mut Memory, count: usize, report: &mut Report) {
    let records = memory.records.get_mut(..count).unwrap_or_default();
    let painted = stack::paint();
    let begin = board::ticks();
    score_rows(&memory.rows, &mut memory.workspace, records);
    let ticks = board::ticks().wrapping_sub(begin);
    report.stack_depth = report.stack_depth.max(painted.depth());
    report.stack_reach = painted.reach();
    report.ticks += u64::from(ticks);
    report.rows += count as u32;
}

fn write_report(report: &Report) -> bool {
    let words = [
        report.rows,
        report.ticks as u32,
        (report.ticks >> 32) as u32,
        board::PICOSECONDS_PER_TICK,
        report.stack_depth,
        report.stack_reach,
    ];
    File::open(c"report.bin", Mode::Write).is_some_and(|file| file.write(&words))
}

/// The test vectors inside the generated module, each against its expected bits.
fn check_vectors(memory: &mut Memory) -> bool {
    let count = vectors::INPUTS.len();
    defmt::info!(
        "{=str}: no rows.bin here, scoring the model's {=usize} test vectors",
        board::NAME,
        count
    );
    let mut differing = 0u32;
    let mut record = [[0; 4]];
    for (index, (input, &expected)) in vectors::INPUTS
        .iter()
        .zip(&vectors::LOG_PROB_BITS)
        .enumerate()
    {
        score_rows(input, &mut memory.workspace, &mut record);
        let [[bits, _, _, row_status]] = record;
        log_row(index, Value::from_ne_bytes(bits.to_ne_bytes()));
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

/// Log-densities as nats, whatever they are counted in.
trait Nats: Copy {
    fn nats(self) -> f32;
}

impl Nats for f32 {
    fn nats(self) -> f32 {
        self
    }
}

impl Nats for i32 {
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    fn nats(self) -> f32 {
        self as f32 / 65_536.0
    }
}

fn log_row(index: usize, log_prob: Value) {
    let nats = log_prob.nats();
    match THRESHOLD {
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

#[cfg(not(target_arch = "riscv32"))]
#[cortex_m_rt::exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    defmt::error!("hard fault");
    host::exit(false)
}

/// Any exception; without it the hart would stand still.
#[cfg(target_arch = "riscv32")]
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception() -> ! {
    defmt::error!("exception");
    host::exit(false)
}

/// Says only that it happened: formatting the message would cost more flash than the engine.
#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    defmt::error!("panicked");
    host::exit(false)
}
