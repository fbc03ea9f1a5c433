//! Labels beside the label: a second column that says which rows are anomalous, or of what kind the fault is. Among
//! the features it would tell the answer.

use std::collections::BTreeMap;

use super::Series;

/// Names of labels, whatever the number of their classes.
const LABELS: [&str; 61] = [
    "anomaly",
    "anomalies",
    "anomalous",
    "abnormal",
    "abnormality",
    "label",
    "labels",
    "fault",
    "faults",
    "faulty",
    "failure",
    "failures",
    "fail",
    "failed",
    "class",
    "target",
    "outlier",
    "outliers",
    "changepoint",
    "attack",
    "defect",
    "defective",
    "malfunction",
    "broken",
    "breakdown",
    "groundtruth",
    "truth",
    "novelty",
    "intrusion",
    "fehler",
    "stoerung",
    "störung",
    "anomalie",
    "anomalien",
    "anomalía",
    "anomalia",
    "ausfall",
    "ausreisser",
    "ausreißer",
    "defekt",
    "klasse",
    "étiquette",
    "etiquette",
    "défaut",
    "defaut",
    "panne",
    "défaillance",
    "defaillance",
    "classe",
    "etiqueta",
    "fallo",
    "falla",
    "avería",
    "averia",
    "clase",
    "异常",
    "異常",
    "故障",
    "标签",
    "авария",
    "аномалия",
];
/// Names of labels when the column has two values: with more it may be a state that the machine reports.
const FLAGS: [&str; 34] = [
    "state",
    "status",
    "alarm",
    "alarms",
    "alert",
    "event",
    "flag",
    "condition",
    "result",
    "error",
    "warning",
    "normal",
    "healthy",
    "health",
    "ok",
    "good",
    "bad",
    "benign",
    "inlier",
    "pass",
    "passed",
    "y",
    "zustand",
    "alarme",
    "alarma",
    "état",
    "etat",
    "estado",
    "ergebnis",
    "gut",
    "outcome",
    "verdict",
    "pred",
    "diagnosis",
];
/// Words for how much a row is like the rows of a class: a label with any values.
const SCORES: [&str; 7] = [
    "score",
    "scores",
    "prob",
    "probability",
    "likelihood",
    "prediction",
    "predicted",
];
/// Most values of a label.
const MOST_CLASSES: usize = 20;
/// Most different words of a label that has no label's name.
const FEW_WORDS: usize = 6;
/// Share of the normal rows that have the usual value, in a column that tells the label.
const USUAL: f64 = 0.99;
/// Share of the anomalous rows that have another one.
const TOLD: f64 = 0.9;

/// A column that tells this share of the anomalous rows tells a kind of fault, if this share of the rows with its other
/// values is anomalous.
const KIND: f64 = 0.1;
const PURE: f64 = 0.95;

/// The words of a name in lower case, cut at signs and at capitals.
pub(in super::super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if starts || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words
                .last_mut()
                .expect("one at least")
                .extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether one of the words of a name is that of a label.
pub(in super::super) fn names_fault(words: &[String]) -> bool {
    let joined = words.concat();
    let is = |word: &str| LABELS.contains(&word);
    is(&joined) || words.iter().any(|word| is(word))
}

/// Whether a column of text is a label, by its name and its different cells, of which `good` say that nothing is wrong and
/// `bad` that something is. Without such a name both kinds are there: a note beside `ok` is no label.
pub(in super::super) fn in_words(name: &str, cells: usize, good: usize, bad: usize) -> bool {
    let words = words(name);
    let flag = words.iter().any(|word| FLAGS.contains(&&**word));
    let both = good > 0 && good < cells;
    (names_fault(&words) && (1..=MOST_CLASSES).contains(&cells))
        || (flag && (cells == 2 || both))
        || (both && bad > 0 && cells <= FEW_WORDS)
}

/// The values of a column of few whole numbers, ascending.
fn classes(series: &Series<'_>) -> Option<Vec<f64>> {
    let few = (1..=MOST_CLASSES).contains(&series.runs.len());
    (few && series.whole()).then(|| series.distinct().collect())
}

/// Its values are those of a label: 0 and 1, or -1 and 1.
pub(super) fn two_classes(series: &Series<'_>) -> bool {
    let values: Vec<f64> = series.distinct().take(3).collect();
    values == [0.0, 1.0] || values == [-1.0, 1.0]
}

/// Why a column looks like a label, by its name and values.
pub(super) fn by_name(name: &str, series: &Series<'_>) -> Option<String> {
    let words = words(name);
    if names_fault(&words) && words.iter().any(|word| SCORES.contains(&&**word)) {
        return Some("looks like the score of a label, by its name".into());
    }
    let classes = classes(series)?;
    let joined = words.concat();
    let is_flag = FLAGS.contains(&&*joined) || words.iter().any(|word| FLAGS.contains(&&**word));
    // `fault current` with 17 whole values is a reading; numbers of classes begin at 0, 1 or -1.
    let label =
        names_fault(&words) && classes[0].abs() <= 1.0 && classes[classes.len() - 1] <= 99.0;
    let flag = is_flag && classes.len() == 2 && classes.iter().all(|x| x.abs() <= 1.0);
    (label || flag).then(|| format!("looks like a label, by its name and its {}", said(&classes)))
}

fn said(classes: &[f64]) -> String {
    let shown: Vec<String> = classes.iter().take(3).map(f64::to_string).collect();
    match classes.len() {
        1 => format!("only value {}", shown[0]),
        2 => format!("values {} and {}", shown[0], shown[1]),
        count => format!("{count} values {}, ...", shown.join(", ")),
    }
}

/// Whether the normal rows have one value, and so nothing that could be learnt.
fn one_value(series: &Series<'_>, labels: &[bool]) -> bool {
    let normal = series
        .values
        .iter()
        .zip(labels)
        .filter(|(_, anomalous)| !**anomalous);
    let mut readings = normal.map(|(x, _)| *x).filter(|x| x.is_finite());
    let first = readings.next();
    readings.all(|x| Some(x) == first)
}

/// Why a column all but tells the label: nearly all normal rows share a value that nearly no anomalous row has. A measured
/// quantity may separate the two as well; it changes in normal rows too.
pub(in super::super) fn tells(series: &Series<'_>, labels: &[bool], label: &str) -> Option<String> {
    let few = classes(series).is_some();
    if series.runs.len() < 2 || !(few || one_value(series, labels)) {
        return None;
    }
    // Rows of each value: normal, anomalous.
    let mut counts: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for (x, anomalous) in series
        .values
        .iter()
        .zip(labels)
        .filter(|(x, _)| x.is_finite())
    {
        let (normal, other) = counts.entry((x + 0.0).to_bits()).or_default();
        *(if *anomalous { other } else { normal }) += 1;
    }
    let (normal, anomalous) = (counts.values()).fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    if normal < 10 || anomalous < 3 {
        return None;
    }
    let (usual, own) = counts.values().copied().max_by_key(|count| count.0)?;
    let share = |part: usize, all: usize| part as f64 / all as f64;
    if share(usual, normal) < USUAL {
        return None;
    }
    if share(own, anomalous) <= 1.0 - TOLD {
        return Some(format!("all but tells {label:?}"));
    }
    // One kind of fault among others: other values come almost only with it.
    let (told, other) = (anomalous - own, anomalous - own + normal - usual);
    let enough = told >= 5 && share(told, anomalous) >= KIND;
    (enough && share(told, other) >= PURE)
        .then(|| format!("tells {told} of the {anomalous} rows that {label:?} calls anomalous"))
}

/// Why a column in full digits is the score of a label: its name says so, and it separates the rows of the label.
pub(super) fn scores(
    name: &str,
    series: &Series<'_>,
    labels: &[bool],
    label: &str,
) -> Option<String> {
    let words = words(name);
    let named = names_fault(&words) || words.iter().any(|word| SCORES.contains(&&**word));
    if !named {
        return None;
    }
    let rows = || {
        series
            .values
            .iter()
            .zip(labels)
            .filter(|(x, _)| x.is_finite())
    };
    let mut normal: Vec<f64> = rows().filter(|(_, l)| !**l).map(|(x, _)| *x).collect();
    let anomalous: Vec<f64> = rows().filter(|(_, l)| **l).map(|(x, _)| *x).collect();
    if normal.len() < 10 || anomalous.len() < 3 {
        return None;
    }
    normal.sort_unstable_by(f64::total_cmp);
    let tail = ((1.0 - USUAL) * normal.len() as f64) as usize;
    let (low, high) = (normal[tail], normal[normal.len() - 1 - tail]);
    let beyond = |out: &dyn Fn(f64) -> bool| {
        let count = anomalous.iter().filter(|x| out(**x)).count();
        count as f64 >= TOLD * anomalous.len() as f64
    };
    (beyond(&|x| x > high) || beyond(&|x| x < low))
        .then(|| format!("looks like a score of {label:?}, which it all but tells"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words("fault_type"), ["fault", "type"]);
        assert_eq!(words("isAnomaly"), ["is", "anomaly"]);
        assert_eq!(words("Machine failure [-]"), ["machine", "failure"]);
        assert_eq!(words("Störung"), ["störung"]);
        assert!(words("..").is_empty());
    }

    #[test]
    fn labels_by_name_and_values() {
        let two = [0.0, 0.0, 1.0, 0.0];
        for name in [
            "anomaly",
            "is_fault",
            "Class",
            "change_point",
            "MachineFailure",
            "status",
        ] {
            assert!(by_name(name, &series(&two)).is_some(), "{name}");
        }
        assert!(by_name("label", &series(&[-1.0, 1.0])).is_some());
        for name in [
            "Anomalie",
            "Fehler",
            "étiquette",
            "Défaut",
            "avería",
            "Zustand",
        ] {
            assert!(by_name(name, &series(&two)).is_some(), "{name}");
        }
        assert!(by_name("anomaly_score", &series(&noise(50))).is_some());
        assert!(by_name("fault_type", &series(&[0.0, 3.0, 7.0])).is_some());
        // A file of normal rows only.
        let text = by_name("anomaly", &series(&[0.0, 0.0])).unwrap();
        assert!(text.contains("only value 0"), "{text}");
        for name in ["valve", "on", "temp", "classic"] {
            assert_eq!(by_name(name, &series(&two)), None, "{name}");
        }
        assert_eq!(by_name("fault_current", &series(&noise(50))), None);
        assert_eq!(by_name("state", &series(&[0.0, 1.0, 2.0])), None);
        assert_eq!(by_name("status", &series(&[640.0, 1600.0])), None);
        assert_eq!(by_name("target_rpm", &series(&[1450.0, 1500.0])), None);
    }

    #[test]
    fn labels_in_words() {
        for (name, cells, good) in [
            ("status", 2, 1),
            ("machine_status", 3, 1),
            ("Normal/Attack", 2, 1),
            ("Label", 15, 1),
            ("class", 2, 0),
            ("state", 2, 1),
            ("result of test", 3, 1),
        ] {
            assert!(in_words(name, cells, good, good), "{name}");
        }
        for (name, cells, good) in [
            ("mode", 2, 0),
            ("state", 1, 0),
            ("state", 3, 0),
            ("site", 9, 1),
            ("note", 2, 1),
            ("label", 40, 0),
        ] {
            assert!(!in_words(name, cells, good, 0), "{name}");
        }
    }

    #[test]
    fn a_column_that_tells_the_label() {
        let labels: Vec<bool> = (0..100).map(|i| i % 20 == 0).collect();
        let column = |f: &dyn Fn(usize, bool) -> f64| -> Vec<f64> {
            labels.iter().enumerate().map(|(i, l)| f(i, *l)).collect()
        };
        let told = |values: &[f64]| tells(&series(values), &labels, "fault").is_some();
        assert!(told(&column(&|_, l| if l { 3.0 } else { 0.0 })));
        assert!(told(&column(&|_, l| if l { 0.0 } else { 1.0 })));
        // Several kinds of faults.
        assert!(told(&column(&|i, l| if l {
            (1 + i / 40) as f64
        } else {
            0.0
        })));
        // One kind of fault out of two, many enough.
        let labels: Vec<bool> = (0..300).map(|i| i % 20 == 0).collect();
        let one: Vec<f64> = (0..300).map(|i| f64::from(i % 40 == 0)).collect();
        let text = tells(&series(&one), &labels, "fault").unwrap();
        assert_eq!(
            text,
            "tells 8 of the 15 rows that \"fault\" calls anomalous"
        );
        // A score in full digits, which is 0 in all normal rows.
        assert!(told(&column(&|i, l| if l {
            0.5 + i as f64 / 1000.0
        } else {
            0.0
        })));
        let score = column(&|i, l| (i % 7) as f64 / 50.0 + if l { 0.4 } else { 0.0 });
        assert!(scores("p_fault", &series(&score), &labels, "fault").is_some());
        assert!(scores("Score", &series(&score), &labels, "fault").is_some());
        assert_eq!(scores("vibration", &series(&score), &labels, "fault"), None);
        let current = column(&|i, _| (i % 7) as f64 / 50.0);
        assert_eq!(
            scores("fault_current", &series(&current), &labels, "fault"),
            None
        );
        // A contact that closes now and then, a mode, and a reading that separates.
        assert!(!told(&column(&|i, l| f64::from(
            l && i % 40 == 0 || i % 30 == 1
        ))));
        assert!(!told(&column(&|i, _| (i % 3) as f64)));
        assert!(!told(&column(&|i, l| if l {
            90.5
        } else {
            i as f64 / 8.0
        })));
    }
}
