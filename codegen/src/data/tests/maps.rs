//! Rows that are maps.

use super::*;

fn count(values: u8) -> Vec<u8> {
    (0..values).collect()
}

fn laid_out(layout: Layout) -> ReadOptions {
    ReadOptions {
        layout: Some(layout),
        ..ReadOptions::default()
    }
}

#[test]
fn colours_last_are_put_first() {
    let folder = Folder::new();
    // Each value tells its indices: n y x c.
    let value = |n: usize, y: usize, x: usize, c: usize| (1000 * n + 100 * y + 10 * x + c) as u16;
    let mut values = Vec::new();
    for n in 0..2 {
        for y in 0..5 {
            for x in 0..6 {
                values.extend((0..3).map(|c| value(n, y, x, c)));
            }
        }
    }
    let file = folder.npy("rgb.npy", &values, &[2, 5, 6, 3], false);
    let error = read(std::slice::from_ref(&file), &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("--layout nhwc"), "{error}");
    let table = read(std::slice::from_ref(&file), &laid_out(Layout::Nhwc)).unwrap();
    assert_eq!(table.shape, Some([3, 5, 6]));
    for c in 0..3 {
        let found = table.row(1)[c * 30 + 2 * 6 + 4];
        assert_eq!(found.to_bits(), f32::from(value(1, 2, 4, c)).to_bits());
    }
    let model = Features::map([3, 5, 6]);
    assert_eq!(
        read_for(&model, &[file], &ReadOptions::default())
            .unwrap()
            .values,
        table.values
    );
}

#[test]
fn arrays_of_three_and_four_dimensions_are_maps() {
    let folder = Folder::new();
    let get = |path| read(&[path], &ReadOptions::default()).unwrap();
    let table = get(folder.npy("nchw.npy", &count(24), &[2, 2, 3, 2], false));
    assert_eq!((table.rows, table.dim()), (2, 12));
    assert_eq!(table.shape, Some([2, 3, 2]));
    assert_eq!(table.columns[0], "c0.y0.x0");
    assert_eq!(table.columns[3], "c0.y1.x1");
    assert_eq!(table.columns[6], "c1.y0.x0");
    assert_eq!(table.row(1)[6..8], [18.0, 19.0]);
    let file = folder.npy("nhw.npy", &[0.5f64; 30], &[5, 2, 3], false);
    let table = read(std::slice::from_ref(&file), &laid_out(Layout::Nhw)).unwrap();
    assert_eq!((table.rows, table.shape), (5, Some([1, 2, 3])));
    let table = read(std::slice::from_ref(&file), &laid_out(Layout::Nct)).unwrap();
    assert_eq!(table.shape, Some([2, 1, 3]));
    let error = read(&[file], &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has three axes, 5 x 2 x 3") && error.contains("--layout nhw"),
        "{error}"
    );
    let plain = get(folder.npy("plain.npy", &[0.5f64; 30], &[5, 6], false));
    assert_eq!(plain.shape, None);
}

#[test]
fn fortran_order_is_put_right_in_every_dimension() {
    let folder = Folder::new();
    let shape = [2usize, 3, 2, 4];
    // Each value tells its indices: n c y x.
    let value = |n: usize, c: usize, y: usize, x: usize| (1000 * n + 100 * c + 10 * y + x) as u16;
    let mut values = Vec::new();
    for x in 0..shape[3] {
        for y in 0..shape[2] {
            for c in 0..shape[1] {
                values.extend((0..shape[0]).map(|n| value(n, c, y, x)));
            }
        }
    }
    let file = folder.npy("f.npy", &values, &shape.map(|length| length as u64), true);
    let options = ReadOptions {
        layout: Some(Layout::Nchw),
        ..ReadOptions::default()
    };
    let table = read(&[file], &options).unwrap();
    assert_eq!(table.shape, Some([3, 2, 4]));
    for n in 0..2 {
        let expected: Vec<f32> = (0..24)
            .map(|index| f32::from(value(n, index / 8, index / 4 % 2, index % 4)))
            .collect();
        assert_eq!(table.row(n), expected);
    }
}

#[test]
fn archives_give_maps_and_labels() {
    let folder = Folder::new();
    let maps = || npy(&count(8), &[2, 1, 2, 2], false);
    let y = npy(&[false, true], &[2, 1], false);
    let file = folder.npz(&[("X", maps()), ("y", y), ("other", npy(&[1u8], &[1], false))]);
    let table = read(&[file], &ReadOptions::default()).unwrap();
    assert_eq!(table.shape, Some([1, 2, 2]));
    assert_eq!(table.labels, Some(vec![false, true]));
    let error = read(&[folder.npz(&[("X", maps())])], &labelled("kind")).unwrap_err();
    assert!(
        error.to_string().contains(
            "each row is a map of 1 x 2 x 2 (channels x height x width), without a label"
        ),
        "{error}"
    );
}

#[test]
fn shapes_must_agree() {
    let folder = Folder::new();
    let eight = folder.npy("eight.npy", &[0u8; 128], &[2, 8, 8], false);
    let flat = folder.npy("flat.npy", &[0u8; 128], &[2, 4, 16], false);
    let plain = folder.npy("plain.npy", &[0u8; 128], &[2, 64], false);
    let says = |files: &[&PathBuf]| {
        let files: Vec<PathBuf> = files.iter().map(|file| (*file).clone()).collect();
        let error = read(&files, &laid_out(Layout::Nhw)).unwrap_err();
        error
            .to_string()
            .replace(&format!("{}/", folder.0.path().display()), "")
    };
    assert_eq!(
        says(&[&eight, &flat]),
        "flat.npy: each row is a map of 1 x 4 x 16 (channels x height x width), \
         where eight.npy has a map of 1 x 8 x 8 (channels x height x width)"
    );
    assert_eq!(
        says(&[&eight, &plain]),
        "plain.npy: each row is a list of 64 values, \
         where eight.npy has a map of 1 x 8 x 8 (channels x height x width)"
    );
    // The other file has as many values as the model.
    let model = Features::map([1, 8, 8]);
    let error = read_for(&model, std::slice::from_ref(&flat), &ReadOptions::default());
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("where the model has a map of 1 x 8 x 8 (channels x height x width)"),
        "{error}"
    );
    // Rows without a shape are taken in the model's.
    let table = read_for(&model, &[plain], &ReadOptions::default()).unwrap();
    assert_eq!(table.shape, Some([1, 8, 8]));
    // And a model of a plain list takes maps of as many values.
    let list: Vec<String> = (0..64).map(|index| format!("c{index}")).collect();
    let table = read_for(&Features::named(&list), &[flat], &ReadOptions::default()).unwrap();
    assert_eq!((table.rows, table.shape), (2, None));
}

#[test]
fn csv_with_the_names_of_a_map_is_a_map() {
    let folder = Folder::new();
    let table = folder
        .read("t,c0.y0.x0,c0.y0.x1\nnow,1,2\nthen,3,4\n")
        .unwrap();
    assert_eq!(table.shape, Some([1, 1, 2]));
}

#[test]
fn a_choice_of_columns_is_no_map() {
    let folder = Folder::new();
    let file = folder.npy("nhw.npy", &count(8), &[2, 2, 2], false);
    let options = ReadOptions {
        columns: Some(names(&["c0.y1.x0", "0"])),
        ..laid_out(Layout::Nhw)
    };
    let table = read(std::slice::from_ref(&file), &options).unwrap();
    assert_eq!(
        (table.values, table.shape),
        (vec![2.0, 0.0, 6.0, 4.0], None)
    );
    let options = ReadOptions {
        exclude: names(&["c0.y0.x0"]),
        ..laid_out(Layout::Nhw)
    };
    let table = read(&[file], &options).unwrap();
    assert_eq!((table.dim(), table.shape), (3, None));
}

#[test]
fn a_map_is_never_cut_and_bad_cells_are_named() {
    let folder = Folder::new();
    let error = |values: &[f32]| {
        let file = folder.npy("bad.npy", values, &[2, 1, 1, 2], false);
        let error = read(&[file], &ReadOptions::default()).unwrap_err();
        error.to_string()
    };
    let dead = error(&[1.0, f32::NAN, 2.0, f32::NAN]);
    assert!(
        dead.contains("column \"c0.y0.x1\" has no numbers: empty"),
        "{dead}"
    );
    let cell = error(&[1.0, 2.0, f32::INFINITY, 3.0]);
    assert!(
        cell.contains("row 2, column \"c0.y0.x0\": \"inf\" is not finite"),
        "{cell}"
    );
    let empty = folder.npy("empty.npy", &[0u8; 0], &[2, 1, 0, 2], false);
    assert!(read(&[empty], &ReadOptions::default()).is_err());
    let five = folder.npy("five.npy", &[0u8; 2], &[2, 1, 1, 1, 1], false);
    let error = read(&[five], &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("has 5 dimensions"), "{error}");
}
