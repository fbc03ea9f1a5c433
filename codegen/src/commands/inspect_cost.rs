//! The part of `nvpico inspect` that prints what a score will cost on a core.

use std::fmt::Write as _;

use crate::deploy::cost::CycleSource;
use crate::inspection::CoreCost;
use crate::output::TextTable;

/// A core's clock in hertz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock(f64);

impl std::str::FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let short = text.trim_end_matches("Hz");
        let (number, unit) = match short.chars().last() {
            Some('k') => (&short[..short.len() - 1], 1e3),
            Some('M') => (&short[..short.len() - 1], 1e6),
            Some('G') => (&short[..short.len() - 1], 1e9),
            _ => (short, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(value) if value > 0.0 && value.is_finite() => Ok(Self(value * unit)),
            _ => Err("write it as 48M, 16MHz or 32768".into()),
        }
    }
}

impl Clock {
    /// The clock in hertz.
    pub(super) fn hertz(self) -> f64 {
        self.0
    }
}

/// The costs as text; empty without costs.
#[must_use]
pub fn report(costs: &[CoreCost]) -> String {
    let mut out = String::new();
    let Some(known) = costs.iter().find_map(|own| own.cost) else {
        for own in costs {
            let reason = own.not_measured.as_deref().unwrap_or("not measured");
            let _ = writeln!(out, "{} {}: {reason}", own.core, own.precision);
        }
        return out;
    };
    let timed = costs.iter().any(|own| own.seconds.is_some());
    let mut header = vec![
        "core",
        "precision",
        "flash B",
        "parameters B",
        "static RAM B",
        "stack B",
        "instructions",
        "cycles",
    ];
    if timed {
        header.push("ms a score");
    }
    let mut table = TextTable::new(&header);
    for own in costs {
        let Some(cost) = own.cost else { continue };
        let figures = [
            cost.flash_bytes.to_string(),
            cost.parameter_bytes.to_string(),
            cost.static_ram_bytes.to_string(),
            cost.stack_bytes.to_string(),
            cost.instructions.to_string(),
            cost.cycles.to_string(),
        ];
        let names = [own.core.to_string(), own.precision.to_string()];
        let time = own.seconds.map(|s| format!("{:.3}", 1e3 * s));
        table.row(names.into_iter().chain(figures).chain(time));
    }
    let _ = writeln!(out, "{table}");
    for own in costs.iter().filter(|own| own.cost.is_none()) {
        let reason = own.not_measured.as_deref().unwrap_or("not measured");
        let _ = writeln!(out, "{} {}: {reason}", own.core, own.precision);
    }
    let _ = writeln!(
        out,
        "exact: parameters, static RAM, {} multiply-accumulates\n\
         estimates: the engine's code in flash, stack and instructions, within about 5 % of what `nvpico verify` \
         measures",
        known.multiply_accumulates
    );
    for (source, text) in [
        (
            CycleSource::Timings,
            "cycles on the M4F: fitted to the Cortex-M4's documented instruction timings, no wait states",
        ),
        (
            CycleSource::Mix,
            "cycles on other cores: instructions times the mean of documented timings; a rough estimate, no wait states",
        ),
    ] {
        let is_there = |own: &CoreCost| own.cost.is_some_and(|cost| cost.cycle_source == source);
        if costs.iter().any(is_there) {
            let _ = writeln!(out, "{text}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_have_units() {
        for (text, hertz) in [
            ("48M", 48e6),
            ("16MHz", 16e6),
            ("32768", 32768.0),
            ("1.5GHz", 1.5e9),
            ("32kHz", 32e3),
        ] {
            assert_eq!(text.parse(), Ok(Clock(hertz)), "{text}");
        }
        for text in ["", "M", "-3M", "inf", "48 apples"] {
            assert!(text.parse::<Clock>().is_err(), "{text}");
        }
    }
}
