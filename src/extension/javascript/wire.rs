//! The frames between the server and the engine process: one JSON value per line. It must not know either side.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

use super::answer::Answer;
use super::fetch::Request;

/// Bytes of a line buffer that are kept between two frames.
const KEPT: usize = 64 * 1024;

/// The function of an extension that sees a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    Incoming,
    Outgoing,
}

impl Stage {
    /// Returns the name of the function.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// Which functions a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Has {
    pub(super) incoming: bool,
    pub(super) outgoing: bool,
}

/// A frame to the engine, as the engine reads it.
#[derive(Deserialize)]
pub(super) enum ToEngine {
    Start(Start),
    Call(Call),
    Fetched(Fetched),
}

/// A queued frame to the engine: a call is kept until it is answered.
pub(super) enum Order {
    Start(Box<Start>),
    Call(Arc<Call>),
    Fetched(Box<Fetched>),
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = "ToEngine";
        match self {
            Self::Start(start) => serializer.serialize_newtype_variant(name, 0, "Start", &**start),
            Self::Call(call) => serializer.serialize_newtype_variant(name, 1, "Call", &**call),
            Self::Fetched(fetched) => serializer.serialize_newtype_variant(name, 2, "Fetched", &**fetched),
        }
    }
}

/// The first frame: the files and their limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Start {
    /// The files of the settings.
    pub(super) files: Vec<String>,
    /// The texts that an earlier engine has read from each file's folder; empty for the first engine.
    pub(super) sources: Vec<Sources>,
    /// The content of `process.env`, as JSON.
    pub(super) environment: String,
    /// Bytes that JavaScript may use.
    pub(super) memory: usize,
    /// How long JavaScript may run without a pause.
    pub(super) time: Duration,
    /// Lines a second that one file may print.
    pub(super) log_rate: usize,
}

/// The texts that were read for one configured file, so that a restarted engine runs the same code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources {
    /// The path of the file, links resolved.
    pub(super) main: String,
    /// Texts by path.
    pub(super) texts: BTreeMap<String, Text>,
}

/// A text that is shared and not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) Arc<str>);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// A message for a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Call {
    /// Grows with each call.
    pub(super) number: u64,
    /// The file by its number.
    pub(super) file: usize,
    pub(super) stage: Stage,
    /// JSON.
    pub(super) message: String,
    /// The request of the message, as JSON.
    pub(super) request: String,
    /// When the server stops waiting for the answer.
    #[serde(serialize_with = "time_left", deserialize_with = "time_from_now")]
    pub(super) until: Instant,
}

fn time_left<S: Serializer>(until: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    until.saturating_duration_since(Instant::now()).serialize(serializer)
}

fn time_from_now<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    Ok(Instant::now() + Duration::deserialize(deserializer)?)
}

/// The response to a request of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fetched {
    pub(super) file: usize,
    /// The number that the file assigned to it.
    pub(super) number: u32,
    pub(super) answer: Result<FetchedResponse, String>,
}

/// A response with a text body.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FetchedResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// A frame of the engine.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromEngine {
    /// The files are loaded.
    Loaded { files: Vec<Has>, sources: Vec<Sources> },
    /// A file cannot be loaded; the engine ends.
    Refused { place: String, reason: String },
    /// The answer to a call.
    Answer { number: u64, answer: Answer },
    /// A file calls `fetch`.
    Fetch { file: usize, number: u32, request: Request },
    /// A file prints a line; the levels are those of `web.js`.
    Print { file: usize, level: u32, text: String },
    /// Lines that a file printed beyond `extensions.log_rate`.
    Suppressed { file: usize, lines: u64 },
    /// A file fails.
    Failed { file: usize, failure: Failure },
    /// A callback was called repeatedly, `times` times.
    Repeated { file: usize, times: u64 },
    /// Our own code panicked.
    Panicked { place: String, text: String },
    /// The engine cannot go on and ends. Calls with higher numbers have not begun.
    Ending { begun: u64, why: Ending },
}

/// How a file fails.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    /// It threw, or called back with a value that is no message.
    Error(String),
    /// It ran for too long.
    Time,
    /// It used too much memory.
    Memory,
}

/// Why an engine ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    /// A file called a function that does not return and cannot be interrupted.
    Stuck {
        /// The file by its number.
        file: usize,
    },
    /// The memory stays full, promises do not end, or our code panicked.
    Lost,
}

/// Writes a frame.
pub(super) fn write(out: &mut impl Write, frame: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, frame)?;
    out.write_all(b"\n")
}

/// Reads a frame into a buffer; `None` at the end.
pub(super) fn read<T: DeserializeOwned>(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
) -> io::Result<Option<T>> {
    line.clear();
    line.shrink_to(KEPT);
    if input.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(line)?))
}
