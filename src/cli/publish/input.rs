//! Reads lines of standard input on a separate thread, with a limit for each line and for queued lines. It must not
//! know the purpose of the lines.

use std::io::{self, BufRead, Read};

use tokio::sync::mpsc::{self, Receiver};

/// Bytes of a line. The default limit of a server is 1 MiB.
const LONGEST: u64 = 16 * 1024 * 1024;
/// Maximum number of queued lines.
const WAITING: usize = 1000;

/// A line of standard input.
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    /// The text, or the error of the line.
    pub(super) text: Result<String, LineError>,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum LineError {
    /// The line exceeds the limit.
    #[error("the line is longer than {} MiB", LONGEST >> 20)]
    TooLong,
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// Standard input failed. No line follows.
    #[error("cannot read standard input: {0}")]
    Read(String),
}

/// Starts to read. Blank lines are left out. The channel closes at the end of the input.
pub(super) fn lines() -> Receiver<Line> {
    let (sender, receiver) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        for number in 1.. {
            let text = match next(&mut input) {
                Ok(None) => return,
                Ok(Some(text)) if text.trim().is_empty() => continue,
                Ok(Some(text)) => Ok(text),
                Err(error) => Err(error),
            };
            let is_last = matches!(text, Err(LineError::Read(_)));
            if sender.blocking_send(Line { number, text }).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Reads one line; `None` at the end.
fn next(input: &mut impl BufRead) -> Result<Option<String>, LineError> {
    let read = |error: io::Error| LineError::Read(error.to_string());
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(read)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
        skip_line(input).map_err(read)?;
        return Err(LineError::TooLong);
    }
    String::from_utf8(line).map(Some).map_err(|_| LineError::NotUtf8)
}

/// Reads to the end of the line without keeping it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let (count, is_end) = (end.map_or(buffer.len(), |at| at + 1), end.is_some() || buffer.is_empty());
        input.consume(count);
        if is_end {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(LONGEST as usize);
        let mut input = io::Cursor::new(format!("1\n{long}{long}\n2").into_bytes());
        assert_eq!(next(&mut input).unwrap().unwrap(), "1\n");
        assert!(matches!(next(&mut input), Err(LineError::TooLong)));
        assert_eq!(next(&mut input).unwrap().unwrap(), "2");
        assert!(next(&mut input).unwrap().is_none());
        assert!(matches!(next(&mut io::Cursor::new(b"\xff\n")), Err(LineError::NotUtf8)));
    }
}
