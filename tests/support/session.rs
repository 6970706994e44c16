//! A Bayeux session that behaves well, over any transport.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{Faye, Frame, Http, Opcode, Socket, Stream, assert_done, connect, connect_now};

/// By which way a session gets its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Polling,
    Form,
    Jsonp,
    WebSocket,
    EventSource,
}

impl Via {
    /// Every way.
    pub(crate) const ALL: [Self; 5] =
        [Self::Polling, Self::Form, Self::Jsonp, Self::WebSocket, Self::EventSource];

    /// The name of the connection type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Polling => "long-polling",
            Self::Form => "cross-origin-long-polling",
            Self::Jsonp => "callback-polling",
            Self::WebSocket => "websocket",
            Self::EventSource => "eventsource",
        }
    }
}

/// A session with a transport.
pub(crate) struct Session {
    /// The identifier.
    pub(crate) id: String,
    via: Via,
    link: Link,
    mount: String,
    number: u64,
    waiting: VecDeque<Value>,
}

enum Link {
    Http(Http),
    WebSocket(Socket),
    /// Requests, and the stream.
    EventSource(Http, Stream),
}

impl Session {
    /// Begins a session, and connects it.
    #[track_caller]
    pub(crate) fn begin(faye: &Faye, via: Via) -> Self {
        let id = faye.client();
        let link = Link::open(faye, via, &id);
        let mut session =
            Self { id, via, link, mount: faye.mount.clone(), number: 0, waiting: VecDeque::new() };
        session.attach();
        session
    }

    /// Begins a session that is subscribed to a channel.
    #[track_caller]
    pub(crate) fn subscribed(faye: &Faye, via: Via, channel: &str) -> Self {
        let mut session = Self::begin(faye, via);
        session.subscribe(channel);
        session
    }

    /// Leaves the transport without a word, and waits until the server knows. No other may be open.
    #[track_caller]
    pub(crate) fn leave(&mut self, faye: &Faye) {
        self.via = Via::Polling;
        self.link = Link::open(faye, Via::Polling, &self.id);
        faye.wait_for_metric("faye_websockets", |now| now == 0);
        faye.wait_for_metric("faye_eventsource_streams", |now| now == 0);
    }

    /// Goes on over a new transport. What the old one brought and was not read is gone.
    #[track_caller]
    pub(crate) fn switch(&mut self, faye: &Faye, via: Via) {
        self.via = via;
        self.link = Link::open(faye, via, &self.id);
        self.attach();
    }

    /// Goes on over a new transport, and then ends the old one after reading all that it brought.
    #[track_caller]
    pub(crate) fn hand_over(&mut self, faye: &Faye, via: Via) {
        let old = std::mem::replace(&mut self.link, Link::open(faye, via, &self.id));
        self.via = via;
        let mut all = std::mem::take(&mut self.waiting);
        self.attach();
        all.extend(old.finish());
        all.append(&mut self.waiting);
        self.waiting = all;
    }

    /// Ends the transport after reading all that it brought, and then goes on over a new one.
    #[track_caller]
    pub(crate) fn reconnect(&mut self, faye: &Faye, via: Via) {
        let fresh = Link::Http(faye.http());
        let mut old = std::mem::replace(&mut self.link, fresh);
        if let Link::Http(http) = &mut old
            && self.via == Via::Polling
        {
            // In the middle of a poll, so that its answer may come or not.
            http.send_json(&self.mount, &connect(&self.id, "long-polling"));
            http.half_close();
            if let Some(response) = http.response_or_end() {
                self.waiting.extend(super::delivered(&response.messages()));
            }
        }
        self.waiting.extend(old.finish());
        self.switch(faye, via);
    }

    /// Connects, so that messages come by the transport from now on.
    #[track_caller]
    fn attach(&mut self) {
        assert_done(&self.ask(connect_now(&self.id, self.via.name())));
        let Link::WebSocket(socket) = &mut self.link else { return };
        socket.send(&connect(&self.id, "websocket"));
        // Its reply is held back. What is answered behind it shows that it has come; later it could take the session
        // away from the next transport.
        let mut answer = socket.ask(&json!([]));
        while !answer.is_empty() {
            self.sort(answer, "");
            let Link::WebSocket(socket) = &mut self.link else { return };
            answer = socket.messages();
        }
    }

    /// Subscribes to a channel or pattern.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, channel: &str) {
        assert_done(
            &self.ask(json!({"channel": "/meta/subscribe", "clientId": self.id, "subscription": channel})),
        );
    }

    /// Ends a subscription.
    #[track_caller]
    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        assert_done(
            &self.ask(json!({"channel": "/meta/unsubscribe", "clientId": self.id, "subscription": channel})),
        );
    }

    /// Publishes.
    #[track_caller]
    pub(crate) fn publish(&mut self, channel: &str, data: impl Into<Value>) {
        let data = data.into();
        assert_done(&self.ask(json!({"channel": channel, "clientId": self.id, "data": data})));
    }

    /// Ends the session.
    #[track_caller]
    pub(crate) fn disconnect(&mut self) {
        assert_done(&self.ask(json!({"channel": "/meta/disconnect", "clientId": self.id})));
    }

    /// Sends one message and waits for its reply.
    #[track_caller]
    pub(crate) fn ask(&mut self, mut message: Value) -> Value {
        self.number += 1;
        let id = format!("ask{}", self.number);
        message["id"] = json!(id);
        let mut answer = self.exchange(&message);
        loop {
            if let Some(reply) = self.sort(answer, &id) {
                return reply;
            }
            answer = match &mut self.link {
                Link::WebSocket(socket) => socket.messages(),
                _ => panic!("no reply to {message}"),
            };
        }
    }

    /// Keeps the messages of an answer; the reply of that id, if it is there.
    fn sort(&mut self, answer: Vec<Value>, id: &str) -> Option<Value> {
        let mut found = None;
        for message in answer {
            if message.get("successful").is_none() {
                self.waiting.push_back(message);
            } else if message["id"] == id {
                found = Some(message);
            } else if message["channel"] == "/meta/connect"
                && message["successful"] == true
                && let Link::WebSocket(socket) = &mut self.link
            {
                socket.send(&connect(&self.id, "websocket"));
            }
        }
        found
    }

    /// Sends a message and reads one answer.
    #[track_caller]
    fn exchange(&mut self, message: &Value) -> Vec<Value> {
        match (&mut self.link, self.via) {
            (Link::WebSocket(socket), _) => socket.ask(message),
            (Link::Http(http), Via::Form) => {
                let body = encode(&[("message", &message.to_string())]);
                http.request("POST", &self.mount, &[], body.as_bytes()).messages()
            }
            (Link::Http(http), Via::Jsonp) => {
                let query = encode(&[("message", &message.to_string()), ("jsonp", "callback")]);
                let text = http.request("GET", &format!("{}?{query}", self.mount), &[], b"").text();
                let inner = text.strip_prefix("/**/callback(").and_then(|rest| rest.strip_suffix(");"));
                serde_json::from_str(inner.unwrap_or_else(|| panic!("no script: {text}"))).expect("JSON")
            }
            (Link::Http(http) | Link::EventSource(http, _), _) => http.post(&self.mount, message),
        }
    }

    /// The next message. Polls if need be.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return message;
            }
            let answer = match &mut self.link {
                Link::WebSocket(socket) => socket.messages(),
                Link::EventSource(_, stream) => return stream.message(),
                Link::Http(_) => self.exchange(&connect(&self.id, self.via.name())),
            };
            if let Some(lost) = answer.iter().find(|message| message["successful"] == false) {
                panic!("the session is lost: {lost}");
            }
            self.sort(answer, "");
        }
    }

    /// The data of the next so many messages.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.next()["data"].clone()).collect()
    }

    /// The data of all messages up to the one whose data is the sentinel, which has to come.
    #[track_caller]
    pub(crate) fn take_until(&mut self, sentinel: impl Into<Value>) -> Vec<Value> {
        let sentinel = sentinel.into();
        let mut taken = Vec::new();
        loop {
            let data = self.next()["data"].clone();
            if data == sentinel {
                return taken;
            }
            taken.push(data);
        }
    }

    /// The WebSocket below.
    pub(crate) fn socket(&mut self) -> &mut Socket {
        match &mut self.link {
            Link::WebSocket(socket) => socket,
            _ => panic!("the session has no WebSocket"),
        }
    }
}

impl Link {
    /// Ends the transport in good order; the messages that it still brought.
    fn finish(self) -> Vec<Value> {
        let mut rest = Vec::new();
        match self {
            Self::Http(_) => {}
            Self::WebSocket(mut socket) => {
                socket.send_frame(Opcode::Close, true, &1000u16.to_be_bytes());
                while let Frame::Text(text) = socket.frame_but_pings() {
                    let messages: Vec<Value> = serde_json::from_str(&text).expect("JSON");
                    rest.extend(super::delivered(&messages));
                }
            }
            Self::EventSource(_, mut stream) => {
                stream.half_close();
                while let Some(message) = stream.message_or_cut() {
                    rest.push(message);
                }
            }
        }
        rest
    }

    fn open(faye: &Faye, via: Via, id: &str) -> Self {
        match via {
            Via::Polling | Via::Form | Via::Jsonp => Self::Http(faye.http()),
            Via::WebSocket => Self::WebSocket(Socket::open(faye)),
            Via::EventSource => Self::EventSource(faye.http(), Stream::open(faye, id)),
        }
    }
}

/// A form.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
