//! What programs write around a table: wrappings of lines, sums below it, a second table, stretches never written.

use super::*;

/// The readings below a header.
fn table() -> String {
    format!("temp,press,rpm\n{}", plain())
}

fn assert_all(frame: &Frame, context: &str) {
    assert_readings(frame, context);
    assert_names(frame, &["temp", "press", "rpm"]);
}

#[test]
fn lines_in_a_wrapping() {
    let row = |cells: &[String; 3]| cells.join(",");
    let quoted = lines(|_, cells| format!("\"{}\"", row(cells)));
    assert_all(
        &whole(format!("\"temp,press,rpm\"\n{quoted}")),
        "quotes around lines",
    );
    let other = lines(|_, cells| format!("'{}', '{}', '{}'", cells[0], cells[1], cells[2]));
    assert_all(
        &whole(format!("'temp','press','rpm'\n{other}")),
        "other quotes",
    );
    for wrapping in ["{} -> ", "[{}] "] {
        let received = |at: usize, text: &str| {
            let time = format!("10:{:02}:{:02}.250", at / 60 % 60, at % 60);
            format!("{}{text}", wrapping.replace("{}", &time))
        };
        let body = lines(|at, cells| received(at, &row(cells)));
        let frame = whole(format!("{}\n{body}", received(0, "temp,press,rpm")));
        assert!(
            says(&frame, "time at which they were received"),
            "{wrapping}"
        );
        assert_names(&frame, &["time", "temp", "press", "rpm"]);
        assert_eq!(frame.columns[0].times, frame.rows);
    }
}

#[test]
fn sums_and_words_below_the_table() {
    for (below, count) in [
        ("Mean,2.0,1000\nStd,0.06,35\n", 2),
        ("Average,,\n20.1,2.0,1000\nMax,,\n23,2.2,1100\n", 4),
        ("\nTotal,600,300000\n", 1),
        ("End of data\n(300 rows)\n", 2),
        ("\x1a", 1),
    ] {
        let frame = whole(format!("{}{below}", table()));
        assert_all(&frame, below);
        assert_eq!(left_out(&frame, "lines below the table"), count, "{below}");
    }
}

#[test]
fn stretches_never_written() {
    let mut bytes = table().into_bytes();
    bytes.extend([0; 512]);
    let frame = whole(&bytes);
    assert_all(&frame, "zeros at the end");
    assert!(says(&frame, "512 bytes of zero at its end"));
    // The power fails within a row: that row is bad, and no other.
    let middle = table().len() / 2;
    let mut bytes = table().into_bytes();
    bytes.splice(middle..middle, [0; 512]);
    let frame = whole(&bytes);
    let bad: usize = frame.columns.iter().map(|column| column.bad).sum();
    assert_eq!(
        bad + frame.ragged.map_or(0, |ragged| ragged.others as usize),
        1
    );
    assert!(says(&frame, "512 bytes of zero among the text"));
}

#[test]
fn another_table_above_or_a_mark_between() {
    let other = format!("a,b\n{}", "1.5,2.5\n".repeat(40));
    let error = with(format!("{other}{}", table()), &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("lines 2 to 41 are another table, of 2 cells"),
        "{error}"
    );
    let twice = whole(format!("\u{feff}\u{feff}{}\u{feff}{}", table(), table()));
    assert_names(&twice, &["temp", "press", "rpm"]);
    assert_eq!(left_out(&twice, "header lines among the rows"), 1);
    assert_eq!(
        twice.columns.iter().map(|column| column.bad).sum::<usize>(),
        0
    );
}

#[test]
fn names_in_other_signs_and_as_attributes() {
    let body = lines(|_, cells| cells.join(","));
    let frame = whole(format!("temp;press;rpm\n{body}"));
    assert_all(&frame, "names between semicolons");
    assert!(says(&frame, "separated by ';'"));
    let attributes = "% pump\n@RELATION pump\n\n@ATTRIBUTE temp NUMERIC\n@attribute 'press' real\n@ATTRIBUTE rpm {1,2}\n@DATA\n";
    assert_all(&whole(format!("{attributes}{body}")), "attributes");
    for sign in ["^", "~"] {
        let frame = whole(table().replace(',', sign));
        assert_all(&frame, sign);
    }
}

#[test]
fn numbers_of_accounts_and_words_of_databases() {
    let sign = |at: usize| if at.is_multiple_of(3) { "t" } else { "f" };
    let text = lines(|at, cells| {
        let below = if at.is_multiple_of(2) {
            format!("({})", cells[0])
        } else {
            format!("{}-", cells[0])
        };
        format!("{below},{},{}", cells[1], sign(at))
    });
    let frame = whole(format!("loss,press,open\n{text}"));
    for ((loss, open), [reading, ..]) in frame.columns[0]
        .values
        .iter()
        .zip(&frame.columns[2].values)
        .zip(&readings())
    {
        assert_eq!(
            (-loss).to_string(),
            reading.parse::<f64>().unwrap().to_string()
        );
        assert!(["0", "1"].contains(&open.to_string().as_str()));
    }
    assert!(says(&frame, "t and y are read as 1"));
    // A number and a comma behind it are no thousands.
    let log = lines(|_, cells| format!("temp: {}, press: 1.931, rpm: {}", cells[0], cells[2]));
    for options in [ReadOptions::default(), comma()] {
        let frame = with(&log, &options).unwrap();
        let column = frame
            .columns
            .iter()
            .find(|column| column.example.as_deref() == Some("1.931,"));
        assert_eq!(column.map(|column| column.numbers), Some(0));
    }
}
