//! Scores keep their bits: digests of the log-densities of models from other libraries, of the measured models, and of
//! models trained here, in every precision. A change of the order of arithmetic anywhere, training included, shows here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use sha2::{Digest as _, Sha256};

use crate::folder::Folder;

/// Model, precision, digest: a line each.
const KEPT: &str = include_str!("kept.txt");

const PRECISIONS: [&str; 3] = ["f32", "i16", "i8"];

/// The first bytes of a hash over the log-densities as they are printed, which is exact.
fn digest(scores: &str) -> String {
    let mut rows = scores.lines().map(|line| line.split(','));
    let mut names = rows.next().expect("a header");
    let at = names.position(|name| name == "log_prob").expect("a column");
    let values: Vec<&str> = rows.filter_map(|mut row| row.nth(at)).collect();
    let hash = Sha256::digest(values.join("\n"));
    hash.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The lines of a model for [`KEPT`].
fn lines(folder: &Folder, name: &str, model: &str, data: &str, calibrate: &[&str]) -> String {
    let mut text = String::new();
    for precision in PRECISIONS {
        let mut args = vec!["score", "--model", model, "--data", data];
        args.extend(["--precision", precision]);
        if precision != "f32" {
            args.extend(calibrate);
        }
        let digest = digest(&folder.succeeds(&args));
        let _ = writeln!(text, "{name} {precision} {digest}");
    }
    text
}

/// Compares lines with those kept under the same names.
fn are_kept(found: &str) {
    for line in found.lines() {
        assert!(
            KEPT.lines().any(|kept| kept == line),
            "`{line}` is not what `kept.txt` has; found in all:\n{found}"
        );
    }
}

/// Writes the tensor `x` of reference vectors as an array.
fn write_rows(vectors: &Path, to: &Path) {
    let bytes = std::fs::read(vectors).expect("vectors");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let x = tensors.tensor("x").expect("x");
    let shape: Vec<String> = x.shape().iter().map(ToString::to_string).collect();
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}",
        shape.join(", ")
    );
    // Magic, version and length take 10 bytes; the line ends on a multiple of 64.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).expect("short").to_le_bytes();
    let array = [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        x.data(),
    ]
    .concat();
    std::fs::write(to, array).expect("written");
}

#[test]
fn models_of_other_libraries_keep_their_scores() {
    let shared = std::env::var_os("NVPICO_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let folder = Folder::new();
    for (kind, from) in [("bench", "plain"), ("golden", "auto")] {
        let Ok(files) = std::fs::read_dir(shared.join(kind)) else {
            eprintln!("skipped: no {kind}/ in {}", shared.display());
            continue;
        };
        for file in files {
            let weights = file.expect("readable").path();
            let Some(name) = weights
                .file_name()
                .and_then(|name| name.to_str()?.strip_suffix(".weights.safetensors"))
            else {
                continue;
            };
            let vectors = weights.with_file_name(format!("{name}.vectors.safetensors"));
            write_rows(&vectors, &folder.path("x.npy"));
            let source = weights.to_str().expect("UTF-8");
            folder.succeeds(&["import", "--from", from, source, "--out", "m.safetensors"]);
            let calibrate = ["--calibrate", "x.npy"];
            are_kept(&lines(&folder, name, "m.safetensors", "x.npy", &calibrate));
        }
    }
}

#[test]
fn models_trained_here_keep_their_scores() {
    let folder = Folder::new();
    let train = |data: &str, out: &str, rest: &[&str]| {
        // Couplings onto a standard normal, and that alone, whatever the defaults are.
        let args = [
            "train",
            "--data",
            data,
            "--seed",
            "1",
            "--out",
            out,
            "--base",
            "normal",
            "--kernels",
            "0",
        ];
        folder.succeeds(&[&args[..], rest].concat());
    };
    let pump = ["simulate", "pump", "--rows", "1500", "--out", "pump.csv"];
    folder.succeeds(&pump);
    train("pump.csv", "pump.safetensors", &["--epochs", "6"]);
    are_kept(&lines(&folder, "pump", "pump.safetensors", "pump.csv", &[]));
    let tuned = ["--epochs", "6", "--precision", "i8", "--fine-tune", "4"];
    train("pump.csv", "tuned.safetensors", &tuned);
    let name = "pump_fine_tuned";
    are_kept(&lines(&folder, name, "tuned.safetensors", "pump.csv", &[]));

    let rows = ["--rows", "200", "--out", "thermal.npy"];
    folder.succeeds(&[&["simulate", "thermal"][..], &rows].concat());
    train("thermal.npy", "thermal.safetensors", &["--epochs", "2"]);
    let model = "thermal.safetensors";
    are_kept(&lines(&folder, "thermal", model, "thermal.npy", &[]));
}
