//! What was seen: readings, the alarm, the faults that were stirred, and whether the chip found and named each.

use std::collections::VecDeque;

use serde::Serialize;

use super::RATE;
use super::fault::Fault;
use super::line::Line;
use super::twin::Evidence;
use crate::output;
use crate::simulate::field::COLUMNS;

/// Readings that are kept: a minute.
pub const KEPT: usize = 60 * RATE as usize;
/// Notes that are kept.
const NOTES: usize = 100;
/// An alarm within so many readings behind a fault is the fault's.
const RECOVERY: u32 = 5 * RATE;

/// A reading that the chip scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its number since the start.
    pub number: u32,
    /// Its values.
    pub values: Vec<f32>,
    /// In nats.
    pub log_density: f32,
    /// What it was found to be.
    pub decision: String,
    /// The evidence then.
    pub evidence: Evidence,
}

/// A value that the chip blames.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blame {
    /// Its column.
    pub column: String,
    /// The value.
    #[serde(serialize_with = "output::serialize_f32")]
    pub value: f32,
    /// What would be normal.
    #[serde(serialize_with = "output::serialize_f32")]
    pub normal: f32,
}

/// A fault that was stirred, and what the chip made of it; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its name.
    pub fault: &'static str,
    /// When it began, in seconds.
    pub begun_s: f64,
    /// How long after that the alarm was raised or, as it was on or off a moment ago, came back.
    pub found_after_s: Option<f64>,
    /// In which time it is to be found.
    pub within_s: f64,
    /// Whether a cause, the first value blamed or the sensor's own fault is of a sensor that the fault touches.
    pub named: bool,
    /// The alarm's cause.
    pub cause: Option<String>,
    /// Values that were blamed.
    pub blamed: Vec<Blame>,
    /// Whether the alarm was on when it began, so that none could be raised.
    pub alarm_was_on: bool,
    #[serde(skip)]
    kind: Fault,
    #[serde(skip)]
    begun: u32,
    #[serde(skip)]
    ended: Option<u32>,
}

impl Incident {
    /// Whether it was found in its time and named.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.named
            && self
                .found_after_s
                .is_some_and(|after| after <= self.within_s)
    }

    /// Whether it goes on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.ended.is_none()
    }

    /// Which one.
    #[must_use]
    pub fn kind(&self) -> Fault {
        self.kind
    }
}

/// The alarm that is on.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// The reading.
    pub number: u32,
    /// Why, with the column where the cause has one.
    pub cause: String,
    /// `low` or `high`.
    pub severity: String,
}

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// For the record.
    Info,
    /// What the user did.
    Stirred,
    /// Something is well again.
    Good,
    /// Something is not normal.
    Bad,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// In seconds since the start.
    pub at_s: f64,
    /// How grave.
    pub grade: Grade,
    /// What, in words.
    pub text: String,
}

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The last readings, the oldest first.
    pub readings: VecDeque<Reading>,
    /// The last notes, the oldest first.
    pub notes: VecDeque<Note>,
    /// The threshold in nats, once the chip has said it.
    pub threshold: Option<f32>,
    /// The alarm, while it is on.
    pub alarm: Option<Raised>,
    /// The values blamed for the last alarm.
    pub blamed: Vec<Blame>,
    /// What a sensor fails with.
    pub sensor_fault: Option<String>,
    /// The faults that were stirred.
    pub incidents: Vec<Incident>,
    /// Alarms while all was well.
    pub false_alarms: u32,
    /// Readings of the chip so far.
    pub count: u32,
    /// Tenths of a second since the start.
    pub ticks: u32,
    /// Readings over which each chart of the alarm averages.
    pub spans: Vec<u32>,
    /// Log-densities that were compared with the desktop's, and those that differ.
    pub compared: u64,
    /// Of these.
    pub differing: u64,
}

impl State {
    /// A fault begins, or ends with `None`.
    pub fn stir(&mut self, fault: Option<Fault>) -> Vec<Note> {
        let now = self.count;
        let mut told = Vec::new();
        if let Some(incident) = self.incidents.last_mut().filter(|own| own.ended.is_none()) {
            incident.ended = Some(now);
            let text = format!("{} ends", incident.fault);
            told.push(self.note(Grade::Stirred, text));
        }
        if let Some(fault) = fault {
            self.incidents.push(Incident {
                fault: fault.name(),
                begun_s: self.elapsed_s(),
                found_after_s: None,
                within_s: seconds(fault.limit()),
                named: false,
                cause: None,
                blamed: Vec::new(),
                alarm_was_on: self.alarm.is_some(),
                kind: fault,
                begun: now,
                ended: None,
            });
            let text = format!("{}: {}", fault.name(), fault.what());
            told.push(self.note(Grade::Stirred, text));
        }
        told
    }

    /// Takes a line of the chip's log, with the evidence after it where it is a reading. What is new in it.
    pub fn take(&mut self, line: Line, evidence: Evidence) -> Option<Note> {
        match line {
            Line::Watching { threshold } => {
                self.threshold = Some(threshold);
                Some(self.note(Grade::Info, format!("watching, threshold {threshold} nats")))
            }
            Line::Reading {
                number,
                values,
                log_density,
                decision,
            } => {
                self.count = number.saturating_add(1);
                if self.readings.len() == KEPT {
                    self.readings.pop_front();
                }
                self.readings.push_back(Reading {
                    number,
                    values,
                    log_density,
                    decision,
                    evidence,
                });
                None
            }
            Line::Alarm {
                number,
                resumed,
                cause,
                index,
                severity,
            } => Some(self.raise(number, resumed, (&cause, index), severity)),
            Line::Cleared { number } => {
                self.alarm = None;
                self.count = self.count.max(number);
                Some(self.note(Grade::Good, "alarm cleared".into()))
            }
            Line::Blamed {
                index,
                value,
                normal,
                ..
            } => Some(self.blame(index, value, normal)),
            Line::SensorFault(fault) => {
                let text = format!("sensor fault: {fault}");
                self.sensor_fault = Some(fault);
                Some(self.note(Grade::Bad, text))
            }
            Line::SensorsWork => {
                self.sensor_fault = None;
                Some(self.note(Grade::Good, "sensors work again".into()))
            }
            Line::Record => None,
            Line::Other(text) => Some(self.note(Grade::Info, text)),
        }
    }

    fn raise(
        &mut self,
        number: u32,
        resumed: bool,
        (cause, index): (&str, usize),
        severity: String,
    ) -> Note {
        self.count = self.count.max(number);
        let column = by_value(cause).then_some(index);
        let cause = match column {
            Some(column) => format!("{cause}: {}", name(column)),
            None => cause.to_owned(),
        };
        let silent =
            (self.sensor_fault.as_deref()).is_some_and(|fault| fault.contains("Magnetometer"));
        let mut is_false = true;
        if let Some(incident) = self.incidents.last_mut() {
            let late = incident
                .ended
                .is_some_and(|ended| number > ended.saturating_add(RECOVERY));
            is_false = late;
            if incident.ended.is_none() {
                incident.named |= column.is_some_and(|column| incident.kind.moves(column))
                    || silent && incident.kind == Fault::Silent;
                if incident.found_after_s.is_none() {
                    let after = number.saturating_sub(incident.begun);
                    incident.found_after_s = Some(seconds(after));
                    incident.cause = Some(cause.clone());
                }
            }
        }
        self.false_alarms += u32::from(is_false);
        let verb = if resumed { "back" } else { "raised" };
        let text = format!("ALARM {verb}: {cause} ({severity})");
        self.blamed.clear();
        self.alarm = Some(Raised {
            number,
            cause,
            severity,
        });
        self.note(Grade::Bad, text)
    }

    fn blame(&mut self, index: usize, value: f32, normal: f32) -> Note {
        let blame = Blame {
            column: name(index),
            value,
            normal,
        };
        let text = format!(
            "to blame: {} is {value:.2}, {normal:.2} would be normal",
            blame.column
        );
        self.blamed.push(blame.clone());
        if let Some(incident) = self.incidents.last_mut().filter(|own| own.ended.is_none()) {
            // The first one blamed is what it says.
            incident.named |= incident.blamed.is_empty() && incident.kind.moves(index);
            incident.blamed.push(blame);
        }
        self.note(Grade::Bad, text)
    }

    fn note(&mut self, grade: Grade, text: String) -> Note {
        let note = Note {
            at_s: self.elapsed_s(),
            grade,
            text,
        };
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(note.clone());
        note
    }

    /// Seconds since the start.
    #[must_use]
    pub fn elapsed_s(&self) -> f64 {
        seconds(self.ticks)
    }
}

/// Causes that have the index of a value: those of guards.
fn by_value(cause: &str) -> bool {
    matches!(cause, "stuck" | "at limit" | "quiet" | "jump")
}

/// The name of a column.
fn name(index: usize) -> String {
    (COLUMNS.get(index)).map_or_else(|| format!("value {index}"), |name| (*name).to_owned())
}

fn seconds(readings: u32) -> f64 {
    f64::from(readings) / f64::from(RATE)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Takes the lines of a log.
    pub fn told(state: &mut State, lines: &[&str]) -> Vec<String> {
        let lines = lines.iter().map(|line| Line::parse(line));
        lines
            .filter_map(|line| state.take(line, Evidence::default()))
            .map(|note| note.text)
            .collect()
    }

    fn reading(number: u32) -> String {
        format!("debug reading {number}: [12.5, 8.0, 44.1, 23.2], log-density -3.5, normal")
    }

    #[test]
    fn a_fault_is_found_named_and_timed() {
        let mut state = State::default();
        told(&mut state, &[&reading(99)]);
        let said = state.stir(Some(Fault::Heat));
        assert_eq!(
            said[0].text,
            "heat: the temperature rises by 6 degrees at once"
        );
        told(
            &mut state,
            &[
                &reading(100),
                "warn  alarm raised at reading 101: too unlikely (0), high",
                "warn  reading 101: value 3 is to blame, 29 where 25.5 would be normal",
                "warn  reading 101: value 0 is to blame, 12 where 11 would be normal",
            ],
        );
        state.stir(None);
        let incident = &state.incidents[0];
        assert_eq!((incident.found_after_s, incident.named), (Some(0.1), true));
        assert!(incident.is_good() && !incident.goes_on());
        assert_eq!(incident.blamed[0].column, "temperature_c");
        assert!(state.alarm.is_some());
        // Its end is felt for a while.
        told(
            &mut state,
            &[
                "info  alarm cleared at reading 120",
                "warn  alarm resumed at reading 140: jump (3), high",
            ],
        );
        assert_eq!((state.false_alarms, state.incidents.len()), (0, 1));
        told(
            &mut state,
            &[
                "info  alarm cleared at reading 190",
                "warn  alarm raised at reading 900: jump (3), high",
            ],
        );
        assert_eq!(state.false_alarms, 1);
        assert_eq!(state.alarm.as_ref().unwrap().cause, "jump: temperature_c");
    }

    #[test]
    fn what_is_blamed_wrongly_is_not_named() {
        let mut state = State::default();
        state.stir(Some(Fault::Swing));
        told(
            &mut state,
            &[
                "warn  alarm raised at reading 5: too unlikely (1), low",
                "warn  reading 5: value 3 is to blame, 29 where 25.5 would be normal",
                "warn  reading 5: value 0 is to blame, 29 where 25.5 would be normal",
            ],
        );
        assert!(!state.incidents[0].named && !state.incidents[0].is_good());
        // Beyond its time.
        told(&mut state, &["info  alarm cleared at reading 30"]);
        state.stir(Some(Fault::Stuck));
        told(
            &mut state,
            &["warn  alarm raised at reading 205: stuck (1), high"],
        );
        assert!(state.incidents[1].named && !state.incidents[1].is_good());
        assert!(!state.incidents[1].alarm_was_on);
        state.stir(Some(Fault::Heat));
        assert!(state.incidents[2].alarm_was_on);
    }

    #[test]
    fn a_sensor_that_is_gone_is_named_by_its_fault() {
        let mut state = State::default();
        state.stir(Some(Fault::Silent));
        told(
            &mut state,
            &[
                "warn  sensor fault: Fault { sensor: Magnetometer, error: Bus(NoAcknowledge(Address)) }",
                "warn  alarm raised at reading 3: no valid readings (0), high",
            ],
        );
        assert!(state.incidents[0].is_good());
        let said = told(
            &mut state,
            &[
                "info  sensors work again",
                "error panicked",
                "info  record: 00000000",
            ],
        );
        assert_eq!(said, ["sensors work again", "error panicked"]);
        assert_eq!(state.sensor_fault, None);
    }

    #[test]
    fn an_alarm_without_a_fault_is_false_and_old_readings_go() {
        let mut state = State::default();
        for number in 0..700 {
            told(&mut state, &[&reading(number)]);
        }
        assert_eq!((state.readings.len(), state.count), (KEPT, 700));
        told(
            &mut state,
            &["warn  alarm raised at reading 700: too likely (2), low"],
        );
        assert_eq!(state.false_alarms, 1);
    }
}
