//! Arrays of every type, and archives.

use super::*;

#[test]
fn an_array_named_like_a_label_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.npz");
    let npy = |shape: &str, values: &[f32]| {
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    };
    let rows = npy("(3, 2)", &[1.0, 5.5, 2.5, 4.0, 3.0, 7.0]);
    let labels = npy("(3,)", &[0.0, 0.0, 1.0]);
    let bytes = super::super::npz::archive(&[("X", rows), ("labels", labels)]).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let read = |options: &super::super::ReadOptions| {
        super::super::read(std::slice::from_ref(&file), options)
    };
    let asked = read(&super::super::ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        asked.contains("--label labels") && asked.contains("--exclude labels"),
        "{asked}"
    );
    let label = super::super::ReadOptions {
        label: Some("labels".into()),
        ..Default::default()
    };
    assert_eq!(read(&label).unwrap().labels, Some(vec![false, false, true]));
    let without = super::super::ReadOptions {
        exclude: vec!["labels".into()],
        ..Default::default()
    };
    assert_eq!(read(&without).unwrap().rows, 3);
}

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
fn half_precision_in_either_order_of_bytes() {
    let folder = Folder::new();
    let array = |order: &str, values: [[u8; 2]; 4]| {
        let mut header =
            format!("{{'descr': '{order}f2', 'fortran_order': False, 'shape': (2, 2), }}");
        let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
        header = format!("{header:padded$}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values.iter().flatten());
        bytes
    };
    // 1, -2, 65504 and the next number above 20.
    let bits = [0x3c00_u16, 0xc000, 0x7bff, 0x4d01];
    for (name, bytes) in [
        ("little.npy", array("<", bits.map(u16::to_le_bytes))),
        ("big.npy", array(">", bits.map(u16::to_be_bytes))),
    ] {
        let table = read(&[folder.file(name, bytes)], &ReadOptions::default()).unwrap();
        assert_eq!(table.values, [1.0, -2.0, 65_504.0, 20.015_625], "{name}");
    }
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
    let signed = npy(&[-1i8, 1], &[2], false);
    let table = read(&[folder.npz(&[("X", x()), ("y", signed)])], &options).unwrap();
    assert_eq!(table.labels, Some(vec![true, false]));
    let only = read(&[folder.npz(&[("rows", x())])], &options).unwrap();
    assert_eq!((only.rows, only.labels), (2, None));
    let named = read(&[folder.npz(&[("X", x()), ("bad", y())])], &labelled("bad")).unwrap();
    assert_eq!(named.labels, Some(vec![false, true]));
    let target = npy(&[0.5f32, 1.5], &[2], false);
    let table = read(&[folder.npz(&[("X", x()), ("y", target)])], &options).unwrap();
    assert_eq!(
        (table.labels, table.skipped_columns[0].to_string()),
        (None, "y (no labels)".into())
    );
    let error = |arrays: &[(&str, Vec<u8>)]| {
        read(&[folder.npz(arrays)], &options)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&[("a", x()), ("b", x())]).contains("has no array \"X\"; its arrays are a, b"));
    assert!(
        error(&[("X", x()), ("y", npy(&[0i64], &[1], false))])
            .contains("array \"y\": has the shape [1] where 2 labels belong")
    );
}

#[test]
fn other_arrays_of_an_archive_are_named() {
    let folder = Folder::new();
    let x = npy(&[1.0f64, 2.0], &[2, 1], false);
    let file = folder.npz(&[
        ("X", x.clone()),
        ("y", npy(&[0u8, 1], &[2], false)),
        ("X_test", x),
    ]);
    let frame = frame(&file, &ReadOptions::default(), None).unwrap();
    assert_eq!(frame.left_out.len(), 1);
    assert_eq!(
        (frame.left_out[0].what.as_str(), frame.left_out[0].count),
        ("array \"X_test\"", 1)
    );
}

/// The bytes of an array with this header and no values.
fn promising(shape: &str) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes
}

#[test]
fn broken_promises_are_errors_at_once() {
    let folder = Folder::new();
    let error = |bytes: &[u8]| {
        let plain = folder.file("promise.npy", bytes);
        let packed = folder.npz(&[("X", bytes.to_vec())]);
        for file in [plain, packed] {
            let error = read(&[file], &ReadOptions::default()).unwrap_err();
            assert!(matches!(error, DataError::Format { .. }), "{error}");
        }
    };
    let largest = i64::MAX;
    error(&promising(&format!("({largest}, 0)")));
    error(&promising("(0, 100000, 100000, 0)"));
    error(&promising("(100000, 100000, 0)"));
    error(&promising(&format!("({largest}, {largest})")));
    error(&promising("(4294967296, 4294967296)"));
    error(&promising("(1000000, 1000)"));
    error(&promising("()"));
    error(&promising("(-1, 2)"));
    // Headers of 4 GB, of brackets, and cut short.
    error(b"\x93NUMPY\x02\0\xff\xff\xff\xff");
    error(b"\x93NUMPY\x03\0\xff\xff\xff\xff{}");
    error(&[b"\x93NUMPY\x01\0\x10\x27", &[b'('; 10_000][..]].concat());
    error(b"\x93NUMPY\x01\0");
    error(b"\x93NUMPY");
    error(&promising("(1, 1)")[..40]);
}

#[test]
fn a_bomb_is_not_unpacked() {
    use std::io::Write as _;

    let folder = Folder::new();
    let path = folder.0.path().join("bomb.npz");
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let packed = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    writer.start_file("X.npy", packed).unwrap();
    let header = String::from_utf8_lossy(&promising("(40000, 1000)")[10..]).replace("<f4", "|u1");
    writer.write_all(&promising("")[..10]).unwrap();
    writer.write_all(header.as_bytes()).unwrap();
    for _ in 0..1000 {
        writer.write_all(&vec![0; 40_000]).unwrap();
    }
    writer.finish().unwrap();
    let error = read(&[path], &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("take 305 MB in memory") && error.contains("save it as .npy"),
        "{error}"
    );
}

#[test]
fn the_rows_are_the_array_that_is_named() {
    let folder = Folder::new();
    let rows = [1.0f32, 5.5, 2.5, 4.0, 3.0, 7.0];
    let file = folder.npz(&[
        ("X_test", npy(&[7.0f32, 8.0], &[1, 2], false)),
        ("X_train", npy(&rows, &[3, 2], false)),
        ("test_label", npy(&[1i32], &[1], false)),
        ("y_test", npy(&[1i32], &[1], false)),
        ("y_train", npy(&[0i32, 0, 1], &[3], false)),
    ]);
    let get = |array: Option<&str>, label: Option<&str>, exclude: &[&str]| {
        let options = ReadOptions {
            array: array.map(Into::into),
            label: label.map(Into::into),
            exclude: names(exclude),
            ..ReadOptions::default()
        };
        read(std::slice::from_ref(&file), &options).map_err(|error| error.to_string())
    };
    let error = get(None, None, &[]).unwrap_err();
    for words in [
        "X_test, X_train, test_label, y_test, y_train",
        "--array X_test",
    ] {
        assert!(error.contains(words), "{error}");
    }
    // As the hint has it; labels of other rows are none of these.
    let asked = get(Some("X_train"), None, &[]).unwrap_err();
    assert!(
        asked.contains("--label y_train") && !asked.contains("y_test"),
        "{asked}"
    );
    let table = get(Some("X_train"), Some("y_train"), &[]).unwrap();
    assert_eq!(table.values, [1.0, 5.5, 2.5, 4.0, 3.0, 7.0]);
    assert_eq!(table.labels, Some(vec![false, false, true]));
    let left: Vec<&str> = (table.left_out.iter()).map(|left| &*left.what).collect();
    assert_eq!(
        left,
        ["X_test", "test_label", "y_test"].map(|name| format!("array {name:?}"))
    );
    assert_eq!(get(Some("X_train"), None, &["y_train"]).unwrap().rows, 3);
    assert!(get(Some("X"), None, &[]).unwrap_err().contains("y_train"));
    let both = get(Some("y_train"), Some("y_train"), &[]).unwrap_err();
    assert!(both.contains("both"), "{both}");
    let model = Features::named(&names(&["c0", "c1"]));
    let options = ReadOptions {
        array: Some("X_test".into()),
        ..ReadOptions::default()
    };
    let scored = read_for(&model, std::slice::from_ref(&file), &options).unwrap();
    assert_eq!(scored.values, [7.0, 8.0]);
    let text = folder.file("a.csv", "a,b\n1,2\n");
    let error = read(&[text], &options).unwrap_err().to_string();
    assert!(error.contains("no .npz archive"), "{error}");
}

#[test]
fn labels_of_other_rows_and_of_another_kind() {
    let folder = Folder::new();
    let rows = npy(&[1.0f32, 5.5, 2.5, 4.0, 3.0, 7.0], &[3, 2], false);
    let file = folder.npz(&[
        ("raw", rows.clone()),
        ("X", npy(&[1.0f32, 2.0, 3.5, 4.0], &[2, 2], false)),
        ("y", npy(&[0.0f64, 1.0], &[2, 1], false)),
    ]);
    let array = |name: &str, exclude: &[&str]| ReadOptions {
        array: Some(name.into()),
        exclude: names(exclude),
        ..ReadOptions::default()
    };
    let get = |options: &ReadOptions| read(std::slice::from_ref(&file), options);
    assert_eq!(
        get(&array("X", &[])).unwrap().labels,
        Some(vec![false, true])
    );
    assert_eq!(get(&array("X", &["y"])).unwrap().labels, None);
    let raw = get(&array("raw", &[])).unwrap();
    assert_eq!((raw.rows, raw.labels), (3, None));
    assert!(raw.skipped_columns[0].reason.contains("3 labels"));
    // The labels alone.
    let file = folder.npz(&[("y", rows)]);
    let get = |options: &ReadOptions| read(std::slice::from_ref(&file), options);
    let error = get(&ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("--array y"), "{error}");
    assert_eq!(get(&array("y", &[])).unwrap().rows, 3);
}

#[test]
fn bytes_behind_an_array_are_counted() {
    let folder = Folder::new();
    let one = npy(&[1.0f32, 2.0, 3.5, 4.0], &[2, 2], false);
    let path = folder.file("two.npy", [one.clone(), one.clone()].concat());
    let table = read(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(table.rows, 2);
    assert_eq!(table.left_out[0].what, "bytes behind the array");
    assert_eq!(table.left_out[0].count, one.len() as u64);
}
