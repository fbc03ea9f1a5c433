//! Sheets of every kind of row.

use super::super::colour::{UNDEFINED, colour};
use super::super::dimensions::{TILE, WIDEST};
use super::*;

fn group(title: &str, rows: Vec<f32>, captions: &[&str]) -> Group {
    Group {
        title: title.into(),
        rows,
        captions: captions.iter().map(ToString::to_string).collect(),
        ..Group::default()
    }
}

fn sheet(shape: [usize; 3], groups: Vec<Group>) -> Sheet {
    Sheet {
        title: "A sheet".into(),
        shape,
        unit: "°C".into(),
        groups,
        ..Sheet::default()
    }
}

/// Width and height, and the pixels.
fn decoded(png: Vec<u8>) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width as usize, info.height as usize, pixels)
}

fn count(pixels: &[u8], color: RGBColor) -> usize {
    let same = |pixel: &&[u8]| *pixel == [color.0, color.1, color.2];
    pixels.chunks_exact(DEPTH).filter(same).count()
}

#[test]
fn tiles_are_upscaled_by_a_whole_factor_in_one_range() {
    let groups = vec![
        group("first", vec![0.0, 0.0, 0.0, 10.0], &["-1 nat"]),
        group("second", vec![10.0, 10.0, 10.0, 20.0], &[]),
    ];
    let sheet = sheet([1, 2, 2], groups);
    let (_, _, pixels) = decoded(contact_sheet(&sheet).unwrap());
    let side = TILE / 2;
    // Ten has one colour in both groups; the bar shows it too.
    let middle = count(&pixels, colour(0.5));
    assert!(
        middle >= 4 * side * side && middle < 5 * side * side,
        "{middle}"
    );
    assert!(count(&pixels, colour(0.0)) >= 3 * side * side);
}

#[test]
fn three_channels_are_red_green_and_blue() {
    let red_and_blue = vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let sheet = sheet([3, 1, 2], vec![group("colours", red_and_blue, &[])]);
    let (_, _, pixels) = decoded(contact_sheet(&sheet).unwrap());
    let square = (TILE / 2) * (TILE / 2);
    assert_eq!(count(&pixels, RGBColor(255, 0, 0)), square);
    assert_eq!(count(&pixels, RGBColor(0, 0, 255)), square);
}

#[test]
fn other_channels_stand_side_by_side() {
    let width = |channels: usize| {
        let rows = vec![1.0; channels * 16];
        decoded(contact_sheet(&sheet([channels, 4, 4], vec![group("g", rows, &[])])).unwrap()).0
    };
    assert!(width(4) > width(2) + TILE && width(2) > width(1));
}

#[test]
fn constant_empty_and_broken_values_are_drawn() {
    let nothing = Sheet::default();
    contact_sheet(&nothing).unwrap();
    for value in [0.0, -3e38, f32::MIN_POSITIVE, f32::NAN, f32::INFINITY] {
        for channels in [1, 2, 3] {
            let rows = vec![value; channels * 6];
            let groups = vec![group("equal", rows, &[]), group("empty", Vec::new(), &[])];
            contact_sheet(&sheet([channels, 2, 3], groups)).unwrap();
        }
    }
    let mixed = vec![
        f32::NAN,
        f32::NEG_INFINITY,
        1.0,
        2.0,
        f32::INFINITY,
        f32::MAX,
    ];
    let sheet = sheet([1, 2, 3], vec![group("mixed", mixed, &["-inf nats"])]);
    let (_, _, pixels) = decoded(contact_sheet(&sheet).unwrap());
    assert!(count(&pixels, UNDEFINED) > 1000);
}

#[test]
fn many_tiles_and_long_words_stay_on_the_page() {
    let rows = vec![0.5; 200 * 64];
    let long = "log-density of a row that nobody has ever seen before";
    let groups = vec![
        group("many", rows, &[]),
        group("one", vec![0.1; 64], &[long]),
    ];
    let (width, height, _) = decoded(contact_sheet(&sheet([1, 8, 8], groups)).unwrap());
    assert!(width <= WIDEST && height > 1000, "{width} x {height}");
    let large = sheet(
        [1, 3000, 2000],
        vec![group("large", vec![0.0; 6_000_000], &[])],
    );
    let (width, ..) = decoded(contact_sheet(&large).unwrap());
    assert!(width > 2000);
}

#[test]
fn half_rows_and_missing_captions_are_said() {
    let error = |shape, group| {
        contact_sheet(&sheet(shape, vec![group]))
            .unwrap_err()
            .to_string()
    };
    let half = error([1, 2, 2], group("half", vec![0.0; 6], &[]));
    assert!(half.contains("\"half\" has 6 values"), "{half}");
    let fewer = error([1, 1, 2], group("few", vec![0.0; 4], &["one"]));
    assert!(fewer.contains("1 captions"), "{fewer}");
    let none = error([1, 0, 2], group("none", Vec::new(), &[]));
    assert!(none.contains("no pixels"), "{none}");
    let huge = error([usize::MAX, 2, 2], group("huge", Vec::new(), &[]));
    assert!(huge.contains("no pixels"), "{huge}");
    let wide = error([1, 1, usize::MAX / 2], group("wide", Vec::new(), &[]));
    assert!(
        wide.contains("too large") || wide.contains("too many"),
        "{wide}"
    );
}

#[test]
fn sheets_one_below_another_have_their_own_colours() {
    let one = |value: f32| Sheet {
        ends: Some((0.0, f64::from(value))),
        ..sheet([1, 1, 2], vec![group("g", vec![0.0, value], &[])])
    };
    let (width, height, _) = decoded(contact_sheet(&one(1.0)).unwrap());
    let (both_width, both_height, pixels) = decoded(contact_sheets(&[one(1.0), one(9.0)]).unwrap());
    assert_eq!(both_width, width);
    assert!(both_height > 2 * height - 200 && both_height < 2 * height);
    let half_tile = TILE / 2 * TILE / 2;
    assert!(count(&pixels, colour(1.0)) >= 2 * half_tile);
}

#[test]
fn a_mark_frames_its_pixel() {
    let rows = vec![0.0; 64];
    let plain = sheet([1, 8, 8], vec![group("g", rows.clone(), &[])]);
    let marked = Group {
        marks: vec![9],
        ..group("g", rows, &[])
    };
    let marked = sheet([1, 8, 8], vec![marked]);
    let white = |sheet: &Sheet| count(&decoded(contact_sheet(sheet).unwrap()).2, WHITE);
    assert!(white(&marked) > white(&plain) + 100);
    let wrong = Group {
        marks: vec![1, 2],
        ..marked.groups[0].clone()
    };
    assert!(contact_sheet(&sheet([1, 8, 8], vec![wrong])).is_err());
}

#[test]
fn a_strip_is_high_enough_to_be_seen() {
    let row: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let (_, _, pixels) =
        decoded(contact_sheet(&sheet([1, 1, 64], vec![group("g", row, &[])])).unwrap());
    assert!(count(&pixels, colour(0.0)) >= 40);
}
