//! Which features of raw samples tell faults from normal windows, where there are no faults yet: [faults](Fault) made of
//! normal samples, the same ones for every window length and set of features.
//!
//! The log-densities of two sets of features cannot be compared; how well each ranks synthetic faults above normal windows can. The
//! judge is a Gaussian with a full covariance matrix on the features: fitted in milliseconds, and every set has the same one.

mod faults;

use rayon::prelude::*;
use serde::Serialize;

pub use faults::Fault;
use faults::{Lengths, sizes, with_fault};

use super::baseline::Baseline;
use crate::data::Table;
use crate::metrics::auroc;
use crate::samples::{PRESETS, Request, SampleSpec};

/// Lists that are tried beside the presets.
const LISTS: [&str; 3] = [
    "log-deviation,crest,kurtosis,skewness,bands:8,correlation",
    "mean,vibration",
    "mean,log-deviation,crest,kurtosis",
];
/// Window lengths that are tried where none is given.
const LADDER: [usize; 5] = [64, 128, 256, 512, 1024];
/// The recording is cut into this many parts; every fourth is held out.
const PARTS: usize = 20;
/// A window is at most this share of a part.
const PER_PART: usize = 4;
/// Training windows for every value of a row: fewer say nothing of a covariance matrix.
const ROWS_PER_VALUE: usize = 2;
/// Held-out windows that an AUROC is taken from.
const HELD_OUT: usize = 10;
/// Means within this of the best count as equal: then fewer values win.
const EQUAL: f64 = 0.005;

/// What was found of a window length and a list of features.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The lists, as `--features` takes them.
    pub features: Vec<String>,
    /// Samples in a window.
    pub window: usize,
    /// Samples from window to window.
    pub hop: usize,
    /// Values of a row.
    pub values: usize,
    /// Bytes of RAM of an extractor in floats.
    pub ram_bytes: usize,
    /// AUROC of each fault, in the order of [`Fault::ALL`].
    pub auroc: Vec<f64>,
    /// Their mean.
    pub mean: f64,
}

/// What was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// All that could be judged, best first: the first one is chosen.
    pub judged: Vec<Judged>,
    /// The others, and why not.
    pub left_out: Vec<String>,
}

/// Judges window lengths and features by normal samples; `done` is told of every one. The same seed gives the same choice, whatever
/// the number of threads.
///
/// # Errors
/// A recording too short for all of them.
pub fn choose(
    samples: &Table,
    request: &Request,
    seed: u64,
    done: impl Fn(usize) + Sync,
) -> anyhow::Result<Choice> {
    let windows = match request.window {
        Some(own) => vec![own / 2, own, own * 2],
        None => LADDER.to_vec(),
    };
    let longest_that_fits = samples.rows / (PARTS * PER_PART);
    let fits = |window: &usize| *window >= 2 && *window <= longest_that_fits;
    let (fit, too_long): (Vec<usize>, Vec<usize>) = windows.into_iter().partition(fits);
    let mut left_out: Vec<String> = (too_long.iter().filter(|window| **window >= 2))
        .map(|window| {
            let needed = window * PARTS * PER_PART;
            format!(
                "windows of {window}: {needed} samples are needed, there are {}",
                samples.rows
            )
        })
        .collect();
    let (Some(&shortest), Some(&block)) = (fit.first(), fit.last()) else {
        anyhow::bail!(
            "--features search: {} samples are too few to compare windows ({}); record more, or name --features and --window",
            samples.rows,
            left_out.join("; ")
        );
    };
    let lengths = Lengths { shortest, block };
    let [training, held_out] = split(samples);
    let sizes = sizes(&training, lengths);
    let faulty: Vec<Table> = (Fault::ALL.into_par_iter().enumerate())
        .map(|(at, fault)| {
            let seed = seed
                .wrapping_mul(Fault::ALL.len() as u64)
                .wrapping_add(at as u64);
            with_fault(&held_out, fault, &sizes, lengths, seed)
        })
        .collect();
    // What is given is taken as its mean.
    let given = samples.columns.iter().take(samples.given);
    let given: Vec<String> = given.map(|name| format!("{name}=mean")).collect();
    let lists = PRESETS.iter().map(|preset| preset.name).chain(LISTS);
    let candidates: Vec<Request> = lists
        .flat_map(|list| fit.iter().map(move |window| (list, *window)))
        .map(|(list, window)| Request {
            features: std::iter::once(list.to_owned())
                .chain(given.clone())
                .collect(),
            window: Some(window),
            ..request.clone()
        })
        .collect();
    let found: Vec<Result<Judged, String>> = candidates
        .par_iter()
        .map(|own| {
            let judged = judge(own, [&training, &held_out], &faulty, seed);
            done(candidates.len());
            judged.map_err(|error| {
                format!(
                    "{} of {}: {error}",
                    own.features[0],
                    own.window.unwrap_or(0)
                )
            })
        })
        .collect();
    let mut judged = Vec::new();
    for own in found {
        match own {
            Ok(own) => judged.push(own),
            Err(error) => left_out.push(error),
        }
    }
    let best = judged.iter().map(|own| own.mean).fold(0.0, f64::max);
    // Those as good as the best come first, the one with the fewest values before the others.
    let rank = |own: &Judged| {
        let is_best = own.mean >= best - EQUAL;
        let values = if is_best { own.values } else { 0 };
        (!is_best, values)
    };
    judged.sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.mean.total_cmp(&a.mean)));
    if judged.is_empty() {
        anyhow::bail!(
            "--features search: nothing could be judged ({}); record more, or name --features and --window",
            left_out.join("; ")
        );
    }
    Ok(Choice { judged, left_out })
}

fn judge(
    request: &Request,
    [training, held_out]: [&Table; 2],
    faulty: &[Table],
    seed: u64,
) -> Result<Judged, String> {
    let spec = request.resolve(&training.columns, training.rate)?;
    let values = spec.names().len();
    let rows = |samples: &Table| normal_rows(&spec, samples);
    let (fitted_to, normal) = (rows(training)?, rows(held_out)?);
    let (count, tests) = (fitted_to.len() / values, normal.len() / values);
    if count < ROWS_PER_VALUE * values || tests < HELD_OUT {
        return Err(format!(
            "{count} training windows and {tests} held out are too few for {values} values"
        ));
    }
    let judge = Baseline::Gaussian.fit(&fitted_to, values, seed)?;
    let normal = judge.scores(&normal);
    let mut found = Vec::new();
    for samples in faulty {
        let scores = judge.scores(&rows(samples)?);
        let labels = [vec![false; normal.len()], vec![true; scores.len()]].concat();
        let scores = [&normal[..], &scores].concat();
        found.push(auroc(&scores, &labels).ok_or("no window is left")?);
    }
    Ok(Judged {
        features: request.features.clone(),
        window: spec.window,
        hop: spec.hop,
        values,
        ram_bytes: spec.ram_bytes(),
        mean: found.iter().sum::<f64>() / found.len() as f64,
        auroc: found,
    })
}

/// The rows of windows in which nothing is labelled anomalous.
fn normal_rows(spec: &SampleSpec, samples: &Table) -> Result<Vec<f32>, String> {
    let windows = spec.windows(samples.clone(), None);
    let windows = windows.map_err(|error| format!("{error:#}"))?;
    let is_normal = |at: &usize| windows.labels.as_ref().is_none_or(|labels| !labels[*at]);
    let rows = (0..windows.rows).filter(is_normal);
    Ok(rows.flat_map(|at| windows.row(at).to_vec()).collect())
}

/// Training and held-out samples: the recording in parts, every fourth held out. A part begins where a stretch does, if one is near.
fn split(samples: &Table) -> [Table; 2] {
    let part = samples.rows / PARTS;
    let mut bounds: Vec<usize> = (0..PARTS)
        .map(|at| {
            let wanted = samples.rows * at / PARTS;
            let near = samples.stretches.iter().copied();
            let near = near.min_by_key(|stretch| stretch.abs_diff(wanted));
            near.filter(|own| own.abs_diff(wanted) <= part / 4)
                .unwrap_or(wanted)
        })
        .collect();
    bounds[0] = 0;
    bounds.push(samples.rows);
    let is_held_out = |at: usize| at % 4 == 3;
    [false, true].map(|wanted| {
        let mut own = Table {
            columns: samples.columns.clone(),
            given: samples.given,
            labels: samples.labels.is_some().then(Vec::new),
            rate: samples.rate,
            ..Table::default()
        };
        for (at, pair) in bounds.windows(2).enumerate() {
            if is_held_out(at) != wanted || pair[0] >= pair[1] {
                continue;
            }
            let (from, to) = (pair[0], pair[1]);
            let moved = |row: usize| row - from + own.rows;
            let within = samples.stretches.iter().copied();
            let within = within.filter(|row| (from + 1..to).contains(row));
            let starts: Vec<usize> = std::iter::once(from).chain(within).map(moved).collect();
            own.stretches.extend(starts);
            let dim = samples.dim();
            own.values
                .extend_from_slice(&samples.values[from * dim..to * dim]);
            if let (Some(labels), Some(all)) = (&mut own.labels, &samples.labels) {
                labels.extend_from_slice(&all[from..to]);
            }
            own.row_numbers
                .extend_from_slice(&samples.row_numbers[from..to]);
            own.rows += to - from;
        }
        own
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Source;

    fn recording(rows: usize) -> Table {
        let mut random = Source::new(2);
        let value = |at: usize, noise: f64| (libm::sin(at as f64 * 0.7) + noise) as f32;
        Table {
            columns: vec!["x".into()],
            rows,
            values: (0..rows).map(|at| value(at, random.normal(0.3))).collect(),
            row_numbers: (1..=rows as u64).collect(),
            stretches: vec![0, 10, rows / 2],
            ..Table::default()
        }
    }

    #[test]
    fn every_sample_is_trained_on_or_held_out() {
        let samples = recording(1000);
        let [training, held_out] = split(&samples);
        assert_eq!((training.rows, held_out.rows), (750, 250));
        let numbers = [training.row_numbers.clone(), held_out.row_numbers.clone()].concat();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, samples.row_numbers);
        // Where numbers do not follow there is a stretch.
        for own in [training, held_out] {
            for at in 1..own.rows {
                let follows = own.row_numbers[at] == own.row_numbers[at - 1] + 1;
                assert!(follows || own.stretches.contains(&at));
            }
            assert_eq!(own.stretches[0], 0);
        }
    }

    #[test]
    fn the_choice_is_the_same_whatever_the_threads() {
        let samples = recording(24_000);
        let request = Request {
            window: Some(64),
            rate: Some(100.0),
            ..Request::default()
        };
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            pool.install(|| choose(&samples, &request, 5, |_| {}))
                .unwrap()
        };
        let (one, three) = (of(1), of(3));
        assert_eq!(
            serde_json::to_string(&one).unwrap(),
            serde_json::to_string(&three).unwrap()
        );
        let best = &one.judged[0];
        let top = one.judged.iter().map(|own| own.mean).fold(0.0, f64::max);
        assert!(best.mean >= top - EQUAL && best.mean > 0.8, "{best:?}");
        assert!(
            one.judged
                .iter()
                .all(|own| own.mean < top - EQUAL || own.values >= best.values)
        );
        // Nothing but the mean tells an offset.
        let offset = |list: &str| {
            let own = one
                .judged
                .iter()
                .find(|own| own.features == [list] && own.window == 64);
            own.unwrap().auroc[4]
        };
        assert!(offset("mean,vibration") > offset("vibration") + 0.2);
    }

    #[test]
    fn what_is_too_short_is_said() {
        let samples = recording(1000);
        let request = Request {
            window: Some(64),
            ..Request::default()
        };
        let error = choose(&samples, &request, 0, |_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains("2560 samples are needed"), "{error}");
    }
}
