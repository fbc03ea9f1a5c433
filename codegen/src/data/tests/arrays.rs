//! Arrays of every type, and archives.

use super::*;

#[test]
fn arrays_of_every_type_and_order() {
    let folder = Folder::new();
    let get = |path| read(&[path], &ReadOptions::default()).unwrap();
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let table = get(folder.npy(
        "f64.npy",
        &[1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0],
        &[3, 2],
        false,
    ));
    assert_eq!(
        (table.columns.as_slice(), table.values.as_slice()),
        (&names(&["c0", "c1"])[..], &expected[..])
    );
    // The same rows with the columns one after another.
    assert_eq!(
        get(folder.npy("f.npy", &[1.0f32, 3.0, 5.0, 2.0, 4.0, 6.0], &[3, 2], true)).values,
        expected
    );
    assert_eq!(
        get(folder.npy("i8.npy", &[-1i8, 2], &[1, 2], false)).values,
        [-1.0, 2.0]
    );
    assert_eq!(
        get(folder.npy("i16.npy", &[-300i16, 2], &[1, 2], false)).values,
        [-300.0, 2.0]
    );
    assert_eq!(
        get(folder.npy("i32.npy", &[-70_000i32, 2], &[1, 2], false)).values,
        [-70_000.0, 2.0]
    );
    assert_eq!(
        get(folder.npy("i64.npy", &[1i64 << 40, 2], &[1, 2], false)).values,
        [1_099_511_627_776.0, 2.0]
    );
    assert_eq!(
        get(folder.npy("u8.npy", &[255u8, 2], &[1, 2], false)).values,
        [255.0, 2.0]
    );
    assert_eq!(
        get(folder.npy("u64.npy", &[7u64, 2], &[2, 1], false)).rows,
        2
    );
    assert_eq!(
        get(folder.npy("b.npy", &[true, false], &[1, 2], false)).values,
        [1.0, 0.0]
    );
}

#[test]
fn array_errors_are_plain() {
    let folder = Folder::new();
    let error = |path: PathBuf| {
        read(&[path], &ReadOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(
        error(folder.npy("1d.npy", &[1.0f32, 2.0], &[2], false))
            .contains("has 1 dimension; rows and columns are needed")
    );
    assert!(
        error(folder.npy("none.npy", &[0.0f32; 0], &[0, 2], false))
            .contains("the array has no rows")
    );
    let nan = error(folder.npy("nan.npy", &[1.0, 2.0, 3.0, f64::NAN], &[2, 2], false));
    assert!(
        nan.contains("row 2, column \"c1\": the value is missing (\"NaN\")"),
        "{nan}"
    );
    assert!(
        error(folder.npy("big.npy", &[1.0, 1e300], &[2, 1], false))
            .contains("row 2, column \"c0\"")
    );
    let mut cut = npy(&[1.0f64; 8], &[4, 2], false);
    cut.truncate(cut.len() - 8);
    assert!(error(folder.file("cut.npy", &cut)).contains("cut.npy: "));
    let mut promising = npy(&[1.0f64; 8], &[8, 1], false);
    let at = promising.windows(3).position(|w| w == b"(8,").unwrap();
    promising.splice(at..at + 6, *b"(8e9,1");
    assert!(error(folder.file("promising.npy", &promising)).contains("promising.npy: "));
}

#[test]
fn archives_give_rows_and_labels() {
    let folder = Folder::new();
    let x = || npy(&[1.0f64, 2.0, 3.0, 4.0], &[2, 2], false);
    let y = || npy(&[0i64, 1], &[2], false);
    let options = ReadOptions::default();
    let table = read(&[folder.npz(&[("X", x()), ("y", y())])], &options).unwrap();
    assert_eq!(
        (table.values, table.labels),
        (vec![1.0, 2.0, 3.0, 4.0], Some(vec![false, true]))
    );
    let only = read(&[folder.npz(&[("rows", x())])], &options).unwrap();
    assert_eq!((only.rows, only.labels), (2, None));
    let named = read(&[folder.npz(&[("X", x()), ("bad", y())])], &labelled("bad")).unwrap();
    assert_eq!(named.labels, Some(vec![false, true]));
    let target = npy(&[0.5f32, 1.5], &[2], false);
    let table = read(&[folder.npz(&[("X", x()), ("y", target)])], &options).unwrap();
    assert_eq!(
        (table.labels, table.skipped_columns[0].to_string()),
        (None, "y (no labels of 0 and 1)".into())
    );
    let error = |arrays: &[(&str, Vec<u8>)]| {
        read(&[folder.npz(arrays)], &options)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&[("a", x()), ("b", x())]).contains("has no array \"X\"; its arrays are a, b"));
    assert!(
        error(&[("X", x()), ("y", npy(&[0i64], &[1], false))])
            .contains("array \"y\" has the shape [1] where 2 labels belong")
    );
}
