//! The alarm of a model and the guards of its values, as Rust text.

use std::fmt::Write as _;

use crate::calibration::{GuardLimits, rate_words};
use crate::deploy::{CountedGuard, Engine, Ready, ReadyAlarm};

/// What a program needs to watch readings.
const MONITOR: &str = "/// Threshold, ranges, guards and alarm.
pub type Monitor = nvpico::detector::Monitor<Value, DIM, { GUARDS.len() }, { DWELL.len() }>;

/// A monitor without evidence yet. In a `const`, a model without an alarm does not compile.
///
/// # Panics
/// The model has no alarm; in a `const` that is an error of the compiler.
pub const fn monitor() -> Monitor {
    let (Some(threshold), Some(alarm)) = (THRESHOLD, ALARM) else {
        panic!(\"the model has no alarm: `nvpico calibrate` sets one by normal readings\")
    };
    let criterion = FLOW.anomalous_below(threshold).or_outside(RANGES);
    match Monitor::new(criterion, alarm, &GUARDS, &DWELL) {
        Ok(monitor) => monitor,
        Err(error) => panic!(\"{}\", error.message()),
    }
}
";

/// The constants of the alarm; `None` and no guards in the module of a model without one.
pub(super) fn write(out: &mut String, ready: &Ready<'_>) {
    let settings = ready.model.header.alarm.as_ref();
    let alarm = settings.zip(ready.alarm());
    match &alarm {
        Some((settings, _)) => line!(
            out,
            "/// When `nvpico::detector::Monitor` raises its alarm: at most {} false in 95 of 100 records.",
            rate_words(settings.promised, settings.rate)
        ),
        None => line!(
            out,
            "/// No alarm: `nvpico calibrate` sets one by normal readings."
        ),
    }
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub const ALARM: Option<nvpico::detector::AlarmSpec<'static>> = {};",
        alarm.as_ref().map_or_else(|| "None".into(), |(settings, own)| {
            let charts: Vec<String> = (settings.charts.iter())
                .map(|chart| {
                    let lower = chart.lower.map_or_else(String::new, |own| format!(".with_lower({own})"));
                    format!(
                        "        nvpico::detector::Chart::new({}, {}, {}){lower},\n",
                        chart.shift, chart.most, chart.upper
                    )
                })
                .collect();
            format!(
                "Some(nvpico::detector::AlarmSpec::new(\n    {},\n    &[\n{}    ],\n    {},\n))",
                table(own),
                charts.concat(),
                settings.hold_off
            )
        })
    );
    line!(out, "");
    let guards = alarm
        .as_ref()
        .map_or(&[][..], |(settings, _)| &settings.guards);
    line!(
        out,
        "/// What no value does while its sensor works, in the order of the values; none for maps."
    );
    line!(out, "#[rustfmt::skip]");
    line!(
        out,
        "pub static GUARDS: [nvpico::detector::GuardSpec<Value>; {}] = [",
        guards.len()
    );
    for (at, limits) in guards.iter().enumerate() {
        let text = match &ready.engine {
            Engine::Float(_) => guard(limits, &limits.seen, limits.quiet, limits.jump),
            Engine::Integer(quantized) => {
                let unit = quantized.units.get(at).copied().unwrap_or_default();
                let own = CountedGuard::of(limits, unit);
                guard(limits, &own.seen, own.quiet, own.jump)
            }
        };
        line!(out, "    nvpico::detector::GuardSpec::none(){text},");
    }
    line!(out, "];");
    line!(out, "");
    let dwell = settings.map_or(&[][..], |settings| &settings.dwell);
    line!(
        out,
        "/// Limits of `nvpico::detector::Dwell`: how much of the last readings each component of the mixture may have; none for other models."
    );
    line!(out, "#[rustfmt::skip]");
    line!(out, "pub static DWELL: [u16; {}] = {dwell:?};", dwell.len());
    line!(out, "");
    line!(out, "{MONITOR}");
}

fn table(own: &ReadyAlarm) -> String {
    let rows: Vec<String> = (own.table.quantiles.iter())
        .map(|(log_prob, rate)| {
            format!("        nvpico::detector::Quantile::new({log_prob}, {rate}),\n")
        })
        .collect();
    format!(
        "nvpico::detector::QuantileTable::new(&[\n{}    ], {}, {})",
        rows.concat(),
        own.table.first,
        own.table.tail
    )
}

fn guard<V: std::fmt::Debug>(
    limits: &GuardLimits,
    seen: &[V; 2],
    quiet: Option<V>,
    jump: Option<V>,
) -> String {
    let mut text = String::new();
    if let Some(most) = limits.repeats {
        let _ = write!(text, ".with_repeats({most})");
    }
    if let Some(most) = limits.at_limit {
        let _ = write!(text, ".with_limits({seen:?}, {most})");
    }
    if let Some(least) = quiet {
        let _ = write!(text, ".with_quiet({least:?})");
    }
    if let Some(most) = jump {
        let _ = write!(text, ".with_jump({most:?})");
    }
    text
}
