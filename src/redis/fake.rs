//! A fake Redis in the memory of this process, for unit tests: it speaks RESP, and a function gives its replies.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::{Client, Dial, Stream};
use crate::config;
use crate::metrics::Metrics;

/// Returns the reply to a command; `None` ends the connection.
pub(crate) type Reply = fn(&[String]) -> Option<&'static [u8]>;

/// Reads one command: an array of bulk strings. `None` at the end of the stream.
async fn command(stream: &mut BufReader<DuplexStream>) -> Option<Vec<String>> {
    let number = async |kind: u8, stream: &mut BufReader<DuplexStream>| -> Option<usize> {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        assert_eq!(line.bytes().next()?, kind);
        line[1..].trim_end().parse().ok()
    };
    let mut words = Vec::new();
    for _ in 0..number(b'*', stream).await? {
        let mut word = vec![0; number(b'$', stream).await? + 2];
        stream.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Some(words)
}

async fn serve(stream: DuplexStream, reply: Reply) {
    let mut stream = BufReader::new(stream);
    while let Some(words) = command(&mut stream).await {
        let bytes = match words[0].as_str() {
            "HELLO" => Some(&b"%1\r\n+proto\r\n:3\r\n"[..]),
            _ => reply(&words),
        };
        let Some(bytes) = bytes else { return };
        stream.get_mut().write_all(bytes).await.unwrap();
    }
}

/// Opens streams to a fake Redis.
pub(crate) fn dial(reply: Reply) -> Dial {
    Arc::new(move || {
        let (here, there) = tokio::io::duplex(1024);
        tokio::spawn(serve(there, reply));
        let stream: Box<dyn Stream> = Box::new(here);
        Box::pin(std::future::ready(Ok(stream)))
    })
}

/// Creates a client that opens its streams by `dial`.
pub(crate) fn client(dial: Dial) -> Client {
    let url = Some(config::Secret::from("redis://nowhere.invalid:1"));
    let settings = config::Redis { url, ..config::Redis::default() };
    Client::over(&settings, Metrics::default(), dial).unwrap()
}
