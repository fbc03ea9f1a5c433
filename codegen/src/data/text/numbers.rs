//! What a cell is by its spelling, and its value once the column's [`Format`](super::format::Format) is known.

use super::times;
use super::vocabulary::{MISSING, WORDS};

pub(super) use super::vocabulary::Pair;

/// What a cell is, as far as the cell alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Empty, or a word for a missing value.
    Missing,
    /// A number, after a percent sign is taken off.
    Number(Number),
    /// A number with a unit behind it, as [`quantity`] takes it apart.
    Quantity,
    /// A date or a time of day.
    Time,
    /// Hexadecimal digits with a letter among them.
    Hexadecimal,
    /// One of two words.
    Word(Pair, bool),
    /// Anything else.
    Text,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub form: Form,
    pub percent: bool,
}

/// The signs in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `12`, `1e5`: no sign between the digits.
    Whole,
    /// `12.5`.
    Point,
    /// `1.007`: a point, or the thousands of a decimal comma.
    PointGroup,
    /// `1.007.000`.
    PointThousands,
    /// `1.007,5`.
    PointThousandsComma,
    /// `12,5`, `0,125`.
    Comma,
    /// `1,007`: a decimal comma or thousands.
    CommaGroup,
    /// `1,007.5`, `1,007,000`.
    CommaThousands,
    /// `1'007`, `1 007.5`.
    MarkThousands,
    /// `1 007,5`.
    MarkThousandsComma,
    /// `1.5D+03`, `1.5-103`: exponents as Fortran writes them.
    Fortran,
    /// `inf`.
    Infinite,
}

impl Form {
    /// Whether there are thousands separators for certain.
    pub fn has_thousands(self) -> bool {
        matches!(
            self,
            Self::PointThousands
                | Self::PointThousandsComma
                | Self::CommaThousands
                | Self::MarkThousands
                | Self::MarkThousandsComma
        )
    }
}

/// What a trimmed cell is.
pub(super) fn kind(cell: &str) -> Kind {
    if cell.is_empty() {
        return Kind::Missing;
    }
    if let Some(number) = number(cell) {
        return Kind::Number(number);
    }
    // Dashes in the shape of a number, and the stars of a number that did not fit.
    let all = |signs: &[u8]| cell.bytes().all(|byte| signs.contains(&byte));
    let blank =
        (all(b"-.") && (cell.len() <= 3 || cell.contains('.'))) || (cell.len() > 1 && all(b"*"));
    if blank || MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell)) {
        return Kind::Missing;
    }
    if times::seconds(cell).is_some() {
        return Kind::Time;
    }
    let word = WORDS
        .iter()
        .find(|(word, ..)| word.eq_ignore_ascii_case(cell));
    match word {
        Some((_, pair, value)) => Kind::Word(*pair, *value),
        None if is_hexadecimal(cell) => Kind::Hexadecimal,
        None if quantity(cell).is_some() => Kind::Quantity,
        None => Kind::Text,
    }
}

/// Letters of the longest unit.
const LONGEST_UNIT: usize = 16;

/// A number and the unit behind it, such as `40.39` and `°C`. Whether it is a unit shows in the other cells of the column.
pub(super) fn quantity(cell: &str) -> Option<(&str, Number, &str)> {
    if !cell.starts_with(|c: char| c.is_ascii_digit() || "+-.\u{2212}".contains(c)) {
        return None;
    }
    if let Some(at) = cell.find(" 1/") {
        let number = number(&cell[..at]).filter(|number| !number.percent)?;
        return Some((&cell[..at], number, cell[at..].trim_start()));
    }
    // The longest number at the beginning: an exponent is a part of it.
    let ends = cell.char_indices().rev().take(LONGEST_UNIT);
    let inside = |c: char| !matches!(c, ',' | ';' | '|' | '\t' | '=' | ':');
    ends.take_while(|(_, c)| inside(*c))
        .filter(|(_, c)| {
            c.is_alphabetic() || "\u{b0}\u{2103}\u{2109}\u{20ac}$\u{a3}%\"'".contains(*c)
        })
        .find_map(|(at, _)| {
            let before = cell[..at].trim_end();
            let number = number(before).filter(|number| !number.percent)?;
            Some((before, number, &cell[at..]))
        })
}

/// Only hexadecimal digits, with a letter or `0x` among them.
fn is_hexadecimal(cell: &str) -> bool {
    let digits = cell
        .strip_prefix("0x")
        .or_else(|| cell.strip_prefix("0X"))
        .unwrap_or(cell);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Digits that a hexadecimal number may consist of as well; `1E5` is one.
pub(super) fn may_be_hexadecimal(cell: &str) -> bool {
    is_hexadecimal(cell)
}

/// Whether every cell that says something starts as numbers and times do, and one at least is a number.
pub(super) fn looks_like_data<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> bool {
    let starts = |cell: &str| {
        let digit = cell.trim_start_matches(['+', '-', '.']).chars().next();
        digit.is_some_and(|c| c.is_ascii_digit())
            || !matches!(kind(cell), Kind::Text | Kind::Hexadecimal | Kind::Word(..))
    };
    cells
        .clone()
        .any(|cell| matches!(kind(cell), Kind::Number(_) | Kind::Quantity))
        && cells.into_iter().all(starts)
}

/// How a number is written; `None` where the cell is none.
fn number(cell: &str) -> Option<Number> {
    let (cell, percent) = match cell.strip_suffix('%') {
        Some(before) => (before.trim_end(), true),
        None => (cell, false),
    };
    let unsigned = match negative(cell) {
        Some(digits) => digits,
        None => cell.strip_prefix(['+', '-', '\u{2212}']).unwrap_or(cell),
    };
    let (mantissa, exponent) = exponent(unsigned)?;
    let form = if matches!(mantissa.as_bytes().first(), Some(b'i' | b'I')) {
        let words = ["inf", "infinity"];
        let infinite = words.iter().any(|word| word.eq_ignore_ascii_case(mantissa));
        (infinite && exponent == Exponent::None).then_some(Form::Infinite)?
    } else {
        let form = form(mantissa)?;
        match exponent {
            Exponent::None => form,
            Exponent::Plain if matches!(form, Form::CommaGroup | Form::PointGroup) => {
                // Nobody writes thousands beside an exponent.
                if form == Form::CommaGroup {
                    Form::Comma
                } else {
                    Form::Point
                }
            }
            Exponent::Plain if !form.has_thousands() => form,
            Exponent::Fortran if matches!(form, Form::Whole | Form::Point | Form::PointGroup) => {
                Form::Fortran
            }
            Exponent::Plain | Exponent::Fortran => return None,
        }
    };
    Some(Number { form, percent })
}

/// The digits of a number below zero as accounts have it: `(7.9)` or `7.9-`.
fn negative(cell: &str) -> Option<&str> {
    let inner = cell
        .strip_prefix('(')
        .and_then(|cell| cell.strip_suffix(')'));
    let digits = inner.or_else(|| cell.strip_suffix('-'))?;
    digits
        .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','))
        .then_some(digits)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exponent {
    None,
    Plain,
    Fortran,
}

/// A mantissa, and what kind of exponent is behind it; `None` where that is no exponent.
fn exponent(unsigned: &str) -> Option<(&str, Exponent)> {
    let bytes = unsigned.as_bytes();
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if let Some(at) = bytes
        .iter()
        .position(|byte| matches!(byte, b'e' | b'E' | b'd' | b'D'))
    {
        let after = &bytes[at + 1..];
        let signed = matches!(after.first(), Some(b'+' | b'-'));
        if at == 0 || !digits(&after[usize::from(signed)..]) {
            return None;
        }
        let plain = matches!(bytes[at], b'e' | b'E');
        // 1D3 is a hexadecimal number; Fortran writes a point or a sign.
        if !plain && !signed && !bytes[..at].contains(&b'.') {
            return None;
        }
        let kind = if plain {
            Exponent::Plain
        } else {
            Exponent::Fortran
        };
        return Some((&unsigned[..at], kind));
    }
    // Fortran drops the letter before exponents of three digits.
    if let Some(at) = bytes.iter().rposition(|byte| matches!(byte, b'+' | b'-')) {
        let fortran =
            bytes[..at].contains(&b'.') && at + 4 == bytes.len() && digits(&bytes[at + 1..]);
        return fortran.then_some((&unsigned[..at], Exponent::Fortran));
    }
    Some((unsigned, Exponent::None))
}

/// How a number without sign and exponent is written.
fn form(mantissa: &str) -> Option<Form> {
    const MOST: usize = 8;
    let mut signs = ['\0'; MOST];
    let mut lengths = [0usize; MOST + 1];
    let mut groups = 0;
    for letter in mantissa.chars() {
        match letter {
            '0'..='9' => lengths[groups] += 1,
            '.' | ',' if groups < MOST => {
                signs[groups] = letter;
                groups += 1;
            }
            // Blanks of every width, and apostrophes, between thousands.
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}' if groups < MOST => {
                signs[groups] = ' ';
                groups += 1;
            }
            _ => return None,
        }
    }
    let thousands = |count: usize| {
        (1..=3).contains(&lengths[0])
            && lengths[1..count].iter().all(|length| *length == 3)
            && !mantissa.starts_with('0')
    };
    if lengths[..=groups].iter().sum::<usize>() == 0 {
        return None;
    }
    let signs = &signs[..groups];
    let Some((last, before)) = signs.split_last() else {
        return Some(Form::Whole);
    };
    // `19.41,` is a number and a comma behind it.
    if *last == ',' && lengths[groups] == 0 {
        return None;
    }
    let Some(first) = before.first() else {
        return match last {
            '.' if thousands(2) => Some(Form::PointGroup),
            '.' => Some(Form::Point),
            ',' if thousands(2) => Some(Form::CommaGroup),
            ',' => Some(Form::Comma),
            _ => thousands(2).then_some(Form::MarkThousands),
        };
    };
    if before.iter().any(|sign| sign != first) {
        return None;
    }
    if last == first {
        let form = match last {
            '.' => Form::PointThousands,
            ',' => Form::CommaThousands,
            _ => Form::MarkThousands,
        };
        return thousands(groups + 1).then_some(form);
    }
    let form = match (first, last) {
        ('.', ',') => Form::PointThousandsComma,
        (',', '.') => Form::CommaThousands,
        (' ', '.') => Form::MarkThousands,
        (' ', ',') => Form::MarkThousandsComma,
        _ => return None,
    };
    thousands(groups).then_some(form)
}

/// The value of a number of which a sign is the decimal one; all others are thousands separators.
pub(super) fn value(cell: &str, form: Form, decimal: char) -> Option<f64> {
    if let (Form::Whole | Form::Point | Form::PointGroup, '.') = (form, decimal)
        && let Ok(value) = cell.parse()
    {
        return Some(value);
    }
    if let Some(digits) = negative(cell.trim_end_matches('%').trim_end()) {
        return value(digits, form, decimal).map(|value| -value);
    }
    let mut plain = String::with_capacity(cell.len() + 1);
    for letter in cell.chars() {
        match letter {
            '\u{2212}' => plain.push('-'),
            'd' | 'D' if form == Form::Fortran => plain.push('e'),
            // The letter that Fortran drops.
            '+' | '-'
                if form == Form::Fortran
                    && plain.ends_with(|c: char| c.is_ascii_digit() || c == '.') =>
            {
                plain.extend(['e', letter]);
            }
            letter if letter == decimal => plain.push('.'),
            letter if letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-') => {
                plain.push(letter);
            }
            _ => {}
        }
    }
    plain.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(cell: &str) -> Option<Form> {
        match kind(cell) {
            Kind::Number(number) => Some(number.form),
            _ => None,
        }
    }

    #[test]
    fn numbers_by_their_spelling() {
        use Form::*;
        for (cell, form, decimal, number) in [
            ("1", Whole, '.', 1.0),
            ("1E5", Whole, '.', 1e5),
            ("-.5", Point, '.', -0.5),
            ("+2.", Point, '.', 2.0),
            ("1.007", PointGroup, '.', 1.007),
            ("1.007", PointGroup, ',', 1007.0),
            ("0.125", Point, '.', 0.125),
            ("1.007e2", Point, '.', 100.7),
            ("1.007.000", PointThousands, ',', 1_007_000.0),
            ("-1.007,5", PointThousandsComma, ',', -1007.5),
            ("12,5", Comma, ',', 12.5),
            ("0,125", Comma, ',', 0.125),
            ("1234,567", Comma, ',', 1234.567),
            ("1,5E+03", Comma, ',', 1500.0),
            ("1,007", CommaGroup, '.', 1007.0),
            ("1,007", CommaGroup, ',', 1.007),
            ("1,007.25", CommaThousands, '.', 1007.25),
            ("1,007,000", CommaThousands, '.', 1_007_000.0),
            ("1'007", MarkThousands, '.', 1007.0),
            ("1\u{a0}007", MarkThousands, '.', 1007.0),
            ("1 007.5", MarkThousands, '.', 1007.5),
            ("1\u{202f}007,5", MarkThousandsComma, ',', 1007.5),
            ("1.5D+03", Fortran, '.', 1500.0),
            ("-1.5d3", Fortran, '.', -1500.0),
            ("-1.5-103", Fortran, '.', -1.5e-103),
            ("\u{2212}5.25", Point, '.', -5.25),
        ] {
            assert_eq!(form_of(cell), Some(form), "{cell}");
            assert_eq!(value(cell, form, decimal), Some(number), "{cell}");
        }
        assert_eq!(
            kind("-Inf"),
            Kind::Number(Number {
                form: Infinite,
                percent: false
            })
        );
        assert_eq!(
            kind("45,5 %"),
            Kind::Number(Number {
                form: Comma,
                percent: true
            })
        );
        assert_eq!(value("45,5 %", Comma, ','), Some(45.5));
        for (cell, form, decimal, number) in [
            ("(7.9)", Point, '.', -7.9),
            ("7.9-", Point, '.', -7.9),
            ("(1,007)", CommaGroup, '.', -1007.0),
            ("1.007,5-", PointThousandsComma, ',', -1007.5),
        ] {
            assert_eq!(form_of(cell), Some(form), "{cell}");
            assert_eq!(value(cell, form, decimal), Some(number), "{cell}");
        }
    }

    #[test]
    fn a_row_of_readings_is_told_from_names() {
        let data = |row: &[&str]| looks_like_data(row.iter().copied());
        assert!(data(&["1", "-2.5", ""]));
        assert!(data(&["2020-02-08 13:30:47", "0.5", "NaN"]));
        assert!(!data(&["time", "400", "410"]));
        assert!(!data(&["a", "400"]));
        assert!(!data(&["a", "b"]));
    }

    #[test]
    fn everything_else_by_kind() {
        for cell in [
            "", "n/a", "NaN", "-", "#DIV/0!", "---", "--.--", ".", "*****", "\\N",
        ] {
            assert_eq!(kind(cell), Kind::Missing, "{cell}");
        }
        for cell in ["10:00:01.250", "2026-03-01", "01.03.2026"] {
            assert_eq!(kind(cell), Kind::Time, "{cell}");
        }
        for cell in ["12D", "0x1f", "FF", "1D3"] {
            assert_eq!(kind(cell), Kind::Hexadecimal, "{cell}");
        }
        assert_eq!(kind("TRUE"), Kind::Word(Pair::Truth, true));
        assert_eq!(kind("off"), Kind::Word(Pair::Switch, false));
        assert_eq!(kind("WAHR"), Kind::Word(Pair::Truth, true));
        assert_eq!(kind("f"), Kind::Word(Pair::Letter, false));
        for cell in [
            "x",
            "*",
            "1.931,",
            "5,",
            "(mm)",
            "(7",
            ",",
            "%",
            "+",
            "1.2.3",
            "192.168.0.1",
            "1,00,7",
            "20.5 C;3",
            "1 2",
            "in",
            "é",
        ] {
            assert_eq!(kind(cell), Kind::Text, "{cell}");
        }
        for (cell, number, unit) in [
            ("20.5 C", "20.5", "C"),
            ("-3,5\u{b0}C", "-3,5", "\u{b0}C"),
            ("1e5 V", "1e5", "V"),
            ("9.81 m/s2", "9.81", "m/s2"),
            ("45 %RH", "45", "%RH"),
            ("1450 1/min", "1450", "1/min"),
            ("3/4", "", ""),
            ("12 %", "12", "%"),
        ] {
            let found = quantity(cell).map(|(number, _, unit)| (number, unit));
            assert_eq!(
                found,
                (!number.is_empty()).then_some((number, unit)),
                "{cell}"
            );
        }
    }
}
