//! Whether thresholds keep their promise: false alarms on rows that training did not see, over public sets in no order.
//!
//! ```sh
//! NVPICO_SHARED=../shared cargo run --release --package nvpico-codegen --example promises -- 3
//! ```
//!
//! `$NVPICO_SHARED/data/adbench` holds the sets; the number is that of the seeds. Half of the normal rows train (at most
//! 20,000), the other half is the test. Every run is a line; a summary follows.

use std::env;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use nvpico_codegen::detection::Set;
use nvpico_codegen::detection::protocol::adbench;
use nvpico_codegen::fit::recipe::Recipe;
use nvpico_codegen::fit::training::{self, Stage};
use nvpico_codegen::metrics;

const SEEDS: u64 = 3;
/// Sets with fewer training rows are summed up apart.
const LARGE: usize = 500;

/// A run.
struct Run {
    rows: usize,
    said: f64,
    met: f64,
    inside: bool,
    /// Time of training, and of everything.
    seconds: [f64; 2],
}

fn measure(set: &Set, seed: u64) -> anyhow::Result<Run> {
    let recipe = Recipe {
        seed: Some(seed),
        ..Recipe::default()
    };
    let began = Instant::now();
    let mut trained = 0.0;
    let outcome = training::fit(&set.training, None, recipe, |stage, _| {
        if stage != Stage::CrossValidation {
            trained = began.elapsed().as_secs_f64();
        }
        true
    })?;
    let all = began.elapsed().as_secs_f64();
    let model = outcome.model;
    let calibration = model.header.calibration.context("no threshold")?;
    let log_probs = model.ready(None)?.log_probs(&set.tests);
    let auroc = metrics::auroc(&metrics::scores(&log_probs), &set.labels).unwrap_or(f64::NAN);
    let normal: Vec<f32> = (log_probs.iter().zip(&set.labels))
        .filter_map(|(log_prob, anomalous)| (!anomalous).then_some(*log_prob))
        .collect();
    let alarms = normal
        .iter()
        .filter(|l| **l < calibration.threshold)
        .count();
    let met = alarms as f64 / normal.len() as f64;
    let interval = calibration.interval;
    let inside = (interval.low..=interval.high).contains(&met);
    println!(
        "{:24} seed {seed} rows {:6} effective {:8.1} {:?} said {:6.3} % met {:6.3} % of {:6} interval {:6.3} {:6.3} {} AUROC {:.4} {trained:6.1} s {all:6.1} s",
        set.name,
        set.training.rows,
        calibration.effective_rows,
        calibration.method,
        100.0 * calibration.false_alarm_rate,
        100.0 * met,
        normal.len(),
        100.0 * interval.low,
        100.0 * interval.high,
        if inside { "inside" } else { "OUTSIDE" },
        auroc,
    );
    Ok(Run {
        rows: set.training.rows,
        said: calibration.false_alarm_rate,
        met,
        inside,
        seconds: [trained, all],
    })
}

fn report(name: &str, runs: &[&Run]) {
    let mean =
        |of: &dyn Fn(&Run) -> f64| runs.iter().map(|run| of(run)).sum::<f64>() / runs.len() as f64;
    let worst = runs.iter().map(|run| run.met).fold(0.0, f64::max);
    println!(
        "{name}: {} runs, said {:.3} %, met {:.3} %, worst {:.3} %, inside {:.1} %, trained in {:.0} s, all in {:.0} s",
        runs.len(),
        100.0 * mean(&|run| run.said),
        100.0 * mean(&|run| run.met),
        100.0 * worst,
        100.0 * mean(&|run| f64::from(u8::from(run.inside))),
        runs.len() as f64 * mean(&|run| run.seconds[0]),
        runs.len() as f64 * mean(&|run| run.seconds[1]),
    );
}

fn main() -> anyhow::Result<()> {
    let shared = env::var("NVPICO_SHARED").unwrap_or_else(|_| "../shared".into());
    let folder = Path::new(&shared).join("data/adbench");
    if !folder.is_dir() {
        eprintln!(
            "skipped: {} does not exist; set NVPICO_SHARED to the folder that has data/adbench",
            folder.display()
        );
        return Ok(());
    }
    let seeds = env::args().nth(1).map_or(Ok(SEEDS), |text| text.parse())?;
    let mut runs = Vec::new();
    let sources = adbench::folder(&folder)?;
    for seed in 0..seeds {
        for source in &sources {
            let set = source.load(seed)?;
            runs.push(measure(&set, seed).with_context(|| set.name.clone())?);
        }
    }
    let (large, small): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.rows >= LARGE);
    report("500 rows and more", &large);
    report("fewer rows", &small);
    Ok(())
}
