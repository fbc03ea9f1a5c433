//! The figures of all sets and seeds in short: means, spreads over the seeds, differences from a Gaussian.

use serde::Serialize;

use super::baseline::Baseline;
use super::kept::Finished;
use super::scoring::Score;
use crate::metrics::Confusion;
use crate::output;

/// A detector on a set, over the seeds. AUROC and AUPRC are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnSet {
    /// The detector.
    pub detector: String,
    /// Mean AUROC over the seeds; `null` where a seed has none.
    pub auroc: Option<f64>,
    /// Mean AUPRC.
    pub auprc: Option<f64>,
    /// Largest AUROC of a seed minus the smallest; `null` with one seed.
    pub spread: Option<f64>,
    /// AUROC minus a Gaussian's; `null` for the Gaussian itself.
    pub from_gaussian: Option<f64>,
    /// Mean log-density of normal rows that were held out, in nats.
    #[serde(serialize_with = "output::serialize_option")]
    pub held_out_log_prob: Option<f64>,
    /// Most flash over the seeds.
    pub flash_bytes: Option<usize>,
    /// Most RAM over the seeds.
    pub ram_bytes: Option<usize>,
}

/// A set, over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetSummary {
    /// Its name.
    pub set: String,
    /// Number of features.
    pub features: usize,
    /// Rows to train on.
    pub training_rows: usize,
    /// Rows to test on.
    pub test_rows: usize,
    /// Anomalous rows among them.
    pub anomalous_rows: usize,
    /// Each detector.
    pub detectors: Vec<OnSet>,
}

/// The set on which a difference of AUROC is the most extreme one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extreme {
    /// The set.
    pub set: String,
    /// The difference there.
    pub difference: f64,
}

/// A detector over all sets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overall {
    /// The detector.
    pub detector: String,
    /// Sets that the means are of: those on which every detector has the figure.
    pub sets: usize,
    /// Mean AUROC.
    pub auroc: Option<f64>,
    /// Mean AUPRC.
    pub auprc: Option<f64>,
    /// The set whose AUROC differs most between seeds.
    pub widest: Option<Extreme>,
    /// The set that is furthest below a Gaussian, or least above.
    pub lowest: Option<Extreme>,
    /// Mean log-density of normal rows that were held out, in nats.
    #[serde(serialize_with = "output::serialize_option")]
    pub held_out_log_prob: Option<f64>,
    /// Most flash over all sets.
    pub flash_bytes: Option<usize>,
    /// Most RAM over all sets.
    pub ram_bytes: Option<usize>,
    /// Alarms at its own threshold, added up over the sets; of several seeds over those, too.
    pub alarms: Option<Confusion>,
    /// F1 of these.
    pub f1: Option<f64>,
    /// Share of the normal rows that alarmed.
    pub false_alarm_rate: Option<f64>,
    /// Share of the anomalous rows that did not.
    pub missed_alarm_rate: Option<f64>,
    /// Runs in which training did not improve on the untrained model.
    pub untrained_runs: usize,
}

/// All figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Each set.
    pub sets: Vec<SetSummary>,
    /// Each detector over all sets.
    pub detectors: Vec<Overall>,
}

impl Summary {
    /// Sums up runs that are in the order of their sets.
    #[must_use]
    pub fn of(runs: &[Finished]) -> Self {
        let sets: Vec<SetSummary> = runs.chunk_by(|a, b| a.set == b.set).map(of_set).collect();
        let count = runs.iter().map(|run| run.scores.len()).min().unwrap_or(0);
        let detectors = (0..count).map(|at| overall(runs, &sets, at)).collect();
        Self { sets, detectors }
    }
}

fn of_set(runs: &[Finished]) -> SetSummary {
    let first = &runs[0];
    let detector = |at: usize| -> OnSet {
        let scores = || runs.iter().filter_map(move |run| run.scores.get(at));
        let auroc = all(scores().map(|score| score.auroc));
        OnSet {
            detector: first.scores[at].detector.clone(),
            auroc: auroc.as_deref().and_then(mean),
            auprc: mean_of(scores().map(|score| score.auprc)),
            spread: auroc.as_deref().and_then(spread),
            from_gaussian: None,
            held_out_log_prob: mean_of(scores().map(|score| score.held_out_log_prob)),
            flash_bytes: scores().filter_map(|score| score.flash_bytes).max(),
            ram_bytes: scores().filter_map(|score| score.ram_bytes).max(),
        }
    };
    let mut detectors: Vec<OnSet> = (0..first.scores.len()).map(detector).collect();
    let gaussian = Baseline::Gaussian.name();
    let gaussian = detectors.iter().find(|own| own.detector == gaussian);
    let gaussian = gaussian.and_then(|own| own.auroc);
    for own in &mut detectors {
        if own.detector != Baseline::Gaussian.name() {
            own.from_gaussian = own.auroc.zip(gaussian).map(|(own, other)| own - other);
        }
    }
    let most = |of: fn(&Finished) -> usize| runs.iter().map(of).max().unwrap_or(0);
    SetSummary {
        set: first.set.clone(),
        features: first.features,
        training_rows: most(|run| run.training_rows),
        test_rows: most(|run| run.test_rows),
        anomalous_rows: most(|run| run.anomalous_rows),
        detectors,
    }
}

fn overall(runs: &[Finished], sets: &[SetSummary], at: usize) -> Overall {
    let scores = || runs.iter().map(move |run| &run.scores[at]);
    let complete: Vec<&SetSummary> = (sets.iter())
        .filter(|set| set.detectors.iter().all(|own| own.auroc.is_some()))
        .collect();
    let own = || complete.iter().map(|set| (&set.set, &set.detectors[at]));
    let by = |figure: fn(&OnSet) -> Option<f64>| {
        own().filter_map(move |(set, own)| {
            let (set, difference) = (set.clone(), figure(own)?);
            Some(Extreme { set, difference })
        })
    };
    let order = |a: &Extreme, b: &Extreme| a.difference.total_cmp(&b.difference);
    let pooled = scores().filter_map(|score| score.alarms);
    let alarms = pooled.reduce(Confusion::plus);
    Overall {
        detector: sets[0].detectors[at].detector.clone(),
        sets: complete.len(),
        auroc: mean_of(own().map(|(_, own)| own.auroc)),
        auprc: mean_of(own().map(|(_, own)| own.auprc)),
        widest: by(|own| own.spread).max_by(order),
        lowest: by(|own| own.from_gaussian).min_by(order),
        held_out_log_prob: mean_of(own().map(|(_, own)| own.held_out_log_prob)),
        flash_bytes: scores().filter_map(|score| score.flash_bytes).max(),
        ram_bytes: scores().filter_map(|score| score.ram_bytes).max(),
        alarms,
        f1: alarms.and_then(|alarms| alarms.f1()),
        false_alarm_rate: alarms.and_then(|alarms| alarms.false_alarm_rate()),
        missed_alarm_rate: alarms.and_then(|alarms| alarms.missed_alarm_rate()),
        untrained_runs: scores().filter(|score: &&Score| score.untrained).count(),
    }
}

/// All values, if there is none that is missing.
fn all(values: impl Iterator<Item = Option<f64>>) -> Option<Vec<f64>> {
    values.collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    all(values).as_deref().and_then(mean)
}

fn spread(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let high = values.iter().copied().reduce(f64::max)?;
    let low = values.iter().copied().reduce(f64::min)?;
    Some(high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(set: &str, seed: u64, aurocs: [Option<f64>; 2]) -> Finished {
        let score = |detector: &str, auroc| Score {
            detector: detector.into(),
            auroc,
            auprc: auroc,
            held_out_log_prob: None,
            alarms: Some(Confusion {
                true_positive: 1,
                ..Confusion::default()
            }),
            flash_bytes: Some(seed as usize),
            ram_bytes: None,
            untrained: false,
            failed: None,
        };
        Finished {
            set: set.into(),
            seed,
            features: 2,
            training_rows: 20,
            test_rows: 10,
            anomalous_rows: 1,
            notes: Vec::new(),
            scores: vec![score("nvpico f32", aurocs[0]), score("Gaussian", aurocs[1])],
            blame: Vec::new(),
            key: String::new(),
        }
    }

    #[test]
    fn means_are_of_sets_that_all_have() {
        let runs = [
            run("a", 0, [Some(0.5), Some(0.75)]),
            run("a", 1, [Some(0.75), Some(0.75)]),
            run("b", 0, [Some(1.0), Some(0.5)]),
            run("b", 1, [Some(1.0), Some(0.5)]),
            run("c", 0, [Some(0.25), None]),
            run("c", 1, [Some(0.25), Some(0.5)]),
        ];
        let summary = Summary::of(&runs);
        let [model, gaussian] = &summary.detectors[..] else {
            panic!("{summary:?}");
        };
        assert_eq!((model.sets, model.auroc), (2, Some(0.8125)));
        assert_eq!(gaussian.auroc, Some(0.625));
        let at_a = |difference| {
            let set = "a".into();
            Some(Extreme { set, difference })
        };
        assert_eq!(model.widest, at_a(0.25));
        assert_eq!(model.lowest, at_a(-0.125));
        assert_eq!(gaussian.lowest, None);
        assert_eq!(model.flash_bytes, Some(1));
        assert_eq!(model.alarms.map(|alarms| alarms.true_positive), Some(6));
        assert_eq!((model.f1, model.held_out_log_prob), (Some(1.0), None));
        assert_eq!(
            Summary::of(&[]),
            Summary {
                sets: vec![],
                detectors: vec![]
            }
        );
    }
}
