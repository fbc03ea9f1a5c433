//! The demo's alarms in time, beside single readings at a threshold.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::calibration::{rate_words, time_words};
use crate::data::Table;
use crate::deploy::ScoredTable;
use crate::deployed::log_probs;
use crate::evaluation::{Alarms, Episodes, alarms, by_single_readings, episodes, gaussian_scores};
use crate::metrics;
use crate::model::Model;
use crate::output::TextTable;

/// The alarm over another day of normal rows and over the faults; beside it single readings of the model and of a Gaussian, at a
/// threshold that is false as often on the other day.
#[derive(Debug, Serialize)]
pub(super) struct InTime {
    /// Over another day.
    another_day: Option<Alarms>,
    /// Over the faults.
    faults: Option<Alarms>,
    /// Single readings of the model, by fault.
    single_readings: BTreeMap<&'static str, Episodes>,
    /// Single readings of a Gaussian, by fault.
    gaussian: BTreeMap<&'static str, Episodes>,
}

impl InTime {
    pub(super) fn of(
        model: &Model,
        [normal, another_day, labelled]: [&Table; 3],
        faults: &[Option<&'static str>],
        gaussian: &[f64],
    ) -> anyhow::Result<Self> {
        let ready = model.ready(None)?;
        let labels: Vec<bool> = faults.iter().map(Option::is_some).collect();
        let episodes = episodes(&labels, faults);
        let blocks = (model.header.alarm.as_ref())
            .map_or((1, 1), |alarm| (alarm.hold_off as usize, alarm.rank));
        let by_fault = |delays: Vec<Option<usize>>| Episodes::by_fault(&episodes, &delays, faults);
        let [day, with_faults] = [another_day, labelled].map(|table| ready.scored(table));
        let scores = |scored: &ScoredTable| metrics::scores(&log_probs(&scored.scores));
        let other = gaussian_scores(&normal.values, another_day);
        Ok(Self {
            another_day: alarms(&ready, another_day, &day, &[]),
            faults: alarms(&ready, labelled, &with_faults, faults),
            single_readings: by_fault(by_single_readings(
                &scores(&day),
                blocks,
                &scores(&with_faults),
                &episodes,
            )),
            gaussian: by_fault(by_single_readings(&other, blocks, gaussian, &episodes)),
        })
    }

    /// As text.
    pub(super) fn report(&self) -> String {
        let (Some(day), Some(faults)) = (&self.another_day, &self.faults) else {
            return "\nno alarm: the record is too short to set its limits\n".into();
        };
        let rate = day.rate;
        let words = |own: Option<&Episodes>| match own {
            Some(Episodes {
                episodes,
                found,
                median_delay: Some(delay),
                ..
            }) => {
                format!("{found} of {episodes}, {}", time_words(*delay, rate))
            }
            Some(own) => format!("0 of {}", own.episodes),
            None => "-".into(),
        };
        let mut table = TextTable::new(&[
            "episodes found, delay",
            "alarm",
            "single readings",
            "Gaussian",
        ]);
        for (name, own) in &faults.by_fault {
            table.row([
                name.replace('_', " "),
                words(Some(own)),
                words(self.single_readings.get(name)),
                words(self.gaussian.get(name)),
            ]);
        }
        format!(
            "\n{table}single readings: at a threshold that is false as often as the alarm, set on the other day\n\
             alarms on another day of normal rows: {} in {}; promised: at most {}\n",
            day.raised,
            time_words(day.normal_rows as f64, rate),
            rate_words(day.promised, rate)
        )
    }
}
