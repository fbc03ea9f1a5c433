//! Rows drawn from a model.

use anyhow::bail;

use crate::model::Model;

/// Draws rows and hands each on. A model of counts draws counts: each value is rounded to the nearest of its levels,
/// which is the cell that the density counts it in.
///
/// # Errors
/// A row that overflowed, and those of `each`.
pub fn draw(
    model: &Model,
    count: usize,
    temperature: f32,
    seed: u64,
    mut each: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let levels = model.levels();
    let temperatures = std::iter::repeat_n(temperature, count);
    let (mut number, mut counts) = (0, Vec::new());
    model.deploy().draw(seed, temperatures, |row| {
        number += 1;
        let Some(row) = row else {
            bail!("row {number} overflowed: choose a lower --temperature");
        };
        let Some(levels) = levels else {
            return each(row);
        };
        // Adding zero turns -0 into 0.
        let count = |x: &f32| x.round().clamp(0.0, levels - 1.0) + 0.0;
        counts.clear();
        counts.extend(row.iter().map(count));
        each(&counts)
    })
}

/// Rows drawn from a model, one after another.
///
/// # Errors
/// A row that overflowed.
pub fn sample(
    model: &Model,
    count: usize,
    temperature: f32,
    seed: u64,
) -> anyhow::Result<Vec<f32>> {
    let mut rows = Vec::new();
    draw(model, count, temperature, seed, |row| {
        rows.extend_from_slice(row);
        Ok(())
    })?;
    Ok(rows)
}
