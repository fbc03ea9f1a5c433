//! Encodings, quotes and spellings of numbers.

use super::*;

#[test]
fn encodings() {
    let text = format!(
        "\"Temp_\u{b0}C\",Dr\u{fc}ck,rpm\r\n{}",
        plain().replace('\n', "\r\n")
    );
    let wide = |order: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        let text = format!("{mark}{text}");
        text.encode_utf16().flat_map(order).collect()
    };
    let windows: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let mark = "\u{feff}";
    for (bytes, said) in [
        (text.clone().into_bytes(), None),
        (format!("{mark}{text}").into_bytes(), None),
        (wide(u16::to_le_bytes, mark), Some("UTF-16LE")),
        (wide(u16::to_be_bytes, mark), Some("UTF-16BE")),
        (wide(u16::to_le_bytes, ""), Some("UTF-16LE")),
        (windows, Some("Windows-1252")),
    ] {
        let frame = whole(bytes);
        assert_readings(&frame, said.unwrap_or("UTF-8"));
        assert_names(&frame, &["Temp_\u{b0}C", "Dr\u{fc}ck", "rpm"]);
        assert_eq!(frame.said.is_empty(), said.is_none());
        assert!(
            said.is_none_or(|said| says(&frame, said)),
            "{:?}",
            frame.said
        );
    }
    let euro = whole(b"\x80/kWh,\x93x\x94\n1,2\n");
    assert_names(&euro, &["\u{20ac}/kWh", "\u{201c}x\u{201d}"]);
}

#[test]
fn stray_quotes() {
    let note = |note: &'static str| {
        let lines = lines(move |row, cells| {
            format!(
                "{},{}",
                cells.join(","),
                if row == 20 { note } else { "ok" }
            )
        });
        format!("temp,press,rpm,note\n{lines}")
    };
    for stray in [
        "\"3/4 pump",
        "3/4\" pump",
        "\"3/4\" pump",
        "\"",
        "\"3/4, pump\"",
        "\"two\nlines\"",
    ] {
        let frame = whole(note(stray));
        assert_eq!(frame.rows, 60, "{stray}");
        let rpm: Vec<f64> = readings()
            .iter()
            .map(|row| row[2].parse().unwrap())
            .collect();
        assert_eq!(frame.columns[2].values, rpm, "{stray}");
    }
    assert!(says(&whole(note("\"3/4 pump")), "the first in line 22"));
    // First in the row, and in every row.
    let first = lines(|row, cells| {
        format!(
            "{},{}",
            if row % 20 == 3 { "\"3/4" } else { "x" },
            cells.join(",")
        )
    });
    assert_readings(&whole(format!("note,temp,press,rpm\n{first}")), "first");
    let all = lines(|_, cells| format!("\"3/4,{}", cells.join(",")));
    assert_readings(&whole(format!("note,temp,press,rpm\n{all}")), "all");
    // Neither a cell of its own nor a character: the row is named.
    let frame = whole(note("\"3/4, pump"));
    assert_eq!((frame.rows, frame.total_rows), (59, 60));
    let error = frame.ragged_error().unwrap().to_string();
    assert!(
        error.contains("line 22 has 5 cells") && error.contains("a quote opens in it"),
        "{error}"
    );
}

/// A speed as some write it.
fn separated(speed: &str, sign: &str) -> String {
    match speed.len() {
        4 => format!("{}{sign}{}", &speed[..1], &speed[1..]),
        _ => speed.into(),
    }
}

#[test]
fn thousands() {
    for options in [ReadOptions::default(), comma()] {
        for (sign, delimiter) in [
            (",", ","),
            ("'", ","),
            ("\u{a0}", ";"),
            (" ", ";"),
            (",", "\t"),
            (",", ";"),
        ] {
            let lines = lines(|_, [temperature, pressure, speed]| {
                let speed = separated(speed, sign);
                [
                    temperature.clone(),
                    pressure.clone(),
                    format!("\"{speed}\""),
                ]
                .join(delimiter)
            });
            let head = ["temp", "press", "rpm"].join(delimiter);
            let frame = with(format!("{head}\n{lines}"), &options).unwrap();
            assert_readings(&frame, sign);
            assert!(frame.columns[2].thousands > 0);
            assert!(says(&frame, "thousands separators"), "{:?}", frame.said);
        }
    }
    // Whole numbers everywhere: with the option nobody can tell.
    let text = "a,b\n998,\"1,007\"\n1002,\"998\"\n";
    assert_eq!(whole(text).columns[1].values, [1007.0, 998.0]);
    let fault = with(text, &comma()).unwrap().columns[1]
        .first_bad
        .clone()
        .unwrap()
        .1;
    assert!(fault.to_string().contains("between thousands"), "{fault}");
    let fault = whole("a,b\n1,\"1,007\"\n2,\"1,012\"\n").columns[1]
        .first_bad
        .clone()
        .unwrap()
        .1;
    assert!(fault.to_string().contains("between thousands"), "{fault}");
    // What the words say to do leads to the right number.
    assert_eq!(
        whole("a,b\n1,1007\n2,1012\n").columns[1].values,
        [1007.0, 1012.0]
    );
    assert_eq!(
        whole("a,b\n1,1.007\n2,1.012\n").columns[1].values,
        [1.007, 1.012]
    );
}

#[test]
fn decimal_commas() {
    let european = |speed: fn(&str) -> String| {
        let lines = lines(|_, [temperature, pressure, s]| {
            format!(
                "{};{};{}",
                temperature.replace('.', ","),
                pressure.replace('.', ","),
                speed(s)
            )
        });
        format!("temp;press;rpm\n{lines}")
    };
    let text = european(str::to_string);
    let fault = whole(&text).columns[0].first_bad.clone().unwrap().1;
    assert!(
        fault.to_string().contains("--decimal-comma reads it"),
        "{fault}"
    );
    assert_readings(&with(&text, &comma()).unwrap(), "the hint");
    assert_readings(&with(text.replace(';', "\t"), &comma()).unwrap(), "tabs");
    // Thousands with points and blanks.
    for speed in [
        |s: &str| separated(s, "."),
        |s: &str| separated(s, "\u{202f}"),
        |s: &str| separated(s, ".") + ",0",
    ] {
        let text = european(speed);
        assert_readings(&with(&text, &comma()).unwrap(), &text[..80]);
        let without = whole(&text);
        for (value, row) in without.columns[2].values.iter().zip(readings()) {
            assert!(value.is_nan() || value.total_cmp(&row[2].parse().unwrap()).is_eq());
        }
    }
    // A comma is the delimiter as well: an error, and what it says works.
    let error = with("temp\n20,5\n20,7\n21,1\n", &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains(
            "line 1, which looks like the header, has 1 cell, and 3 of the 3 rows below it have 2"
        ),
        "{error}"
    );
    assert!(error.contains("such as a semicolon"), "{error}");
    assert_eq!(
        with("temp;\n20,5;\n20,7;\n", &comma()).unwrap().columns[0].values,
        [20.5, 20.7]
    );
    let one = ReadOptions {
        delimiter: Some(b';'),
        ..comma()
    };
    assert_eq!(
        with("temp\n20,5\n20,7\n", &one).unwrap().columns[0].values,
        [20.5, 20.7]
    );
}

#[test]
fn hexadecimal_numbers() {
    for start in [300, 9, 0xa00] {
        let text = lines(|row, cells| format!("{},{:X}", cells.join(","), start + row));
        let frame = whole(format!("temp,press,rpm,hex\n{text}"));
        let hex = &frame.columns[3];
        assert_eq!((hex.numbers, hex.hexadecimal), (0, 60), "{start}");
        assert!(hex.values.iter().all(|value| value.is_nan()));
        let prefixed = lines(|row, cells| format!("{},0x{:x}", cells.join(","), start + row));
        assert_eq!(
            whole(format!("a,b,c,d\n{prefixed}")).columns[3].hexadecimal,
            60
        );
    }
}

#[test]
fn truth_and_switches() {
    let text = |no: &str, yes: &str| {
        let lines =
            lines(|row, [a, b, _]| format!("{a},{b},{}", if row % 3 == 0 { yes } else { no }));
        format!("temp,press,valve\n{lines}")
    };
    for (no, yes) in [
        ("FALSE", "TRUE"),
        ("false", "true"),
        ("False", "True"),
        ("off", "on"),
        ("NO", "YES"),
        ("\"false\"", "\"true\""),
    ] {
        let frame = whole(text(no, yes));
        let valve = &frame.columns[2];
        assert_eq!(
            (valve.booleans, valve.bad, valve.values[0], valve.values[1]),
            (60, 0, 1.0, 0.0),
            "{no}"
        );
        assert!(says(&frame, "read as 1 and 0"));
    }
    // Other words are words, kept for who wants categories.
    let frame = whole(text("closed", "open"));
    let words = frame.columns[2].words.as_ref().unwrap();
    assert_eq!(
        (frame.columns[2].numbers, &words.dictionary[..]),
        (0, &["open".to_string(), "closed".into()][..])
    );
    // Those of numbers where a category is asked for.
    assert!(frame.columns[0].words.is_none());
    let category = ReadOptions {
        category: vec!["x".into()],
        ..ReadOptions::default()
    };
    let frame = with(text("closed", "open"), &category).unwrap();
    let words = frame.columns[0].words.as_ref();
    assert!(words.is_some_and(|words| words.codes.len() == 60));
}

#[test]
fn other_spellings_of_numbers() {
    let percent = whole("a,b\n45%,1\n3.5 %,2\n");
    assert_eq!(percent.columns[0].values, [45.0, 3.5]);
    assert!(says(&percent, "percentages"));
    assert_eq!(
        whole("a b\n1.5D+03 2\n-2.5d-1 3\n1.0-103 3\n").columns[0].values,
        [1500.0, -0.25, 1e-103]
    );
    assert_eq!(whole("a,b\n\u{2212}5.5,2\n").columns[0].values, [-5.5]);
    assert_eq!(
        with("a;b\n1,5E+03;2\n", &comma()).unwrap().columns[0].values,
        [1500.0]
    );
    for options in [ReadOptions::default(), comma()] {
        let times = with(
            "t;a\n10:00:01.250;1\n10:00:01,500;2\n10:00:02;3\n",
            &options,
        )
        .unwrap();
        assert_eq!((times.columns[0].times, times.columns[0].numbers), (3, 0));
        assert_eq!(times.columns[0].seconds, [36_001.25, 36_001.5, 36_002.0]);
    }
}

#[test]
fn units_behind_numbers() {
    let lines_with = |unit: &'static str| {
        let lines =
            lines(move |_, [temp, press, speed]| format!("{temp}{unit};{press} bar;{speed} 1/min"));
        format!("temp;press;rpm\n{lines}")
    };
    for unit in [
        " \u{b0}C", "\u{b0}C", "C", "V", " mV", " m/s2", "%RH", " widgets",
    ] {
        let frame = whole(lines_with(unit));
        assert_readings(&frame, unit);
        assert!(says(
            &frame,
            &format!("in {:?}, without the unit", unit.trim())
        ));
        assert!(says(&frame, "in \"bar\""), "{:?}", frame.said);
        assert_names(&frame, &["temp", "press", "rpm"]);
    }
    // Without a header, and with commas.
    let frame = whole(lines(|_, cells| cells.join("V,") + "V"));
    assert_readings(&frame, "no header");
    let table = lines_with(" \u{b0}C").replace('.', ",");
    assert_readings(&with(table, &comma()).unwrap(), "decimal commas");
}

#[test]
fn two_units_in_a_column_are_an_error() {
    let table = |odd: &'static str, every: usize| {
        let lines = lines(move |row, [temp, press, _]| {
            let unit = if row % every == 10 { odd } else { " \u{b0}C" };
            format!("{temp}{unit},{press}")
        });
        let folder = Folder::new();
        let file = folder.file("t.csv", format!("temp,press\n{lines}"));
        read(&[file], &ReadOptions::default()).map_err(|error| error.to_string())
    };
    for (odd, every) in [(" \u{b0}F", 60), ("", 60), (" \u{b0}F", 12), (" K", 50)] {
        let error = table(odd, every).unwrap_err();
        assert!(
            error.contains("line 12, column \"temp\"") && error.contains("is not in \"\u{b0}C\""),
            "{error}"
        );
    }
    // Names of things that begin with numbers are text.
    let lines = lines(|row, [temp, press, _]| {
        format!(
            "{temp},{press},{}{}",
            row,
            ["a", "b", "x7", "st", "nd"][row % 5]
        )
    });
    let frame = whole(format!("temp,press,part\n{lines}"));
    assert!(frame.said.is_empty() && frame.columns[2].numbers == 0);
}
