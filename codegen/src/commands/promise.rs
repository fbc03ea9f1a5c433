//! What is said of a threshold, wherever one is set.

use crate::calibration::{
    AlarmSettings, Calibration, Interval, Method, Resemblance, rate_words, time_words,
};
pub(crate) use crate::output::percent;

/// Effective rows below this share of the rows are pointed out.
const ALIKE: f64 = 0.95;

/// A count of rows, to two digits.
fn about(rows: usize) -> usize {
    let step = 10_usize.pow(rows.max(1).ilog10().saturating_sub(1));
    rows.div_ceil(step) * step
}

/// Says the threshold, what it promises, and what a longer record would bring.
#[must_use]
pub(crate) fn sentences(calibration: &Calibration) -> String {
    use std::fmt::Write as _;
    let Calibration {
        threshold,
        false_alarm_rate: rate,
        asked_false_alarm_rate: asked,
        rows,
        effective_rows: effective,
        interval: Interval { share, low, high },
        method,
    } = *calibration;
    let which = match method {
        Method::HeldOut => "held-out rows",
        Method::StoppingRows => "held-out rows that also decided when to stop",
        Method::CrossValidation => {
            "rows, each scored by a model that was trained without it and its neighbours"
        }
        Method::GivenRows => "rows",
    };
    let mut text = format!(
        "threshold {threshold:.4} nats: at most {} false alarms on normal rows, by {rows} {which}\n",
        percent(rate)
    );
    let _ = writeln!(
        text,
        "  of as many new normal rows {} to {} lie below it, in {} of 100 cases",
        percent(low),
        percent(high),
        100.0 * share
    );
    if effective < ALIKE * rows as f64 {
        let _ = writeln!(
            text,
            "  rows resemble their neighbours: they stand for {} independent ones",
            effective.round()
        );
    }
    if method == Method::StoppingRows {
        text += "  the training has seen these rows: new ones may raise more alarms; nvpico calibrate sets a threshold on others\n";
    }
    let more = |rows: Option<usize>| match rows {
        Some(rows) => format!("about {} rows more", about(rows)),
        None => "more rows than there are".to_owned(),
    };
    if rate > asked {
        let _ = writeln!(
            text,
            "  too few for the {} asked for: that takes {} like these",
            percent(asked),
            more(calibration.rows_to_carry())
        );
    }
    if let Some(rows) = calibration.rows_to_narrow()
        && rows > 0
    {
        let _ = writeln!(
            text,
            "  a wide range: {} would bring its end below {}",
            more(Some(rows)),
            percent(2.0 * asked)
        );
    }
    text
}

/// Says what the alarm promises, and what record the wish would need.
#[must_use]
pub(crate) fn alarm_sentences(alarm: Option<&AlarmSettings>) -> String {
    use std::fmt::Write as _;
    let Some(alarm) = alarm else {
        return "no alarm: the record is too short to set its limits, which takes 3 rows at least\n".into();
    };
    let rate = alarm.rate;
    let mut text = format!(
        "alarm: at most {} false in 95 of 100 records, {} expected, not counting guards; limits from {} blocks of {}\n",
        rate_words(alarm.promised, rate),
        rate_words(alarm.expected, rate),
        alarm.blocks,
        time_words(alarm.hold_off.into(), rate)
    );
    if alarm.has_short_blocks() {
        let _ = writeln!(
            text,
            "  a block is only {:.0} times as long as the correlation, not 20: a longer record makes the promise firmer",
            alarm.correlations
        );
    }
    if let (Some(readings), Some(asked)) = (alarm.readings_to_carry(), alarm.asked()) {
        let _ = writeln!(
            text,
            "  the {} asked for takes a record of {}; with these limits a fit to the tail of the blocks gives {}: an estimate, not a promise",
            rate_words(asked, rate),
            time_words(readings, rate),
            rate_words(alarm.estimated, rate)
        );
    }
    if rate.is_none() {
        text += "  the files have no column of times: --rate, such as --rate 1Hz, gives the alarm its time\n";
    }
    text
}

/// How rows differ from those that the threshold was chosen on, where a test says that they do.
#[must_use]
pub(crate) fn difference(found: &Resemblance, rows: &str) -> Option<String> {
    use std::fmt::Write as _;
    let mut text = String::new();
    if found.more_alarms {
        let _ = writeln!(
            text,
            "More of {rows} are called anomalous ({}) than chance explains in rows like those it was set on (probability {:.1e}).",
            percent(found.anomalous_share),
            found.probability
        );
    }
    if let Some(p_value) = found.mean_p_value.filter(|_| found.less_likely) {
        let _ = writeln!(
            text,
            "The others among {rows} are less likely than those it was set on (mean p-value {p_value:.2}, expected 0.5): unlike the rows it was \
             trained on."
        );
    }
    if text.is_empty() {
        return None;
    }
    text.push_str(
        "If the machine's normal state has changed, train again on new rows, or set the threshold anew with nvpico calibrate.\n",
    );
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_told_what_is_missing() {
        let rows: Vec<f32> = (0..50).map(|i| ((i * 37) % 50) as f32).collect();
        let found = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
        let text = sentences(&found);
        for words in [
            "at most 2 %",
            "by 50 rows",
            "1 % asked",
            "about 49 rows more",
            "about 850 rows",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("independent"), "{text}");
        assert!(!text.contains("has seen"), "{text}");
        let seen = Calibration::of(&rows, 0.01, Method::StoppingRows).unwrap();
        assert!(sentences(&seen).contains("the training has seen these rows"));
        let never = Calibration::of(&rows, 0.0, Method::GivenRows).unwrap();
        assert!(sentences(&never).contains("more rows than there are"));
    }
}
