//! Lines that hold a row in a wrapping: the time at which a terminal received it, or quotes around all of it.
//!
//! Lines stay lines, so that messages count them as an editor does.

use std::borrow::Cow;

use super::dialect::detect_delimiter;
use super::lines::lines;
use super::numbers::{Kind, kind};

/// Lines looked at, and the share of them that must have the wrapping.
const SAMPLE: (usize, f64) = (200, 0.9);
/// Fewest lines that show it.
const FEWEST: usize = 3;

/// The text without the wrapping, and what was taken off.
pub(super) fn tidy(text: &str) -> (Cow<'_, str>, Option<String>) {
    if all(text, |line| received(line).is_some()) {
        let rests: String = sample(text)
            .filter_map(received)
            .flat_map(|(_, rest)| [rest, "\n"])
            .collect();
        let delimiter = detect_delimiter(&rests) as char;
        let tidied = each(text, |line, out| match received(line) {
            Some((time, rest)) => {
                // The line of the names was received at a time as well.
                let names = !rest.contains(|c: char| c.is_ascii_digit());
                out.extend([if names { "time" } else { time }]);
                out.push(delimiter);
                out.push_str(rest);
            }
            None => out.push_str(line),
        });
        let said = "lines begin with the time at which they were received: it is read as a column of its own";
        return (Cow::Owned(tidied), Some(said.into()));
    }
    if all(text, |line| quoted(line).is_some()) {
        let tidied = each(text, |line, out| match quoted(line) {
            Some(row) => out.push_str(&row.replace("\"\"", "\"")),
            None => out.push_str(line),
        });
        let said = "each line stands in quotes: they are taken off";
        return (Cow::Owned(tidied), Some(said.into()));
    }
    (Cow::Borrowed(text), None)
}

/// The first lines that say something.
fn sample(text: &str) -> impl Iterator<Item = &str> {
    lines(text, 0, end(text))
        .map(|(line, _)| line.trim_end_matches('\r'))
        .filter(|line| !line.trim().is_empty())
        .take(SAMPLE.0)
}

fn end(text: &str) -> u8 {
    if text.contains('\n') { b'\n' } else { b'\r' }
}

fn all(text: &str, has: impl Fn(&str) -> bool) -> bool {
    let (mut lines, mut wrapped) = (0usize, 0usize);
    for line in sample(text) {
        lines += 1;
        wrapped += usize::from(has(line));
    }
    wrapped >= FEWEST && wrapped as f64 >= SAMPLE.1 * lines as f64
}

/// Changes each line, its end aside.
fn each(text: &str, mut change: impl FnMut(&str, &mut String)) -> String {
    let mut tidied = String::with_capacity(text.len());
    for whole in text.split_inclusive(end(text) as char) {
        let line = whole.trim_end_matches(['\r', '\n']);
        change(line, &mut tidied);
        tidied.push_str(&whole[line.len()..]);
    }
    tidied
}

/// The time and the rest of `10:00:01.250 -> 19.99` and of `[10:00:01.250] 19.99`.
fn received(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (time, rest) = match line.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => line.split_once("->")?,
    };
    let (time, rest) = (time.trim(), rest.trim_start());
    // A delimiter behind it: a cell like others.
    let cell = rest.is_empty() || rest.starts_with([',', ';', '|', '\t']);
    (kind(time) == Kind::Time && !cell).then_some((time, rest))
}

/// What is inside the quotes of a line that is one cell of several.
fn quoted(line: &str) -> Option<&str> {
    let row = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut single = row.split("\"\"").flat_map(str::chars);
    let delimited = row.contains([',', ';', '\t', '|']);
    (delimited && !single.any(|c| c == '"')).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_at_which_a_line_was_received() {
        let arrow = "10:00:00.100 -> temp,rpm\r\n10:00:00.250 -> 19.5,900\r\n10:00:00.350 -> 19.7,905\r\n\r\n";
        let (text, said) = tidy(arrow);
        assert_eq!(
            text,
            "time,temp,rpm\r\n10:00:00.250,19.5,900\r\n10:00:00.350,19.7,905\r\n\r\n"
        );
        assert!(said.is_some());
        let bracket = "[10:00:00] 19.5;900\n[10:00:01] 19.7;905\n[10:00:02] 19.8;901";
        assert_eq!(
            tidy(bracket).0,
            "10:00:00;19.5;900\n10:00:01;19.7;905\n10:00:02;19.8;901"
        );
        let one = "10:00:00 -> 19.5\n10:00:01 -> 19.7\n10:00:02 -> 19.8\n";
        assert_eq!(tidy(one).0, "10:00:00,19.5\n10:00:01,19.7\n10:00:02,19.8\n");
        for plain in [
            "a->b,c\n1,2\n3,4\n5,6\n",
            "[10:00:00],1\n[10:00:01],2\n[10:00:02],3\n",
            "10:00:00,1\n10:00:01,2\n10:00:02,3\n",
            "",
        ] {
            assert_eq!(tidy(plain), (plain.into(), None));
        }
    }

    #[test]
    fn quotes_around_whole_lines() {
        let lines = "\"a,\"\"b, bar\"\"\"\n\"1,2\"\n\"3,4\"\n\"5,6\"\n";
        assert_eq!(tidy(lines).0, "a,\"b, bar\"\n1,2\n3,4\n5,6\n");
        for plain in [
            "\"1\",\"2\"\n\"3\",\"4\"\n\"5\",\"6\"\n",
            "\"a\"\n\"b\"\n\"c\"\n",
        ] {
            assert_eq!(tidy(plain).0, plain);
        }
    }
}
