//! A client with acknowledged delivery (`ext.ack`), which sends its connects one by one and can lose replies.

use serde_json::{Value, json};

use super::{Faye, Http, Response, Socket, Via, assert_done, connect, connect_now, encode, handshake};

/// A session with acknowledged delivery.
pub(crate) struct Acked {
    /// The identifier.
    pub(crate) id: String,
    /// The number of the last reply that the client has received.
    pub(crate) number: u64,
    via: Via,
    mount: String,
    link: Link,
}

enum Link {
    Http(Http),
    WebSocket(Socket),
}

/// A handshake that asks for acknowledged delivery.
pub(crate) fn acked_handshake() -> Value {
    let mut message = handshake();
    message["ext"] = json!({"ack": true});
    message
}

/// Adds the number of the last reply to a connect.
pub(crate) fn acking(mut connect: Value, number: u64) -> Value {
    connect["ext"] = json!({"ack": number});
    connect
}

impl Acked {
    /// Begins a session that is subscribed to a channel, and connects it.
    #[track_caller]
    pub(crate) fn subscribed(faye: &Faye, via: Via, channel: &str) -> Self {
        let reply = faye.ask(&acked_handshake());
        assert_eq!(reply["ext"], json!({"ack": true}), "{reply}");
        let id = reply["clientId"].as_str().expect("an identifier").to_owned();
        let link = Link::open(faye, via);
        let mut client = Self { id, number: 0, via, mount: faye.mount.clone(), link };
        assert_done(&faye.ask(&super::subscribe(&client.id, channel)));
        assert!(client.poll_now().is_empty());
        assert_eq!(client.number, 1, "the numbers begin with one");
        client
    }

    /// The same client with another connection, to any instance.
    pub(crate) fn over(client: &Self, faye: &Faye) -> Self {
        let (id, mount) = (client.id.clone(), faye.mount.clone());
        Self { id, number: client.number, via: client.via, mount, link: Link::open(faye, client.via) }
    }

    /// Leaves the connection with everything that was not read, and opens another one, to any instance.
    pub(crate) fn reopen(&mut self, faye: &Faye) {
        self.link = Link::open(faye, self.via);
    }

    /// A connect, as the client sends it next.
    pub(crate) fn connect(&self) -> Value {
        acking(connect(&self.id, self.via.name()), self.number)
    }

    /// Sends a connect.
    pub(crate) fn send_connect(&mut self) {
        let connect = self.connect();
        self.send(&connect);
    }

    /// Sends messages, and does not read the answer.
    pub(crate) fn send(&mut self, messages: &Value) {
        match (&mut self.link, self.via) {
            (Link::WebSocket(socket), _) => socket.send(messages),
            (Link::Http(http), Via::Form) => {
                let body = encode(&[("message", &messages.to_string())]);
                http.send("POST", &self.mount, &[], body.as_bytes());
            }
            (Link::Http(http), Via::Jsonp) => {
                let query = encode(&[("message", &messages.to_string()), ("jsonp", "callback")]);
                http.send("GET", &format!("{}?{query}", self.mount), &[], b"");
            }
            (Link::Http(http), _) => http.send_json(&self.mount, messages),
        }
    }

    /// Reads an answer; `None` at the end of the connection.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Option<Vec<Value>> {
        match (&mut self.link, self.via) {
            (Link::WebSocket(socket), _) => socket.messages_or_end(),
            (Link::Http(http), Via::Jsonp) => http.response_or_end().map(|response| unwrapped(&response)),
            (Link::Http(http), _) => http.response_or_end().map(|response| response.messages()),
        }
    }

    /// Reads the answer to a connect, whose reply follows the messages in one answer. Returns the data of the messages.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Vec<Value> {
        let answer = self.answer().expect("an answer before the end of the connection");
        self.keep(answer)
    }

    /// Keeps the number of the reply at the end of an answer. Returns the data of the messages before it.
    #[track_caller]
    pub(crate) fn keep(&mut self, mut answer: Vec<Value>) -> Vec<Value> {
        let reply = answer.pop().expect("a reply");
        assert_eq!(reply["channel"], "/meta/connect", "{reply}");
        assert_done(&reply);
        let number = reply["ext"]["ack"].as_u64().unwrap_or_else(|| panic!("no number: {reply}"));
        assert!(number > self.number, "{number} after {}", self.number);
        self.number = number;
        assert!(answer.iter().all(|message| message.get("successful").is_none()), "{answer:?}");
        super::data(&answer)
    }

    /// Connects and waits for messages.
    #[track_caller]
    pub(crate) fn poll(&mut self) -> Vec<Value> {
        self.send_connect();
        self.receive()
    }

    /// Connects without a wait.
    #[track_caller]
    pub(crate) fn poll_now(&mut self) -> Vec<Value> {
        let connect = acking(connect_now(&self.id, self.via.name()), self.number);
        self.send(&connect);
        self.receive()
    }
}

impl Link {
    fn open(faye: &Faye, via: Via) -> Self {
        if via == Via::WebSocket { Self::WebSocket(Socket::open(faye)) } else { Self::Http(faye.http()) }
    }
}

/// The messages in a script.
#[track_caller]
fn unwrapped(response: &Response) -> Vec<Value> {
    let text = response.text();
    let inner = text.strip_prefix("/**/callback(").and_then(|rest| rest.strip_suffix(");"));
    serde_json::from_str(inner.unwrap_or_else(|| panic!("no script: {text}"))).expect("JSON")
}
