//! Damage: random changes of bytes and of texts.

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What parsers stumble over.
const TOKENS: [&str; 58] = [
    "0",
    "-0",
    "-1",
    "1e400",
    "-1e400",
    "1e-400",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "null",
    "true",
    "TRUE",
    "[]",
    "{}",
    "\"",
    "\"\"",
    "'",
    ",",
    ";",
    "\t",
    "|",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[2J",
    "#",
    "%",
    "--",
    "1,5",
    "1.000,5",
    "1,234,567",
    "0x1F",
    "1d5",
    "1_000",
    "99999999999999999999",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775808",
    "4294967296",
    "2147483648",
    "-2147483649",
    "16777217",
    "3.4028236e38",
    "1e-45",
    "2024-01-01T00:00:00Z",
    "10:00:01.250",
    "\u{e9}",
    "(",
    ")",
    "[",
    "]",
];

/// Numbers that sizes and counts stumble over.
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "255",
    "65536",
    "100000",
    "16777217",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
];

pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// A few random changes.
pub fn damage(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let (at, to) = (chance.below(bytes.len() + 1), chance.below(bytes.len() + 1));
        let (from, end) = (at.min(to), at.max(to));
        match chance.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = chance.word() as u8,
            2 => bytes.truncate(at),
            3 => {
                bytes.drain(from..end.min(from + 64));
            }
            4 => {
                let part = bytes[from..end.min(from + 256)].to_vec();
                bytes.splice(at..at, part);
            }
            5 if bytes.len() >= 8 => {
                let at = chance.below(bytes.len() - 7);
                let extreme = [
                    0,
                    1,
                    u64::MAX,
                    1 << 31,
                    1 << 32,
                    1 << 63,
                    0x7ff0_0000_0000_0000,
                ];
                let value = *chance.of(&extreme);
                bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
            _ => {
                let token = chance.of(&TOKENS).as_bytes();
                // In place of what is there, or before it.
                let end = if chance.one_in(2) {
                    at
                } else {
                    end.min(at + token.len()).max(at)
                };
                bytes.splice(at..end, token.iter().copied());
            }
        }
    }
}

/// As [`damage`], of a text: most often one of its numbers, or a whole line, becomes another.
pub fn damage_text(text: &str, chance: &mut Chance) -> String {
    let mut text = text.to_owned();
    for _ in 0..=chance.below(3) {
        match chance.below(4) {
            0 | 1 => {
                let digit = |c: char| c.is_ascii_digit();
                let starts: Vec<usize> = (text.char_indices())
                    .filter(|&(at, c)| digit(c) && !text[..at].ends_with(digit))
                    .map(|(at, _)| at)
                    .collect();
                if starts.is_empty() {
                    continue;
                }
                let from = *chance.of(&starts);
                let end = text[from..]
                    .find(|c| !digit(c))
                    .map_or(text.len(), |at| from + at);
                let number: &str = chance.of::<&str>(&NUMBERS);
                text.replace_range(from..end, number);
            }
            2 => {
                let lines: Vec<&str> = text.split_inclusive(['\n', ',']).collect();
                let (from, to) = (chance.below(lines.len()), chance.below(lines.len()));
                let mut changed = lines.clone();
                if chance.one_in(2) {
                    changed.insert(to, lines[from]);
                } else {
                    changed.remove(from);
                }
                text = changed.concat();
            }
            _ => {
                let mut bytes = text.into_bytes();
                damage(&mut bytes, chance);
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if text.is_empty() {
            break;
        }
    }
    text
}
