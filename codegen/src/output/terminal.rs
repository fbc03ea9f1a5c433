//! Words for people: standard error for what happens, standard output for results.
//!
//! Printing never ends the work: a standard error that is closed or full loses words and nothing else, and what standard
//! output did not take is told when the work is done (`unwritten`). Names come from files and may hold anything, so
//! control characters and those that turn the direction of text are shown as `\u{1b}`.
//!
//! ```
//! use nvpico_codegen::output::printable;
//!
//! assert_eq!(printable("flow\u{1b}[31m"), "flow\\u{1b}[31m");
//! assert_eq!(printable("two\nlines"), "two\\nlines");
//! assert_eq!(printable("Größe °C"), "Größe °C");
//! ```

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first failure of standard output.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line on standard error, with the arguments of `format!`.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::terminal::say_line(format_args!($($text)*)) };
}

/// Text on standard output, with the arguments of `format!`; line ends are part of it.
macro_rules! show {
    ($($text:tt)*) => { $crate::output::terminal::show_text(format_args!($($text)*)) };
}

pub(crate) use {say, show};

/// A name from a file or a path, on one line and without characters that a terminal or a compiler obeys.
#[must_use]
pub fn printable(name: &str) -> Cow<'_, str> {
    escaped(name, |c| is_obeyed(c) || matches!(c, '\n' | '\t'))
}

/// As [`printable`], for text of several lines.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

fn escaped(text: &str, strange: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&strange) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' if strange(c) => plain.extend(c.escape_default()),
            _ if strange(c) => plain.extend(c.escape_unicode()),
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// Control characters, marks that are not seen, and those that turn the direction of text.
pub(super) fn is_obeyed(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[doc(hidden)]
pub fn say_line(text: fmt::Arguments<'_>) {
    let line = format!("{text}\n");
    // Nobody reads it: no reason to end the work.
    let _ = io::stderr().lock().write_all(visible(&line).as_bytes());
}

#[doc(hidden)]
pub fn show_text(text: fmt::Arguments<'_>) {
    write(visible(&text.to_string()).as_bytes());
}

/// Writes bytes to standard output as they are.
pub(crate) fn write(bytes: &[u8]) {
    if !stdout_failed() {
        let mut out = io::stdout().lock();
        // Told at the end of the program.
        let _ = kept(out.write_all(bytes).and_then(|()| out.flush()));
    }
}

/// Standard output for what is written piece by piece.
#[derive(Debug)]
pub(crate) struct StandardOutput;

impl io::Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        kept(io::stdout().flush())
    }
}

/// The same, with a failure noted.
fn kept<T>(written: io::Result<T>) -> io::Result<T> {
    written.map_err(|error| {
        let kind = error.kind();
        failure().get_or_insert(error);
        kind.into()
    })
}

/// Whether standard output takes no more.
pub(crate) fn stdout_failed() -> bool {
    failure().is_some()
}

/// Why standard output did not take everything. A reader that has closed it, as `head` does, wanted no more: that is no
/// failure.
pub(crate) fn unwritten() -> Option<io::Error> {
    let failed = failure().take();
    failed.filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

fn failure() -> MutexGuard<'static, Option<io::Error>> {
    UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(
            printable("a\u{202e}b\r\u{7f}\u{9b}"),
            "a\\u{202e}b\\r\\u{7f}\\u{9b}"
        );
        assert_eq!(visible("a\tb\nc\0"), "a\tb\nc\\u{0}");
        assert!(matches!(printable("µ-meter 体"), Cow::Borrowed(_)));
    }
}
