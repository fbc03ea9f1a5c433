//! Words in place of numbers: those for a missing value, and pairs of words for no and yes.

/// Two words for no and yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// `false` and `true`.
    Truth,
    /// `off` and `on`.
    Switch,
    /// `no` and `yes`.
    Answer,
    /// `f` and `t`, as databases write them, and `n` and `y`.
    Letter,
}

/// Words for a missing value, in lower case.
pub(super) const MISSING: [&str; 25] = [
    "nan",
    "na",
    "n/a",
    "#n/a",
    "#na",
    "null",
    "none",
    "nil",
    "-nan",
    "nan(ind)",
    "-nan(ind)",
    "1.#qnan",
    "-1.#ind",
    "?",
    "<na>",
    "nat",
    "#value!",
    "#div/0!",
    "#num!",
    "#ref!",
    "#name?",
    "missing",
    "no data",
    "nodata",
    "\\n",
];

/// Words of pairs; those of truth also as spreadsheets in other languages write them.
pub(super) const WORDS: [(&str, Pair, bool); 16] = [
    ("true", Pair::Truth, true),
    ("false", Pair::Truth, false),
    ("wahr", Pair::Truth, true),
    ("falsch", Pair::Truth, false),
    ("vrai", Pair::Truth, true),
    ("faux", Pair::Truth, false),
    ("verdadero", Pair::Truth, true),
    ("falso", Pair::Truth, false),
    ("on", Pair::Switch, true),
    ("off", Pair::Switch, false),
    ("yes", Pair::Answer, true),
    ("no", Pair::Answer, false),
    ("y", Pair::Letter, true),
    ("n", Pair::Letter, false),
    ("t", Pair::Letter, true),
    ("f", Pair::Letter, false),
];
