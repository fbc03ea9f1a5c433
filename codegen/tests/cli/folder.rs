//! Where a test runs the program, and what it expects of it.

use std::path::PathBuf;
use std::process::{Command, Output};

use nvpico_codegen::simulate::Pump;

/// A folder of its own for a test, and `nvpico` in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).expect("file is written");
        self.path(name)
    }

    /// Runs `nvpico` in the folder.
    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_nvpico"))
            .args(args)
            .current_dir(self.0.path())
            .output()
            .expect("nvpico runs")
    }

    pub fn succeeds(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Fails with exit code 1 and words that hold all of `words`.
    pub fn fails(&self, args: &[&str], words: &[&str]) {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
        for word in words {
            assert!(
                errors.contains(word),
                "{args:?}: `{word}` is not in: {errors}"
            );
        }
        assert!(!errors.contains("panicked"), "{errors}");
    }

    /// Ends with exit code 2 and words that hold all of `words`.
    pub fn refuses(&self, args: &[&str], words: &[&str]) {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        for word in words {
            assert!(
                errors.contains(word),
                "{args:?}: `{word}` is not in: {errors}"
            );
        }
    }

    /// A small pump model and its labelled rows.
    pub fn with_model() -> Self {
        let folder = Self::new();
        let mut pump = Pump::new(3);
        pump.record_normal(1_500)
            .write_csv(&folder.path("normal.csv"))
            .expect("written");
        pump.record_faults(1_500)
            .write_csv(&folder.path("faults.csv"))
            .expect("written");
        folder.succeeds(&TRAIN);
        folder
    }
}

/// Trains the small pump model.
/// Couplings onto a standard normal alone: their costs are estimated.
pub const TRAIN: [&str; 17] = [
    "train",
    "--data",
    "normal.csv",
    "--out",
    "m.safetensors",
    "--couplings",
    "4",
    "--hidden",
    "8",
    "--epochs",
    "15",
    "--seed",
    "5",
    "--base",
    "normal",
    "--kernels",
    "0",
];
