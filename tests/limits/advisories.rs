//! What has gone wrong in servers of this kind, one test for each, under the name by which it is known. Most of it is
//! tested at length elsewhere; here it is shown in short, so that nobody has to look for it.

use crate::support::*;
use serde_json::{Value, json};

const CLOSED: &str = "
[push]
secret = 's3cret'

[[channel]]
match = '/**'
publish = 'secret'
subscribe = 'nobody'
";

fn post(faye: &Faye, text: &str) -> Response {
    faye.http().request("POST", &faye.mount, &[("Content-Type", "application/json")], text.as_bytes())
}

/// CVE-2020-11020 (Faye): `/meta/subscribe/x` was carried out as a subscribe, and no extension saw it as one.
#[test]
fn cve_2020_11020_a_longer_meta_channel_is_no_way_around_a_policy() {
    let faye = Faye::start_with_file(CLOSED, &[]);
    let id = faye.client();
    for channel in
        ["/meta/subscribe/x", "/meta/subscribe/", "/meta/subscribe//", "/meta//subscribe", "/META/subscribe"]
    {
        let replies = faye.post(&json!({"channel": channel, "clientId": id, "subscription": "/a"}));
        assert!(replies.iter().all(|reply| reply["successful"] == false), "{channel}: {replies:?}");
    }
    let text =
        format!(r#"{{"channel":"/x","channel":"/meta/subscribe","clientId":"{id}","subscription":"/a"}}"#);
    assert_eq!(post(&faye, &text).messages()[0]["successful"], false);
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

/// Faye before 2013 called whatever method a `/meta/` channel named.
#[test]
fn an_unknown_meta_channel_calls_nothing() {
    let faye = Faye::start(&[]);
    for name in ["constructor", "toString", "__proto__", "process", "destroy", "publish"] {
        let reply = faye.ask(&json!({"channel": format!("/meta/{name}"), "data": 1, "clientId": "x"}));
        assert_eq!(reply["error"], format!("403:/meta/{name}:Forbidden channel"));
    }
}

/// CVE-2020-7662 (websocket-extensions): an unclosed string in `Sec-WebSocket-Extensions` took exponential time.
#[test]
fn cve_2020_7662_an_unclosed_string_among_the_extensions_takes_no_time() {
    let faye = Faye::start(&[("FAYE_WEBSOCKET__COMPRESSION", "1")]);
    let offers = format!("permessage-deflate; a=\"{}", "\\c".repeat(5_000));
    let (_, response) = Socket::open_with(&faye, &[("Sec-WebSocket-Extensions", &offers)]);
    assert_eq!(response.header("sec-websocket-extensions"), None);
}

/// CVE-2014-4671 (Rosetta Flash): a callback that is a Flash file.
#[test]
fn cve_2014_4671_a_callback_cannot_be_a_file_of_another_kind() {
    let faye = Faye::start(&[]);
    let get = |callback: &str| {
        let message = handshake().to_string();
        faye.get(&format!("{}?{}", faye.mount, encode(&[("message", &message), ("jsonp", callback)])))
    };
    let good = get("CWSMIKI0hCD0Up0IZUnnnnnnnn");
    assert!(good.text().starts_with("/**/CWS"));
    assert_eq!(good.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(good.header("content-disposition"), Some("attachment; filename=f.txt"));
    for bad in ["CWS\u{9}", "alert(1)//", "a;b", &"a".repeat(200)] {
        assert_eq!(get(bad).status, 400, "{bad:?}");
    }
}

/// Cross-site WebSocket hijacking: a page of somebody else opens a socket, and the browser sends the cookies along.
#[test]
fn cross_site_websocket_hijacking_gets_nothing_by_a_cookie() {
    let rules = "[[key]]\nalgorithm = 'HS256'\nsecret = 'a secret of at least thirty-two bytes'\n[handshake]\nallow = 'token'\n";
    let faye = Faye::start_with_file(rules, &[]);
    let token = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &json!({"sub": "u", "exp": 4_000_000_000_u64}),
        &jsonwebtoken::EncodingKey::from_secret(b"a secret of at least thirty-two bytes"),
    );
    let mut message = handshake();
    message["ext"] = json!({"token": token.unwrap()});
    let response = post(&faye, &message.to_string());
    let cookie = response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let id = response.messages()[0]["clientId"].as_str().unwrap().to_owned();
    let open = |origin: &str| Socket::open_with(&faye, &[("Origin", origin), ("Cookie", &cookie)]).0;
    let reply = open("https://evil.example").ask(&connect(&id, "websocket")).remove(0);
    assert_eq!(reply["error"], format!("401:{id}:Unknown client"));
    let own = format!("http://{}", faye.address);
    assert_done(&open(&own).ask(&connect(&id, "websocket"))[0]);
}

/// Faye attaches a socket to the session that a frame names before anything was checked.
#[test]
fn a_socket_is_attached_only_after_its_connect_was_accepted() {
    let faye = Faye::start(&[]);
    let mut victim = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut attacker = Socket::open(&faye);
    for message in [
        json!({"channel": "/x", "clientId": victim.id, "data": 1}),
        json!({"channel": "/meta/connect", "clientId": victim.id, "connectionType": "none"}),
        json!({"channel": "/meta/connect", "clientId": victim.id, "connectionType": "websocket", "error": "x"}),
        json!({"channel": "/meta/subscribe", "clientId": victim.id, "subscription": "/meta/x"}),
    ] {
        attacker.ask(&message);
    }
    faye.publish("/a", "for the victim");
    assert_eq!(victim.take(1), ["for the victim"]);
}

/// CVE-2022-24721 (CometD): channels for the servers among themselves were open to clients.
#[test]
fn cve_2022_24721_no_channel_is_for_servers_only() {
    let faye = Faye::start_with_file(CLOSED, &[]);
    let id = faye.client();
    for channel in ["/oort/cloud", "/seti/all", "/service/oort", "/cluster/**"] {
        // To /service/ one may subscribe, and nothing comes of it.
        faye.ask(&subscribe(&id, channel));
        assert_eq!(
            faye.ask(&publication(channel.trim_end_matches("/**"), 1))["successful"],
            false,
            "{channel}"
        );
    }
    let forged = json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"],
        "ext": {"com.cometd.oort": {"oortId": "x"}, "internal": true}});
    let reply = faye.ask(&forged);
    let id = reply["clientId"].as_str().unwrap();
    assert_eq!(faye.ask(&subscribe(id, "/a"))["successful"], false);
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

/// CVE-2026-39972 (Mercure): a key of a cache made of two texts, which others could spell alike.
#[test]
fn cve_2026_39972_what_an_answer_holds_for_cannot_be_spelt_another_way() {
    let application = Application::start(|_| Some((200, json!({"allow": true, "cache": 3600}).to_string())));
    let settings = [("FAYE_HOOK__URL", application.url()), ("FAYE_HOOK__HEADERS", "a, b".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let faye = Faye::start_with_file("[[channel]]\nmatch = '/**'\npublish = 'hook'\n", &settings);
    let ask = |a: &str, b: &str| {
        let headers = [("Content-Type", "application/json"), ("A", a), ("B", b)];
        faye.http().request("POST", &faye.mount, &headers, publication("/x", 1).to_string().as_bytes());
        application.so_far().len()
    };
    assert_eq!(ask("xy", "z"), 1);
    assert_eq!(ask("x", "yz"), 1);
    assert_eq!(ask("xyz", ""), 1);
    assert_eq!(ask("xy", "z"), 0);
}

/// CVE-2026-32301 and CVE-2026-49998 (Centrifugo): claims of a token were used before it was verified, and keys were
/// found by their id alone.
#[test]
fn cve_2026_32301_a_token_that_is_not_verified_does_nothing() {
    let rules = "[[key]]\nid = 'a'\nalgorithm = 'HS256'\nsecret = 'a secret of at least thirty-two bytes'\n[token]\nissuer = 'http://127.0.0.1:1/{{sub}}'\n";
    let faye = Faye::start_with_file(rules, &[]);
    // {"alg":"none","kid":"a","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}
    let header = "eyJhbGciOiJub25lIiwia2lkIjoiYSIsImprdSI6Imh0dHA6Ly8xMjcuMC4wLjE6MS8iLCJ4NXUiOiJodHRwOi8vMTI3LjAuMC4xOjEvIn0";
    let mut message = handshake();
    message["ext"] = json!({"token": format!("{header}.e30.")});
    assert_eq!(faye.ask(&message)["error"], "403::Token invalid");
    faye.assert_serves();
}

/// CVE-2026-27571 and CVE-2026-27889 (NATS): a bomb that is measured after it was unpacked, and a length whose first
/// bit is set.
#[test]
fn cve_2026_27571_a_bomb_is_stopped_while_it_is_unpacked() {
    use std::io::Write;
    let faye = Faye::start(&[("FAYE_WEBSOCKET__COMPRESSION", "1"), ("FAYE_LIMITS__MESSAGE", "64KiB")]);
    let offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
    let (mut socket, _) = Socket::open_with(&faye, &[("Sec-WebSocket-Extensions", offer)]);
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 32 << 20]).unwrap();
    let packed = packer.finish().unwrap();
    let mut frame = frame(Opcode::Text, true, &packed);
    frame[0] |= 0x40;
    socket.send_raw(&frame);
    assert_eq!(socket.close_code(), Some(1009));
    let mut socket = Socket::open(&faye);
    socket.send_raw(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    assert!(socket.close_code().is_none_or(|code| code == 1002 || code == 1009));
    faye.assert_serves();
}

/// CVE-2026-42786 (Bandit) and CVE-2026-32689 (Phoenix): many small parts that are counted one by one.
#[test]
fn cve_2026_42786_fragments_and_batches_are_counted_together() {
    let faye = Faye::start(&[("FAYE_LIMITS__MESSAGE", "10KiB"), ("FAYE_LIMITS__BATCH", "50")]);
    let mut socket = Socket::open(&faye);
    socket.send_frame(Opcode::Text, false, b"[");
    for _ in 0..20 {
        socket.send_frame(Opcode::Continuation, false, &[b' '; 1000]);
    }
    assert_eq!(socket.close_code(), Some(1009));
    assert_eq!(post(&faye, &format!("[{}1]", "1,".repeat(50))).status, 413);
    assert_eq!(post(&faye, &format!("[{}]", "\n".repeat(500_000))).status, 200);
}

/// CVE-2021-43840 (message_bus): a path led out of the folder of scripts.
#[test]
fn cve_2021_43840_no_path_leads_to_a_file() {
    let faye = Faye::start(&[]);
    for path in
        ["/../Cargo.toml", "/..%2f..%2fetc%2fpasswd.js", "/../../etc/passwd.js", "/client.js/../../faye.toml"]
    {
        let response = faye.get(&format!("{}{path}", faye.mount));
        assert!(!response.text().contains("root:") && !response.text().contains("[package]"), "{path}");
    }
}

/// faye#542, #283, #303: refused clients come back at once, and are the attack themselves.
#[test]
fn every_refusal_of_a_session_says_how_long_to_wait() {
    let faye = Faye::start(&[("FAYE_HANDSHAKE__ALLOW", "nobody")]);
    let intervals: Vec<u64> =
        (0..8).map(|_| faye.ask(&handshake())["advice"]["interval"].as_u64().unwrap()).collect();
    // After the first refusal a client may come back at once: it may only have met a restart.
    assert!(intervals[0] == 0 && intervals[1..].iter().all(|interval| *interval > 0), "{intervals:?}");
    assert!(intervals[7] > 5 * intervals[1], "{intervals:?}");
    let unknown = || faye.ask(&connect("0000000000000000000000000000000", "long-polling"));
    // Some clients send the connect of a lost session twice.
    assert_eq!([unknown(), unknown()].map(|reply| reply["advice"]["interval"].as_u64()), [Some(0); 2]);
    let again = unknown();
    assert!(again["advice"]["interval"].as_u64().unwrap() > 0, "{again}");
}

/// Prototype pollution, and other keys that mean something to some language.
#[test]
fn keys_that_mean_something_elsewhere_mean_nothing_here() {
    let faye = Faye::start_with_file(CLOSED, &[]);
    for key in ["__proto__", "constructor", "prototype", "hasOwnProperty"] {
        let text = format!(
            r#"{{"channel":"/a","data":1,"ext":{{"{key}":{{"password":"s3cret"}}}},"{key}":{{"successful":true}}}}"#
        );
        let reply: Value = post(&faye, &text).messages().remove(0);
        assert_eq!(reply["error"], "403::Password required", "{key}");
    }
}
