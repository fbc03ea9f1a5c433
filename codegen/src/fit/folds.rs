//! Scores of all rows by models that did not see them.
//!
//! A fold's model is trained like the final one, early stopping and fine-tuning included, on the rows without the fold's
//! part and the gaps beside it; where a column names machines, a part is whole machines. Its scores of that part are like those that the final model will give to new rows, so the pooled scores
//! of all folds calibrate the final model (CV+: Barber, Candès, Ramdas and Tibshirani 2021, Annals of Statistics 49). Where that model has
//! more rows to train on than a fold's, it is a little better than they promise.

use anyhow::Context as _;
use rayon::prelude::*;

use super::fitted::{Decided, Fitted, Rows, fit_rows};
use super::groups;
use super::settings::Settings;
use super::split::{self, Split};
use crate::data::Table;
use crate::deploy::AllScores;
use nvpico::train::Epoch;

/// What the folds need to know besides the table.
pub(super) struct Plan<'a> {
    pub settings: &'a Settings,
    pub folds: usize,
    /// Rows that resemble a row.
    pub correlated: usize,
    /// Epochs of the final model's training: no fold has more.
    pub epochs: usize,
    /// What the final model's rows decided.
    pub decided: &'a Decided,
}

/// Scores in the order of the rows; `None` where `on_epoch` ended a training. The folds run in parallel, and each gives the same
/// scores whatever runs beside it.
pub(super) fn scores(
    table: &Table,
    plan: &Plan<'_>,
    on_epoch: &(impl Fn(&Epoch) -> bool + Sync),
) -> anyhow::Result<Option<AllScores>> {
    let dim = table.dim();
    let settings = Settings {
        epochs: plan.epochs,
        ..plan.settings.clone()
    };
    let folds = match &table.groups {
        Some(groups) => groups::folds(groups, plan.folds),
        None => split::folds(table.rows, plan.folds, plan.correlated),
    };
    let fit = |fold: &split::Fold| -> anyhow::Result<Option<AllScores>> {
        let others = split::values(table, &fold.others);
        let rows = others.len() / dim;
        let machines: Option<Vec<u32>> = table.groups.as_ref().map(|groups| {
            let own = fold.others.iter().cloned().flatten();
            own.map(|row| groups[row]).collect()
        });
        let inner = match machines {
            Some(machines) if groups::machines_of(&machines) > 1 => {
                groups::split(&machines, settings.held_out)?
            }
            _ => Split::new(rows, settings.held_out, settings.split, 0),
        };
        let of = |stretches: &split::Stretches| -> Vec<f32> {
            let values =
                |range: &std::ops::Range<usize>| &others[range.start * dim..range.end * dim];
            stretches.iter().flat_map(values).copied().collect()
        };
        let (rows, stop) = (of(&inner.train), of(&inner.held_out));
        let Fitted { model, ended, .. } = fit_rows(
            table,
            &settings,
            Rows {
                train: &rows,
                stop: &stop,
                join: true,
            },
            Some(plan.decided),
            |_, epoch| on_epoch(epoch),
        )?;
        if ended {
            return Ok(None);
        }
        let mut scores = model.scores_of(&split::values(table, &fold.scored))?;
        if scores.integers.is_none() {
            // The final model has a form in integers if it can; its floats differ from it by the rounding alone.
            scores.integers = Some([scores.floats.clone(), scores.floats.clone()]);
        }
        Ok(Some(scores))
    };
    let parts: anyhow::Result<Vec<_>> = folds.par_iter().map(fit).collect();
    let parts = parts.context(
        "cross-validation: a model of a part of the rows cannot be trained; --folds 0 calibrates on held-out rows",
    )?;
    let Some(parts) = parts.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let gather = |of: &dyn Fn(&AllScores) -> &[f32]| {
        let mut all = vec![0.0; table.rows];
        for (fold, part) in folds.iter().zip(&parts) {
            let rows = fold.scored.iter().cloned().flatten();
            for (row, score) in rows.zip(of(part)) {
                all[row] = *score;
            }
        }
        all
    };
    let integers =
        |at: usize| gather(&|scores| scores.integers.as_ref().map_or(&[][..], |own| &own[at][..]));
    Ok(Some(AllScores {
        floats: gather(&|scores| &scores.floats),
        integers: Some([integers(0), integers(1)]),
    }))
}
