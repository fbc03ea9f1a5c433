//! How well detectors do on sets: a line for each set, a point for each detector.
//!
//! ```
//! use nvpico_codegen::report::plot::{DetectorPoints, detectors_on_sets};
//!
//! let svg = detectors_on_sets(&DetectorPoints {
//!     sets: vec!["glass".into()],
//!     detectors: vec![("flow".into(), vec![Some(0.86)]), ("Gaussian".into(), vec![Some(0.75)])],
//! })?;
//! assert!(svg.contains("glass") && svg.contains("flow"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;

use super::{Area, BLUE, DARK, FONT, ORANGE, PALE, PlotError, draw, fail};

/// The AUROC of each detector on each set.
#[derive(Clone, Debug, Default)]
pub struct DetectorPoints {
    /// Names of the sets.
    pub sets: Vec<String>,
    /// Names of the detectors, with the AUROC on each set from 0 to 1.
    pub detectors: Vec<(String, Vec<Option<f64>>)>,
}

const WIDTH: u32 = 960;
/// Height of a set's line, and of all else.
const LINE: u32 = 22;
const AROUND: u32 = 90;
/// Width of the key at the right.
const KEY: u32 = 130;
const COLORS: [RGBColor; 8] = [
    BLUE,
    RGBColor(86, 180, 233),
    ORANGE,
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(120, 94, 240),
    DARK,
];

/// A line for each set with a point for each detector; the first detectors are drawn last and larger.
///
/// # Errors
/// When plotters cannot draw it.
pub fn detectors_on_sets(points: &DetectorPoints) -> Result<String, PlotError> {
    let count = points.sets.len().max(1);
    let all = points
        .detectors
        .iter()
        .flat_map(|(_, values)| values)
        .flatten();
    let lowest = all.copied().fold(1.0, f64::min);
    let low = (100.0 * lowest / 10.0).floor() * 10.0;
    let lines = count.max(points.detectors.len()) as u32;
    let height = LINE * lines + AROUND;
    draw((WIDTH, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("AUROC x 100", (FONT, 18).into_font().color(&DARK))
            .margin(14)
            .margin_right(KEY)
            .x_label_area_size(34)
            .y_label_area_size(180)
            .build_cartesian_2d(low.min(90.0)..100.0, count as f64 - 0.5..-0.5)
            .map_err(|error| fail(&error))?;
        let name = |at: &f64| {
            let set = (at.round() - at).abs() < 1e-6 && *at > -0.1;
            let set = set.then(|| points.sets.get(at.round() as usize)).flatten();
            set.cloned().unwrap_or_default()
        };
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(DARK)
            .y_labels(2 * count + 1)
            .label_style((FONT, 12).into_font().color(&DARK))
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&name)
            .draw()
            .map_err(|error| fail(&error))?;
        for (index, (_, values)) in points.detectors.iter().enumerate().rev() {
            let (color, size) = mark(index);
            let known = values.iter().enumerate();
            let known = known.filter_map(|(at, value)| Some((100.0 * (*value)?, at as f64)));
            chart
                .draw_series(known.map(|at| Circle::new(at, size, color.filled())))
                .map_err(|error| fail(&error))?;
        }
        key(area, points)
    })
}

/// Colour and size of a detector's points.
fn mark(index: usize) -> (RGBColor, i32) {
    let size = if index == 0 { 6 } else { 4 };
    (COLORS[index % COLORS.len()], size)
}

/// The names beside their points, one below the other.
fn key(area: &Area<'_>, points: &DetectorPoints) -> Result<(), PlotError> {
    let font = (FONT, 14).into_font().color(&DARK);
    let left = (WIDTH - KEY).cast_signed() + 20;
    for (index, (name, _)) in points.detectors.iter().enumerate() {
        let (color, size) = mark(index);
        let line = 60 + (LINE * index as u32).cast_signed();
        area.draw(&Circle::new((left, line), size, color.filled()))
            .map_err(|error| fail(&error))?;
        let place = (left + 14, line - 7);
        area.draw(&Text::new(name.clone(), place, font.clone()))
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_its_name_and_nothing_breaks_it() {
        let sets: Vec<String> = (0..24).map(|at| format!("set{at}x")).collect();
        let values = vec![Some(0.31); 23].into_iter().chain([None]).collect();
        let svg = detectors_on_sets(&DetectorPoints {
            sets: sets.clone(),
            detectors: vec![("flow".into(), values)],
        });
        let svg = svg.unwrap();
        for set in &sets {
            assert!(svg.contains(set), "{set}");
        }
        assert!(!svg.contains("NaN"));
        detectors_on_sets(&DetectorPoints::default()).unwrap();
    }
}
