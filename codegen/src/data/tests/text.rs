//! Text files of every shape.

use std::fmt::Write as _;

use super::*;

#[test]
fn dialects_give_the_same_table() {
    let folder = Folder::new();
    let plain = "t,a,b\nx,1,2.5\ny,-3,4e1\n";
    let table = folder.read(plain).unwrap();
    assert_eq!(table.columns, ["a", "b"]);
    assert_eq!(table.values, [1.0, 2.5, -3.0, 40.0]);
    assert_eq!((table.rows, table.row_numbers.as_slice()), (2, &[1, 2][..]));
    let variants = [
        plain.replace('\n', "\r\n"),
        plain.replace(',', ";"),
        plain.replace(',', "\t"),
        plain.replace(',', "  "),
        format!("\u{feff}{plain}"),
        plain.replace("x,", "\"x, or\nso\","),
        plain.replace("-3", "\" -3 \""),
        plain.trim_end().to_string(),
        format!("{plain}\n,,\n"),
    ];
    for text in variants {
        let other = folder.read(&text).unwrap();
        assert_eq!(
            (other.columns, other.values),
            (table.columns.clone(), table.values.clone()),
            "{text:?}"
        );
    }
}

#[test]
fn a_first_row_of_numbers_is_data() {
    let folder = Folder::new();
    let table = folder.read("1,2\n3,4\n").unwrap();
    assert_eq!(table.columns, ["c0", "c1"]);
    assert_eq!(table.values, [1.0, 2.0, 3.0, 4.0]);
    // A label and columns by number, names by force.
    let file = folder.file("n.csv", "1,2,0\n3,4,1\n");
    let options = ReadOptions {
        columns: Some(names(&["1"])),
        ..labelled("c2")
    };
    let table = read(std::slice::from_ref(&file), &options).unwrap();
    assert_eq!(
        (table.values, table.labels),
        (vec![2.0, 4.0], Some(vec![false, true]))
    );
    let options = ReadOptions {
        header: Some(true),
        ..ReadOptions::default()
    };
    assert_eq!(read(&[file], &options).unwrap().columns, ["1", "2", "0"]);
}

#[test]
fn a_bad_cell_names_file_line_column_and_itself() {
    let folder = Folder::new();
    let options = ReadOptions::default();
    let says = |text: &str, expected: &str| {
        assert_eq!(
            folder.error(text, &options),
            format!("t.csv: {expected} (--skip-bad leaves such rows out)")
        );
    };
    says(
        "a,b\n1,2\n3,x\n5,6\n7,8\n",
        "line 3, column \"b\": \"x\" is not a number",
    );
    says(
        "a,b\r\n\r\n1,2\r\n,4\r\n",
        "line 4, column \"a\": the cell is empty",
    );
    says(
        "a,b\n1,NaN\n3,4\n",
        "line 2, column \"b\": the value is missing (\"NaN\")",
    );
    says(
        "a,b\n1,2\n3,-inf\n",
        "line 3, column \"b\": \"-inf\" is not finite",
    );
    says(
        "a,b\n1,\n1,2\n1,\n1,\n",
        "line 2, column \"b\": the cell is empty, and 2 more bad cells in this column",
    );
    says(
        "a,b\n1,2\n3\n",
        "line 3 has 1 cell where the header has 2, as 1 of 2 rows have",
    );
    assert!(
        folder
            .error("a;b\n1,5;2\n2,5;3\n", &options)
            .contains("\"1,5\" has a decimal comma")
    );
}

#[test]
fn skip_bad_counts_and_keeps_row_numbers() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "a,b,y\n1,2,0\n3,x,0\n5\n7,8,1\n9,,1\n");
    let options = ReadOptions {
        skip_bad: Some(1.0),
        ..labelled("y")
    };
    let table = read(&[file.clone(), file], &options).unwrap();
    assert_eq!(table.values, [1.0, 2.0, 7.0, 8.0, 1.0, 2.0, 7.0, 8.0]);
    assert_eq!(table.row_numbers, [1, 4, 6, 9]);
    assert_eq!(table.skipped_rows, 6);
    assert_eq!(table.labels.unwrap(), [false, true, false, true]);
    assert_eq!(table.source[1].rows, 2);
    let error = folder.error(
        "a,b\n1,\n,2\n",
        &ReadOptions {
            skip_bad: Some(1.0),
            ..ReadOptions::default()
        },
    );
    assert!(
        error.starts_with(
            "none of the 2 rows can be used; the first error: t.csv: line 2, column \"b\""
        ),
        "{error}"
    );
}

#[test]
fn decimal_commas_are_read_when_asked() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "a;b\n1,5;2\n-2,5;3.25\n");
    let options = ReadOptions {
        decimal_comma: true,
        ..ReadOptions::default()
    };
    assert_eq!(
        read(&[file], &options).unwrap().values,
        [1.5, 2.0, -2.5, 3.25]
    );
}

#[test]
fn text_and_empty_columns_are_named() {
    let folder = Folder::new();
    let table = folder
        .read("time,a,note,id\n2020-01-01,1,,n1\n2020-01-02,2,,7\n2020-01-03,3,,n3\n")
        .unwrap();
    let skipped: Vec<String> = table
        .skipped_columns
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        skipped,
        [
            "time (times, such as \"2020-01-01\")",
            "note (empty)",
            "id (text, such as \"n1\")"
        ]
    );
    assert_eq!(table.columns, ["a"]);
}

#[test]
fn columns_are_chosen_by_name_and_in_order() {
    let folder = Folder::new();
    let text = "time,Flow,Pressure,y\nm,1,2,0\nn,3,4,1\n";
    let file = folder.file("t.csv", text);
    let with = |columns: &[&str]| ReadOptions {
        columns: Some(names(columns)),
        ..ReadOptions::default()
    };
    let table = read(std::slice::from_ref(&file), &with(&["Pressure", "Flow"])).unwrap();
    assert_eq!(table.values, [2.0, 1.0, 4.0, 3.0]);
    let excluding = ReadOptions {
        exclude: names(&["y"]),
        ..ReadOptions::default()
    };
    assert_eq!(
        read(&[file], &excluding).unwrap().columns,
        ["Flow", "Pressure"]
    );
    assert_eq!(
        folder.error(text, &with(&["presure"])),
        "t.csv: no column \"presure\" (did you mean \"Pressure\"?); there are \"time\", \"Flow\", \"Pressure\", \"y\""
    );
    assert_eq!(
        folder.error(text, &with(&["time"])),
        "t.csv: column \"time\" has no numbers: text, such as \"m\""
    );
    assert_eq!(
        folder.error(text, &with(&["Flow", "Flow"])),
        "the column \"Flow\" is named twice"
    );
    let both = ReadOptions {
        columns: Some(names(&["y"])),
        ..labelled("y")
    };
    assert_eq!(
        folder.error(text, &both),
        "the label column \"y\" cannot also be a feature"
    );
    assert!(
        folder
            .error(text, &labelled("z"))
            .contains("no column \"z\"")
    );
    assert!(
        folder
            .error(text, &labelled("Flow"))
            .contains("column \"Flow\": \"3\" is not a label")
    );
}

#[test]
fn files_are_matched_by_name() {
    let folder = Folder::new();
    let first = folder.file("1.csv", "a,b\n1,2\n");
    let turned = folder.file("2.csv", "b;a;t\n4;3;x\n");
    let table = read(&[first.clone(), turned], &ReadOptions::default()).unwrap();
    assert_eq!(table.values, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(table.row_numbers, [1, 2]);
    let fewer = folder.file("3.csv", "a,x\n1,word\n");
    let error = read(&[first.clone(), fewer], &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("3.csv: lacks the column \"b\", unlike"),
        "{error}"
    );
    let more = folder.file("4.csv", "a,b,c\n1,2,3\n");
    let error = read(&[first.clone(), more.clone()], &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("4.csv: has a column \"c\", unlike"),
        "{error}"
    );
    let chosen = ReadOptions {
        columns: Some(names(&["a"])),
        ..ReadOptions::default()
    };
    assert_eq!(read(&[first, more], &chosen).unwrap().values, [1.0, 1.0]);
}

#[test]
fn what_is_no_table_is_said_plainly() {
    let folder = Folder::new();
    let options = ReadOptions::default();
    assert_eq!(folder.error("", &options), "t.csv: the file is empty");
    assert_eq!(
        folder.error("a,b\n", &options),
        "t.csv: the file has a header and no rows"
    );
    assert_eq!(
        folder.error("a,b\nx,y\n", &options),
        "t.csv: no column of readings is left: a (text, such as \"x\"); b (text, such as \"y\")"
    );
    assert!(
        folder
            .error(b"\x7fELF\0\0", &options)
            .contains("this is neither text")
    );
    assert!(matches!(
        read(&[folder.0.path().into()], &options),
        Err(DataError::Directory { .. })
    ));
    assert!(matches!(
        read(&[folder.0.path().join("no")], &options),
        Err(DataError::NotFound { .. })
    ));
    assert!(matches!(read(&[], &options), Err(DataError::NoFiles)));
    let zip = folder.npz(&[]);
    assert!(
        read(&[zip], &options)
            .unwrap_err()
            .to_string()
            .contains("without arrays")
    );
}

#[test]
fn a_model_gets_its_columns_or_hears_what_is_missing() {
    let folder = Folder::new();
    let model = Features::named(&["flow", "pressure"]);
    let options = ReadOptions::default();
    let named = folder.file("named.csv", "t,pressure,current,flow\nx,1,2,3\n");
    assert_eq!(
        read_for(&model, &[named], &options).unwrap().values,
        [3.0, 1.0]
    );
    let lacking = folder.file("lacking.csv", "flow,current\n1,2\n");
    let error = read_for(&model, &[lacking], &options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the model's \"pressure\" is missing; it expects \"flow\", \"pressure\"; the file has \"flow\", \"current\""),
        "{error}"
    );
    // Without names: by position, the label aside, when the count is right.
    let bare = folder.file("bare.csv", "1,5,6\n0,7,8\n");
    let table = read_for(&model, std::slice::from_ref(&bare), &labelled("0")).unwrap();
    assert_eq!(
        (table.values, table.labels),
        (vec![5.0, 6.0, 7.0, 8.0], Some(vec![true, false]))
    );
    let excluding = ReadOptions {
        exclude: names(&["c0"]),
        ..ReadOptions::default()
    };
    assert_eq!(
        read_for(&model, std::slice::from_ref(&bare), &excluding)
            .unwrap()
            .columns,
        model.columns
    );
    let error = read_for(&model, std::slice::from_ref(&bare), &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("the model expects 2 values per row (\"flow\", \"pressure\"), but the file, which has no column names, has 3"), "{error}");
    // A model trained on a file without names: the label may stand first.
    let numbered = Features::named(&["c0", "c1"]);
    assert_eq!(
        read_for(&numbered, std::slice::from_ref(&bare), &labelled("c0"))
            .unwrap()
            .values,
        [5.0, 6.0, 7.0, 8.0]
    );
    assert_eq!(
        read_for(&numbered, &[bare], &options).unwrap().values,
        [1.0, 5.0, 0.0, 7.0]
    );
}

#[test]
fn a_column_of_few_readings_is_no_reason_to_lose_the_rows() {
    let folder = Folder::new();
    let table = |every: usize| {
        let mut text = String::from("a,b,spare\n");
        for row in 0..60 {
            let spare = if row % every == 0 { "5.5" } else { "" };
            let _ = writeln!(text, "{}.5,{}.25,{spare}", row * 7 % 11, row * 5 % 13);
        }
        text
    };
    let skip = ReadOptions {
        skip_bad: Some(0.1),
        ..ReadOptions::default()
    };
    let error = folder.error(table(20), &skip);
    assert!(
        error.starts_with("t.csv: 57 of 60 rows (95.0 %)"),
        "{error}"
    );
    assert!(
        error.contains("--exclude spare") && error.contains("--skip-bad=0.96"),
        "{error}"
    );
    let exclude = ReadOptions {
        exclude: names(&["spare"]),
        ..skip.clone()
    };
    let file = folder.file("t.csv", table(20));
    assert_eq!(
        read(std::slice::from_ref(&file), &exclude).unwrap().rows,
        60
    );
    // A model needs its columns.
    let model = Features::named(&names(&["a", "b", "spare"]));
    let error = read_for(&model, &[file], &skip).unwrap_err().to_string();
    assert!(
        !error.contains("--exclude") && error.contains("--skip-bad=0.96"),
        "{error}"
    );
}
