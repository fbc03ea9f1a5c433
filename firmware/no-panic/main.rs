//! A proof by linking: no panic is reachable from a score.
//!
//! The panic handler calls a function that does not exist. If the optimiser can remove every path to it, the program
//! links; if any is left, the linker names `a_panic_is_reachable`. The flow, the row and the workspace are hidden
//! from the optimiser, lengths too, so that the proof holds for every model and every argument, not for one that
//! folded to constants. Release builds only.

#![no_std]
#![no_main]

mod adapt;
mod alarm;
#[cfg(feature = "integer-samples")]
mod integers;
#[cfg(feature = "samples")]
mod samples;

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use model::{DIM, FLOW, Value, WORKSPACE};
use nvpico::detector::{BlameSpec, Blamed, blame};

// Nothing but model and start-up code: other crates bring the logger along, which can panic.
include!(concat!(env!("OUT_DIR"), "/model.rs"));

/// Of floats or of integers.
const ZERO: Value = Value::from_ne_bytes([0; 4]);

static mut VALUES: [Value; WORKSPACE] = [ZERO; WORKSPACE];

#[entry]
fn main() -> ! {
    let values = black_box([ZERO; DIM]);
    let workspace = &raw mut VALUES;
    // SAFETY: the only reference ever taken, and main runs once.
    let workspace = unsafe { &mut *workspace };
    let row: &[Value] = black_box(&values);
    let workspace: &mut [Value] = black_box(workspace);
    let flow = black_box(&FLOW);
    black_box(flow.score(row, workspace)).ok();
    if let Ok(mut stepper) = flow.stepper(row, workspace) {
        while black_box(stepper.step()).is_none() {}
    }
    let limits: &[Value] = black_box(&[ZERO]);
    let spec = black_box(BlameSpec {
        threshold: ZERO,
        ranges: black_box(&[[ZERO; 2]; DIM]),
        given: 0,
        typical: limits,
        scales: limits,
    });
    let mut blamed = [Blamed::default(); 3];
    let places: &mut [Blamed<Value>] = black_box(&mut blamed);
    black_box(blame(flow, &spec, row, places, workspace)).ok();
    alarm::watch(flow, &values, workspace);
    adapt::follow(row, workspace);
    #[cfg(feature = "gradient")]
    {
        let mut gradient = black_box([ZERO; DIM]);
        let gradient: &mut [Value] = black_box(&mut gradient);
        // Too short a workspace, but the optimiser does not know.
        black_box(flow.input_gradient(row, gradient, workspace)).ok();
    }
    #[cfg(feature = "samples")]
    samples::extract();
    #[cfg(feature = "integer-samples")]
    integers::extract();
    #[cfg(feature = "control")]
    black_box(row[black_box(0)]);
    loop {
        core::hint::spin_loop();
    }
}

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    // SAFETY: never called; a program with this call does not link.
    unsafe { a_panic_is_reachable() }
}
