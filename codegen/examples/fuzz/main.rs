//! Damaged and hostile files against everything that reads files: model files, tables, arrays, weights of other libraries,
//! settings.
//!
//! ```sh
//! scripts/fuzz.sh 60
//! ```
//!
//! A panic (overflow checks are on), more than ten seconds for one case, or more than 512 MB is a finding: its files are
//! kept. Workers are processes of their own, so that a finding ends one of them and not the run. The cases follow from a
//! seed: `cargo run --example fuzz -- SECONDS [SEED [KIND...]]`.

#![allow(clippy::format_push_string, reason = "seeds are made once")]

mod bytes;
mod cases;
mod container;
mod memory;
mod seeds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use cases::{Case, KINDS};

/// A case that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// Workers report their counts this often.
const REPORT_EVERY: Duration = Duration::from_secs(1);
const WORKERS: u64 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, otherwise| {
        let text = arguments.get(at);
        text.map_or(Ok(otherwise), |text| text.parse::<u64>())
    };
    if arguments.first().is_some_and(|first| first == "worker") {
        let (Ok(seed), Ok(seconds)) = (number(1, 0), number(2, 0)) else {
            return ExitCode::FAILURE;
        };
        work(seed, seconds, Path::new(&arguments[3]), &arguments[4..]);
        return ExitCode::SUCCESS;
    }
    let (Ok(seconds), Ok(seed)) = (number(0, 3600), number(1, 1)) else {
        eprintln!("usage: fuzz [SECONDS] [SEED [KIND...]]");
        return ExitCode::from(2);
    };
    run(seconds, seed, arguments.get(2..).unwrap_or_default())
}

/// Keeps workers going and collects what they find.
fn run(seconds: u64, seed: u64, kinds: &[String]) -> ExitCode {
    let found = PathBuf::from("target/fuzz");
    let end = Instant::now() + Duration::from_secs(seconds);
    let findings: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let found = &found;
                scope.spawn(move || keep_going(worker, seed, kinds, end, found))
            })
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        let mut findings = 0;
        let mut counts = BTreeMap::<String, [u64; 2]>::new();
        for (own, more) in joined {
            findings += own;
            for (kind, [cases, read]) in more {
                let sum = counts.entry(kind).or_default();
                sum[0] += cases;
                sum[1] += read;
            }
        }
        println!("{:<10} {:>10} {:>10}", "kind", "cases", "read");
        for (kind, [cases, read]) in counts {
            println!("{kind:<10} {cases:>10} {read:>10}");
        }
        findings
    });
    println!("{findings} findings");
    if findings == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

type Counts = BTreeMap<String, [u64; 2]>;

/// One worker after the other until the time is over.
fn keep_going(
    worker: u64,
    seed: u64,
    kinds: &[String],
    end: Instant,
    found: &Path,
) -> (usize, Counts) {
    let (mut findings, mut counts) = (0, Counts::new());
    for life in 0.. {
        let left = end.saturating_duration_since(Instant::now()).as_secs();
        if left == 0 {
            break;
        }
        let folder = tempfile::tempdir().expect("temporary folder");
        let own = seed
            .wrapping_mul(1_000_003)
            .wrapping_add(worker * 1009 + life);
        let errors = fs::File::create(folder.path().join("stderr")).expect("a file");
        let status = Command::new(env::current_exe().expect("this program"))
            .args(["worker", &own.to_string(), &left.to_string()])
            .arg(folder.path())
            .args(kinds)
            .stdout(Stdio::null())
            .stderr(errors)
            .status()
            .expect("a worker");
        let text = fs::read_to_string(folder.path().join("counts")).unwrap_or_default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let kind = words.next().unwrap_or_default().to_owned();
            let sum = counts.entry(kind).or_default();
            for (sum, word) in sum.iter_mut().zip(words) {
                *sum += word.parse::<u64>().unwrap_or(0);
            }
        }
        if status.success() {
            continue;
        }
        findings += 1;
        let kept = found.join(format!("{own}"));
        fs::create_dir_all(&kept).expect("a folder for findings");
        for entry in fs::read_dir(folder.path()).expect("its folder").flatten() {
            let _ = fs::copy(entry.path(), kept.join(entry.file_name()));
        }
        let errors = fs::read_to_string(kept.join("stderr")).unwrap_or_default();
        let said = errors.lines().find(|line| !line.trim().is_empty());
        eprintln!(
            "{}: {status}: {}",
            kept.display(),
            said.unwrap_or("nothing said")
        );
    }
    (findings, counts)
}

/// Case after case, in this process.
fn work(seed: u64, seconds: u64, folder: &Path, kinds: &[String]) {
    let began = Instant::now();
    let watch = memory::watch(PATIENCE);
    let mut counts = BTreeMap::<&str, [u64; 2]>::new();
    let mut reported = began;
    let mut cases = Case::all(seed, folder);
    'time: loop {
        for (case, kind) in cases.iter_mut().zip(KINDS) {
            if !kinds.is_empty() && !kinds.iter().any(|own| own == kind) {
                continue;
            }
            watch.begin();
            let read = case.run();
            watch.end();
            let count = counts.entry(kind).or_default();
            count[0] += 1;
            count[1] += u64::from(read);
            if reported.elapsed() > REPORT_EVERY {
                reported = Instant::now();
                report(folder, &counts);
                if began.elapsed().as_secs() >= seconds {
                    break 'time;
                }
            }
        }
    }
    report(folder, &counts);
}

fn report(folder: &Path, counts: &BTreeMap<&str, [u64; 2]>) {
    let lines = counts
        .iter()
        .map(|(kind, [cases, read])| format!("{kind} {cases} {read}\n"));
    let _ = fs::write(folder.join("counts"), lines.collect::<String>());
}
