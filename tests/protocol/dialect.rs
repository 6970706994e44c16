//! The settings of `[dialect]`: what CometD's and Salesforce's servers do differently from Faye's. Each is off by default.

use crate::support::*;
use serde_json::{Value, json};

const DOTTED: (&str, &str) = ("FAYE_DIALECT__DOTTED_CHANNELS", "true");
const WITHOUT_DATA: (&str, &str) = ("FAYE_DIALECT__PUBLISH_WITHOUT_DATA", "true");
const SALESFORCE: (&str, &str) = ("FAYE_DIALECT__UNKNOWN_CLIENT", "salesforce");

const NAMES: [&str; 4] = ["/event/Order__e.x", "/prices/BRK.B", "/.hidden", "/a..b/c"];

#[test]
fn a_channel_with_dots_is_invalid_by_default() {
    let faye = Faye::start(&[WITHOUT_DATA, SALESFORCE]);
    let client = faye.client();
    for name in NAMES.into_iter().chain(["/meta/a.b", "/service/a.b"]) {
        let error = format!("405:{name}:Invalid channel");
        assert_eq!(faye.ask(&publication(name, 1))["error"], error);
        for subscription in [name.to_owned(), format!("{name}/**")] {
            let error = format!("405:{subscription}:Invalid channel");
            assert_eq!(faye.ask(&subscribe(&client, subscription.as_str()))["error"], error);
        }
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn channels_with_dots_reach_their_subscribers_over_every_transport() {
    let faye = Faye::start(&[DOTTED]);
    for via in Via::ALL {
        let mut by_name = Session::begin(&faye, via);
        let mut by_pattern = Session::subscribed(&faye, via, "/prices/**");
        for name in NAMES {
            by_name.subscribe(name);
            by_name.publish(name, name);
            let message = by_name.next();
            assert_eq!((&message["channel"], &message["data"]), (&json!(name), &json!(name)), "{via:?}");
        }
        assert_eq!(by_pattern.take(1), ["/prices/BRK.B"], "{via:?}");
        by_pattern.unsubscribe("/prices/**");
        by_pattern.subscribe("/.hidden/*");
        by_name.unsubscribe("/prices/BRK.B");
        for name in ["/prices/BRK.B", "/.hidden", "/.hidden/a.b/c", "/.hidden/a.b"] {
            faye.publish(name, name);
        }
        assert_eq!(by_pattern.take(1), ["/.hidden/a.b"], "{via:?}");
        assert_eq!(by_name.take(1), ["/.hidden"], "{via:?}");
        by_name.disconnect();
        by_pattern.disconnect();
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn dots_allow_nothing_else() {
    let faye = Faye::start(&[DOTTED]);
    let mut all = Session::subscribed(&faye, Via::Polling, "/**");
    let invalid =
        ["/.", "/..", "/../a", "/a/./b", "/a/..", "/a.b/", "/a.b//c", "/a.*", "/*.b", "/a.b c", "/a.b?c"];
    for name in invalid.into_iter().chain(["/a.b/*"]) {
        let error = format!("405:{name}:Invalid channel");
        assert_eq!(faye.ask(&publication(name, 1))["error"], error);
    }
    for subscription in invalid.into_iter().chain(["/a.b/*/c", "/./*", "/../**"]) {
        let error = format!("405:{subscription}:Invalid channel");
        assert_eq!(faye.ask(&subscribe(&all.id, subscription))["error"], error);
    }
    for name in ["/meta/a.b", "/meta/subscribe.x", "/meta/a.b/c"] {
        let error = format!("403:{name}:Forbidden channel");
        assert_eq!(faye.ask(&publication(name, 1))["error"], error);
        assert_eq!(faye.ask(&subscribe(&all.id, name))["error"], error);
    }
    assert_done(&faye.ask(&publication("/service/a.b", "only for the server")));
    let long = format!("/{}", "a.".repeat(600));
    assert_eq!(faye.ask(&publication(&long, 1))["error"], "413:1024:Channel name too long");
    let deep = "/a.b".repeat(33);
    assert_eq!(faye.ask(&subscribe(&all.id, deep))["error"], "413:32:Too many segments in the channel");
    faye.publish("/a.b", "last");
    assert_eq!(all.take(1), ["last"]);
    assert_eq!(faye.metric("faye_subscriptions"), 1);
}

#[test]
fn rules_apply_to_channels_with_dots() {
    let rules = "
[dialect]
dotted_channels = true
[[channel]]
match = '/prices/BRK.B'
publish = 'nobody'
[[channel]]
match = '/inner.news/**'
subscribe = 'nobody'
";
    let faye = Faye::start_with_file(rules, &[]);
    let client = faye.client();
    assert_eq!(faye.ask(&publication("/prices/BRK.B", 1))["error"], "403:/prices/BRK.B:Forbidden channel");
    assert_done(&faye.ask(&publication("/prices/BRK.A", 1)));
    for pattern in ["/inner.news/a", "/inner.news/*", "/**"] {
        let error = format!("403:{pattern}:Forbidden channel");
        assert_eq!(faye.ask(&subscribe(&client, pattern))["error"], error);
    }
    for pattern in ["/inner/**", "/inner.news", "/prices/*"] {
        assert_done(&faye.ask(&subscribe(&client, pattern)));
    }
}

#[test]
fn a_publication_without_data_is_refused_by_default() {
    let faye = Faye::start(&[DOTTED, SALESFORCE]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/a");
    assert_eq!(faye.ask(&json!({"channel": "/a"}))["error"], "402:data:Missing required parameter");
    faye.publish("/a", "last");
    assert_eq!(subscriber.take(1), ["last"]);
}

#[test]
fn subscribers_get_null_for_a_publication_without_data_over_every_transport() {
    let faye = Faye::start(&[WITHOUT_DATA]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/a");
        let reply = session.ask(json!({"channel": "/a", "clientId": session.id}));
        let expected =
            json!({"channel": "/a", "clientId": session.id, "id": reply["id"], "successful": true});
        assert_eq!(reply, expected, "{via:?}");
        assert_eq!(session.next(), json!({"channel": "/a", "data": null}), "{via:?}");
        assert_done(
            &session.ask(json!({"channel": "/a", "clientId": session.id, "ext": {"b": 1}, "mine": 2})),
        );
        assert_eq!(session.next(), json!({"channel": "/a", "ext": {"b": 1}, "mine": 2, "data": null}));
        for data in [json!(null), json!(false), json!(0), json!("")] {
            faye.publish("/a", data.clone());
            assert_eq!(session.next(), json!({"channel": "/a", "data": data}), "{via:?}");
        }
        session.disconnect();
    }
}

#[test]
fn only_publications_are_completed() {
    let faye = Faye::start(&[WITHOUT_DATA]);
    let mut all = Session::subscribed(&faye, Via::Polling, "/**");
    assert_done(&faye.ask(&json!({"channel": "/service/a", "id": "1"})));
    for (message, error) in [
        (json!({"channel": "/meta/a"}), "403:/meta/a:Forbidden channel"),
        (json!({"channel": "/a/*"}), "405:/a/*:Invalid channel"),
        (json!({"id": "1"}), "405::Invalid channel"),
    ] {
        let reply = faye.ask(&message);
        assert_eq!(reply["error"], error);
        assert_eq!(reply.get("data"), None);
    }
    faye.publish("/a", "last");
    assert_eq!(all.take(1), ["last"]);
}

#[test]
fn extensions_see_a_publication_without_data_as_it_came_and_then_with_null() {
    let folder = tempfile::tempdir().unwrap();
    let extension = "module.exports = {
        incoming(message, callback) {
            if (message.channel === '/a') message.came = 'data' in message;
            callback(message);
        },
        outgoing(message, callback) {
            if (message.channel === '/a' && message.successful === undefined) message.left = 'data' in message;
            callback(message);
        },
    };";
    let file = folder.path().join("seen.js");
    std::fs::write(&file, extension).unwrap();
    let faye = Faye::start_in(folder, &[WITHOUT_DATA, ("FAYE_EXTENSIONS__FILES", file.to_str().unwrap())]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    assert_done(&faye.ask(&json!({"channel": "/a"})));
    assert_eq!(session.next(), json!({"channel": "/a", "came": false, "data": null, "left": true}));
}

#[test]
fn the_application_is_told_of_null() {
    let application = Application::start(|_| Some((200, String::new())));
    let url = application.url();
    let settings = [WITHOUT_DATA, ("FAYE_WEBHOOK__URL", &*url), ("FAYE_WEBHOOK__EVENTS", "publish")];
    let faye = Faye::start(&settings);
    assert_done(&faye.ask(&json!({"channel": "/a"})));
    let told = application.next().body;
    let event = &told["events"][0];
    assert_eq!((&event["channel"], event.get("data")), (&json!("/a"), Some(&Value::Null)), "{told}");
}

/// Every message that needs a session.
fn messages(client: &str) -> [Value; 4] {
    let unsubscribe = json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": "/a"});
    let disconnect = json!({"channel": "/meta/disconnect", "clientId": client});
    [connect(client, "long-polling"), subscribe(client, "/a"), unsubscribe, disconnect]
}

#[test]
fn an_unknown_session_has_the_text_of_its_dialect() {
    let cases: [(&[(&str, &str)], &str); 2] =
        [(&[DOTTED, WITHOUT_DATA], "401:gone:Unknown client"), (&[SALESFORCE], "403::Unknown client")];
    for (settings, error) in cases {
        let faye = Faye::start(settings);
        for message in messages("gone") {
            let replies = [faye.ask(&message), Socket::open(&faye).ask(&message).remove(0)];
            for reply in replies {
                assert_eq!(
                    (&reply["successful"], &reply["error"]),
                    (&json!(false), &json!(error)),
                    "{reply}"
                );
                let advice = reply["advice"]["reconnect"].as_str();
                let is_connect = message["channel"] == "/meta/connect";
                assert_eq!(advice, is_connect.then_some("handshake"), "{reply}");
            }
        }
    }
}

#[test]
fn a_refused_connect_has_the_keys_and_the_advice_of_faye() {
    let faye = Faye::start(&[SALESFORCE, ("FAYE_LOG__LEVEL", "debug")]);
    let message =
        r#"[{"id":"7","channel":"/meta/connect","clientId":"gone","connectionType":"long-polling"}]"#;
    let headers = [("Content-Type", "application/json")];
    let response = faye.http().request("POST", &faye.mount, &headers, message.as_bytes());
    let expected = r#"[{"id":"7","channel":"/meta/connect","successful":false,"error":"403::Unknown client","advice":{"reconnect":"handshake","interval":0,"timeout":25000}}]"#;
    assert_eq!(response.text(), expected);
    let reply = faye.ask(&subscribe("gone", "/a"));
    let keys: Vec<_> = reply.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(keys.contains(&"subscription"), "{keys:?}");
    faye.wait_for_stderr("error=\"403::Unknown client\"");
}

#[test]
fn an_expired_session_has_the_text_of_its_dialect() {
    let faye = Faye::start(&[SALESFORCE, ("FAYE_LIMITS__UNCONNECTED_TIME", "1ms")]);
    let client = faye.client();
    faye.wait_for_metric("faye_sessions_expired_total", |now| now == 1);
    for message in messages(&client) {
        assert_eq!(faye.ask(&message)["error"], "403::Unknown client");
    }
}

/// A client without a proof must not learn that the session exists.
#[test]
fn a_session_of_another_client_has_the_same_text() {
    let rules = "
[dialect]
unknown_client = 'salesforce'
[[key]]
algorithm = 'HS256'
secret = 'a secret of at least thirty-two bytes'
[[channel]]
match = '/private/**'
subscribe = 'token'
";
    let faye = Faye::start_with_file(rules, &[]);
    let mut handshake = handshake();
    let key = jsonwebtoken::EncodingKey::from_secret(b"a secret of at least thirty-two bytes");
    let claims = json!({"sub": "a", "subscribe": "/private/**", "exp": 4_000_000_000_u64});
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    handshake["ext"] = json!({"token": token});
    let client = faye.ask(&handshake)["clientId"].as_str().unwrap().to_owned();
    for message in messages(&client) {
        assert_eq!(faye.ask(&message)["error"], "403::Unknown client");
    }
    assert_eq!(faye.metric("faye_sessions"), 1);
}
