//! What the colours of a sheet stand for: a scale with round numbers beside it, or words.
//!
//! ```
//! use nvpico_codegen::report::plot::{Group, Sheet, contact_sheet};
//!
//! let group = Group { title: "map".into(), rows: vec![20.0, f32::NAN], ..Group::default() };
//! // The key has a line for what is not a number.
//! let png = contact_sheet(&Sheet { shape: [1, 1, 2], groups: vec![group], ..Sheet::default() })?;
//! # assert!(!png.is_empty());
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::bitmap::{MUTED, Page, point, rectangle, style, words};
use super::colour::{Range, UNDEFINED, colour};
use super::dimensions::{BAR, CAPTION, GROUP_TITLE, TICK, UNDEFINED_HEIGHT};
use super::{DARK, PlotError, fail};

/// A key and where it stands.
pub(super) struct Key<'a> {
    pub range: &'a Range,
    pub unit: &'a str,
    pub left: usize,
    pub top: usize,
    pub height: usize,
}

impl Key<'_> {
    /// The scale of colours with its numbers, its unit above it, an end pointed where values lie beyond.
    pub fn draw_scale(&self, page: &Page<'_>) -> Result<(), PlotError> {
        let (left, range) = (self.left, self.range);
        let unit_at = (left, self.top.saturating_sub(GROUP_TITLE.1));
        words(page, self.unit, unit_at, GROUP_TITLE.0, DARK, HPos::Left)?;
        let room = |beyond: bool| if beyond { BAR / 2 } else { 0 };
        let top = self.top + room(range.above);
        let height = self.height - room(range.above) - room(range.below);
        for y in 0..height {
            let place = 1.0 - y as f64 / (height - 1) as f64;
            rectangle(page, (left, top + y), (BAR, 1), colour(place))?;
        }
        if range.above {
            self.pointed(page, top, true)?;
        }
        if range.below {
            self.pointed(page, top + height, false)?;
        }
        let (ticks, step) = range.ticks((height / TICK).max(2));
        for tick in ticks {
            let share = (tick - range.low) / (range.high - range.low);
            let y = top + ((1.0 - share) * (height - 1) as f64).round() as usize;
            rectangle(page, (left + BAR, y), (8, 1), MUTED)?;
            let style = style(CAPTION.0, DARK, HPos::Left, VPos::Center);
            // Figures stand a little higher than letters.
            let at = point((left + BAR + 16, y + 3));
            page.draw(&Text::new(number(tick, step), at, style))
                .map_err(|error| fail(&error))?;
        }
        self.draw_undefined(page, self.top + self.height)
    }

    /// In words, what red, green and blue stand for.
    pub fn draw_words(&self, page: &Page<'_>) -> Result<(), PlotError> {
        let (_, step) = self.range.ticks(5);
        let lines = [
            "colours".to_string(),
            format!("from {}", number(self.range.low, step)),
            format!("to {}", number(self.range.high, step)),
        ];
        for (line, y) in lines.iter().zip((self.top..).step_by(CAPTION.1)) {
            words(page, line, (self.left, y), CAPTION.0, MUTED, HPos::Left)?;
        }
        self.draw_undefined(page, self.top + lines.len() * CAPTION.1)
    }

    /// A pointed end of the scale, up to or down from its edge.
    fn pointed(&self, page: &Page<'_>, edge: usize, up: bool) -> Result<(), PlotError> {
        let color = colour(if up { 1.0 } else { 0.0 });
        for line in 0..BAR / 2 {
            let y = if up { edge - line } else { edge + line };
            let left = self.left + line;
            rectangle(page, (left, y), (BAR - 2 * line, 1), color)?;
        }
        Ok(())
    }

    /// The colour of what is not a number, where there is such.
    fn draw_undefined(&self, page: &Page<'_>, below: usize) -> Result<(), PlotError> {
        if !self.range.undefined {
            return Ok(());
        }
        let top = below + (UNDEFINED_HEIGHT - CAPTION.1);
        rectangle(page, (self.left, top), (BAR, 22), UNDEFINED)?;
        let at = point((self.left + BAR + 16, top + 13));
        let style = style(CAPTION.0, DARK, HPos::Left, VPos::Center);
        page.draw(&Text::new("NaN", at, style))
            .map_err(|error| fail(&error))
    }
}

/// A number beside the scale, fine enough to tell it from the next.
fn number(value: f64, step: f64) -> String {
    if value.abs() >= 1e6 || step < 1e-3 {
        format!("{value:.2e}")
    } else {
        let places = (-step.log10()).ceil().max(0.0) as usize;
        // Adding zero makes a negative zero none.
        format!("{:.places$}", value + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_fine_as_their_steps() {
        assert_eq!(number(25.0, 5.0), "25");
        assert_eq!(number(0.4, 0.2), "0.4");
        assert_eq!(number(-0.0, 0.05), "0.00");
        assert_eq!(number(2e6, 1e6), "2.00e6");
        assert_eq!(number(3e-5, 1e-5), "3.00e-5");
    }
}
