//! Faults that the user stirs, when each is to be found, and a script of them.

use crate::simulate::field::{COLUMNS, Surroundings};

use super::RATE;

/// What can go wrong around the sensors, or with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The mount swings far beyond its sector.
    Swing,
    /// The temperature rises by six degrees at once.
    Heat,
    /// The magnetometer repeats its last value.
    Stuck,
    /// The magnetometer does not answer.
    Silent,
    /// The vertical field drifts away slowly.
    Drift,
}

/// A swing takes so long, in readings, and goes so far, in radians.
const SWING_READINGS: f64 = 30.0;
const SWING: f64 = 0.6;
/// In thousandths of a degree.
const HEAT: i64 = 6_000;
/// In nanotesla a reading.
const DRIFT: f64 = 50.0;
/// Readings after which it drifts no farther.
const MOST_DRIFT: u32 = 60 * RATE;
/// Columns that a model of the station has; the field comes before the temperature.
const TEMPERATURE: usize = COLUMNS.len() - 1;

impl Fault {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 5] = [
        Self::Swing,
        Self::Heat,
        Self::Stuck,
        Self::Silent,
        Self::Drift,
    ];

    /// In a word, for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Swing => "swing",
            Self::Heat => "heat",
            Self::Stuck => "stuck",
            Self::Silent => "silent",
            Self::Drift => "drift",
        }
    }

    /// What happens.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Swing => "the mount swings far out of its sector",
            Self::Heat => "the temperature rises by 6 degrees at once",
            Self::Stuck => "the magnetometer repeats its last value",
            Self::Silent => "the magnetometer leaves the bus",
            Self::Drift => "the vertical field drifts, 0.5 microtesla a second",
        }
    }

    /// Readings within which the alarm is to be raised.
    #[must_use]
    pub const fn limit(self) -> u32 {
        let seconds = match self {
            Self::Heat => 1,
            Self::Silent => 2,
            Self::Swing => 3,
            Self::Stuck => 5,
            Self::Drift => 20,
        };
        seconds * RATE
    }

    /// Whether a column of a row is one that the fault moves, or keeps from moving.
    #[must_use]
    pub const fn moves(self, column: usize) -> bool {
        match self {
            Self::Heat => column == TEMPERATURE,
            Self::Drift => column == TEMPERATURE - 1,
            Self::Swing | Self::Stuck | Self::Silent => column < TEMPERATURE,
        }
    }

    /// What the surroundings are with it, so many readings after it began; `last` is what they were before.
    #[must_use]
    pub fn on(self, normal: Surroundings, last: Surroundings, readings: u32) -> Surroundings {
        let mut changed = normal;
        match self {
            Self::Swing => {
                let turn = std::f64::consts::TAU * f64::from(readings) / SWING_READINGS;
                let (sin, cos) = (SWING * turn.sin()).sin_cos();
                let [north, east, _] = normal.nanotesla.map(|part| part as f64);
                // The emulated magnetometer takes no negative field.
                let set = |part: f64| part.round().max(0.0) as i64;
                changed.nanotesla[0] = set(north * cos - east * sin);
                changed.nanotesla[1] = set(north * sin + east * cos);
            }
            Self::Heat => changed.millidegrees += HEAT,
            Self::Stuck => changed.nanotesla = last.nanotesla,
            Self::Silent => {}
            // No farther than the sensor reaches.
            Self::Drift => {
                changed.nanotesla[2] += (DRIFT * f64::from(readings.min(MOST_DRIFT))) as i64;
            }
        }
        changed
    }
}

/// A fault of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins, in readings since the start.
    pub at: u32,
    /// How long it lasts, in readings.
    pub lasts: u32,
    /// Which one.
    pub fault: Fault,
}

/// A script's fault lasts so long unless it says otherwise.
const LASTS: u32 = 6 * RATE;

/// Each fault once, with time to recover between them.
#[must_use]
pub fn every_fault() -> Vec<Planned> {
    let at = |seconds: u32, fault: Fault| Planned {
        at: seconds * RATE,
        lasts: if fault == Fault::Drift {
            fault.limit()
        } else {
            LASTS
        },
        fault,
    };
    vec![
        // First, while no alarm is that recent that this would be the same one, for which nothing is blamed again.
        at(10, Fault::Drift),
        at(50, Fault::Swing),
        at(75, Fault::Heat),
        at(100, Fault::Stuck),
        at(125, Fault::Silent),
    ]
}

/// A script as `10s swing, 1m stuck for 8s`.
///
/// # Errors
/// What cannot be read, and how it should be.
pub fn script(text: &str) -> Result<Vec<Planned>, String> {
    let mut planned: Vec<Planned> = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let words: Vec<&str> = part.split_whitespace().collect();
        let (at, name, lasts) = match words[..] {
            [at, name] => (at, name, None),
            [at, name, "for", lasts] => (at, name, Some(lasts)),
            _ => {
                return Err(format!(
                    "`{part}` is no fault with its time: write it as `10s swing` or `10s swing for 8s`, with commas between"
                ));
            }
        };
        let fault =
            (Fault::ALL.into_iter().find(|fault| fault.name() == name)).ok_or_else(|| {
                let names = Fault::ALL.map(Fault::name).join(", ");
                format!("no fault is called `{name}`: there are {names}")
            })?;
        let own = Planned {
            at: readings(at)?,
            lasts: lasts.map_or(Ok(LASTS), readings)?,
            fault,
        };
        if own.lasts == 0 {
            return Err(format!("`{part}` lasts no reading: at least 0.1s"));
        }
        if let Some(last) = planned.last()
            && own.at < last.at.saturating_add(last.lasts)
        {
            return Err(format!(
                "`{part}` begins before the {} ahead of it has ended, at {} s: one fault at a time",
                last.fault.name(),
                f64::from(last.at.saturating_add(last.lasts)) / f64::from(RATE)
            ));
        }
        planned.push(own);
    }
    Ok(planned)
}

/// Readings in a time as `90s`, `1.5m` or `2m`.
///
/// # Errors
/// A text that is no such time, or one beyond a day.
pub fn readings(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no time: write it as 30s or 2m, at most 24 hours");
    let (number, unit) = if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else {
        return Err(wrong());
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(wrong());
    }
    Ok((seconds * f64::from(RATE)).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::field::surroundings;

    #[test]
    fn a_script_is_read_and_what_is_wrong_with_it_said() {
        assert_eq!(
            script("10s swing, 1m stuck for 8s,").unwrap(),
            [
                Planned {
                    at: 100,
                    lasts: 60,
                    fault: Fault::Swing
                },
                Planned {
                    at: 600,
                    lasts: 80,
                    fault: Fault::Stuck
                }
            ]
        );
        for (text, said) in [
            ("swing", "write it as `10s swing`"),
            ("10s swing during 3s", "write it as `10s swing`"),
            ("10 swing", "`10` is no time"),
            ("NaNs swing", "no time"),
            ("-3s swing", "no time"),
            ("9999m swing", "at most 24 hours"),
            ("10s swing for 0s", "at least 0.1s"),
            ("10s fire", "there are swing, heat, stuck, silent, drift"),
            (
                "10s swing, 12s heat",
                "before the swing ahead of it has ended, at 16 s",
            ),
        ] {
            let error = script(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert_eq!(script(" "), Ok(Vec::new()));
        let own: Vec<_> = every_fault();
        assert!(
            own.windows(2)
                .all(|pair| pair[0].at + pair[0].lasts < pair[1].at)
        );
    }

    #[test]
    fn a_drift_ends_where_the_sensor_does() {
        let [.., normal] = surroundings(3, 2)[..] else {
            panic!("two readings");
        };
        let far = Fault::Drift.on(normal, normal, u32::MAX).nanotesla[2];
        assert!(far > normal.nanotesla[2] && far < 200_000, "{far}");
    }

    #[test]
    fn a_fault_moves_what_it_says() {
        let normal = surroundings(3, 200);
        for fault in Fault::ALL {
            for column in 0..COLUMNS.len() {
                let moved = (1..100).any(|at| {
                    let (own, last) = (normal[100 + at], normal[99]);
                    fault.on(own, last, at as u32).row()[column].to_bits()
                        != own.row()[column].to_bits()
                });
                // One that swings turns about the vertical axis; one that is gone measures nothing.
                let expected = match fault {
                    Fault::Silent => false,
                    Fault::Swing => column < 2,
                    _ => fault.moves(column),
                };
                assert_eq!(moved, expected, "{fault:?} {column}");
            }
        }
    }
}
