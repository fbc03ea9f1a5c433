//! Runs a firmware ELF in QEMU and decodes its defmt logs.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Table};

use super::toolchain::on_path;
use super::{HarnessError, firmware};

const PROGRAM: &str = "qemu-system-arm";
/// How often the end of the program and signs of life are looked for.
const POLL: Duration = Duration::from_millis(50);
/// Without a sign of life for so long, a firmware hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// One run of an ELF.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The firmware; it names its board.
    pub elf: &'a Path,
    /// The host's folder in which the firmware reads and writes files.
    pub folder: &'a Path,
    /// A file whose growth shows that the firmware is alive; its logs show it too.
    pub growing: Option<&'a Path>,
    /// Whether logs are coloured, for a terminal.
    pub colour: bool,
}

/// Whether the emulator is installed.
#[must_use]
pub fn is_installed() -> bool {
    on_path(PROGRAM)
}

/// Runs a firmware to its end and hands each line of its logs to `log` as it comes. True if the firmware ended well.
///
/// Virtual time advances one nanosecond an instruction, so that the firmware's timers count instructions, the same
/// at every run. It costs next to no speed.
///
/// # Errors
/// No emulator, an ELF that names no board, or a firmware that hangs.
pub fn run(run: &Run<'_>, mut log: impl FnMut(&str)) -> Result<bool, HarnessError> {
    if !is_installed() {
        return Err(HarnessError::NoEmulator);
    }
    let data = fs::read(run.elf).map_err(HarnessError::file("cannot read", run.elf))?;
    let machine = firmware::board(run.elf, &data)?;
    let table = Table::parse(&data)
        .map_err(|error| HarnessError::Elf { path: run.elf.to_owned(), reason: format!("{error:#}") })?;
    let elf = fs::canonicalize(run.elf).map_err(HarnessError::file("cannot find", run.elf))?;

    let mut kept = String::new();
    let mut keep_and_log = |line: &str| {
        kept.push_str(line);
        kept.push('\n');
        log(line);
    };
    let mut emulator = Emulator::start(&machine, &elf, run.folder)?;
    let mut decoder = Decoder::new(table.as_ref(), run.colour);
    let ended = emulator.follow(run.growing, |bytes| decoder.decode(bytes, &mut keep_and_log));
    let complaints = emulator.complaints();
    for line in complaints.lines() {
        keep_and_log(line);
    }
    match ended.map_err(HarnessError::file("cannot wait for", PROGRAM))? {
        Some(status) => Ok(status.success()),
        None => Err(HarnessError::Stalled { machine, waited: PATIENCE, log: kept }),
    }
}

/// Runs a firmware in the current folder: what `cargo run` in `firmware/` does with the program it built.
///
/// # Errors
/// As [`run`].
pub fn emulate(elf: &Path, colour: bool, log: impl FnMut(&str)) -> Result<bool, HarnessError> {
    run(&Run { elf, folder: Path::new("."), growing: None, colour }, log)
}

/// A running emulator. Dropping it ends it.
struct Emulator {
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Emulator {
    fn start(machine: &str, elf: &Path, folder: &Path) -> Result<Self, HarnessError> {
        let mut child = Command::new(PROGRAM)
            .args(["-machine", machine, "-display", "none", "-monitor", "none", "-serial", "none"])
            .args(["-icount", "shift=0", "-chardev", "stdio,id=logs,signal=off"])
            .args(["-semihosting-config", "enable=on,target=native,chardev=logs", "-kernel"])
            .arg(elf)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::file("cannot run", PROGRAM))?;
        let (sender, output) = mpsc::channel();
        if let Some(mut stdout) = child.stdout.take() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
        }
        let errors = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut text = Vec::new();
                // What was read before an error is still worth showing.
                let _ = stderr.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Ok(Self { child, output, errors })
    }

    /// Passes output on until the program ends, or `None` when it shows no sign of life any more.
    fn follow(
        &mut self,
        growing: Option<&Path>,
        mut decode: impl FnMut(&[u8]),
    ) -> std::io::Result<Option<ExitStatus>> {
        let mut length = 0;
        let mut last_sign = Instant::now();
        loop {
            match self.output.recv_timeout(POLL) {
                Ok(bytes) => {
                    decode(&bytes);
                    last_sign = Instant::now();
                }
                // The output is closed: the end is near, and everything was read.
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some(status) = self.child.try_wait()? {
                        return Ok(Some(status));
                    }
                    thread::sleep(POLL);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let grown = growing.and_then(|path| fs::metadata(path).ok()).map_or(0, |data| data.len());
            if grown != length {
                length = grown;
                last_sign = Instant::now();
            }
            if last_sign.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                return Ok(None);
            }
        }
    }

    /// What the emulator wrote to its standard error, once it has ended.
    fn complaints(&mut self) -> String {
        // Still running after an error in `follow`: its pipe would not close.
        let _ = self.child.kill();
        self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Both fail only where the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Turns the stream from the chip into lines.
struct Decoder<'table> {
    frames: Option<Box<dyn defmt_decoder::StreamDecoder + Send + Sync + 'table>>,
    colour: bool,
}

impl<'table> Decoder<'table> {
    /// Without a table the firmware does not use defmt, and its output is dropped.
    fn new(table: Option<&'table Table>, colour: bool) -> Self {
        Self { frames: table.map(Table::new_stream_decoder), colour }
    }

    fn decode(&mut self, bytes: &[u8], log: &mut impl FnMut(&str)) {
        let Some(frames) = &mut self.frames else { return };
        frames.received(bytes);
        loop {
            match frames.decode() {
                Ok(frame) => log(&line(&frame, self.colour)),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => log("(a log frame that does not decode)"),
            }
        }
    }
}

/// A frame as a line: its level, then its message.
fn line(frame: &defmt_decoder::Frame<'_>, colour: bool) -> String {
    let message = frame.display_message();
    let Some(level) = frame.level() else { return message.to_string() };
    let level = level.as_str();
    if !colour {
        return format!("{level:<5} {message}");
    }
    let code = match level {
        "error" => "31",
        "warn" => "33",
        "info" => "32",
        _ => "90",
    };
    format!("\u{1b}[{code}m{level:<5}\u{1b}[0m {message}")
}
