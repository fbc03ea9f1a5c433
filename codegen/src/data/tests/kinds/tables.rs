//! Headers, comments, loggers and the shape of tables.

use super::*;

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
    assert!((whole(&back).columns[0].values[60] - 20.5).abs() < 1e-12);
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
    let seconds = &frame.columns[0].seconds;
    assert!((seconds[1] - seconds[0] - 60.0).abs() < 1e-9);
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
fn many_columns_and_equal_names() {
    // Work that grows with their square would take minutes.
    let names = vec!["x"; 100_000].join(",");
    let row = vec!["1.5"; 100_000].join(",");
    let text = format!("{names}\n{row}\n{row}\n");
    let error = with(&text, &ReadOptions::default()).unwrap_err();
    assert!(error.contains("100000 columns of numbers"), "{error}");
    let some = ReadOptions {
        columns: Some(vec!["x".into()]),
        ..ReadOptions::default()
    };
    let frame = with(&text, &some).unwrap();
    assert_eq!((frame.columns.len(), frame.rows), (100_000, 2));
    assert_eq!(frame.columns[99_999].name, "x.100000");
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
