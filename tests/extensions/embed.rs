//! The server as a library: extensions at each stage, and the monitoring events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use faye_server::app::App;
use faye_server::bayeux::parse::parse;
use faye_server::bayeux::{Field, Message, Verb};
use faye_server::config::Config;
use faye_server::extension::{Extension, Receiver, Stages, Verdict};
use faye_server::fetch::post_json;
use faye_server::metrics::Metrics;
use faye_server::peer::{Peer, Transport};
use faye_server::server::Event;
use tokio::sync::broadcast::Receiver as Events;

/// How long an event may take on a slow machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in this process.
struct Embedded {
    url: String,
    events: Events<Event>,
    metrics: Metrics,
    _stop: tokio::sync::oneshot::Sender<()>,
}

async fn start(extensions: &[Arc<dyn Extension>]) -> Embedded {
    start_with(Config::default(), extensions).await
}

async fn start_with(mut config: Config, extensions: &[Arc<dyn Extension>]) -> Embedded {
    config.server.listen.set_port(0);
    let app = App::bind(&config, extensions).await.unwrap();
    let (url, events) = (app.url().unwrap(), app.server().events());
    let metrics = app.server().metrics().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    tokio::spawn(app.run(async {
        let _ = stopped.await;
    }));
    Embedded { url, events, metrics, _stop: stop }
}

impl Embedded {
    async fn post(&self, body: &str) -> String {
        let url = self.url.parse().unwrap();
        let (status, answer) = post_json(&url, body.as_bytes().to_vec(), PATIENCE, 1 << 20).await.unwrap();
        assert_eq!(status, 200, "{body}");
        String::from_utf8(answer.to_vec()).unwrap()
    }

    /// Begins a session whose first connect is answered, subscribed to a channel.
    async fn session(&self, channel: &str) -> String {
        let answer = self
            .post(r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#)
            .await;
        let reply = parse(&answer.into(), 1).unwrap().messages.remove(0);
        let client = reply.text(Field::ClientId).unwrap().into_owned();
        let answer = self
            .post(&format!(
                r#"[{{"channel":"/meta/connect","clientId":"{client}","connectionType":"long-polling"}},
                {{"channel":"/meta/subscribe","clientId":"{client}","subscription":"{channel}"}}]"#
            ))
            .await;
        assert!(!answer.contains("\"successful\":false"), "{answer}");
        client
    }

    /// What a connect without waiting brings, replies left out.
    async fn messages(&self, client: &str) -> Vec<String> {
        let answer = self
            .post(&format!(
                r#"{{"channel":"/meta/connect","clientId":"{client}","connectionType":"long-polling","advice":{{"timeout":0}}}}"#
            ))
            .await;
        let replies = parse(&answer.into(), 1000).unwrap().messages;
        replies.iter().filter(|message| message.get(Field::Successful).is_none()).map(written).collect()
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event").unwrap()
    }
}

fn written(message: &Message) -> String {
    let mut out = Vec::new();
    message.write(&mut out, |_| true);
    String::from_utf8(out).unwrap()
}

/// An extension made of one function for each stage.
#[derive(Default)]
struct Stage {
    incoming: Option<fn(Message, &Arc<Peer>) -> Verdict<'static>>,
    reply: Option<fn(Message) -> Option<Message>>,
    publication: Option<fn(Message) -> Option<Message>>,
    delivery: Option<fn(Message, &Receiver<'_>) -> Option<Message>>,
    publications: Arc<AtomicUsize>,
    deliveries: Arc<AtomicUsize>,
}

impl Extension for Stage {
    fn name(&self) -> &str {
        "test"
    }

    fn stages(&self) -> Stages {
        Stages {
            incoming: self.incoming.is_some(),
            reply: self.reply.is_some(),
            publication: self.publication.is_some(),
            delivery: self.delivery.is_some(),
        }
    }

    fn incoming<'a>(&'a self, message: Message, peer: &'a Arc<Peer>) -> Verdict<'a> {
        self.incoming.map_or_else(|| message.clone().into(), |run| run(message.clone(), peer))
    }

    fn reply<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        self.reply.and_then(|run| run(message)).into()
    }

    fn publication<'a>(&'a self, message: Message) -> Verdict<'a> {
        self.publications.fetch_add(1, Ordering::Relaxed);
        self.publication.and_then(|run| run(message)).into()
    }

    fn delivery(&self, message: Message, receiver: &Receiver<'_>) -> Option<Message> {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.delivery.and_then(|run| run(message, receiver))
    }
}

#[tokio::test]
async fn events_tell_what_happened_in_order() {
    let mut server = start(&[]).await;
    let client = server.session("/a").await;
    // Nothing happens by these: it is subscribed already, it is not subscribed, it is refused.
    server
        .post(&format!(r#"{{"channel":"/meta/subscribe","clientId":"{client}","subscription":"/a"}}"#))
        .await;
    server
        .post(&format!(r#"{{"channel":"/meta/unsubscribe","clientId":"{client}","subscription":"/b"}}"#))
        .await;
    server.post(r#"{"channel":"/a"}"#).await;
    server.post(&format!(r#"{{"channel":"/a","data":{{ "x": 1 }},"clientId":"{client}"}}"#)).await;
    server.post(r#"{"channel":"/nobody","data":null}"#).await;
    server
        .post(&format!(r#"{{"channel":"/meta/subscribe","clientId":"{client}","subscription":"/b/*"}}"#))
        .await;
    server.post(&format!(r#"{{"channel":"/meta/disconnect","clientId":"{client}"}}"#)).await;
    let Event::Handshake { client: id } = server.event().await else { panic!("no handshake") };
    assert_eq!(id.as_str(), client);
    let channel = |name: &str| name.to_owned();
    for expected in [
        Event::Subscribe { client: id, channel: channel("/a") },
        Event::Publish { client: Some(id), channel: channel("/a"), data: "{ \"x\": 1 }".into() },
        Event::Publish { client: None, channel: channel("/nobody"), data: "null".into() },
        Event::Subscribe { client: id, channel: channel("/b/*") },
        Event::Unsubscribe { client: id, channel: channel("/a") },
        Event::Unsubscribe { client: id, channel: channel("/b/*") },
        Event::Disconnect { client: id },
    ] {
        assert_eq!(server.event().await, expected);
    }
}

#[tokio::test]
async fn an_event_tells_what_was_published() {
    let stage = Stage {
        publication: Some(|mut message| {
            match message.get(Field::Data) {
                Some(b"\"dropped\"") => return None,
                Some(b"\"changed\"") => message.set(Field::Data, b"\"other\"".to_vec()),
                _ => {}
            }
            Some(message)
        }),
        ..Stage::default()
    };
    let mut server = start(&[Arc::new(stage)]).await;
    for data in ["dropped", "changed", "same"] {
        let reply = server.post(&format!(r#"{{"channel":"/a","data":"{data}"}}"#)).await;
        assert_eq!(reply, r#"[{"channel":"/a","successful":true}]"#);
    }
    // No other message passes the stage, so no event of these tells more than the message.
    server.post(r#"{"channel":"/service/a","data":"dropped"}"#).await;
    for (channel, data) in [("/a", "\"other\""), ("/a", "\"same\""), ("/service/a", "\"dropped\"")] {
        let expected = Event::Publish { client: None, channel: channel.into(), data: data.into() };
        assert_eq!(server.event().await, expected);
    }
}

#[tokio::test]
async fn incoming_may_refuse_drop_change_and_wait() {
    let stage = Stage {
        incoming: Some(|mut message, peer| {
            assert_eq!(peer.transport, Transport::LongPolling);
            assert!(peer.address.is_some());
            match message.text(Field::Channel).as_deref() {
                Some("/refused") => message.refuse("403::Not \"you\""),
                Some("/dropped") => return Verdict::Drop,
                Some("/changed") => message.set_text(Field::Channel, "/a"),
                Some("/late") => {
                    return Verdict::Wait(Box::pin(async move {
                        tokio::task::yield_now().await;
                        message.set(Field::Data, b"\"late\"".to_vec());
                        Some(message)
                    }));
                }
                _ => {}
            }
            message.into()
        }),
        ..Stage::default()
    };
    let server = start(&[Arc::new(stage)]).await;
    let client = server.session("/**").await;
    let answer = server
        .post(
            r#"[{"channel":"/refused","data":1,"id":"1"},{"channel":"/dropped","data":2,"id":"2"},
            {"channel":"/changed","data":3,"id":"3"},{"channel":"/late","data":4,"id":"4"}]"#,
        )
        .await;
    assert_eq!(
        answer,
        r#"[{"id":"1","channel":"/refused","error":"403::Not \"you\"","successful":false},"#.to_owned()
            + r#"{"id":"3","channel":"/a","successful":true},{"id":"4","channel":"/late","successful":true}]"#
    );
    assert_eq!(
        server.messages(&client).await,
        [r#"{"channel":"/a","data":3,"id":"3"}"#, r#"{"channel":"/late","data":"late","id":"4"}"#]
    );
}

#[tokio::test]
async fn a_refused_handshake_gets_no_session_and_is_told_to_wait() {
    let stage = Stage {
        incoming: Some(|mut message, _| {
            if message.verb() == Verb::Handshake {
                message.refuse("403::Go away");
            }
            message.into()
        }),
        ..Stage::default()
    };
    let server = start(&[Arc::new(stage)]).await;
    let refused =
        r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#;
    let first = server.post(refused).await;
    assert!(first.contains(r#""interval":0"#), "{first}");
    let answer = server.post(refused).await;
    assert!(
        answer.starts_with(r#"[{"channel":"/meta/handshake","error":"403::Go away","successful":false"#),
        "{answer}"
    );
    assert!(!answer.contains("clientId"), "{answer}");
    let advice = &answer[answer.find("advice").expect("advice")..];
    assert!(advice.starts_with(r#"advice":{"reconnect":"handshake","interval":"#), "{advice}");
    assert!(!advice.contains(r#""interval":0"#), "{advice}");
}

#[tokio::test]
async fn replies_may_be_changed_and_dropped() {
    let stage = Stage {
        reply: Some(|mut message| {
            if message.text(Field::Channel).as_deref() == Some("/dropped") {
                return None;
            }
            message.set(Field::Ext, b"{\"seen\":true}".to_vec());
            Some(message)
        }),
        ..Stage::default()
    };
    let server = start(&[Arc::new(stage)]).await;
    let answer = server.post(r#"[{"channel":"/dropped","data":1},{"channel":"/kept","data":1}]"#).await;
    assert_eq!(answer, r#"[{"channel":"/kept","successful":true,"ext":{"seen":true}}]"#);
}

/// Shows each reply to a connect how many publications there were.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Extension for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn stages(&self) -> Stages {
        Stages { reply: true, publication: true, ..Stages::default() }
    }

    fn reply<'a>(&'a self, mut message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        if message.verb() == Verb::Connect {
            message.set(Field::Ext, self.0.load(Ordering::Relaxed).to_string().into_bytes());
        }
        message.into()
    }

    fn publication<'a>(&'a self, message: Message) -> Verdict<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        message.into()
    }
}

#[tokio::test]
async fn an_extension_sees_the_reply_to_a_held_connect_when_it_leaves() {
    let server = start(&[Arc::new(Counting::default())]).await;
    let client = server.session("/a").await;
    let connect =
        format!(r#"{{"channel":"/meta/connect","clientId":"{client}","connectionType":"long-polling"}}"#);
    let (answer, ()) = tokio::join!(server.post(&connect), async {
        while server.metrics.held_connects.get() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.post(r#"{"channel":"/a","data":1}"#).await;
    });
    assert!(answer.contains(r#"},"ext":1},"#), "{answer}");
    assert!(answer.ends_with(r#",{"channel":"/a","data":1}]"#), "{answer}");
}

#[tokio::test]
async fn outgoing_runs_once_for_a_publication_or_once_for_each_receiver() {
    let once = Stage {
        publication: Some(|mut message| {
            message.remove(Field::Ext);
            Some(message)
        }),
        ..Stage::default()
    };
    let each = Stage {
        delivery: Some(|mut message, receiver| {
            if message.get(Field::Data) == Some(b"\"secret\"") {
                return None;
            }
            message.set_text(Field::Ext, receiver.client.as_str());
            Some(message)
        }),
        ..Stage::default()
    };
    let (publications, deliveries) = (Arc::clone(&once.publications), Arc::clone(&each.deliveries));
    let server = start(&[Arc::new(once), Arc::new(each)]).await;
    let clients = [server.session("/a").await, server.session("/*").await];
    server
        .post(r#"[{"channel":"/a","data":"secret"},{"channel":"/a","data":"open","ext":{"password":"x"}}]"#)
        .await;
    for client in &clients {
        let expected = format!(r#"{{"channel":"/a","data":"open","ext":"{client}"}}"#);
        assert_eq!(server.messages(client).await, [expected], "nothing is left of what was dropped");
    }
    assert_eq!(publications.load(Ordering::Relaxed), 2);
    assert_eq!(deliveries.load(Ordering::Relaxed), 4);
}

/// A full mailbox leaves publications to a replay. What an extension adapts for a receiver is left to it as well.
#[tokio::test]
async fn replayed_messages_are_adapted_for_their_receiver_and_come_once() {
    let mut config = Config::default();
    config.mailbox.messages = 6;
    let rule = serde_json::json!({"match": "/h/*", "history": {"messages": 100, "age": "1h"}});
    config.channel.push(serde_json::from_value(rule).unwrap());
    let each = Stage {
        delivery: Some(|mut message, receiver| {
            message.set_text(Field::Data, receiver.client.as_str());
            Some(message)
        }),
        ..Stage::default()
    };
    let deliveries = Arc::clone(&each.deliveries);
    let server = start_with(config, &[Arc::new(each)]).await;
    let client = server.session("/h/*").await;
    let messages: Vec<_> = (0..50).map(|n| format!(r#"{{"channel":"/h/a","data":{n}}}"#)).collect();
    server.post(&format!("[{}]", messages.join(","))).await;
    let mut offsets: Vec<u64> = Vec::new();
    while offsets.len() < 50 {
        for message in server.messages(&client).await {
            let message: serde_json::Value = serde_json::from_str(&message).unwrap();
            assert_eq!(message["data"], *client, "{message}");
            offsets.push(message["ext"]["replay"]["id"].as_u64().expect("an offset"));
        }
    }
    assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "each once, in order: {offsets:?}");
    assert!(deliveries.load(Ordering::Relaxed) >= 50);
    assert_eq!(server.metrics.replay_gaps.get(), 0);
}

#[tokio::test]
async fn a_panic_in_an_extension_ends_its_request_alone() {
    let stage = Stage {
        incoming: Some(|message, _| {
            assert!(message.text(Field::Channel).as_deref() != Some("/panic"), "on purpose");
            message.into()
        }),
        ..Stage::default()
    };
    let server = start(&[Arc::new(stage)]).await;
    let client = server.session("/a").await;
    let url = server.url.parse().unwrap();
    let broken = post_json(&url, br#"{"channel":"/panic","data":1}"#.to_vec(), PATIENCE, 1000).await;
    assert!(broken.is_err(), "{broken:?}");
    server.post(r#"{"channel":"/a","data":1}"#).await;
    assert_eq!(server.messages(&client).await, [r#"{"channel":"/a","data":1}"#]);
}
