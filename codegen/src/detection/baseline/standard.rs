//! Rows standardised by the training rows: mean 0, deviation 1 in every column; a constant column keeps its unit.

#[derive(Clone, Debug)]
pub(super) struct Standard {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standard {
    pub fn of(rows: &[f32], dim: usize) -> Self {
        let count = (rows.len() / dim.max(1)).max(1) as f64;
        let column = |at: usize| rows.iter().skip(at).step_by(dim).copied().map(f64::from);
        let mean: Vec<f64> = (0..dim).map(|at| column(at).sum::<f64>() / count).collect();
        let deviation = |(at, mean): (usize, &f64)| {
            let variance = column(at).map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let deviation = variance.sqrt();
            // What rounding leaves of a constant is no deviation.
            let constant =
                deviation <= mean.abs() * 1e-7 || deviation < f64::from(f32::MIN_POSITIVE);
            if constant { 1.0 } else { deviation }
        };
        let scale = mean.iter().enumerate().map(deviation).collect();
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
