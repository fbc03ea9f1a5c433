//! Whether the right sensor is blamed: on a simulated machine it is known which ones a fault moves.

use std::collections::BTreeMap;

use serde::Serialize;

use super::subject::Subject;
use crate::data::Table;
use crate::deploy::Ready;
use crate::evaluation::{Blame, blame_rows, score_rows};
use crate::output::TextTable;

/// How often the first sensor that is blamed is one that the fault moves, over the rows with a fault that are not normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Rows with a fault that are not normal.
    pub alarms: usize,
    /// Rows among them on which the first one that is blamed is right.
    pub right: usize,
}

impl Right {
    fn note(&mut self, is_right: bool) {
        self.alarms += 1;
        self.right += usize::from(is_right);
    }

    /// From 0 to 1; `None` without alarms.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.alarms > 0).then(|| self.right as f64 / self.alarms as f64)
    }
}

/// The same of all faults and of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirstBlamed {
    /// All faults together.
    pub all: Right,
    /// By the fault's name.
    pub by_fault: BTreeMap<&'static str, Right>,
}

impl FirstBlamed {
    /// Of the rows of a recording; `None` where it is not known which sensors a fault moves.
    ///
    /// # Errors
    /// A model without a threshold or ranges.
    pub fn of(
        ready: &Ready<'_>,
        table: &Table,
        subject: &dyn Subject,
    ) -> anyhow::Result<Option<Self>> {
        let Some(moved) = subject.moved() else {
            return Ok(None);
        };
        let mut scores = score_rows(ready, table);
        blame_rows(&Blame::new(ready, table, 1)?, &mut scores);
        let mut own = Self::default();
        let rows = scores.iter().zip(subject.faults()).zip(moved);
        for ((score, fault), moved) in rows {
            let blamed = score.blamed.as_deref().unwrap_or_default();
            let (Some(fault), false) = (fault, score.decision == Some("normal")) else {
                continue;
            };
            let first = blamed.first().map(|blamed| &blamed.column);
            let is_right = moved.iter().any(|&at| first == Some(&table.columns[at]));
            own.all.note(is_right);
            own.by_fault.entry(fault).or_default().note(is_right);
        }
        Ok(Some(own))
    }

    /// As text.
    #[must_use]
    pub fn report(&self) -> String {
        let percent = |own: &Right| {
            let share = own.share();
            share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
        };
        let mut table = TextTable::new(&["fault", "rows found", "blamed first"]);
        for (name, own) in &self.by_fault {
            table.row([name.replace('_', " "), own.alarms.to_string(), percent(own)]);
        }
        let all = &self.all;
        table.row(["all".to_owned(), all.alarms.to_string(), percent(all)]);
        format!(
            "\n{table}blamed first: share of the rows found on which the first sensor that is blamed is one that the fault moves\n"
        )
    }
}
