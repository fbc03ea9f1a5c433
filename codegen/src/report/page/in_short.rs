//! The first thing on the page: what was learned, promised and found, and what to do.

use super::html::{counted, figure, maybe, text};
use crate::calibration::{rate_words, time_words};
use crate::findings::{AlarmFindings, Findings, density_words};
use crate::output::percent;

pub(super) fn body(findings: &Findings) -> String {
    let steps: String = next_steps(findings)
        .into_iter()
        .map(|step| format!("<li>{step}</li>"))
        .collect();
    format!(
        "<dl class=\"short\">\n<dt>Learned</dt><dd>{}</dd>\n<dt>Promised</dt><dd>{}</dd>\n<dt>Found</dt><dd>{}</dd>\n\
         <dt>What to do next</dt><dd><ul>{steps}</ul></dd>\n</dl>\n",
        learned(findings),
        promised(findings),
        found(findings)
    )
}

fn learned(findings: &Findings) -> String {
    let model = &findings.model;
    let what = match model.map_shape {
        Some([channels, height, width]) => {
            format!("maps of {channels} x {height} x {width} values")
        }
        None => format!(
            "{} values a reading",
            counted("/model/values", model.values)
        ),
    };
    let from = if model.train_rows > 0 {
        format!(
            " from {} normal rows",
            counted("/model/train_rows", model.train_rows)
        )
    } else {
        String::new()
    };
    let density = density_words(model.couplings, &model.base, model.kernels);
    let better = match (model.held_out_log_prob, model.gaussian_log_prob) {
        (Some(own), Some(gaussian)) if (own - gaussian).is_finite() => format!(
            " On rows that it did not train on it is {:.2} nats a row {} than a Gaussian.",
            (own - gaussian).abs(),
            if own > gaussian { "better" } else { "worse" }
        ),
        _ => String::new(),
    };
    format!("The density of {what}{from}: {}.{better}", text(&density))
}

fn promised(findings: &Findings) -> String {
    let mut said = Vec::new();
    if let Some(alarm) = &findings.alarm {
        let promise = &alarm.promise;
        said.push(format!(
            "False alarms: at most {}, in 95 of 100 records; guards of single values and of states are apart.",
            figure(
                "/alarm/promise/promised",
                promise.promised,
                &rate_words(promise.promised, promise.rate)
            )
        ));
    }
    if let Some(own) = &findings.model.calibration {
        said.push(format!(
            "At most {} of single normal readings are below the threshold of {} nats.",
            figure(
                "/model/calibration/false_alarm_rate",
                own.false_alarm_rate,
                &percent(own.false_alarm_rate)
            ),
            maybe("/threshold", findings.threshold, super::html::nats)
        ));
    }
    if said.is_empty() {
        return "Nothing: the model is not calibrated.".into();
    }
    said.join(" ")
}

fn found(findings: &Findings) -> String {
    let mut said = Vec::new();
    if let Some(alarm) = &findings.alarm {
        said.push(found_by_alarm(alarm));
    }
    if let Some(own) = &findings.separation {
        said.push(format!(
            "Row by row, the area under the ROC curve is {}.",
            figure("/separation/area", own.area, &format!("{:.3}", own.area))
        ));
    } else if findings.threshold.is_some() {
        let normal = &findings.densities.normal;
        said.push(format!(
            "{} of {} rows are below the threshold.",
            maybe(
                "/densities/normal/below_threshold",
                normal.below_threshold,
                super::html::count
            ),
            counted("/densities/normal/rows", normal.rows)
        ));
    }
    let named: Vec<String> = blamed_most(findings)
        .iter()
        .map(|name| format!("<b>{}</b>", text(name)))
        .collect();
    if !named.is_empty() {
        said.push(format!(
            "In the worst alarms, the value to blame first is {}.",
            named.join(", ")
        ));
    }
    said.join(" ")
}

fn found_by_alarm(alarm: &AlarmFindings) -> String {
    let outcome = &alarm.outcome;
    let over = time_words(outcome.normal_rows as f64, outcome.rate);
    let mut text = match &outcome.episodes {
        Some(own) if own.episodes > 0 => {
            let delay = own.median_delay.map_or_else(String::new, |delay| {
                format!(
                    ", with a median delay of {}",
                    figure(
                        "/alarm/outcome/episodes/median_delay",
                        delay,
                        &time_words(delay, outcome.rate)
                    )
                )
            });
            format!(
                "The alarm finds {} of {} labelled episodes{delay}. ",
                counted("/alarm/outcome/episodes/found", own.found),
                counted("/alarm/outcome/episodes/episodes", own.episodes)
            )
        }
        _ => String::new(),
    };
    let of = if outcome.episodes.is_some() {
        "false alarms"
    } else {
        "alarms"
    };
    text += &format!(
        "There are {} {of}, {} of them by guards, in {over} of {}rows.",
        counted("/alarm/outcome/raised", outcome.raised),
        counted("/alarm/outcome/by_guards", outcome.by_guards),
        if outcome.episodes.is_some() {
            "normal "
        } else {
            ""
        }
    );
    text
}

/// The values that are blamed first, the most frequent ones first.
fn blamed_most(findings: &Findings) -> Vec<String> {
    let mut names: Vec<(String, usize)> = Vec::new();
    for own in findings.events.iter().filter_map(|event| {
        event
            .guarded
            .as_ref()
            .or(Some(&event.blamed.first()?.column))
    }) {
        match names.iter_mut().find(|(name, _)| name == own) {
            Some((_, times)) => *times += 1,
            None => names.push((own.clone(), 1)),
        }
    }
    names.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    names.into_iter().take(3).map(|(name, _)| name).collect()
}

/// What to do, by what was found; markup.
fn next_steps(findings: &Findings) -> Vec<String> {
    let mut steps = Vec::new();
    let model = text(&crate::data::shell_quoted(&findings.model.file));
    if findings.model.calibration.is_none() {
        steps.push(format!(
            "Set a threshold from normal rows: <code>nvpico calibrate --model {model} --data normal.csv --out {model}</code>"
        ));
    }
    if let Some(found) = findings.uniformity.as_ref().and_then(|own| own.resemblance)
        && !found.alike()
    {
        steps.push(
            "The normal rows of this data are less likely than those the threshold was set on. See <a href=\"#uniformity\">whether it \
             changes with time</a>. If the machine's normal state has changed, train again on new rows, or set the threshold anew with \
             <code>nvpico calibrate</code>."
                .into(),
        );
    }
    if let Some(alarm) = &findings.alarm {
        let unproved = |own: &&crate::findings::Stretch| own.is_right != Some(true);
        let to_check = alarm.stretches.iter().filter(unproved).count();
        if to_check > 0 {
            steps.push(
                "Look at <a href=\"#events\">the worst alarms</a>: were they faults? Rows with a fault do not belong into the normal data; normal \
                 ones that the record did not have do."
                    .into(),
            );
        }
        if let Some(readings) = alarm.promise.readings_to_carry {
            steps.push(format!(
                "Record more: this record is too short to promise less, however well the machine behaves. What was asked for, {}, takes a record of {}.",
                alarm
                    .promise
                    .asked
                    .map_or_else(String::new, |asked| rate_words(asked, alarm.promise.rate)),
                figure(
                    "/alarm/promise/readings_to_carry",
                    readings,
                    &time_words(readings, alarm.promise.rate)
                )
            ));
        }
    }
    if findings.data.anomalous_rows.is_none() {
        steps.push(
            "With rows that have faults, and a column that labels them, <code>--label COLUMN</code> shows what is found."
                .into(),
        );
    }
    steps.push(format!(
        "Measure it on the emulated chip, then export it: <code>nvpico verify --model {model} --data FILE</code>, \
         <code>nvpico export --model {model} --out model.rs</code>"
    ));
    steps
}
