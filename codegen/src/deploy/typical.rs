//! Typical readings: what blame compares a reading with that is not normal.

use nvpico::train::mixture::cluster;

use crate::model::{Model, Typical};

/// The most typical readings, and the most values of all of them: they are in the model file and on the chip.
const MOST: usize = 32;
const MOST_VALUES: usize = 8_192;
/// Rows that are looked at.
const MOST_ROWS: usize = 8_192;
/// The least likely rows are not typical: one of so many.
const UNLIKELY: usize = 10;
/// The same rows give the same readings.
const SEED: u64 = 1;

impl Model {
    /// Takes note of the values of normal rows (row-major), and of typical ones among them.
    pub fn note_normal(&mut self, rows: &[f32]) {
        self.note_values(rows);
        self.note_typical(rows);
    }

    /// Takes typical readings of normal rows (row-major): the likeliest row of each of some clusters. The scale of a value is its
    /// standard deviation. A model of maps gets none.
    pub fn note_typical(&mut self, rows: &[f32]) {
        let [_, height, width] = self.header.spec.shape.0;
        let dim = self.header.spec.dim();
        let rows: Vec<&[f32]> = rows.chunks_exact(dim.max(1)).collect();
        if height * width > 1 || dim == 0 || rows.is_empty() {
            return;
        }
        // Evenly over the recording.
        let count = rows.len().min(MOST_ROWS);
        let rows: Vec<&[f32]> = (0..count).map(|at| rows[at * rows.len() / count]).collect();
        let log_probs = self.deploy().log_probs(&rows.concat());
        let scales = scales(&rows, dim);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| log_probs[b].total_cmp(&log_probs[a]));
        order.truncate((count - count / UNLIKELY).max(1));
        let scaled = order.iter().flat_map(|&row| {
            let values = rows[row].iter().zip(&scales);
            values.map(|(&x, &scale)| f64::from(x) / f64::from(scale))
        });
        let scaled: Vec<f64> = scaled.collect();
        let clusters = MOST.min(MOST_VALUES / dim).min(order.len()).max(1);
        let labels = cluster(&scaled, dim, clusters, SEED).labels;
        // The likeliest come first.
        let likeliest = (0..clusters)
            .filter_map(|own| labels.iter().position(|&label| label == own))
            .map(|at| rows[order[at]].to_vec());
        self.header.typical = Some(Typical {
            readings: likeliest.collect(),
            scales,
        });
    }
}

/// The standard deviation of each value; 1 for a constant one.
fn scales(rows: &[&[f32]], dim: usize) -> Vec<f32> {
    let count = rows.len() as f64;
    let scale = |at: usize| {
        let values = || rows.iter().map(|row| f64::from(row[at]));
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt() as f32;
        if deviation.is_normal() {
            deviation
        } else {
            1.0
        }
    };
    (0..dim).map(scale).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::small_model;

    #[test]
    fn typical_readings_are_likely_rows_of_all_states() {
        let mut model = small_model();
        // Two states, and one row that is none.
        let rows: Vec<f32> = (0..400)
            .flat_map(|row| {
                let side = if row % 2 == 0 { -0.5 } else { 0.5 };
                [side + 0.001 * (row % 7) as f32, 0.002 * (row % 5) as f32]
            })
            .chain([60.0, -60.0])
            .collect();
        model.note_typical(&rows);
        assert_eq!(model.validate(), Ok(()));
        let typical = model.header.typical.clone().unwrap();
        assert!(typical.readings.len() > 8 && typical.readings.len() <= 32);
        let sides = typical.readings.iter().filter(|row| row[0] > 0.0).count();
        assert!(sides > 2 && sides + 2 < typical.readings.len());
        assert!(typical.readings.iter().all(|row| row[0].abs() < 1.0));
        model.note_typical(&[2.0, 1.0]);
        let one = model.header.typical.as_mut().unwrap();
        assert_eq!((one.readings.len(), &one.scales[..]), (1, &[1.0, 1.0][..]));
        one.readings[0][0] = f32::NAN;
        assert!(model.validate().unwrap_err().contains("typical"));
    }
}
