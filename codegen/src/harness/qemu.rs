//! Runs a firmware ELF in QEMU and decodes its defmt logs.

use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Table};

use super::boards::{Board, Emulation};
use super::core::Core;
use super::toolchain::on_path;
use super::{HarnessError, elf};
use crate::interrupt;

/// How often the end of the program and signs of life are looked for.
const POLL: Duration = Duration::from_millis(50);

/// Without a sign of life for so long, a firmware that replays rows hangs.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Arguments that put the sensors of the `detect` program on the emulated board's bus: magnetometer `mag0` and
/// thermometer `thermometer0`.
pub const SENSORS: [&str; 4] = [
    "-device",
    "lsm303dlhc_mag,id=mag0,bus=i2c,address=0x1e",
    "-device",
    "tmp105,id=thermometer0,bus=i2c,address=0x48",
];

/// One run of an ELF.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The firmware; it names its board.
    pub elf: &'a Path,
    /// The host's folder in which the firmware reads and writes files.
    pub folder: &'a Path,
    /// A file whose growth shows that the firmware is alive; its logs show it too.
    pub growing: Option<&'a Path>,
    /// How long the firmware may show no sign of life; `None` for ever.
    pub patience: Option<Duration>,
    /// More arguments for the emulator, such as [`SENSORS`] or a control socket.
    pub arguments: &'a [&'a str],
    /// Whether logs are coloured, for a terminal.
    pub colour: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The firmware reported success.
    Success,
    /// The firmware, or the emulator, reported a failure.
    Failure,
    /// The caller had seen enough.
    Stopped,
}

/// Demands that the emulator of a core's board is installed.
///
/// # Errors
/// [`HarnessError::NoEmulator`], or no board.
pub fn require(core: Core) -> Result<(), HarnessError> {
    match &Board::of(core)?.emulation {
        Some(emulation) => require_program(&emulation.emulator),
        None => Err(HarnessError::NoBoard { core }),
    }
}

fn require_program(program: &str) -> Result<(), HarnessError> {
    if on_path(program) {
        return Ok(());
    }
    let package = if program.ends_with("-arm") {
        "qemu-system-arm"
    } else {
        "qemu-system-misc"
    };
    Err(HarnessError::NoEmulator {
        program: program.to_owned(),
        package,
    })
}

/// The board that an ELF was built for, and how it is emulated.
///
/// # Errors
/// The ELF names no board, or one that is not emulated.
pub fn board(elf: &Path) -> Result<(Board, Emulation), HarnessError> {
    let data = fs::read(elf).map_err(HarnessError::file("cannot read", elf))?;
    board_of(elf, &data)
}

fn board_of(path: &Path, data: &[u8]) -> Result<(Board, Emulation), HarnessError> {
    let name = elf::board(path, data)?;
    let board = Board::all()?.into_iter().find(|board| board.name == name);
    board
        .and_then(|board| {
            let emulation = board.emulation.clone()?;
            Some((board, emulation))
        })
        .ok_or_else(|| HarnessError::Elf {
            path: path.to_owned(),
            reason: format!("its board, {name}, is not one that is emulated"),
        })
}

/// Runs a firmware and hands each line of its logs to `log` as it comes, until the firmware ends or `log` breaks.
///
/// Virtual time advances one nanosecond an instruction, so that the firmware's timers count instructions, the same
/// at every run. It costs next to no speed.
///
/// # Errors
/// No emulator, an ELF that names no board, or a firmware that hangs.
pub fn run(
    run: &Run<'_>,
    mut log: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<Ended, HarnessError> {
    let data = fs::read(run.elf).map_err(HarnessError::file("cannot read", run.elf))?;
    let (board, emulation) = board_of(run.elf, &data)?;
    require_program(&emulation.emulator)?;
    let table = Table::parse(&data).map_err(|error| HarnessError::Elf {
        path: run.elf.to_owned(),
        reason: format!("{error:#}"),
    })?;
    let elf = fs::canonicalize(run.elf).map_err(HarnessError::file("cannot find", run.elf))?;

    let mut emulator = Emulator::start(&emulation, &elf, run)?;
    let mut decoder = Decoder::new(table.as_ref(), run.colour);
    let ended = emulator
        .follow(run, |bytes| decoder.decode(bytes, &mut log))
        .map_err(HarnessError::file("cannot wait for", &emulation.emulator))?;
    let complaints = emulator.complaints();
    match ended {
        Followed::Ended(status) if status.success() => Ok(Ended::Success),
        Followed::Ended(_) => {
            for line in complaints.lines() {
                // Nothing is left to stop.
                let _ = log(line);
            }
            Ok(Ended::Failure)
        }
        Followed::Stopped => Ok(Ended::Stopped),
        Followed::Interrupted => Err(HarnessError::Interrupted),
        Followed::Stalled(waited) => Err(HarnessError::Stalled {
            machine: board.name,
            waited,
            complaints,
        }),
    }
}

/// Runs a firmware in the current folder: what `cargo run` in a board's folder does with a program that reads no sensors.
/// True if the firmware reported success.
///
/// # Errors
/// As [`run`].
pub fn emulate(elf: &Path, colour: bool, mut log: impl FnMut(&str)) -> Result<bool, HarnessError> {
    let all = Run {
        elf,
        folder: Path::new("."),
        growing: None,
        patience: None,
        arguments: &[],
        colour,
    };
    let ended = run(&all, |line| {
        log(line);
        ControlFlow::Continue(())
    })?;
    Ok(ended == Ended::Success)
}

/// A running emulator. Dropping it ends it.
struct Emulator {
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Emulator {
    fn start(emulation: &Emulation, elf: &Path, run: &Run<'_>) -> Result<Self, HarnessError> {
        let mut child = Command::new(&emulation.emulator)
            .args(&emulation.machine)
            .args(["-display", "none", "-monitor", "none", "-serial", "none"])
            .args(["-icount", "shift=0", "-chardev", "stdio,id=logs,signal=off"])
            .args([
                "-semihosting-config",
                "enable=on,target=native,chardev=logs",
                "-kernel",
            ])
            .arg(elf)
            .args(run.arguments)
            .current_dir(run.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::file("cannot run", &emulation.emulator))?;
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
        Ok(Self {
            child,
            output,
            errors,
        })
    }

    /// Passes output on until the program ends, the receiver breaks, or no sign of life comes any more.
    fn follow(
        &mut self,
        run: &Run<'_>,
        mut decode: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> std::io::Result<Followed> {
        let mut length = 0;
        let mut last_sign = Instant::now();
        loop {
            // A signal reaches the emulator as well: that is no end of its own.
            if interrupt::heard() {
                return Ok(Followed::Interrupted);
            }
            match self.output.recv_timeout(POLL) {
                Ok(bytes) => {
                    last_sign = Instant::now();
                    if decode(&bytes).is_break() {
                        return Ok(Followed::Stopped);
                    }
                }
                // The output is closed: the end is near, and everything was read.
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some(status) = self.child.try_wait()? {
                        return Ok(Followed::Ended(status));
                    }
                    thread::sleep(POLL);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let grown = run
                .growing
                .and_then(|path| fs::metadata(path).ok())
                .map_or(0, |data| data.len());
            if grown != length {
                length = grown;
                last_sign = Instant::now();
            }
            if let Some(patience) = run
                .patience
                .filter(|&patience| last_sign.elapsed() > patience)
            {
                return Ok(Followed::Stalled(patience));
            }
        }
    }

    /// Ends the emulator if it still runs; what it wrote to its standard error.
    fn complaints(&mut self) -> String {
        // Fails only where the program has already ended.
        let _ = self.child.kill();
        self.errors
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Both fail only where the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why there is nothing more to follow.
enum Followed {
    Ended(ExitStatus),
    Stopped,
    Interrupted,
    Stalled(Duration),
}

/// Turns the stream from the chip into lines.
struct Decoder<'table> {
    frames: Option<Box<dyn defmt_decoder::StreamDecoder + Send + Sync + 'table>>,
    colour: bool,
}

impl<'table> Decoder<'table> {
    /// Without a table the firmware does not use defmt, and its output is dropped.
    fn new(table: Option<&'table Table>, colour: bool) -> Self {
        Self {
            frames: table.map(Table::new_stream_decoder),
            colour,
        }
    }

    fn decode(
        &mut self,
        bytes: &[u8],
        log: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(frames) = &mut self.frames else {
            return ControlFlow::Continue(());
        };
        frames.received(bytes);
        loop {
            match frames.decode() {
                Ok(frame) => log(&line(&frame, self.colour))?,
                Err(DecodeError::UnexpectedEof) => return ControlFlow::Continue(()),
                Err(DecodeError::Malformed) => log("(a log frame that does not decode)")?,
            }
        }
    }
}

/// A frame as a line: its level, then its message.
fn line(frame: &defmt_decoder::Frame<'_>, colour: bool) -> String {
    let message = frame.display_message();
    let Some(level) = frame.level() else {
        return message.to_string();
    };
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
