//! How connections to Redis are opened: by the library from the address, or over byte streams of a caller, without sockets.
//! A Redis Cluster has many connections, which the library opens.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::RedisError as LibraryError;
use tokio::io::{AsyncRead, AsyncWrite};

use super::address::{Address, Connection, OnPush};

/// A byte stream to Redis.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens a byte stream to a master of Redis, each time that a connection is needed.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Stream>>> + Send + Sync>;

/// Where Redis is, and how to get there.
#[derive(Clone)]
pub(super) struct Endpoint {
    address: Address,
    /// Opens streams in place of the library.
    dial: Option<Dial>,
}

impl Endpoint {
    pub(super) fn new(address: Address, dial: Option<Dial>) -> Self {
        Self { address, dial }
    }

    /// Returns the address, which messages name.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Connects. `on_push` receives the push messages in their order, on the task of the connection. Boxed, since the future of
    /// every command reserves room for it.
    pub(super) fn connect(
        &self,
        deadline: Duration,
        on_push: Option<OnPush>,
    ) -> BoxFuture<'_, Result<Connection, LibraryError>> {
        Box::pin(async move {
            match &self.dial {
                Some(dial) => self.address.connect_over(dial().await?, deadline, on_push).await,
                None => self.address.connect(deadline, on_push).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use redis::{FromRedisValue, PushKind};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::config;
    use crate::metrics::Metrics;
    use crate::redis::{Client, RedisError};

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

    /// Answers the commands of a connection, as Redis does, until it gets `QUIT`.
    async fn serve(stream: DuplexStream) {
        let mut stream = BufReader::new(stream);
        while let Some(words) = command(&mut stream).await {
            let reply: &[u8] = match words[0].as_str() {
                "HELLO" => b"%1\r\n+proto\r\n:3\r\n",
                "INFO" => b"$10\r\nrun_id:abc\r\n",
                "PING" => b"+PONG\r\n",
                "SSUBSCRIBE" => {
                    b">3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
                }
                "QUIT" => return,
                _ => b"+OK\r\n",
            };
            stream.get_mut().write_all(reply).await.unwrap();
        }
    }

    /// A client whose streams are in the memory of this process, and the number of opened ones.
    fn client() -> (Client, Arc<Mutex<usize>>) {
        let opened = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&opened);
        let dial: Dial = Arc::new(move || {
            *count.lock() += 1;
            let (here, there) = tokio::io::duplex(1024);
            tokio::spawn(serve(there));
            let stream: Box<dyn Stream> = Box::new(here);
            Box::pin(std::future::ready(Ok(stream)))
        });
        let url = Some(config::Secret::from("redis://nowhere.invalid:1"));
        let settings = config::Redis { url, ..config::Redis::default() };
        (Client::over(&settings, Metrics::default(), dial).unwrap(), opened)
    }

    #[tokio::test]
    async fn commands_go_over_any_stream_and_a_broken_one_is_replaced() {
        let (client, opened) = client();
        let ping = redis::cmd("PING");
        for _ in 0..2 {
            assert_eq!(String::from_redis_value(client.run(&ping).await.unwrap()).unwrap(), "PONG");
        }
        assert_eq!(client.reach_master().await.unwrap(), "abc");
        assert_eq!(*opened.lock(), 1);
        let broken = client.run(&redis::cmd("QUIT")).await;
        assert!(matches!(broken, Err(RedisError::Broken(_))), "{broken:?}");
        assert_eq!(String::from_redis_value(client.run(&ping).await.unwrap()).unwrap(), "PONG");
        assert_eq!(*opened.lock(), 2);
    }

    #[tokio::test]
    async fn messages_arrive_over_any_stream() {
        let (client, _) = client();
        let (sender, mut pushed) = mpsc::channel(10);
        let on_push: OnPush = Arc::new(move |push| sender.try_send(push).unwrap());
        let mut connection = client.connect(on_push).await.unwrap();
        let mut subscribe = redis::cmd("SSUBSCRIBE");
        connection.run(subscribe.arg("a")).await.unwrap();
        while let Some(push) = pushed.recv().await {
            if push.kind == PushKind::SMessage {
                assert_eq!(String::from_redis_value(push.data[1].clone()).unwrap(), "hi");
                return;
            }
        }
        panic!("no message");
    }
}
