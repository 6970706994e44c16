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
    use tokio::sync::mpsc;

    use super::*;
    use crate::redis::{Client, RedisError, fake};

    /// Replies as Redis does, until it gets `QUIT`.
    fn reply(words: &[String]) -> Option<&'static [u8]> {
        Some(match words[0].as_str() {
            "INFO" => b"$10\r\nrun_id:abc\r\n",
            "PING" => b"+PONG\r\n",
            "SSUBSCRIBE" => {
                b">3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
            }
            "QUIT" => return None,
            _ => b"+OK\r\n",
        })
    }

    /// A client whose streams are in the memory of this process, and the number of opened ones.
    fn client() -> (Client, Arc<Mutex<usize>>) {
        let opened = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&opened);
        let dial = fake::dial(reply);
        let dial: Dial = Arc::new(move || {
            *count.lock() += 1;
            dial()
        });
        (fake::client(dial), opened)
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
