//! All sets with all seeds, on all cores: each in a pool of its own, so that the work of one never waits for another's. The
//! figures do not depend on the number of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

use super::kept::{self, Finished, Kept};
use super::scoring::Scoring;
use super::{Set, Source};

/// A set with a seed.
#[derive(Clone, Copy, Debug)]
struct Job<'s> {
    source: &'s Source,
    seed: u64,
}

/// Scores all sets with all seeds; `on_finished` sees each, and whether an earlier run had it, in the order in which they end.
/// The result is in the order of sets and seeds.
///
/// # Errors
/// A set that cannot be read, once the others that had begun have ended.
pub fn run(
    sources: &[Source],
    seeds: &[u64],
    scoring: &Scoring,
    kept: Kept,
    on_finished: &(dyn Fn(&Finished, bool) + Sync),
) -> anyhow::Result<Vec<Finished>> {
    let jobs: Vec<Job<'_>> = (seeds.iter())
        .flat_map(|&seed| sources.iter().map(move |source| Job { source, seed }))
        .collect();
    if jobs.is_empty() {
        bail!("there is no set to score");
    }
    let program = kept::program();
    let kept = Mutex::new(kept);
    let threads = rayon::current_num_threads().max(1);
    let workers = threads.min(jobs.len());
    let pool = || {
        rayon::ThreadPoolBuilder::new()
            .num_threads((threads / workers).max(1))
            .build()
            .context("threads cannot be started")
    };
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || -> anyhow::Result<Vec<(usize, Finished)>> {
        let pool = pool()?;
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            let finished = pool
                .install(|| one(*job, scoring, &program, &kept, on_finished))
                .with_context(|| format!("{}, seed {}", job.source.name, job.seed))
                .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            done.push((at, finished));
        }
        Ok(done)
    };
    let results: Vec<anyhow::Result<Vec<(usize, Finished)>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let joined = handles.into_iter().map(|handle| match handle.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    let mut done = Vec::new();
    for result in results {
        done.extend(result?);
    }
    // By set, then by seed.
    done.sort_by_key(|(at, _)| (at % sources.len(), *at));
    Ok(done.into_iter().map(|(_, finished)| finished).collect())
}

fn one(
    job: Job<'_>,
    scoring: &Scoring,
    program: &str,
    kept: &Mutex<Kept>,
    on_finished: &(dyn Fn(&Finished, bool) + Sync),
) -> anyhow::Result<Finished> {
    let set: Set = job.source.load(job.seed)?.with_means_of(scoring.mean_of);
    let key = kept::key(&set, scoring, job.seed, program);
    let known = kept
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .cloned();
    if let Some(known) = known {
        on_finished(&known, true);
        return Ok(known);
    }
    let (scores, blame) = scoring.scores(&set, job.seed);
    let finished = Finished {
        set: set.name.clone(),
        seed: job.seed,
        features: set.dim(),
        training_rows: set.training.rows,
        test_rows: set.labels.len(),
        anomalous_rows: set.labels.iter().filter(|label| **label).count(),
        notes: set.notes.clone(),
        scores,
        blame,
        key,
    };
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .add(finished.clone())?;
    on_finished(&finished, false);
    Ok(finished)
}
