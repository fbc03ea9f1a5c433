//! From bytes to text: UTF-8 and UTF-16 with or without a mark, and Windows-1252.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes looked at to tell what a file is.
const SNIFFED: usize = 4096;
/// A text of this length without a digit holds no table of readings.
const WORDS_ONLY: usize = 1 << 20;
/// Damaged characters for each one that is UTF-8 beyond ASCII: letters of another code page hardly ever are.
const DAMAGE: usize = 4;
/// Fewest zeros in a row that are a stretch which was never written.
const SHORTEST_PADDING: usize = 16;

/// Files that are often taken for tables, by their first bytes.
const OTHERS: [(&[u8], &str); 16] = [
    (b"\x1f\x8b", "packed with gzip; unpack it first"),
    (b"BZh", "packed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "packed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it first"),
    (b"\x89HDF", "an HDF5 file; save the table as CSV or .npy"),
    (b"PAR1", "a Parquet file; save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet; save the table as CSV"),
    (b"MATLAB 5.0 MAT", "a MATLAB file; save the table as CSV"),
    (
        b"\x80\x03",
        "a pickled object; save the table as CSV or .npy",
    ),
    (
        b"\x80\x04",
        "a pickled object; save the table as CSV or .npy",
    ),
    (
        b"\x80\x05",
        "a pickled object; save the table as CSV or .npy",
    ),
    (b"SQLite format 3", "a database; save the table as CSV"),
    (b"TDSm", "a TDMS file; save the table as CSV"),
    (b"MDF     ", "an MDF file; save the table as CSV"),
    (b"ARROW1", "an Arrow file; save the table as CSV"),
    (b"%PDF", "a PDF; save the table in it as CSV"),
];

/// Why a file that starts like this is no text table, as far as its start shows.
pub(in crate::data) fn refuse(start: &[u8]) -> Option<String> {
    if let Some((_, what)) = OTHERS.iter().find(|(mark, _)| start.starts_with(mark)) {
        return Some(format!("this is {what}"));
    }
    if start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff") {
        return Some("the text is in UTF-32; save it as UTF-8".into());
    }
    let sample = &start[..start.len().min(SNIFFED)];
    if sample.contains(&0) && wide(sample).is_none() && !is_padded(sample) {
        return Some(
            "this is neither text, nor a NumPy array (.npy, .npz), nor plain audio (.wav)".into(),
        );
    }
    let text = sample.trim_ascii_start();
    // A bracket and a name in quotes, or another bracket: `[degC]` is a unit.
    let json = match text {
        [b'{', rest @ ..] => rest.trim_ascii_start().first() == Some(&b'"'),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'[' | b'{')),
        _ => false,
    };
    if json {
        return Some("this is JSON; save the table as CSV".into());
    }
    let marked = [&b"<!doctype"[..], b"<html", b"<?xml", b"<table"];
    if marked
        .iter()
        .any(|mark| text.len() >= mark.len() && text[..mark.len()].eq_ignore_ascii_case(mark))
    {
        return Some("this is a page of HTML or XML; save the table in it as CSV".into());
    }
    let words = start.len() >= WORDS_ONLY && !start.iter().any(u8::is_ascii_digit);
    words.then(|| "there is no number in its first megabyte".into())
}

/// Whether zeros in a text are a stretch that was never written, as a logger leaves it whose power failed.
fn is_padded(sample: &[u8]) -> bool {
    let text = |byte: &u8| !byte.is_ascii_control() || b"\0\t\n\r\x0c\x1a\x1b".contains(byte);
    let end = sample
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let inside = sample[..end].split(|byte| *byte != 0);
    sample[0] != 0
        && sample.iter().all(text)
        && sample.iter().any(u8::is_ascii_digit)
        && sample.contains(&b'\n')
        && inside
            .into_iter()
            .all(|zeros| zeros.is_empty() || zeros.len() >= SHORTEST_PADDING)
}

/// A text without its zeros: those at the end are left out, others leave a sign that is in no number.
fn without_padding(bytes: &[u8]) -> (Vec<u8>, String) {
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let mut kept = Vec::with_capacity(end);
    let mut before = b'\n';
    let mut inside = 0;
    for &byte in &bytes[..end] {
        if byte != 0 {
            kept.push(byte);
        } else if before != 0 {
            kept.extend("\u{fffd}".bytes());
        }
        inside += usize::from(byte == 0);
        before = byte;
    }
    let mut said = Vec::new();
    if inside > 0 {
        said.push(format!(
            "{inside} bytes of zero among the text are shown as \u{fffd}"
        ));
    }
    if end < bytes.len() {
        said.push(format!(
            "{} bytes of zero at its end are left out",
            bytes.len() - end
        ));
    }
    (kept, said.join("; "))
}

/// UTF-16, by its mark or by the zeros that it puts beside each plain letter.
fn wide(sample: &[u8]) -> Option<&'static Encoding> {
    if sample.starts_with(b"\xff\xfe") {
        return Some(UTF_16LE);
    }
    if sample.starts_with(b"\xfe\xff") {
        return Some(UTF_16BE);
    }
    let zeros = |from: usize| {
        sample
            .iter()
            .skip(from)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (first, second, half) = (zeros(0), zeros(1), sample.len() / 2);
    if half > 1 && first == 0 && 10 * second > 9 * half {
        Some(UTF_16LE)
    } else if half > 1 && second == 0 && 10 * first > 9 * half {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The text, and what the user must know of how it was read.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<String>), String> {
    if let Some(reason) = refuse(&bytes[..bytes.len().min(WORDS_ONLY)]) {
        return Err(reason);
    }
    if let Some(encoding) = wide(&bytes[..bytes.len().min(SNIFFED)]) {
        let (text, _) = encoding.decode_with_bom_removal(bytes);
        return Ok((text, vec![format!("decoded as {}", encoding.name())]));
    }
    if memchr::memchr(0, bytes).is_some() {
        let (bytes, padding) = without_padding(bytes);
        let (text, said) = decode_narrow(&bytes);
        let said = said.into_iter().chain([padding]).collect();
        return Ok((Cow::Owned(text.into_owned()), said));
    }
    let (text, said) = decode_narrow(bytes);
    Ok((text, said.into_iter().collect()))
}

/// UTF-8 or Windows-1252.
fn decode_narrow(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), None);
    }
    // Few bad bytes in a text that is UTF-8 elsewhere are damage, not another code page.
    let text = String::from_utf8_lossy(bytes);
    let is_bad = |c: &char| *c == char::REPLACEMENT_CHARACTER;
    let bad = text.chars().filter(is_bad).count();
    let good = text.chars().filter(|c| !c.is_ascii()).count() - bad;
    if good > 0 && DAMAGE * good >= bad {
        let said = format!("decoded as UTF-8, with {bad} damaged characters shown as \u{fffd}");
        return (text, Some(said));
    }
    drop(text);
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    let said = "decoded as Windows-1252, because it is not UTF-8";
    (text, Some(said.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        let order = |unit: u16| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "Temp_°C,Dr\u{fc}ck\n20.5,1\n";
        let plain = decode(text.as_bytes()).unwrap();
        assert_eq!((plain.0.as_ref(), plain.1), (text, vec![]));
        let marked = format!("\u{feff}{text}");
        assert_eq!(decode(marked.as_bytes()).unwrap(), (text.into(), vec![]));
        for little in [true, false] {
            for text in [text.to_string(), marked.clone()] {
                let bytes = utf16(&text, little);
                let (read, said) = decode(&bytes).unwrap();
                assert_eq!(read, text.trim_start_matches('\u{feff}'));
                assert!(said[0].starts_with("decoded as UTF-16"));
            }
        }
        let old = b"Temp_\xb0C,Dr\xfcck\n20.5,1\n";
        let (read, said) = decode(old).unwrap();
        assert_eq!(read, text);
        assert!(said[0].contains("Windows-1252"));
    }

    #[test]
    fn a_damaged_byte_is_no_other_code_page() {
        let (read, said) = decode(b"\xc2\xb0C,\xc2\xb5m,x\xff\n1,2,3\n").unwrap();
        assert!(read.starts_with("°C,µm,x\u{fffd}"));
        assert!(said[0].contains("1 damaged"));
        let (read, _) = decode(b"\xc2\xb0C,x\n1,2\xff\xfe\n").unwrap();
        assert!(read.starts_with("°C"));
    }

    #[test]
    fn stretches_that_were_never_written() {
        let mut bytes = b"a,b\n1,2\n3,".to_vec();
        bytes.extend([0; 64]);
        bytes.extend(b"5,6\n7,8\n");
        bytes.extend([0; 100]);
        let (read, said) = decode(&bytes).unwrap();
        assert_eq!(read, "a,b\n1,2\n3,\u{fffd}5,6\n7,8\n");
        assert!(
            said[0].starts_with("64 bytes") && said[0].contains("; 100 bytes"),
            "{said:?}"
        );
        let ended = decode(b"a,b\n1,2\n\0").unwrap();
        assert_eq!(ended.0, "a,b\n1,2\n");
        for other in [&b"a\0\n1\0"[..], b"\0a\n1\n", b"a\n1\x01\n\0"] {
            assert!(decode(other).is_err());
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_start() {
        for (start, word) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip"),
            (b"\x7fELF\0\0", "neither text"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (&[0; 5000], "neither text"),
            (&vec![b'y'; WORDS_ONLY], "no number"),
            (b"{\"temp\": 1}", "JSON"),
            (b"[\n {\"temp\": 1}]", "JSON"),
            (b"<!DOCTYPE html>", "HTML"),
            (b"\x80\x04\x95\0\0", "pickled"),
        ] {
            assert!(refuse(start).unwrap().contains(word));
        }
        assert_eq!(refuse(b"a,b\n1,2\n"), None);
        assert_eq!(refuse(b"[degC],[bar]\n1,2\n"), None);
        assert_eq!(refuse(b""), None);
    }
}
