//! A publication reaches its subscribers as it was sent, without what belongs to its publisher.

use crate::support::*;
use serde_json::{Value, json};

/// The text of the next WebSocket frame that holds a message of the channel.
fn text_on(socket: &mut Socket, channel: &str) -> String {
    loop {
        match socket.frame() {
            Frame::Text(text) if text.contains(&format!("\"channel\":\"{channel}\"")) => return text,
            Frame::Text(_) | Frame::Ping(_) => {}
            other => panic!("no message but {other:?}"),
        }
    }
}

#[test]
fn no_session_is_needed_over_any_transport() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a");
    let message = publication("/a", 1).to_string();
    let path = faye.mount.clone();
    assert_eq!(faye.http().request("POST", &path, &[], message.as_bytes()).status, 200);
    let form = format!("message={message}");
    assert_eq!(faye.http().request("POST", &path, &[], form.as_bytes()).status, 200);
    let query = message.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
    assert_eq!(faye.get(&format!("{path}?message={query}")).status, 200);
    assert_done(&Socket::open(&faye).ask(&publication("/a", 1))[0]);
    assert_eq!(subscriber.take(4), [1, 1, 1, 1]);
    assert_eq!(faye.metric("faye_publications_total"), 4);
    assert_eq!(faye.metric("faye_deliveries_total"), 4);
}

#[test]
fn the_bytes_of_the_data_stay_as_they_were() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a");
    let sent = [
        r#"{"b" : 1, "a":[1.50, 1e400, 12345678901234567890123], "b": "\u00e4\/ä😀"}"#,
        r#""\ud83d\ude00 \u0000 \u2028""#,
        r#"{ "data": {"channel": "/meta/connect"} , "":"" }"#,
        "null",
        "false",
        "0",
        r#""""#,
    ];
    for data in sent {
        let body = format!(r#"[{{"channel":"/a","data":{data},"mine":{data},"ext":{data}}}]"#);
        let response = faye.http().request("POST", &faye.mount, &[], body.as_bytes());
        assert_done(&response.messages()[0]);
        assert_eq!(text_on(subscriber.socket(), "/a"), body);
    }
}

#[test]
fn what_belongs_to_the_publisher_stays_with_it() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut publisher = Session::begin(&faye, Via::Polling);
    let message = json!({
        "channel": "/a", "clientId": publisher.id, "data": 1, "ext": {"token": 2}, "mine": 3, "successful": false,
        "advice": {"reconnect": "none"}, "subscription": "/b", "connectionType": "websocket",
    });
    assert_done(&publisher.ask(message));
    let expected = json!({"channel": "/a", "data": 1, "ext": {"token": 2}, "mine": 3});
    assert_eq!(subscriber.next(), expected);
    assert_done(&faye.ask(&json!({"channel": "/a", "data": 1, "id": "kept"})));
    assert_eq!(subscriber.next(), json!({"channel": "/a", "data": 1, "id": "kept"}));
}

#[test]
fn publishers_get_their_own_messages_before_the_reply() {
    let faye = Faye::start(&[]);
    let mut socket = Socket::open(&faye);
    let client = faye.client();
    assert_done(&socket.ask(&connect(&client, "websocket"))[0]);
    assert_done(&socket.ask(&subscribe(&client, "/a"))[0]);
    let mut batch = vec![publication("/a", 1), publication("/a", 2)];
    batch.iter_mut().for_each(|message| message["clientId"] = json!(client));
    assert_eq!(socket.ask(&Value::from(batch)), [publication("/a", 1)]);
    assert_eq!(socket.messages(), [publication("/a", 2)]);
    assert_eq!(socket.messages().len(), 2);
}

#[test]
fn wrong_publications_reach_nobody() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/**");
    let cases = [
        (json!({"channel": "/a"}), "402:data:Missing required parameter"),
        (json!({"channel": "/a/*", "data": 1}), "405:/a/*:Invalid channel"),
        (json!({"channel": "/a/**", "data": 1}), "405:/a/**:Invalid channel"),
        (json!({"channel": "a", "data": 1}), "405:a:Invalid channel"),
        (json!({"channel": "/meta/other", "data": 1}), "403:/meta/other:Forbidden channel"),
        (json!({"channel": "/a", "data": 1, "error": "by me"}), "by me"),
    ];
    for (message, error) in cases {
        let reply = faye.ask(&message);
        assert_eq!(reply["error"], error, "{reply}");
        assert_eq!(reply["successful"], false, "{reply}");
        assert_eq!(reply["advice"], json!(null), "{reply}");
    }
    faye.publish("/end", "end");
    assert!(subscriber.take_until("end").is_empty());
    assert_eq!(faye.metric("faye_publications_total"), 1);
}

#[test]
fn a_channel_is_one_however_it_is_spelt() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a/b");
    let body = br#"{"channel":"\/\u0061/b","data":1}"#;
    assert_done(&faye.http().request("POST", &faye.mount, &[], body).messages()[0]);
    assert_eq!(subscriber.next(), publication("/a/b", 1));
    let subscription = br#"{"channel":"\/meta\/subscribe","clientId":"ID","subscription":"\/\u0063"}"#;
    let subscription = String::from_utf8_lossy(subscription).replace("ID", &subscriber.id);
    assert_done(&faye.http().request("POST", &faye.mount, &[], subscription.as_bytes()).messages()[0]);
    faye.publish("/c", 2);
    assert_eq!(subscriber.take(1), [2]);
}

#[test]
fn many_publications_in_one_batch_keep_their_order() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut subscriber = Session::subscribed(&faye, via, "/a");
        let batch: Vec<Value> = (0..1000).map(|number| publication("/a", number)).collect();
        faye.post(&Value::from(batch)).iter().for_each(assert_done);
        assert_eq!(subscriber.take(1000), (0..1000).collect::<Vec<_>>(), "{via:?}");
        subscriber.disconnect();
    }
}

#[test]
fn publications_of_every_size_arrive_whole() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut subscriber = Session::subscribed(&faye, via, "/a");
        for size in [1, 100, 125, 126, 65_000, 65_535, 65_536, 300_000, 1_000_000] {
            let text = "x".repeat(size);
            faye.publish("/a", text.as_str());
            assert_eq!(subscriber.next()["data"], text.as_str(), "{via:?} {size}");
        }
        subscriber.disconnect();
    }
}

#[test]
fn requests_may_be_pipelined_and_are_answered_in_their_order() {
    let faye = Faye::start(&[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut http = faye.http();
    for number in 0..20 {
        let mut message = publication("/a", number);
        message["id"] = json!(number + 1);
        http.send_json("/faye", &message);
    }
    for number in 0..20 {
        assert_eq!(http.response().messages()[0]["id"], number + 1);
    }
    assert_eq!(subscriber.take(20), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_client_may_ask_before_it_sends_a_body() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let body = publication("/a", 1).to_string();
    http.send_raw(
        format!(
            "POST /faye HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .as_bytes(),
    );
    assert_eq!(http.interim(), 100);
    http.send_raw(body.as_bytes());
    assert_done(&http.response().messages()[0]);
}

#[test]
fn a_connection_stays_open_without_headers_that_say_so() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    for number in 0..2 {
        let body = publication("/a", number).to_string();
        let response =
            http.request("POST", &faye.mount, &[("Content-Type", "application/json")], body.as_bytes());
        assert_done(&response.messages()[0]);
        assert_eq!((response.header("Connection"), response.header("Keep-Alive")), (None, None));
    }
}
