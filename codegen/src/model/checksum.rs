//! The checksum of a model file: SHA-256 of its bytes with zeros in the checksum's place, which stands in the header.

use sha2::{Digest as _, Sha256};

use super::hex;

/// Digits of a checksum.
const DIGITS: usize = 64;

/// What stands before the digits in the file: the header is JSON within JSON. The entry comes before all text that is not
/// this program's, so that its first occurrence is the one.
const BEFORE: &[u8] = br#"\"checksum\":\""#;

/// The place of the digits; `None` where the file has none.
fn place(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let at = bytes.windows(BEFORE.len()).position(|own| own == BEFORE)?;
    let from = at + BEFORE.len();
    (from + DIGITS <= bytes.len()).then_some(from..from + DIGITS)
}

fn digest(bytes: &[u8], place: std::ops::Range<usize>) -> String {
    let mut hash = Sha256::new();
    hash.update(&bytes[..place.start]);
    hash.update([b'0'; DIGITS]);
    hash.update(&bytes[place.end..]);
    hex(&hash.finalize())
}

/// The digits before there is a checksum.
pub(super) fn none() -> String {
    "0".repeat(DIGITS)
}

/// Writes the checksum over its zeros.
pub(super) fn set(bytes: &mut [u8]) {
    if let Some(place) = place(bytes) {
        let digits = digest(bytes, place.clone());
        bytes[place].copy_from_slice(digits.as_bytes());
    }
}

/// Checks the checksum that the header names.
pub(super) fn check(bytes: &[u8], named: &str) -> Result<(), String> {
    let good = place(bytes).is_some_and(|place| {
        bytes[place.clone()] == *named.as_bytes() && digest(bytes, place) == named
    });
    if good {
        return Ok(());
    }
    Err("the file is damaged: its contents do not have the checksum that its header names; take a copy of it, or train again".into())
}
