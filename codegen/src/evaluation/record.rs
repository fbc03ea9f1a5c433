//! Records of alarms from a chip: read, and every number of them reproduced.

use anyhow::{Context as _, bail};
use nvpico::detector::{AlarmMemory, RECORD_FORMAT, RECORD_HEAD, RECORD_WORDS};
use serde::Serialize;

use crate::deploy::Ready;
use crate::model::Model;
use crate::precision::Precision;

/// A record as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFile {
    /// What the chip named its model by.
    pub model: u32,
    /// Values of a reading.
    dim: usize,
    /// The readings, one after the other.
    entries: Vec<u32>,
}

/// A reading of a record; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayedReading {
    /// Its number since the chip started.
    pub number: u32,
    /// Its values, in the unit of the data.
    pub values: Vec<f32>,
    /// Log-density in nats, as recorded.
    pub log_prob: f64,
    /// Rarity in bits, as recorded; `None` where it is not judged.
    pub rarity: Option<f64>,
    /// Whether the alarm was on.
    pub alarm: bool,
    /// `raised`, `resumed` or `cleared`.
    pub event: Option<&'static str>,
    /// Which numbers the desktop computes differently.
    pub differs: Vec<&'static str>,
}

/// What is left of an alarm's flags without its event.
const DECISION: u32 = 0x70;
const IS_ON: u32 = 0x80;
/// Codes of guards in an event.
const GUARDS: [u32; 5] = [3, 4, 5, 6, 8];

impl RecordFile {
    /// Of little-endian words, or of a log with lines that say `record:` and words in hex.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Vec<Self>> {
        let words = match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("record:") => of_log(text),
            _ => {
                if !bytes.len().is_multiple_of(4) {
                    bail!("{} bytes are not a whole number of words", bytes.len());
                }
                let words = bytes.as_chunks().0.iter();
                words.map(|word| u32::from_le_bytes(*word)).collect()
            }
        };
        let mut rest = &words[..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let at = words.len() - rest.len();
            let (record, others) = Self::first(rest)
                .with_context(|| format!("record {}, word {at}", found.len() + 1))?;
            found.push(record);
            rest = others;
        }
        if found.is_empty() {
            bail!("there is no record: neither words, nor lines with `record:`");
        }
        Ok(found)
    }

    fn first(words: &[u32]) -> anyhow::Result<(Self, &[u32])> {
        let Some(&[format, model, dim, count]) = words.first_chunk::<RECORD_HEAD>() else {
            bail!(
                "{} words are no head of a record, which has {RECORD_HEAD}",
                words.len()
            );
        };
        if format != RECORD_FORMAT {
            bail!("{format:#010x} is not the format {RECORD_FORMAT:#010x} that this program reads");
        }
        let rest = &words[RECORD_HEAD..];
        let length = (dim as usize)
            .checked_add(RECORD_WORDS)
            .and_then(|each| each.checked_mul(count as usize));
        let Some((entries, others)) = length.and_then(|length| rest.split_at_checked(length))
        else {
            bail!(
                "{count} readings of {dim} values take {} words, the record has {}",
                length.map_or("too many".into(), |length| length.to_string()),
                rest.len()
            );
        };
        let record = Self {
            model,
            dim: dim as usize,
            entries: entries.to_vec(),
        };
        Ok((record, others))
    }

    /// The precision that the record's model runs in.
    ///
    /// # Errors
    /// The record is one of another model.
    pub fn precision(&self, model: &Model) -> anyhow::Result<Precision> {
        for precision in [Precision::F32, Precision::I16, Precision::I8] {
            if model
                .ready(Some(precision))
                .is_ok_and(|ready| ready.identity() == self.model)
            {
                return Ok(precision);
            }
        }
        let own = model.ready(None)?.identity();
        bail!(
            "the record is of the model {:#010x}, this one is {own:#010x}: take the model file that the firmware's module was exported from",
            self.model
        )
    }

    /// Every reading again, by the desktop. What the alarm remembers after the first reading is taken from the record; what guards found is too,
    /// for they remember more than a record holds.
    ///
    /// # Errors
    /// Readings of another length than the model's; a model without an alarm.
    pub fn replay(&self, ready: &Ready<'_>) -> anyhow::Result<Vec<ReplayedReading>> {
        let dim = ready.spec().dim();
        if self.dim != dim {
            bail!("readings of {} values, the model takes {dim}", self.dim);
        }
        let mut memory: Option<AlarmMemory> = None;
        let mut held = false;
        let mut found = Vec::new();
        for entry in self.entries.chunks_exact(dim + RECORD_WORDS) {
            let (values, own) = entry.split_at(dim);
            let &[number, log_prob, rarity, flags, ..] = own else {
                bail!("a reading is cut off");
            };
            let recorded = AlarmMemory::from_words(&own[4..]).context("a reading is cut off")?;
            let invalid = flags & DECISION == 0x40;
            let mut differs = Vec::new();
            let before = memory.unwrap_or_default();
            let (row, after, exact) = ready
                .alarm_after(before, values)
                .context("the model has no alarm: it was not calibrated")?;
            let [own_rarity, own_flags, _] = row.words();
            let by_guard = GUARDS.contains(&(flags >> 16 & 0xFF));
            // By a guard, perhaps by one before the record.
            held = flags & IS_ON != 0 && (held || by_guard || memory.is_none());
            if !invalid {
                if exact != log_prob.cast_signed() {
                    differs.push("log-density");
                }
                if own_rarity != rarity {
                    differs.push("rarity");
                }
                if own_flags & DECISION != flags & DECISION {
                    differs.push("decision");
                }
                // A guard keeps an alarm on that the averages would let go.
                let excused = held && flags & IS_ON != 0 && own_flags & IS_ON == 0;
                if memory.is_some() && !excused && !by_guard && own_flags != flags {
                    differs.push("alarm");
                }
                let averages =
                    |memory: AlarmMemory| memory.to_words().take(nvpico::detector::MOST_CHARTS);
                if memory.is_some() && !averages(after).eq(averages(recorded)) {
                    differs.push("evidence");
                }
            }
            memory = Some(recorded);
            found.push(ReplayedReading {
                number,
                values: ready.values_of(values),
                log_prob: f64::from(log_prob.cast_signed()) / 65_536.0,
                rarity: (rarity.cast_signed() > i32::MIN)
                    .then(|| f64::from(rarity.cast_signed()) / 256.0),
                alarm: flags & IS_ON != 0,
                event: match flags & 0xF {
                    1 => Some("raised"),
                    2 => Some("resumed"),
                    3 => Some("cleared"),
                    _ => None,
                },
                differs,
            });
        }
        Ok(found)
    }
}

/// The words of a log's lines that say `record:`.
fn of_log(text: &str) -> Vec<u32> {
    let lines = text.lines().filter_map(|line| line.split_once("record:"));
    let words = lines.flat_map(|(_, words)| words.split(|c: char| !c.is_ascii_hexdigit()));
    let whole = words.filter(|word| word.len() == 8);
    whole
        .filter_map(|word| u32::from_str_radix(word, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_from_words_and_from_logs() {
        let mut words = vec![RECORD_FORMAT, 7, 1, 1];
        words.extend((0..=RECORD_WORDS).map(|at| at as u32));
        let twice = [&words[..], &words[..]].concat();
        let bytes: Vec<u8> = twice.iter().flat_map(|word| word.to_le_bytes()).collect();
        let found = RecordFile::parse(&bytes).unwrap();
        assert_eq!((found.len(), found[1].model), (2, 7));
        let lines: Vec<String> = words
            .chunks(4)
            .map(|chunk| {
                let hex: Vec<String> = chunk.iter().map(|word| format!("{word:08x}")).collect();
                format!("1.5 [INFO ] record: [{}] (module deadbeef)", hex.join(", "))
            })
            .collect();
        let log = format!(
            "other line\n{}\nend",
            lines.join("\n").replace(" (module deadbeef)", "")
        );
        assert_eq!(RecordFile::parse(log.as_bytes()).unwrap(), found[..1]);
        for cut in [3, 4, 4 * RECORD_HEAD, bytes.len() / 2 - 4] {
            assert!(RecordFile::parse(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(
            RecordFile::parse(&[])
                .unwrap_err()
                .to_string()
                .contains("no record")
        );
        words[2] = u32::MAX;
        words[3] = u32::MAX;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert!(RecordFile::parse(&bytes).is_err());
    }
}
