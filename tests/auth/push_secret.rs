//! Back ends publish with a secret, nobody else does, and nobody ever sees it.

use crate::support::*;
use serde_json::{Value, json};

const RULES: &str = "
[push]
secret = 'env:PUSH_SECRET'
previous = 'the one before'

[[channel]]
match = '/projects/**'
publish = 'secret'
";

fn start() -> Faye {
    Faye::start_with_file(RULES, &[("PUSH_SECRET", "s3cret")])
}

fn with_ext(channel: &str, ext: &Value) -> Value {
    json!({"channel": channel, "data": 1, "ext": ext})
}

fn assert_refused(reply: &Value, error: &str) {
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!(error)), "{reply}");
}

#[test]
fn a_wrong_secret_is_logged_once_in_a_while_and_never_shown() {
    let faye = start();
    let mut http = faye.http();
    for number in 0..200 {
        let guess = format!("guess-{number}");
        let reply = match number % 2 {
            0 => http.post(&faye.mount, &with_ext("/projects/7", &json!({"password": guess}))).remove(0),
            _ => {
                let bearer = format!("Bearer {guess}");
                let body = publication("/projects/7", 1).to_string();
                let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
                http.request("POST", &faye.mount, &headers, body.as_bytes()).messages().remove(0)
            }
        };
        assert_refused(&reply, "403::Password required");
    }
    faye.wait_for_stderr("wrong push secret");
    let log = faye.stderr();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("wrong push secret")).collect();
    assert!(lines.iter().all(|line| line.contains(" WARN ") && line.contains("address=127.0.0.1")), "{log}");
    assert!(lines.len() < 200 && !log.contains("guess-"), "{log}");
    // A right one is no news, nor is none.
    let faye = start();
    assert_done(&faye.ask(&with_ext("/projects/7", &json!({"password": "s3cret"}))));
    assert_refused(&faye.ask(&publication("/projects/7", 1)), "403::Password required");
    let bearer = [("Authorization", "Bearer s3cret"), ("Content-Type", "application/json")];
    let body = publication("/projects/7", 1).to_string();
    assert_done(&faye.http().request("POST", &faye.mount, &bearer, body.as_bytes()).messages()[0]);
    assert!(!faye.stderr().contains("wrong push secret"), "{}", faye.stderr());
}

#[test]
fn a_wrong_secret_in_a_header_alone_is_logged() {
    let faye = start();
    let bearer = [("Authorization", "Bearer guess"), ("Content-Type", "application/json")];
    let body = publication("/projects/7", 1).to_string();
    let reply = faye.http().request("POST", &faye.mount, &bearer, body.as_bytes()).messages().remove(0);
    assert_refused(&reply, "403::Password required");
    faye.wait_for_stderr("wrong push secret");
}

#[test]
fn who_has_the_secret_publishes_over_every_transport() {
    let faye = start();
    for via in Via::ALL {
        let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/projects/7");
        let mut publisher = Session::begin(&faye, via);
        let ask = |publisher: &mut Session, ext: Value| {
            publisher.ask(
                json!({"channel": "/projects/7", "clientId": publisher.id.clone(), "data": 1, "ext": ext}),
            )
        };
        for wrong in
            [json!({}), json!({"password": "S3cret"}), json!({"password": ""}), json!({"password": null})]
        {
            assert_refused(&ask(&mut publisher, wrong), "403::Password required");
        }
        if via == Via::Jsonp {
            // Nothing shows that no foreign page asks, and a URL is no place for a secret.
            assert_refused(&ask(&mut publisher, json!({"password": "s3cret"})), "403::Forbidden origin");
            continue;
        }
        assert_done(&ask(&mut publisher, json!({"password": "s3cret"})));
        assert_done(&ask(&mut publisher, json!({"password": "the one before"})));
        assert_eq!(subscriber.take(2), [1, 1], "{via:?}");
        publisher.disconnect();
        subscriber.disconnect();
    }
}

#[test]
fn the_secret_may_stand_in_a_header() {
    let faye = start();
    let post = |header: &str| {
        let headers = [("Content-Type", "application/json"), ("Authorization", header)];
        let body = publication("/projects/7", 1).to_string();
        faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0].clone()
    };
    assert_done(&post("Bearer s3cret"));
    assert_done(&post("bearer the one before"));
    for wrong in ["Bearer wrong", "Bearer", "Basic s3cret", "s3cret", ""] {
        assert_refused(&post(wrong), "403::Password required");
    }
}

#[test]
fn nobody_sees_the_secret_and_the_rest_of_ext_stays() {
    let faye = start();
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/**");
    for (sent, seen) in [
        (r#"{"password":"s3cret"}"#, None),
        (r#"{"a":1,"password":"s3cret","b":[2, 3]}"#, Some(json!({"a": 1, "b": [2, 3]}))),
        // However it is spelt, and however often it is there.
        (r#"{"p\u0061ssword":"s3cret","c":1}"#, Some(json!({"c": 1}))),
        (r#"{"password":"wrong","password":"s3cret","c":1}"#, Some(json!({"c": 1}))),
    ] {
        // On an open channel too, where it was not needed.
        let text = format!(r#"{{"channel":"/open","data":"x","ext":{sent}}}"#);
        let headers = [("Content-Type", "application/json")];
        let reply = faye.http().request("POST", &faye.mount, &headers, text.as_bytes());
        assert_done(&reply.messages()[0]);
        assert!(!reply.text().contains("s3cret"));
        let message = subscriber.next();
        assert_eq!(message.get("ext"), seen.as_ref(), "{sent}");
        assert!(!message.to_string().contains("s3cret"), "{sent}");
    }
    assert!(!faye.stderr().contains("s3cret"), "{}", faye.stderr());
}

#[test]
fn unusual_spellings_get_nobody_past_a_rule() {
    let faye = start();
    let http = |text: &str| {
        let headers = [("Content-Type", "application/json")];
        faye.http().request("POST", &faye.mount, &headers, text.as_bytes()).messages()[0].clone()
    };
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/**");
    for text in [
        r#"{"channel":"\/projects\/7","data":1}"#,
        r#"{"channel":"/proj\u0065cts/7","data":1}"#,
        r#"{"channel":"/open","channel":"/projects/7","data":1}"#,
        r#"{"channel":"/projects/7","data":1,"ext":{"password":"s3cret","password":"x"}}"#,
        r#"{"channel":"/projects/7","data":1,"ext":["s3cret"]}"#,
        r#"{"channel":"/projects/7","data":1,"ext":{"password":["s3cret"]}}"#,
        r#"{"channel":"/projects/7","data":1,"ext":{"password":{"toString":"s3cret"}}}"#,
        r#"{"channel":"/projects/7","data":1,"ext":"password"}"#,
        r#"{"channel":"/projects/7","data":1,"ext":{"password":true}}"#,
        r#"{"channel":"/projects/7","data":1,"successful":true,"clientId":"x"}"#,
    ] {
        assert_eq!(http(text)["successful"], false, "{text}");
    }
    for channel in ["/Projects/7", "/projects", "//projects/7", "/projects/7/", "projects/7", "/projects%2F7"]
    {
        // Another channel, or none; never the one of the rule.
        faye.post(&publication(channel, channel));
    }
    faye.publish("/end", "end");
    let got = subscriber.take_until("end");
    assert!(got.iter().all(|data| data == "/Projects/7" || data == "/projects"), "{got:?}");
}

#[test]
fn a_batch_is_judged_message_by_message() {
    let faye = start();
    let batch = json!([
        publication("/open", 1),
        publication("/projects/7", 2),
        with_ext("/projects/7", &json!({"password": "s3cret"})),
        publication("/projects/7", 4),
    ]);
    let replies = faye.post(&batch);
    let done: Vec<_> = replies.iter().map(|reply| reply["successful"] == true).collect();
    assert_eq!(done, [true, false, true, false], "{replies:?}");
}

#[test]
fn the_field_and_the_refusal_are_settings() {
    let settings =
        [("FAYE_PUSH__SECRET", "s3cret"), ("FAYE_PUSH__FIELD", "key"), ("FAYE_PUSH__REFUSAL", "403::No")];
    let faye = Faye::start_with_file("[[channel]]\nmatch = '/**'\npublish = 'secret'\n", &settings);
    assert_refused(&faye.ask(&with_ext("/a", &json!({"password": "s3cret"}))), "403::No");
    assert_done(&faye.ask(&with_ext("/a", &json!({"key": "s3cret"}))));
}

#[test]
fn a_foreign_page_cannot_use_the_secret() {
    let faye = start();
    let body = with_ext("/projects/7", &json!({"password": "s3cret"})).to_string();
    let post = |origin: &str| {
        let headers = [("Content-Type", "application/json"), ("Origin", origin)];
        faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0].clone()
    };
    assert_refused(&post("https://evil.example"), "403::Forbidden origin");
    assert_done(&post(&format!("http://{}", faye.address)));
}

#[test]
fn the_command_line_shows_the_secret_of_its_settings_to_their_own_server() {
    let faye = start();
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/projects/7");
    let publish = |data: &str, more: &[&str], folder: &std::path::Path| {
        let mut command = binary();
        command.args(["publish", "/projects/7", data]).args(more).current_dir(folder);
        let output = command.env("PUSH_SECRET", "s3cret").output().expect("the binary runs");
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let listen = faye.address.to_string();
    let url = faye.url();
    assert!(publish("1", &["--listen", &listen], &faye.folder()).0);
    let (is_done, said) = publish("2", &["--url", &url], &faye.folder());
    assert!(
        !is_done && said.contains("403::Password required"),
        "somebody else's server is not told: {said}"
    );
    assert!(!publish("3", &["--listen", &listen], elsewhere.path()).0);
    assert!(publish("4", &["--url", &url, "--ext", r#"{"password":"s3cret"}"#], elsewhere.path()).0);
    let (is_done, said) = publish("5", &["--ext", "s3cret"], elsewhere.path());
    assert!(!is_done && said.contains("write a JSON object"), "{said}");
    assert_eq!(subscriber.take(2), [1, 4]);
}
