//! Rows standardised by the training rows: mean 0, deviation 1 in every column; a constant column keeps its unit.

use crate::fit::gaussian::moments;

#[derive(Clone, Debug)]
pub(super) struct Standard {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standard {
    pub fn of(rows: &[f32], dim: usize) -> Self {
        let (mean, scale) = moments(rows, dim);
        Self { mean, scale }
    }

    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// What the log-density of a standardised row is larger by than that of the row itself.
    pub fn log_scale(&self) -> f64 {
        self.scale.iter().map(|scale| scale.ln()).sum()
    }

    pub fn rows(&self, rows: &[f32]) -> Vec<f64> {
        let known = self.mean.iter().zip(&self.scale).cycle();
        rows.iter()
            .zip(known)
            .map(|(value, (mean, scale))| (f64::from(*value) - mean) / scale)
            .collect()
    }
}
