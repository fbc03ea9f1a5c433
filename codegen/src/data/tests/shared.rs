//! Real files, where they lie beside the checkout.

use super::*;

/// The public data sets, where they lie beside the checkout.
#[test]
fn reads_the_shared_data_sets() {
    let shared = std::env::var_os("NVPICO_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    if !data.is_dir() {
        eprintln!("skipped: no shared data (NVPICO_SHARED names the folder that has them)");
        return;
    }
    let normal = read(
        &[data.join("skab/anomaly-free/anomaly-free.csv")],
        &ReadOptions::default(),
    )
    .unwrap();
    assert_eq!((normal.rows, normal.dim()), (9405, 8));
    assert_eq!(normal.skipped_columns[0].name, "datetime");
    let files = |folder: &str| -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(data.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|file| {
            !matches!(
                file.file_stem().and_then(|stem| stem.to_str()),
                Some("auroc" | "auprc")
            )
        });
        files.sort();
        files
    };
    let mut rows = 0;
    for folder in ["skab/valve1", "skab/valve2", "skab/other"] {
        let table = read_for(&normal.features(), &files(folder), &labelled("anomaly")).unwrap();
        assert_eq!(table.labels.map(|labels| labels.len()), Some(table.rows));
        rows += table.rows;
    }
    assert_eq!(rows, 37_401);
    for file in files("adbench") {
        let table = read(std::slice::from_ref(&file), &ReadOptions::default()).unwrap();
        let labels = table.labels.expect("an array y");
        assert!(
            labels.contains(&true) && labels.contains(&false),
            "{}",
            file.display()
        );
    }
}
