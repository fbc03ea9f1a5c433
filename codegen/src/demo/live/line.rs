//! The chip's log, line by line.

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The program begins, with this threshold in nats.
    Watching {
        /// The threshold.
        threshold: f32,
    },
    /// A reading was scored.
    Reading {
        /// Its number since the start.
        number: u32,
        /// Its values.
        values: Vec<f32>,
        /// Its log-density in nats.
        log_density: f32,
        /// What it was found to be.
        decision: String,
    },
    /// The alarm was raised or, within its hold-off, is back.
    Alarm {
        /// At this reading.
        number: u32,
        /// Whether it is the same one as before.
        resumed: bool,
        /// Why, in the log's words.
        cause: String,
        /// The value or chart of the cause.
        index: usize,
        /// `low` or `high`.
        severity: String,
    },
    /// The alarm is over.
    Cleared {
        /// At this reading.
        number: u32,
    },
    /// A value is to blame.
    Blamed {
        /// For this reading.
        number: u32,
        /// Which value.
        index: usize,
        /// The value.
        value: f32,
        /// What would be normal.
        normal: f32,
    },
    /// A sensor fails.
    SensorFault(String),
    /// All sensors work again.
    SensorsWork,
    /// Part of an alarm's record, for `nvpico replay`.
    Record,
    /// Something else.
    Other(String),
}

impl Line {
    /// Of a line of the log, with its level before it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        // The level is one word.
        let message = text.split_once(' ').map_or(text, |(_, rest)| rest.trim());
        known(message).unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

fn known(message: &str) -> Option<Line> {
    if let Some((_, threshold)) = message.split_once(": watching, threshold ") {
        return Some(Line::Watching {
            threshold: threshold.parse().ok()?,
        });
    }
    if let Some(fault) = message.strip_prefix("sensor fault: ") {
        return Some(Line::SensorFault(fault.to_owned()));
    }
    if message == "sensors work again" {
        return Some(Line::SensorsWork);
    }
    if message.starts_with("record: ") {
        return Some(Line::Record);
    }
    if let Some(number) = message.strip_prefix("alarm cleared at reading ") {
        return Some(Line::Cleared {
            number: number.parse().ok()?,
        });
    }
    for (begin, resumed) in [
        ("alarm raised at reading ", false),
        ("alarm resumed at reading ", true),
    ] {
        if let Some(rest) = message.strip_prefix(begin) {
            return alarm(rest, resumed);
        }
    }
    let (number, rest) = message.strip_prefix("reading ")?.split_once(": ")?;
    let number = number.parse().ok()?;
    if let Some(rest) = rest.strip_prefix("value ") {
        let (index, rest) = rest.split_once(" is to blame, ")?;
        let (value, normal) = rest.split_once(" where ")?;
        return Some(Line::Blamed {
            number,
            index: index.parse().ok()?,
            value: value.parse().ok()?,
            normal: normal.strip_suffix(" would be normal")?.parse().ok()?,
        });
    }
    let (values, rest) = rest.strip_prefix('[')?.split_once("], log-density ")?;
    let (log_density, decision) = rest.split_once(", ")?;
    let values: Result<Vec<f32>, _> = values.split(", ").map(str::parse).collect();
    Some(Line::Reading {
        number,
        values: values.ok()?,
        log_density: log_density.parse().ok()?,
        decision: decision.to_owned(),
    })
}

/// `20: stuck (0), high`.
fn alarm(rest: &str, resumed: bool) -> Option<Line> {
    let (number, rest) = rest.split_once(": ")?;
    let (cause, rest) = rest.split_once(" (")?;
    let (index, severity) = rest.split_once("), ")?;
    Some(Line::Alarm {
        number: number.parse().ok()?,
        resumed,
        cause: cause.to_owned(),
        index: index.parse().ok()?,
        severity: severity.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let cases = [
            (
                "info  mps2-an386: watching, threshold -12.5",
                Line::Watching { threshold: -12.5 },
            ),
            (
                "debug reading 7: [12.5, 8.0, 44.1, 23.25], log-density -3.5, out of range",
                Line::Reading {
                    number: 7,
                    values: vec![12.5, 8.0, 44.1, 23.25],
                    log_density: -3.5,
                    decision: "out of range".into(),
                },
            ),
            (
                "warn  alarm raised at reading 20: no valid readings (0), high",
                Line::Alarm {
                    number: 20,
                    resumed: false,
                    cause: "no valid readings".into(),
                    index: 0,
                    severity: "high".into(),
                },
            ),
            (
                "warn  alarm resumed at reading 21: stuck (2), low",
                Line::Alarm {
                    number: 21,
                    resumed: true,
                    cause: "stuck".into(),
                    index: 2,
                    severity: "low".into(),
                },
            ),
            (
                "info  alarm cleared at reading 90",
                Line::Cleared { number: 90 },
            ),
            (
                "warn  reading 20: value 3 is to blame, 85 where 25.5 would be normal",
                Line::Blamed {
                    number: 20,
                    index: 3,
                    value: 85.0,
                    normal: 25.5,
                },
            ),
            (
                "warn  sensor fault: Fault { sensor: Magnetometer, error: NotReady }",
                Line::SensorFault("Fault { sensor: Magnetometer, error: NotReady }".into()),
            ),
            ("info  sensors work again", Line::SensorsWork),
            (
                "info  record: 00000001 00000002 00000003 00000004",
                Line::Record,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Line::parse(text), expected, "{text}");
        }
        for text in [
            "",
            "error panicked",
            "warn  alarm raised at reading x: stuck (0), high",
            "debug reading 7: [12.5, a], log-density -3.5, normal",
            "debug reading 7: value",
        ] {
            assert_eq!(Line::parse(text), Line::Other(text.into()));
        }
        assert!(matches!(
            Line::parse("info  reading 0: [1.0], log-density -inf, invalid"),
            Line::Reading { log_density, .. } if log_density == f32::NEG_INFINITY
        ));
    }
}
