//! A client of QEMU's control protocol, QMP: enough to set what an emulated sensor measures.
//!
//! [`Live`](super::live::Live) opens the connection; each request waits for its answer.
//!
//! ```no_run
//! use nvpico_codegen::harness::qmp::Qmp;
//!
//! // qemu-system-arm ... -qmp unix:control,server=on,wait=off
//! let mut qmp = Qmp::new(std::os::unix::net::UnixStream::connect("control")?)?;
//! qmp.set("/machine/peripheral/mag0", "mag-x", 25_000)?; // nanotesla
//! # Ok::<(), nvpico_codegen::harness::qmp::QmpError>(())
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

/// An answer takes so long only where the emulator hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QmpError {
    /// The connection failed, or nothing came in time.
    #[error("the emulator's control socket: {0}")]
    Io(#[from] io::Error),
    /// The emulator ended.
    #[error("the emulator closed its control socket")]
    Closed,
    /// What came is not QMP.
    #[error("the emulator sent something that is not QMP: {0}")]
    Malformed(String),
    /// The emulator refused the request.
    #[error("the emulator refused `{command}`: {reason}")]
    Refused {
        /// The command.
        command: String,
        /// The emulator's words.
        reason: String,
    },
}

/// A connection that is ready for commands.
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Takes the emulator's greeting and makes the connection ready.
    ///
    /// # Errors
    /// The connection fails, or the other side does not speak QMP.
    pub fn new(stream: UnixStream) -> Result<Self, QmpError> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut qmp = Self {
            stream: BufReader::new(stream),
        };
        let greeting = qmp.message()?;
        if greeting.get("QMP").is_none() {
            return Err(QmpError::Malformed(greeting.to_string()));
        }
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Runs a command and gives what it returns. Events that come in between are dropped.
    ///
    /// # Errors
    /// [`QmpError::Refused`] with the emulator's reason, or a failed connection.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, QmpError> {
        let mut request = json!({ "execute": command, "arguments": arguments }).to_string();
        request.push('\n');
        self.stream.get_mut().write_all(request.as_bytes())?;
        loop {
            let mut answer = self.message()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(QmpError::Refused {
                    command: command.to_owned(),
                    reason: error["desc"]
                        .as_str()
                        .unwrap_or("no reason given")
                        .to_owned(),
                });
            }
            if answer.get("event").is_none() {
                return Err(QmpError::Malformed(answer.to_string()));
            }
        }
    }

    /// Sets a property of an object (`qom-set`).
    ///
    /// # Errors
    /// As [`execute`](Self::execute): no such object or property, or a value beyond its range.
    pub fn set(
        &mut self,
        path: &str,
        property: &str,
        value: impl Into<Value>,
    ) -> Result<(), QmpError> {
        let value = value.into();
        let arguments = json!({ "path": path, "property": property, "value": value });
        self.execute("qom-set", &arguments).map(|_| ())
    }

    fn message(&mut self) -> Result<Value, QmpError> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(QmpError::Closed);
        }
        serde_json::from_str(&line).map_err(|_| QmpError::Malformed(line.trim_end().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const GREETING: &str = r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#;

    /// A server that sends each of `says` after a line from the client (the greeting at once), then closes; gives
    /// what the client said.
    fn server(says: &'static [&'static str]) -> (UnixStream, thread::JoinHandle<Vec<Value>>) {
        let (client, server) = UnixStream::pair().expect("a pair of sockets");
        let thread = thread::spawn(move || {
            let mut reader = BufReader::new(server);
            let mut heard = Vec::new();
            for (index, text) in says.iter().enumerate() {
                if index > 0 {
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("a line");
                    heard.push(serde_json::from_str(&line).expect("JSON"));
                }
                writeln!(reader.get_mut(), "{text}").expect("an open socket");
            }
            heard
        });
        (client, thread)
    }

    #[test]
    fn a_property_is_set_past_events() {
        let (client, server) = server(&[
            GREETING,
            r#"{"return": {}}"#,
            concat!(
                r#"{"event": "RESUME", "data": {}}"#,
                "\n",
                r#"{"return": {}}"#
            ),
        ]);
        let mut qmp = Qmp::new(client).expect("a greeting");
        qmp.set("/machine/peripheral/mag0", "mag-x", 25_000)
            .expect("an answer");
        let heard = server.join().expect("a server that ends well");
        assert_eq!(heard[0]["execute"], "qmp_capabilities");
        assert_eq!(
            heard[1],
            json!({ "execute": "qom-set", "arguments": {
                "path": "/machine/peripheral/mag0", "property": "mag-x", "value": 25_000 } })
        );
    }

    #[test]
    fn refusals_give_the_emulators_reason_and_an_end_is_an_end() {
        const REFUSAL: &str = r#"{"error": {"class": "GenericError", "desc": "out of range"}}"#;
        let (client, server) = server(&[GREETING, r#"{"return": {}}"#, REFUSAL]);
        let mut qmp = Qmp::new(client).expect("a greeting");
        let error = qmp.set("/machine", "mag-x", -1).expect_err("a refusal");
        assert_eq!(
            error.to_string(),
            "the emulator refused `qom-set`: out of range"
        );
        server.join().expect("a server that ends well");
        assert!(matches!(
            qmp.set("/machine", "mag-x", 1),
            Err(QmpError::Closed | QmpError::Io(_))
        ));
    }

    #[test]
    fn something_else_is_not_taken_for_qmp() {
        for text in ["{}", "HTTP/1.1 400 Bad Request"] {
            let (client, server) = UnixStream::pair().expect("a pair of sockets");
            writeln!(&server, "{text}").expect("an open socket");
            assert!(
                matches!(Qmp::new(client), Err(QmpError::Malformed(_))),
                "{text}"
            );
        }
    }
}
