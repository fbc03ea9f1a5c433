//! The columns of a table, one below the other, row by row.
//!
//! ```
//! use nvpico_codegen::report::plot::{Strip, columns_over_rows};
//!
//! let strip = Strip { name: "flow".into(), about: "1 to 3".into(), values: vec![1.0, 3.0, 2.0] };
//! assert!(columns_over_rows(&[strip], "row")?.contains("flow"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;

use super::{BLUE, DARK, FONT, PALE, PlotError, SIZE, digits, draw, fail};

/// Height of a strip, and of the axis below the last.
const HEIGHT: u32 = 110;
const AXIS: u32 = 46;

/// A column as a strip of the picture.
#[derive(Clone, Debug)]
pub struct Strip {
    /// The column.
    pub name: String,
    /// What is said beside the name.
    pub about: String,
    /// Its readings, row by row.
    pub values: Vec<f32>,
}

/// A strip for each column, all over the same rows. `x_axis` names the rows.
///
/// # Errors
/// When plotters cannot draw it.
pub fn columns_over_rows(strips: &[Strip], x_axis: &str) -> Result<String, PlotError> {
    let count = strips.len().max(1) as u32;
    draw((SIZE.0, count * HEIGHT + AXIS), |area| {
        let (all, _) = area.split_vertically(count * HEIGHT + AXIS);
        for (at, strip) in strips.iter().enumerate() {
            let at = at as u32;
            let last = at + 1 == count;
            let bottom = (at + 1) * HEIGHT + if last { AXIS } else { 0 };
            let place = all
                .clone()
                .shrink((0, at * HEIGHT), (SIZE.0, bottom - at * HEIGHT));
            one(&place, strip, last.then_some(x_axis))?;
        }
        Ok(())
    })
}

fn one(area: &super::Area<'_>, strip: &Strip, x_axis: Option<&str>) -> Result<(), PlotError> {
    let finite = || {
        strip
            .values
            .iter()
            .copied()
            .filter(|x| x.is_finite())
            .map(f64::from)
    };
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    let (low, high) = match high - low {
        span if span > 0.0 => (low - 0.05 * span, high + 0.05 * span),
        _ if low.is_finite() => (low - 1.0, low + 1.0),
        _ => (0.0, 1.0),
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title(strip), (FONT, 14).into_font().color(&DARK))
        .margin_left(10)
        .margin_right(16)
        .margin_top(4)
        .x_label_area_size(if x_axis.is_some() { AXIS } else { 0 })
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..strip.values.len().max(1) as f64, low..high)
        .map_err(|error| fail(&error))?;
    let places = digits(low, high);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .y_labels(3)
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .axis_style(DARK)
        .label_style((FONT, 12).into_font().color(&DARK))
        .axis_desc_style((FONT, 14).into_font().color(&DARK))
        .x_desc(x_axis.unwrap_or(""))
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.places$}"))
        .draw()
        .map_err(|error| fail(&error))?;
    let points = trace(&strip.values);
    chart
        .draw_series([PathElement::new(points, BLUE.stroke_width(1))])
        .map_err(|error| fail(&error))?;
    Ok(())
}

fn title(strip: &Strip) -> String {
    if strip.about.is_empty() {
        strip.name.clone()
    } else {
        format!("{}: {}", strip.name, strip.about)
    }
}

/// The curve; with many more rows than pixels the lowest and highest of each group of rows, so that no spike is lost.
fn trace(values: &[f32]) -> Vec<(f64, f64)> {
    let group = (values.len() / 1500).max(1);
    let mut points = Vec::new();
    for (at, rows) in values.chunks(group).enumerate() {
        let place = |(row, value): (usize, &f32)| ((at * group + row) as f64, f64::from(*value));
        let finite = || rows.iter().enumerate().filter(|(_, x)| x.is_finite());
        let lowest = finite().min_by(|a, b| a.1.total_cmp(b.1)).map(place);
        let highest = finite().max_by(|a, b| a.1.total_cmp(b.1)).map(place);
        let mut both: Vec<(f64, f64)> = lowest.into_iter().chain(highest).collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        points.extend(both);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_stay_and_the_picture_is_small() {
        let mut values = vec![0.0; 200_000];
        values[123_456] = 7.0;
        assert!(
            trace(&values)
                .iter()
                .any(|(row, x)| *row as usize == 123_456 && *x > 6.0)
        );
        let strip = |values: Vec<f32>| Strip {
            name: "flow".into(),
            about: String::new(),
            values,
        };
        let strips = [
            strip(values),
            strip(vec![f32::NAN]),
            strip(vec![2.0; 3]),
            strip(Vec::new()),
        ];
        let svg = columns_over_rows(&strips, "row").unwrap();
        assert!(svg.len() < 200_000 && !svg.contains("NaN"), "{}", svg.len());
        columns_over_rows(&[], "row").unwrap();
    }
}
