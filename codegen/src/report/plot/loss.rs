//! How a training went: mean log-density, epoch by epoch.

use plotters::prelude::*;

use super::axes::{Axes, KEYS, Look, WIDTH, chart, keys};
use super::{BLUE, DARK, ORANGE, PlotError, draw, fail};
use crate::model::EpochLoss;

const HEIGHT: u32 = 280;
/// The first epochs are far below the others: the axis begins with the epoch at this part of the training.
const SETTLED: f64 = 0.05;

/// The curves of the training rows and of the held-out ones, with the epoch that was kept.
///
/// # Errors
/// When plotters cannot draw it.
pub fn loss_curves(history: &[EpochLoss], best_epoch: usize) -> Result<String, PlotError> {
    let settled = (SETTLED * history.len() as f64).ceil() as usize;
    let shown = history
        .iter()
        .skip(settled.min(history.len().saturating_sub(2)));
    let values: Vec<f64> = shown
        .flat_map(|epoch| [f64::from(epoch.train), f64::from(epoch.held_out)])
        .collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low <= high {
        (low, high)
    } else {
        (-1.0, 1.0)
    };
    let span = (high - low).max(1e-3);
    let (low, high) = (low - 0.08 * span, high + 0.08 * span);
    let last = history.last().map_or(1, |epoch| epoch.epoch).max(2) as f64;
    let mut entries = vec![
        (Look::Dashes, ORANGE, "training rows, with noise".to_owned()),
        (Look::Line, BLUE, "held-out rows".into()),
    ];
    // A long history is thinned. Number 0 is the start, which no epoch was better than.
    let best = (history.iter())
        .filter(|_| best_epoch > 0)
        .min_by_key(|epoch| epoch.epoch.abs_diff(best_epoch));
    if best.is_some() {
        entries.push((Look::Circle, DARK, format!("kept: epoch {best_epoch}")));
    }
    draw((WIDTH, HEIGHT), |area| {
        let (above, rest) = area.split_vertically(KEYS);
        keys(&above, &entries)?;
        let axes = Axes {
            x: "epoch",
            y: "mean log-density, nats",
            x_ticks: 8,
            y_ticks: 6,
            x_lines: false,
        };
        let mut chart = chart(&rest, 1.0..last, low..high, &axes)?;
        let place =
            |epoch: &EpochLoss, value: f32| (epoch.epoch as f64, f64::from(value).clamp(low, high));
        let train = history.iter().map(|epoch| place(epoch, epoch.train));
        let held_out = history.iter().map(|epoch| place(epoch, epoch.held_out));
        chart
            .draw_series(DashedLineSeries::new(train, 6, 4, ORANGE.stroke_width(2)))
            .map_err(|error| fail(&error))?;
        chart
            .draw_series([PathElement::new(
                held_out.collect::<Vec<_>>(),
                BLUE.stroke_width(2),
            )])
            .map_err(|error| fail(&error))?;
        if let Some(epoch) = best {
            let at = place(epoch, epoch.held_out);
            chart
                .draw_series([Circle::new(at, 6, DARK.stroke_width(2))])
                .map_err(|error| fail(&error))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_epoch_and_none_are_drawn() {
        let epoch = EpochLoss {
            epoch: 1,
            train: -2.0,
            held_out: -3.0,
        };
        assert!(loss_curves(&[epoch], 1).unwrap().contains("kept: epoch 1"));
        assert!(!loss_curves(&[], 0).unwrap().contains("kept"));
    }
}
