//! Whether alarms keep their promise: false alarms after records of simulated normal readings, by correlation and length.
//!
//! ```sh
//! cargo run --release --package nvpico-codegen --example alarms -- 200
//! ```
//!
//! The number is that of the records of each kind. A reading comes every ten seconds; its log-density is that of two independent
//! autoregressive variables of the first order. Each alarm is tried on ten weeks of new readings. The table is that of `docs/alarm.md`.

use std::env;

use anyhow::Context as _;
use nvpico::detector::{Alarm, AlarmEvent, AlarmSpec, Decision};
use nvpico_codegen::calibration::{AlarmSettings, RarityTable, Record, ascending, effective_rows};
use rand_distr::{Distribution as _, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng as _;
use rayon::prelude::*;

const RECORDS: u64 = 200;
/// Readings a second.
const RATE: f64 = 0.1;
const DAY: f64 = 86_400.0;
const WEEK: f64 = 7.0 * DAY;
const CORRELATIONS: [f64; 3] = [0.0, 30.0, 300.0];
const DAYS: [f64; 4] = [1.0, 3.0, 7.0, 21.0];
const TRIED: f64 = 10.0 * WEEK;

/// A process that gives log-densities.
struct Process {
    random: Xoshiro256PlusPlus,
    keep: f64,
    x: [f64; 2],
}

impl Process {
    fn new(seed: u64, correlation: f64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let keep = if correlation > 0.0 {
            (-1.0 / (correlation * RATE)).exp()
        } else {
            0.0
        };
        let x = [(); 2].map(|()| StandardNormal.sample(&mut random));
        Self { random, keep, x }
    }

    fn take(&mut self, seconds: f64) -> Vec<f32> {
        let spread = (1.0 - self.keep * self.keep).sqrt();
        let mut next = || {
            for x in &mut self.x {
                let noise: f64 = StandardNormal.sample(&mut self.random);
                *x = self.keep * *x + spread * noise;
            }
            (-0.5 * self.x.iter().map(|x| x * x).sum::<f64>()) as f32
        };
        (0..(seconds * RATE) as usize).map(|_| next()).collect()
    }
}

/// A record: what its alarm promises and what is to be expected, alarms a week, and how many there were.
fn measure(seed: u64, correlation: f64, days: f64) -> anyhow::Result<[f64; 3]> {
    let mut process = Process::new(seed, correlation);
    let log_probs = process.take(days * DAY);
    let record = Record {
        log_probs: &log_probs,
        effective: effective_rows(&log_probs, 0.01),
        rate: Some(RATE),
        own: true,
    };
    let settings = AlarmSettings::of(&record, None, Vec::new()).context("too short")?;
    let table = RarityTable::of(&ascending(&log_probs)).context("no rows")?;
    let (quantiles, charts) = (table.quantiles(), settings.engine_charts());
    let spec = AlarmSpec::new(table.engine(&quantiles), &charts, settings.hold_off);
    let mut alarm = Alarm::new(spec)?;
    let raised = |log_prob: &f32| {
        let steps = (log_prob * 65_536.0) as i32;
        let event = alarm.note(steps, Decision::Normal, None).event;
        matches!(event, Some(AlarmEvent::Raised(..)))
    };
    let tried = process.take(TRIED);
    let alarms = tried.iter().map(raised).filter(|raised| *raised).count();
    let weekly = WEEK * RATE;
    Ok([
        settings.promised * weekly,
        settings.expected * weekly,
        alarms as f64 / (TRIED / WEEK),
    ])
}

fn main() -> anyhow::Result<()> {
    let records = env::args()
        .nth(1)
        .map_or(Ok(RECORDS), |text| text.parse())?;
    println!(
        "| correlation | record | promised a week | expected | mean of {records} records | promise kept in |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for correlation in CORRELATIONS {
        for days in DAYS {
            let runs: Vec<[f64; 3]> = (0..records)
                .into_par_iter()
                .map(|seed| measure(seed, correlation, days))
                .collect::<anyhow::Result<_>>()?;
            let mean = |at: usize| runs.iter().map(|run| run[at]).sum::<f64>() / runs.len() as f64;
            let kept = runs
                .iter()
                .filter(|[promised, _, met]| met <= promised)
                .count();
            println!(
                "| {correlation} s | {days} {} | {:.1} | {:.1} | {:.1} | {:.1} % |",
                if days > 1.0 { "days" } else { "day" },
                mean(0),
                mean(1),
                mean(2),
                100.0 * kept as f64 / runs.len() as f64
            );
        }
    }
    Ok(())
}
