//! Text files as people have them, each of a kind that was once read wrongly.

use super::*;

/// Readings of temperature, pressure and speed.
fn readings() -> Vec<[String; 3]> {
    let wave = |row: usize| (row as f64 / 9.0).sin();
    let row = |row: usize| {
        let temperature = 20.0 + 3.0 * wave(row) + 0.01 * (row % 7) as f64;
        let pressure = 1.0 + temperature / 20.0 + 0.001 * (row % 5) as f64;
        let speed = 1000.0 + 30.0 * (temperature - 20.0) + (row % 3) as f64;
        [
            format!("{temperature:.2}"),
            format!("{pressure:.3}"),
            format!("{speed:.0}"),
        ]
    };
    (0..60).map(row).collect()
}

/// The readings as lines, each cell changed and the line ended as the case has it.
fn lines(change: impl Fn(usize, &[String; 3]) -> String) -> String {
    let rows = readings();
    let rows = rows
        .iter()
        .enumerate()
        .map(|(row, cells)| change(row, cells) + "\n");
    rows.collect()
}

fn plain() -> String {
    lines(|_, cells| cells.join(","))
}

fn with(text: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Frame, String> {
    let folder = Folder::new();
    let path = folder.file("t.csv", text);
    let folder = format!("{}/", folder.0.path().display());
    frame(&path, options, None).map_err(|error| error.to_string().replace(&folder, ""))
}

fn whole(text: impl AsRef<[u8]>) -> Frame {
    with(text, &ReadOptions::default()).unwrap()
}

fn comma() -> ReadOptions {
    ReadOptions {
        decimal_comma: true,
        ..ReadOptions::default()
    }
}

/// Whether the first three columns are the readings, whatever they are called.
#[track_caller]
fn assert_readings(frame: &Frame, context: &str) {
    let from = frame.columns.len().min(4) - 3;
    for (place, name) in [from, from + 1, from + 2].into_iter().enumerate() {
        let column = &frame.columns[name];
        let expected: Vec<f64> = readings()
            .iter()
            .map(|row| row[place].parse().unwrap())
            .collect();
        assert_eq!(
            column.values, expected,
            "{context}, column {:?}",
            column.name
        );
    }
    assert!(frame.ragged.is_none(), "{context}");
}

#[track_caller]
fn assert_names(frame: &Frame, names: &[&str]) {
    assert_eq!(frame.names(), names);
}

fn left_out(frame: &Frame, what: &str) -> u64 {
    let some = frame
        .left_out
        .iter()
        .filter(|left| left.what.contains(what));
    some.map(|left| left.count).sum()
}

fn says(frame: &Frame, words: &str) -> bool {
    frame.said.iter().any(|sentence| sentence.contains(words))
}

#[test]
fn a_plain_file_has_nothing_to_say() {
    let frame = whole(format!("temp,press,rpm\n{}", plain()));
    assert_readings(&frame, "plain");
    assert_names(&frame, &["temp", "press", "rpm"]);
    assert!(
        frame.said.is_empty() && frame.left_out.is_empty(),
        "{:?}",
        frame.said
    );
}

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
            assert!(value.is_nan() || *value == row[2].parse::<f64>().unwrap());
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
fn headers_that_come_again() {
    let rows = readings();
    let (first, second) = rows.split_at(30);
    let join = |rows: &[[String; 3]], order: [usize; 3]| -> String {
        let line = |row: &[String; 3]| order.map(|place| row[place].clone()).join(",") + "\n";
        rows.iter().map(line).collect()
    };
    let again = format!(
        "temp,press,rpm\n{}temp,press,rpm\n{}",
        join(first, [0, 1, 2]),
        join(second, [0, 1, 2])
    );
    let frame = whole(&again);
    assert_readings(&frame, "same");
    assert_eq!(left_out(&frame, "header lines"), 1);
    assert_readings(
        &whole(again.replacen("\ntemp", "\n\"Temp\"", 1)),
        "quoted, in capitals",
    );
    let turned = format!(
        "temp,press,rpm\n{}rpm,temp,press\n{}",
        join(first, [0, 1, 2]),
        join(second, [2, 0, 1])
    );
    let frame = whole(&turned);
    assert_readings(&frame, "another order");
    assert_eq!((frame.rows, left_out(&frame, "header lines")), (60, 1));
    let back = format!("{turned}temp,press,rpm\n20.5,2,1000\n");
    assert_eq!(whole(&back).columns[0].values[60], 20.5);
    // Other names: nobody knows what the rows below are, whatever rows may be skipped.
    let other = turned.replace("rpm,temp,press", "speed,temperature,pressure");
    let options = ReadOptions {
        skip_bad: Some(1.0),
        ..ReadOptions::default()
    };
    let error = with(&other, &options).unwrap_err();
    assert!(
        error.contains("line 32 looks like another header")
            && error.contains("a file of their own"),
        "{error}"
    );
    // Words of a logger in place of readings are bad cells.
    let broken = again.replacen("\ntemp,press,rpm", "\nERR,ERR,ERR", 1);
    let frame = whole(&broken);
    assert_eq!((frame.total_rows, frame.columns[0].bad), (61, 1));
    // Numbers as names, as they stand where tables were put together.
    let numbers = again.replace("temp,press,rpm", "0,1,2");
    let frame = whole(&numbers);
    assert_readings(&frame, "numbers");
    assert_names(&frame, &["0", "1", "2"]);
}

#[test]
fn numbers_as_names() {
    for names in ["0,1,2", "1,2,3", "400,410,420", "\"0\",\"1\",\"2\""] {
        let frame = whole(format!("{names}\n{}", plain()));
        assert_readings(&frame, names);
        assert!(frame.named && says(&frame, "is a header"), "{names}");
    }
    let few = whole("0,1,2\n20.1,1.2,1000\n");
    assert_eq!((few.rows, few.named), (1, true));
    // Readings that are whole numbers by chance.
    for rows in [
        "1,2\n3.5,4.5\n",
        "0,1,2\n1,2,3\n2,0,1\n",
        "20,1,1000\n20.5,1.1,1001\n",
        "3,4,5\n",
    ] {
        assert!(!whole(rows).named, "{rows}");
    }
    let mixed = whole(format!(
        "1000,2,20\n{}",
        lines(|row, [a, b, c]| format!("{c},{b},{}", if row % 2 == 0 { "20" } else { a }))
    ));
    assert!(mixed.named, "pressure always has decimals");
}

#[test]
fn no_header_at_all() {
    let frame = whole(plain());
    assert_readings(&frame, "numbers");
    assert_names(&frame, &["c0", "c1", "c2"]);
    let text = lines(|_, cells| format!("pump1,{}", cells.join(",")));
    let frame = whole(text);
    assert_readings(&frame, "a word before the readings");
    let time = lines(|row, cells| format!("2026-03-01 10:{row:02}:00;{}", cells.join(";")));
    let frame = whole(&time);
    assert_readings(&frame, "times");
    assert_eq!(frame.columns[0].times, 60);
    assert_eq!(
        frame.columns[0].seconds[1] - frame.columns[0].seconds[0],
        60.0
    );
    assert_readings(
        &whole(format!("time;400;410;420\n{time}")),
        "a word and numbers are a header",
    );
}

#[test]
fn comments() {
    for sign in ["#", "%", ";", "//", "!", "# ", "\"# "] {
        let close = if sign.starts_with('"') { "\"" } else { "" };
        let text = format!(
            "{sign}hall 3{close}\n{sign}a, b{close}\ntemp,press,rpm\n{}{sign}end{close}\n",
            plain().replacen('\n', &format!("\n{sign}changed the pump{close}\n"), 1)
        );
        let frame = whole(&text);
        assert_readings(&frame, sign);
        assert_names(&frame, &["temp", "press", "rpm"]);
        assert_eq!(left_out(&frame, "comment lines"), 4, "{sign}");
    }
    // Names in the last comment, as numerical programs write them.
    for head in [
        "# temp,press,rpm\n",
        "#temp,press,rpm\n",
        "# hall 3\n# temp, press, rpm\n",
        "% temp,press,rpm\n",
    ] {
        let frame = whole(format!("{head}{}", plain()));
        assert_readings(&frame, head);
        assert_names(&frame, &["temp", "press", "rpm"]);
        assert!(says(&frame, "those of the comment"));
    }
    let spaced = whole(format!("# temp press rpm\n{}", plain().replace(',', " ")));
    assert_names(&spaced, &["temp", "press", "rpm"]);
    // A number sign as a name.
    let counted = lines(|row, cells| format!("{},{}", row + 1, cells.join(",")));
    let frame = whole(format!("\"#\",temp,press,rpm\n{counted}"));
    assert_readings(&frame, "#");
    assert_names(&frame, &["#", "temp", "press", "rpm"]);
}

#[test]
fn delimiters_at_the_end() {
    let trailing = lines(|_, cells| format!("{},", cells.join(",")));
    let frame = whole(format!("temp,press,rpm\n{trailing}"));
    assert_readings(&frame, "every row");
    assert_names(&frame, &["temp", "press", "rpm"]);
    assert_eq!(left_out(&frame, "empty cells"), 60);
    let frame = whole(format!("temp;press;rpm\n{}", trailing.replace(',', ";")));
    assert_readings(&frame, "semicolons");
    let some = lines(|row, cells| {
        format!(
            "{}{}",
            cells.join("\t"),
            if row % 4 == 0 { "\t" } else { "" }
        )
    });
    assert_readings(&whole(format!("temp\tpress\trpm\n{some}")), "some rows");
    let frame = whole(format!("temp,press,rpm,\n{}", plain()));
    assert_readings(&frame, "the header alone");
    assert_names(&frame, &["temp", "press", "rpm"]);
    // Blanks at the ends of lines, and before them.
    let padded = lines(|_, cells| format!("  {}  ", cells.join("   ")));
    assert_readings(&whole(format!("temp press rpm\n{padded}")), "aligned");
}

#[test]
fn names_of_rows() {
    for delimiter in [",", " ", "\t", ";"] {
        for quote in ["\"", ""] {
            let lines = lines(|row, cells| {
                format!(
                    "{quote}{}{quote}{delimiter}{}",
                    row + 1,
                    cells.join(delimiter)
                )
            });
            let head = ["temp", "press", "rpm"]
                .map(|name| format!("{quote}{name}{quote}"))
                .join(delimiter);
            let frame = whole(format!("{head}\n{lines}"));
            assert_readings(&frame, delimiter);
            assert_names(&frame, &["row", "temp", "press", "rpm"]);
            assert!(says(&frame, "names of the rows"));
        }
    }
    let words = lines(|row, cells| format!("r{row},{}", cells.join(",")));
    assert_readings(&whole(format!("temp,press,rpm\n{words}")), "words");
}

#[test]
fn a_header_too_short_or_too_long() {
    let four = lines(|_, cells| format!("7.5,{}", cells.join(",")));
    let error = with(format!("temp,press,rpm\n{four}"), &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("line 1, which looks like the header, has 3 cells, and 60 of the 60 rows below it have 4"),
        "{error}"
    );
    assert!(
        error.contains("seems to begin in line 2") && error.contains("a header with 4 names"),
        "{error}"
    );
    // Both ways out.
    assert_readings(&whole(format!("x,temp,press,rpm\n{four}")), "four names");
    assert_readings(&whole(four), "no header");
    let error = with(format!("a,b,c,d,e,f\n{}", plain()), &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("has 6 cells, and 60 of the 60 rows below it have 3"),
        "{error}"
    );
}

#[test]
fn ragged_rows() {
    let text = format!("temp,press,rpm\n{}", plain()).replacen("\n20.1", "\n5,20.1", 1);
    let frame = whole(&text);
    assert_eq!((frame.rows, frame.total_rows), (59, 60));
    let error = frame.ragged_error().unwrap().to_string();
    assert!(
        error.contains("has 4 cells where the header has 3, as 59 of 60 rows have"),
        "{error}"
    );
}

#[test]
fn loggers() {
    let rows =
        lines(|row, cells| format!("\"2026-03-01 10:{row:02}:00\",{row},{}", cells.join(",")));
    let names = "\"TIMESTAMP\",\"RECORD\",\"T\",\"P\",\"RPM\"";
    let units = "\"TS\",\"RN\",\"degC\",\"bar\",\"1/min\"\n\"\",\"\",\"Avg\",\"Avg\",\"Smp\"";
    for about in [
        "\"TOA5\",\"CR1000\",\"pump\",\"12345\"",
        "\"TOA5\",\"CR1000X\",\"pump\",\"12345\",\"OS\"",
        "TOA5,CR6,a,b,c,d,e,f",
    ] {
        let head = format!("{about}\n{names}\n{units}\n");
        let frame = whole(format!("{head}{rows}"));
        assert_names(&frame, &["TIMESTAMP", "RECORD", "T", "P", "RPM"]);
        assert_eq!(
            (frame.rows, frame.columns[4].bad, frame.columns[0].times),
            (60, 0, 60)
        );
        assert!(says(
            &frame,
            "the first 4 lines are a data logger's header (TOA5)"
        ));
        assert_eq!(left_out(&frame, "lines before the table"), 3);
        // Two files one after the other.
        let twice = whole(format!("{head}{rows}{head}{rows}"));
        assert_eq!(
            (
                twice.rows,
                twice.total_rows,
                left_out(&twice, "header lines")
            ),
            (120, 120, 4)
        );
    }
    let short = whole(format!("\"TOACI1\",\"CR10\",\"pump\"\n{names}\n{rows}"));
    assert_eq!((short.rows, short.named), (60, true));

    let rows = lines(|row, cells| format!("{row}.000000\t{}", cells.join("\t")));
    let head = "LabVIEW Measurement\t\nWriter_Version\t2\nSeparator\tTab\nDecimal_Separator\t.\nDate\t2026/03/01\n\
                Time\t13:26:05.3\n***End_of_Header***\t\n\t\nChannels\t3\t\t\t\nSamples\t10\t10\t10\t\n\
                Y_Unit_Label\tdegC\tbar\trpm\nX0\t0.0E+0\t0.0E+0\t0.0E+0\n***End_of_Header***\t\t\t\t\n\
                X_Value\ttemp\tpress\trpm\tComment\n";
    for (rows, context) in [
        (rows.clone(), "without comments"),
        (rows.replace('\n', "\t\n"), "with empty comments"),
    ] {
        let frame = whole(format!("{head}{rows}"));
        assert_eq!(
            &frame.names()[..4],
            ["X_Value", "temp", "press", "rpm"],
            "{context}"
        );
        assert_eq!((frame.rows, frame.columns[3].bad), (60, 0), "{context}");
        assert_eq!(left_out(&frame, "lines before the table"), 13, "{context}");
    }

    let rows = lines(|row, cells| {
        format!(
            "{},03/01/26 10:{row:02}:00 AM,{},,",
            row + 1,
            cells.join(",")
        )
    });
    let hobo = format!(
        "\"Plot Title: pump\"\n\"#\",\"Date Time, GMT+01:00\",\"Temp, \u{b0}C\",\"Press\",\"RPM\",\"Host\",\"End\"\n{rows}"
    );
    let frame = whole(hobo);
    assert_eq!(
        (frame.rows, frame.columns[1].times, frame.columns[4].bad),
        (60, 60, 0)
    );
    assert_eq!(frame.names()[2], "Temp, \u{b0}C");
}

#[test]
fn lines_of_units_and_titles() {
    for units in [
        "\u{b0}C,bar,1/min",
        "[degC],[bar],[rpm]",
        "degC,bar,",
        "-----,-----,-----",
        "(C),(bar),(1/min)",
    ] {
        let frame = whole(format!("temp,press,rpm\n{units}\n{}", plain()));
        assert_readings(&frame, units);
        assert_names(&frame, &["temp", "press", "rpm"]);
        assert_eq!(left_out(&frame, "lines of the header"), 1);
        assert!(says(&frame, "those of line 1"));
    }
    for title in [
        "Hall 3\n",
        "Pump test\nSerial,12345\n\n",
        "Device,Rate\nCR,10\n",
        "Report,,\nHall 3,,\n",
        "sep=,\n",
    ] {
        let frame = whole(format!("{title}temp,press,rpm\n{}", plain()));
        assert_readings(&frame, title);
        assert_names(&frame, &["temp", "press", "rpm"]);
    }
    let two = lines(|_, [a, b, _]| format!("{a},{b}"));
    let frame = whole(format!("Device,CR\nRate,10\ntemp,press\n{two}"));
    assert_names(&frame, &["temp", "press"]);
    assert_eq!((frame.rows, left_out(&frame, "lines before")), (60, 2));
    assert_names(
        &whole(format!("temp,press\ndegC,bar\n{two}")),
        &["temp", "press"],
    );
    let frame = whole(format!("Hall 3\n{}", plain()));
    assert_eq!(
        (frame.rows, frame.named, left_out(&frame, "lines before")),
        (60, false, 1)
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
    assert!(
        frame.columns[0]
            .words
            .as_ref()
            .is_some_and(|words| words.codes.len() == 60)
    );
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
fn many_columns_and_equal_names() {
    let names = vec!["x"; 100_000].join(",");
    let row = vec!["1.5"; 100_000].join(",");
    let start = std::time::Instant::now();
    let frame = whole(format!("{names}\n{row}\n{row}\n"));
    assert_eq!((frame.columns.len(), frame.rows), (100_000, 2));
    assert_eq!(frame.columns[99_999].name, "x.100000");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn other_files_are_named() {
    for (bytes, word) in [
        (&b"\x1f\x8b\x08\0\0"[..], "gzip"),
        (b"PAR1\0\0", "Parquet"),
        (b"\x89HDF\r\n", "HDF5"),
    ] {
        let error = with(bytes, &ReadOptions::default()).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
    let delimiter = ReadOptions {
        delimiter: Some(0xe9),
        ..ReadOptions::default()
    };
    assert!(
        with("a\n1\n", &delimiter)
            .unwrap_err()
            .contains("one ASCII character")
    );
}
