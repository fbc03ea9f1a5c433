//! Finds what can compile for a microcontroller's target on this machine.
//!
//! The first way is a Rust installation that brings `core` for the target (`rustup target add`). The second is one
//! that brings the sources of `core` (Debian's `rust-web-src`, rustup's `rust-src`) and builds it along. Debian's
//! installation is found at `/usr` without being known to rustup.

use std::env;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::HarnessError;
use crate::interrupt;

/// How often the end of a build is looked for.
const POLL: Duration = Duration::from_millis(20);

/// Where Debian's packages put Rust.
const DEBIAN_BIN: &str = "/usr/bin";

/// Variables by which an outer cargo or rustup would steer the inner one: toolchain, flags, target.
const STEERING: [&str; 13] = [
    "CARGO",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_UNSTABLE_BUILD_STD",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "DEFMT_LOG",
];

/// A cargo that can build for one target.
#[derive(Clone, Debug)]
pub struct Toolchain {
    target: String,
    cargo: OsString,
    /// The compiler to tell cargo of, where it is not the one cargo would take.
    rustc: Option<PathBuf>,
    /// Whether `core` is built from its sources.
    build_core: bool,
    /// The linker, where the installation brings none.
    linker: Option<&'static str>,
}

impl Toolchain {
    /// Finds one for `target`. `folder` is where it will run: rustup chooses a toolchain by it.
    ///
    /// # Errors
    /// [`HarnessError::NoToolchain`] says what is missing from each that was looked at.
    pub fn find(target: &str, folder: &Path) -> Result<Self, HarnessError> {
        let mut tried = Vec::new();
        let debian_rustc = Path::new(DEBIAN_BIN).join("rustc");
        let candidates = [
            Installation {
                rustc: PathBuf::from("rustc"),
                cargo: OsString::from("cargo"),
                explicit: false,
            },
            Installation {
                cargo: Path::new(DEBIAN_BIN).join("cargo").into(),
                rustc: debian_rustc,
                explicit: true,
            },
        ];
        for candidate in candidates {
            match candidate.examine(target, folder) {
                Ok(toolchain) => return Ok(toolchain),
                Err(lack) => tried.push(lack),
            }
        }
        Err(HarnessError::NoToolchain {
            target: target.to_owned(),
            tried: tried.join("; "),
        })
    }

    /// A cargo command that builds for the target, in `folder` and into `target_dir`, deaf to what an outer cargo
    /// set in the environment.
    #[must_use]
    pub fn build_command(&self, folder: &Path, target_dir: &Path) -> Command {
        let mut command = quiet(&self.cargo, folder);
        command
            .arg("build")
            .arg("--target")
            .arg(&self.target)
            .arg("--target-dir")
            .arg(target_dir);
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
            // The outer toolchain's libraries are not this one's.
            command
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("LD_LIBRARY_PATH");
        }
        if self.build_core {
            // Building core is unstable only in that cargo's option for it may change.
            command.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
        }
        if let Some(linker) = self.linker {
            command.env(linker_variable(&self.target), linker);
        }
        command
    }
}

/// A `rustc` with its `cargo`.
struct Installation {
    rustc: PathBuf,
    cargo: OsString,
    /// Whether cargo has to be told of the compiler.
    explicit: bool,
}

impl Installation {
    /// A toolchain from this installation, or in words what it lacks.
    fn examine(self, target: &str, folder: &Path) -> Result<Toolchain, String> {
        let name = self.rustc.display();
        let libraries = self
            .ask(folder, &["--print", "target-libdir", "--target", target])
            .ok_or_else(|| format!("`{name}` is missing or does not know the target"))?;
        let root = self
            .ask(folder, &["--print", "sysroot"])
            .ok_or_else(|| format!("`{name}` does not run"))?;
        let root = PathBuf::from(root);
        let build_core = !has_core(Path::new(&libraries));
        if build_core && !root.join("lib/rustlib/src/rust/library/core").is_dir() {
            return Err(format!(
                "`{name}` has neither core for the target nor the sources of core"
            ));
        }
        let linker = if brings_linker(&root) {
            None
        } else if on_path("ld.lld") {
            Some("ld.lld")
        } else {
            return Err(format!(
                "`{name}` brings no linker, and ld.lld (Debian's package lld) is not on the PATH"
            ));
        };
        let rustc = self.explicit.then_some(self.rustc);
        Ok(Toolchain {
            target: target.to_owned(),
            cargo: self.cargo,
            rustc,
            build_core,
            linker,
        })
    }

    fn ask(&self, folder: &Path, arguments: &[&str]) -> Option<String> {
        let output = quiet(self.rustc.as_os_str(), folder)
            .args(arguments)
            .output()
            .ok()?;
        let answer = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !answer.is_empty()).then_some(answer)
    }
}

/// A command without standard input and without the variables that an outer cargo set.
fn quiet(program: &std::ffi::OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for variable in STEERING {
        command.env_remove(variable);
    }
    command
}

fn has_core(libraries: &Path) -> bool {
    libraries.read_dir().is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// Whether an installation has `rust-lld`, the default linker of these targets; it lies under the host's triple.
fn brings_linker(root: &Path) -> bool {
    let file = if cfg!(windows) {
        "bin/rust-lld.exe"
    } else {
        "bin/rust-lld"
    };
    root.join("lib/rustlib").read_dir().is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join(file).is_file())
    })
}

fn linker_variable(target: &str) -> String {
    format!(
        "CARGO_TARGET_{}_LINKER",
        target.to_uppercase().replace(['-', '.'], "_")
    )
}

/// Whether a program of this name is on the `PATH`.
pub(super) fn on_path(program: &str) -> bool {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(&file).is_file()))
}

/// Runs a build; what it said is in the error.
pub(super) fn run_build(command: &mut Command, what: &str) -> Result<(), HarnessError> {
    let program = command.get_program().to_owned();
    let cannot_run = || HarnessError::file("cannot run", &program);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run())?;
    let mut errors = child.stderr.take();
    let said = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(errors) = &mut errors {
            // What was read before an error is still worth showing.
            let _ = errors.read_to_end(&mut text);
        }
        text
    });
    let status = loop {
        if let Some(status) = child.try_wait().map_err(cannot_run())? {
            break status;
        }
        if interrupt::heard() {
            // Both fail only where the program has already ended.
            let _ = child.kill();
            let _ = child.wait();
            return Err(HarnessError::Interrupted);
        }
        thread::sleep(POLL);
    };
    if status.success() {
        return Ok(());
    }
    let text = said.join().unwrap_or_default();
    Err(HarnessError::Build {
        what: what.to_owned(),
        output: String::from_utf8_lossy(&text).trim_end().to_owned(),
    })
}
