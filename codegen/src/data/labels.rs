//! The labels of all files, read together: what -1 and 1 mean shows only in all of them.

use super::error::DataError;
use super::frame::{Frame, Labels, Words};
use super::hint;
use super::judge::label;

/// Labels for each row of each file.
pub(super) struct Read {
    pub name: String,
    pub rows: Vec<bool>,
    /// How they were read, where that is not plain.
    pub said: Option<String>,
}

/// Words that say that nothing is wrong, in lower case.
const GOOD: [&str; 19] = [
    "normal",
    "ok",
    "okay",
    "good",
    "benign",
    "healthy",
    "pass",
    "passed",
    "nominal",
    "fine",
    "inlier",
    "no fault",
    "no_fault",
    "no failure",
    "i.o.",
    "gut",
    "fehlerfrei",
    "normale",
    "bueno",
];
/// Words that say that something is wrong, in lower case.
const BAD: [&str; 35] = [
    "abnormal",
    "alarm",
    "anomalous",
    "anomaly",
    "attack",
    "bad",
    "broken",
    "critical",
    "damaged",
    "defect",
    "defective",
    "error",
    "fail",
    "failed",
    "failure",
    "fault",
    "faulty",
    "leak",
    "malicious",
    "ng",
    "nok",
    "outlier",
    "warning",
    "worn",
    "anomalie",
    "anomal",
    "anomalía",
    "fehler",
    "störung",
    "defekt",
    "n.i.o.",
    "défaut",
    "panne",
    "fallo",
    "avería",
];
/// Cells that stand for no word.
const NONE: [&str; 8] = [
    "nan",
    "na",
    "n/a",
    "null",
    "none",
    "unknown",
    "undefined",
    "missing",
];
/// Words in the name of a column that is 1 where nothing is wrong.
const NAMES_OF_GOOD: [&str; 10] = [
    "normal", "ok", "okay", "good", "healthy", "benign", "inlier", "pass", "passed", "nominal",
];
/// Words that turn them.
const TURNED: [&str; 4] = ["not", "no", "non", "un"];

/// What each word of a label means.
enum Meaning {
    /// 0 and 1, true and false, normal and anomaly.
    Plain,
    /// 1 for normal and -1 for anomalous.
    Signed,
    /// 1 for normal, as the name has it.
    Turned,
    /// Words, of which the good ones mean normal.
    Words,
}

impl Meaning {
    /// What the words of a column of this name mean together, if they are those of a label.
    fn of(name: &str, words: &[&str]) -> Option<Self> {
        if are_signed(words.iter().copied()) {
            Some(Self::Signed)
        } else if words.iter().all(|word| parse(word).is_some()) {
            let plain = words.iter().any(|word| is_word_of_label(word));
            Some(if !plain && !words.is_empty() && names_good(name) {
                Self::Turned
            } else {
                Self::Plain
            })
        } else if words.iter().any(|word| is_good(word)) && words.iter().all(|word| is_word(word)) {
            Some(Self::Words)
        } else {
            None
        }
    }

    /// Whether a word says that its row is anomalous.
    fn anomalous(&self, word: &str) -> Option<bool> {
        match self {
            Self::Plain => parse(word),
            Self::Signed => Some(number(word) == Some(-1.0)),
            Self::Turned => parse(word).map(|one| !one),
            Self::Words => Some(!is_good(word)),
        }
    }

    /// A sentence, where the meaning is not plain.
    fn said(&self, name: &str, words: &[&str]) -> Option<String> {
        let list = |anomalous: bool| {
            let words = words.iter().filter(|word| is_good(word) != anomalous);
            let quoted: Vec<String> = words.map(|word| format!("{word:?}")).collect();
            let verb = if quoted.len() == 1 { "is" } else { "are" };
            (quoted.join(", "), verb)
        };
        match self {
            Self::Plain => None,
            Self::Signed => Some(format!(
                "label `{name}`: 1 is read as normal and -1 as anomalous, as scikit-learn has it"
            )),
            Self::Turned => Some(format!(
                "label `{name}`: 1 is read as normal and 0 as anomalous, as its name says"
            )),
            Self::Words => {
                let ((good, verb), (others, _)) = (list(false), list(true));
                Some(if others.is_empty() {
                    format!("label `{name}`: {good} {verb} read as normal")
                } else {
                    format!("label `{name}`: {good} {verb} read as normal, {others} as anomalous")
                })
            }
        }
    }
}

/// A word of a label that says what is normal by itself, whatever the column is called.
fn is_word_of_label(cell: &str) -> bool {
    let word = cell.trim().to_lowercase();
    parse(cell).is_some()
        && number(&word).is_none()
        && !["true", "false", "yes", "no"].contains(&&*word)
}

/// A word that says that nothing is wrong.
pub(super) fn is_good(cell: &str) -> bool {
    GOOD.contains(&&*cell.trim().to_lowercase())
}

/// A word that says that something is wrong.
pub(super) fn is_bad(cell: &str) -> bool {
    BAD.contains(&&*cell.trim().to_lowercase())
}

/// A text that is no number and stands for something.
fn is_word(cell: &str) -> bool {
    let word = cell.trim().to_lowercase();
    word.chars().any(char::is_alphabetic)
        && number(&word).is_none()
        && !NONE.contains(&&*word)
        && !["true", "false", "yes", "no"].contains(&&*word)
}

/// Whether a column of this name says 1 where nothing is wrong.
fn names_good(name: &str) -> bool {
    let words = label::words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&&**word));
    has(&NAMES_OF_GOOD) && !has(&TURNED) && !label::names_fault(&words)
}

/// Whether `--label` can read a column of these words.
pub(super) fn are_words_of_label<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> bool {
    Meaning::of(name, &words.collect::<Vec<_>>()).is_some()
}

/// The labels of these files, where all have them. They are never left out: a cell that is none is an error.
pub(super) fn read(frames: &[Frame]) -> Result<Option<Read>, DataError> {
    let all: Option<Vec<&Labels>> = frames.iter().map(|frame| frame.labels.as_ref()).collect();
    let Some(all) = all.filter(|all| !all.is_empty()) else {
        return Ok(None);
    };
    let name = all[0].name.clone();
    let mut words: Vec<&str> = Vec::new();
    for word in all.iter().flat_map(|labels| &labels.cells.dictionary) {
        if !words.contains(&&**word) {
            words.push(word);
        }
    }
    let meaning = Meaning::of(&name, &words);
    let reading = meaning.as_ref().unwrap_or(&Meaning::Plain);
    let mut rows = Vec::new();
    for (frame, labels) in frames.iter().zip(&all) {
        let meanings: Vec<Option<bool>> = (labels.cells.dictionary.iter())
            .map(|word| reading.anomalous(word))
            .collect();
        for (row, code) in labels.cells.codes.iter().enumerate() {
            let Some(label) = meanings.get(*code as usize).copied().flatten() else {
                let cell = labels.cells.word(*code);
                let what = cell.map_or("the cell is empty".into(), |cell| {
                    format!("{cell:?} is not a label (0 or 1, true or false, normal or anomaly; -1 or 1, alone, with -1 for anomalous; words, with one such as normal, ok, good, pass or benign among them)")
                });
                return Err(DataError::Format {
                    path: frame.path.clone(),
                    reason: format!(
                        "{}, column {:?}: {what}; no row is left out for its label: correct it, or take the row away",
                        frame.places[row], labels.name
                    ),
                });
            };
            rows.push(label);
        }
    }
    let said = meaning.and_then(|meaning| meaning.said(&name, &words));
    Ok(Some(Read { name, rows, said }))
}

/// What to say of labels that call most rows anomalous: a model is trained on the others. Where hardly any others are left,
/// that is an error.
pub(super) fn mostly_anomalous(frames: &[Frame], read: &Read) -> Result<Option<String>, DataError> {
    let (count, rows) = (
        read.rows.iter().filter(|anomalous| **anomalous).count(),
        read.rows.len(),
    );
    if 2 * count <= rows {
        return Ok(None);
    }
    let name = &read.name;
    let column = frames[0].columns.iter().any(|column| column.name == *name);
    let without = if column {
        format!(
            "{} instead of --label trains on all rows",
            hint::exclude(name)
        )
    } else {
        "an archive without it trains on all rows".into()
    };
    let reason = format!(
        "label {name:?} calls {count} of {rows} rows anomalous, and a model is trained on the others: if 1 stands for \
         normal there, write 0 for normal and 1 for anomalous; {without}"
    );
    if 10 * count <= 9 * rows {
        return Ok(Some(reason));
    }
    Err(DataError::Format {
        path: frames[0].path.clone(),
        reason,
    })
}

/// Whether every cell is a label.
pub(super) fn are_labels(labels: &Labels) -> bool {
    let words = || labels.cells.dictionary.iter().map(String::as_str);
    let none = labels.cells.codes.contains(&Words::NONE);
    !none && (are_signed(words()) || words().all(|word| parse(word).is_some()))
}

/// Whether labels are 1 and -1, as scikit-learn has them.
fn are_signed<'a>(words: impl Iterator<Item = &'a str> + Clone) -> bool {
    words.clone().any(|word| number(word) == Some(-1.0))
        && words
            .into_iter()
            .all(|word| [Some(-1.0), Some(1.0)].contains(&number(word)))
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// A label by itself.
pub(super) fn parse(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "true" | "anomaly" | "anomalous" | "abnormal" | "outlier" | "fault" | "faulty" | "yes" => {
            Some(true)
        }
        "false" | "normal" | "inlier" | "healthy" | "no" => Some(false),
        number => match number.parse() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_in_the_usual_spellings() {
        for cell in ["1", "1.0", " TRUE", "Anomaly", "outlier"] {
            assert_eq!(parse(cell), Some(true), "{cell}");
        }
        for cell in ["0", "0.0", "-0", "false", "normal"] {
            assert_eq!(parse(cell), Some(false), "{cell}");
        }
        for cell in ["", "2", "0.5", "yes?", "nan", "-1"] {
            assert_eq!(parse(cell), None, "{cell}");
        }
    }

    #[test]
    fn labels_in_words_of_which_one_is_good() {
        let said = |name: &str, words: &[&str]| {
            Meaning::of(name, words).map(|meaning| meaning.said(name, words))
        };
        assert_eq!(
            said("machine_status", &["NORMAL", "BROKEN", "RECOVERING"]),
            Some(Some(
                "label `machine_status`: \"NORMAL\" is read as normal, \"BROKEN\", \"RECOVERING\" as anomalous".into()
            ))
        );
        for words in [
            ["ok", "fail"],
            ["BENIGN", "DDoS"],
            ["good", "bad"],
            ["i.O.", "n.i.O."],
            ["PASS", "FAIL"],
        ] {
            let meaning = Meaning::of("x", &words).unwrap();
            assert_eq!(
                words.map(|word| meaning.anomalous(word)),
                [Some(false), Some(true)]
            );
        }
        // No word says what is normal, or a cell is none.
        for words in [["A", "B"], ["ok", "3"], ["ok", "unknown"]] {
            assert!(Meaning::of("x", &words).is_none(), "{words:?}");
        }
        assert_eq!(said("x", &["normal", "anomaly"]), Some(None));
    }

    #[test]
    fn one_is_normal_where_the_name_says_so() {
        for name in ["is_normal", "ok", "healthy", "good", "isNormal"] {
            for words in [["0", "1"], ["FALSE", "True"], ["no", "yes"]] {
                let meaning = Meaning::of(name, &words).unwrap();
                assert_eq!(
                    words.map(|word| meaning.anomalous(word)),
                    [Some(true), Some(false)]
                );
                assert!(meaning.said(name, &words).is_some());
            }
            let words = ["normal", "anomaly"];
            let meaning = Meaning::of(name, &words).unwrap();
            assert_eq!(meaning.anomalous("normal"), Some(false), "{name}");
        }
        for name in ["fault", "not_ok", "Normal/Attack", "y"] {
            let meaning = Meaning::of(name, &["0", "1"]).unwrap();
            assert_eq!(meaning.anomalous("1"), Some(true), "{name}");
        }
    }
}
