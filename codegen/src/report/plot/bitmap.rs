//! A page of pixels, and its PNG.
//!
//! ```
//! use nvpico_codegen::report::plot::{Sheet, contact_sheet};
//!
//! let png = contact_sheet(&Sheet::default())?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), nvpico_codegen::report::plot::PlotError>(())
//! ```

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{PIXEL_FONT, PlotError, fail, load_font};

/// Bytes of a pixel: red, green, blue.
pub(super) const DEPTH: usize = 3;
/// Of words of a lesser rank.
pub(super) const MUTED: RGBColor = RGBColor(118, 118, 118);
/// A page must not take more memory than this.
const LARGEST: usize = 1 << 29;

pub(super) type Page<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws on a white page and gives the PNG.
pub(super) fn draw(
    size: (u32, u32),
    picture: impl FnOnce(&Page<'_>) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    load_font()?;
    let (width, height) = (size.0 as usize, size.1 as usize);
    let bytes = width.saturating_mul(height).saturating_mul(DEPTH);
    if bytes > LARGEST {
        return Err(PlotError(format!(
            "{width} x {height} pixels are too many; show fewer or smaller rows"
        )));
    }
    let mut pixels = vec![0; bytes];
    {
        let page = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        page.fill(&WHITE).map_err(|error| fail(&error))?;
        picture(&page)?;
        page.present().map_err(|error| fail(&error))?;
    }
    encode(size, &pixels).map_err(|error| fail(&error))
}

fn encode(size: (u32, u32), pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// A place on the page as plotters counts it; far beyond the page where it cannot.
pub(super) fn point((x, y): (usize, usize)) -> (i32, i32) {
    let whole = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    (whole(x), whole(y))
}

pub(super) fn rectangle(
    page: &Page<'_>,
    (left, top): (usize, usize),
    (width, height): (usize, usize),
    color: RGBColor,
) -> Result<(), PlotError> {
    let corners = [(left, top), (left + width, top + height)];
    let corners = corners.map(point);
    page.draw(&Rectangle::new(corners, color.filled()))
        .map_err(|error| fail(&error))
}

pub(super) fn style(
    size: u32,
    color: RGBColor,
    horizontal: HPos,
    vertical: VPos,
) -> TextStyle<'static> {
    (PIXEL_FONT, size)
        .into_font()
        .color(&color)
        .pos(Pos::new(horizontal, vertical))
}

pub(super) fn words(
    page: &Page<'_>,
    text: &str,
    at: (usize, usize),
    size: u32,
    color: RGBColor,
    anchor: HPos,
) -> Result<(), PlotError> {
    let style = style(size, color, anchor, VPos::Top);
    page.draw(&Text::new(text.to_string(), point(at), style))
        .map_err(|error| fail(&error))
}

pub(super) fn text_width(text: &str, size: u32) -> Result<usize, PlotError> {
    let box_size = (PIXEL_FONT, size).into_font().box_size(text);
    box_size
        .map(|(width, _)| width as usize)
        .map_err(|error| fail(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_pixel_for_pixel() {
        let png = draw((5, 4), |page| {
            page.draw_pixel((3, 1), &RGBColor(1, 2, 3))
                .map_err(|error| fail(&error))
        })
        .unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let mut expected = vec![255; 5 * 4 * DEPTH];
        expected[(5 + 3) * DEPTH..][..DEPTH].copy_from_slice(&[1, 2, 3]);
        assert_eq!(pixels, expected);
    }

    #[test]
    fn a_page_beyond_all_measure_is_refused() {
        let error = draw((u32::MAX, u32::MAX), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("too many"), "{error}");
    }
}
