//! A firmware that runs in QEMU while the caller changes what its sensors measure and reads its logs.
//!
//! ```no_run
//! use nvpico_codegen::harness::live::{Live, LiveRequest};
//! use nvpico_codegen::simulate::field::surroundings;
//!
//! let mut normal = surroundings(1, 1)[0];
//! let mut live = Live::start(&LiveRequest {
//!     elf: "detect.elf".as_ref(),
//!     folder: ".".as_ref(),
//!     surroundings: &normal,
//!     real_time: true,
//!     colour: false,
//! })?;
//! normal.nanotesla[0] += 20_000;
//! live.surround(&normal)?;
//! println!("{}", live.wait_for("the alarm", |line| line.contains("alarm raised"))?);
//! # Ok::<(), nvpico_codegen::harness::live::LiveError>(())
//! ```

use std::ops::ControlFlow;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use serde_json::json;

use super::HarnessError;
use super::qemu::{self, Ended, Run};
use super::qmp::{Qmp, QmpError};
use crate::output;
use crate::simulate::field::Surroundings;

/// How long a line is waited for, and how long a firmware may be silent.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two settings of the surroundings.
const STEP: Duration = Duration::from_millis(100);
/// Lines of the log that an error shows.
const SHOWN: usize = 30;

const MAGNETOMETER: &str = "/machine/peripheral/mag0";
const THERMOMETER: &str = "/machine/peripheral/thermometer0";
const MAGNETOMETER_ADDRESS: u8 = 0x1E;
/// An address that no program asks.
const AWAY: u8 = 0x77;

/// Why a live firmware cannot be followed further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The emulator or the firmware failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The emulator's control failed.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// The control socket could not be made.
    #[error("cannot make a control socket: {0}")]
    Socket(io::Error),
    /// A line did not come in time.
    #[error("{what} did not come within {} seconds; the end of the log:\n{log}", PATIENCE.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The last lines.
        log: String,
    },
    /// The firmware ended instead.
    #[error("the firmware ended ({ended:?}) before {what} came; the end of the log:\n{log}")]
    Ended {
        /// What was waited for.
        what: String,
        /// How it ended.
        ended: Ended,
        /// The last lines.
        log: String,
    },
}

/// What to start.
#[derive(Clone, Copy, Debug)]
pub struct LiveRequest<'a> {
    /// The firmware.
    pub elf: &'a Path,
    /// The host's folder in which it reads and writes files.
    pub folder: &'a Path,
    /// What the sensors measure from its first instruction on.
    pub surroundings: &'a Surroundings,
    /// Whether the firmware sleeps as long as it says; otherwise its clock jumps to where it wakes.
    pub real_time: bool,
    /// Whether levels of the log get terminal colours.
    pub colour: bool,
}

/// A running firmware. Dropping it ends it.
#[derive(Debug)]
pub struct Live {
    qmp: Qmp,
    /// `None` only while it is dropped.
    lines: Option<Receiver<String>>,
    runner: Option<JoinHandle<Result<Ended, HarnessError>>>,
    seen: Vec<String>,
}

impl Live {
    /// Starts a firmware with the sensors on its bus.
    ///
    /// # Errors
    /// No emulator, an ELF that is no firmware of nvpico, or no control socket.
    pub fn start(request: &LiveRequest<'_>) -> Result<Self, LiveError> {
        let mut live = Self::start_paused(request)?;
        live.surround(request.surroundings)?;
        live.qmp.execute("cont", &json!({}))?;
        Ok(live)
    }

    fn start_paused(request: &LiveRequest<'_>) -> Result<Self, LiveError> {
        let sockets = output::temporary_folder().map_err(LiveError::Socket)?;
        let socket = sockets.path().join("control");
        // This side listens, so the connection is there as soon as the emulator is.
        let listener = UnixListener::bind(&socket).map_err(LiveError::Socket)?;
        // In an option of the emulator a comma stands doubled.
        let control = format!("unix:{}", socket.display().to_string().replace(',', ",,"));
        let (elf, folder) = (request.elf.to_owned(), request.folder.to_owned());
        let sleep = if request.real_time {
            "sleep=on"
        } else {
            "sleep=off"
        };
        let colour = request.colour;
        let (sender, lines) = mpsc::channel();
        let runner = thread::spawn(move || {
            let control = ["-S", "-qmp", &control, "-icount", sleep];
            let run = Run {
                elf: &elf,
                folder: &folder,
                growing: None,
                // Waiting for a line has its own time limit.
                patience: None,
                arguments: &[&qemu::SENSORS[..], &control].concat(),
                colour,
            };
            let ended = qemu::run(&run, |line| match sender.send(line.to_owned()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
            // If the emulator never came, this wakes `accept`; then the first read sees the end.
            let _ = UnixStream::connect(&socket);
            ended
        });
        let connected = listener
            .accept()
            .map_err(LiveError::Socket)
            .and_then(|(stream, _)| Ok(Qmp::new(stream)?));
        match connected {
            Ok(qmp) => Ok(Self {
                qmp,
                lines: Some(lines),
                runner: Some(runner),
                seen: Vec::new(),
            }),
            Err(error) => {
                drop(lines);
                // Why the emulator did not come says more than that it did not.
                match join(runner) {
                    Err(reason) => Err(reason.into()),
                    Ok(_) => Err(error),
                }
            }
        }
    }

    /// Sets field and temperature. One after the other: a reading may fall between them.
    ///
    /// # Errors
    /// A value that the sensor cannot hold, or a failed connection.
    pub fn surround(&mut self, surroundings: &Surroundings) -> Result<(), QmpError> {
        let axes = ["mag-x", "mag-y", "mag-z"];
        for (property, nanotesla) in axes.into_iter().zip(surroundings.nanotesla) {
            self.qmp.set(MAGNETOMETER, property, nanotesla)?;
        }
        self.qmp
            .set(THERMOMETER, "temperature", surroundings.millidegrees)
    }

    /// Takes the magnetometer off the bus: nothing answers at its address any more.
    ///
    /// # Errors
    /// A failed connection.
    pub fn remove_magnetometer(&mut self) -> Result<(), QmpError> {
        self.move_magnetometer(AWAY)
    }

    /// Puts the magnetometer back on the bus.
    ///
    /// # Errors
    /// A failed connection.
    pub fn return_magnetometer(&mut self) -> Result<(), QmpError> {
        self.move_magnetometer(MAGNETOMETER_ADDRESS)
    }

    fn move_magnetometer(&mut self, address: u8) -> Result<(), QmpError> {
        // The bus allows no unplugging; an address changes only while the device is not in use.
        self.qmp.set(MAGNETOMETER, "realized", false)?;
        self.qmp.set(MAGNETOMETER, "address", address)?;
        self.qmp.set(MAGNETOMETER, "realized", true)
    }

    /// Every line of the log that was waited for or passed over.
    #[must_use]
    pub fn log(&self) -> &[String] {
        &self.seen
    }

    /// Waits for the next line of the log that `is_it`, which `what` names, and gives it.
    ///
    /// # Errors
    /// [`LiveError::TimedOut`] or [`LiveError::Ended`] with the log's end, or what the emulator failed with.
    pub fn wait_for(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&str) -> bool,
    ) -> Result<String, LiveError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if is_it(&line) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(LiveError::TimedOut {
                        what: what.to_owned(),
                        log: self.end_of_log(),
                    });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = self.runner.take().map_or(Ok(Ended::Stopped), join)?;
                    return Err(LiveError::Ended {
                        what: what.to_owned(),
                        ended,
                        log: self.end_of_log(),
                    });
                }
            }
        }
    }

    /// Waits until the firmware ends by itself.
    ///
    /// # Errors
    /// [`LiveError::TimedOut`], or what the emulator failed with.
    pub fn wait_for_end(&mut self) -> Result<Ended, LiveError> {
        match self.wait_for("the firmware's end", |_| false) {
            Err(LiveError::Ended { ended, .. }) => Ok(ended),
            Err(error) => Err(error),
            // No line is the one.
            Ok(_) => Ok(Ended::Stopped),
        }
    }

    /// Moves the surroundings ten times a second and passes the log on, until the firmware ends, the surroundings
    /// do, or `stop` says so.
    ///
    /// # Errors
    /// A failed connection, or what the emulator failed with.
    pub fn follow(
        &mut self,
        surroundings: impl IntoIterator<Item = Surroundings>,
        stop: impl Fn() -> bool,
        mut log: impl FnMut(&str),
    ) -> Result<Ended, LiveError> {
        for surroundings in surroundings {
            if self.surround(&surroundings).is_err() {
                // The emulator is about to end: why, its end tells.
                thread::sleep(STEP);
            }
            let next = Instant::now() + STEP;
            loop {
                match self.next(next.saturating_duration_since(Instant::now())) {
                    Ok(line) => log(&line),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Ok(self.runner.take().map_or(Ok(Ended::Stopped), join)?);
                    }
                }
            }
            if stop() {
                break;
            }
        }
        Ok(Ended::Stopped)
    }

    fn next(&self, patience: Duration) -> Result<String, RecvTimeoutError> {
        match &self.lines {
            Some(lines) => lines.recv_timeout(patience),
            None => Err(RecvTimeoutError::Disconnected),
        }
    }

    fn end_of_log(&self) -> String {
        self.seen[self.seen.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.lines = None;
        // At once rather than with the next line of the log; fails only where the emulator has already ended.
        let _ = self.qmp.execute("quit", &json!({}));
        if let Some(runner) = self.runner.take() {
            // Nobody is left to tell.
            let _ = runner.join();
        }
    }
}

fn join(runner: JoinHandle<Result<Ended, HarnessError>>) -> Result<Ended, HarnessError> {
    runner
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
