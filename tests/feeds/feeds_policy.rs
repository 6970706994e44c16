//! The channels of feeds: no client publishes there, whatever it shows, and subscriptions go by the rules.

use crate::support::*;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

/// The secret of tokens.
const SECRET: &str = "a secret of thirty-two bytes, at least";

/// A feed that is never fetched, and a rule that lets clients publish with every credential.
const RULES: &str = "
[lifestream]
enabled = true

[feeds]
poll = 'never'
backup_poll = 'never'

[[key]]
algorithm = 'HS256'
secret = 'a secret of thirty-two bytes, at least'

[push]
secret = 's3cret'
";

fn rule(pattern: &str, more: &str) -> String {
    format!("\n[[channel]]\nmatch = '{pattern}'\n{more}\n")
}

/// Starts a server with feeds, these rules behind [`RULES`], and more settings.
fn start(rules: &str, more: &[(&str, &str)]) -> Faye {
    let mut settings = vec![("FAYE_STORE__URL", "sqlite::memory:")];
    settings.extend(more);
    Faye::start_with_file(&format!("{RULES}{rules}"), &settings)
}

fn token() -> String {
    let claims = json!({"exp": 4_000_000_000_u64, "publish": ["/**"], "subscribe": ["/**"]});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

#[track_caller]
fn assert_refused(reply: &Value, channel: &str) {
    let error = format!("403:{channel}:Only the server publishes here");
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!(error)), "{reply}");
}

/// What clients show: nothing, the push secret, a token, and both.
fn shown() -> [Value; 4] {
    [
        json!({}),
        json!({"password": "s3cret"}),
        json!({"token": token()}),
        json!({"password": "s3cret", "token": token()}),
    ]
}

#[test]
fn no_client_publishes_on_the_channel_of_a_feed() {
    let application = Application::start(|_| Some((200, json!({"allow": true}).to_string())));
    let url = application.url();
    let open = rule("/**", "");
    let closed = rule("/**", "publish = ['secret', 'token', 'hook']");
    for (rules, settings) in [(open, vec![]), (closed, vec![("FAYE_HOOK__URL", url.as_str())])] {
        let faye = start(&rules, &settings);
        let mut listener = Session::subscribed(&faye, Via::WebSocket, "/feeds/**");
        let mut refused = 0;
        for via in Via::ALL {
            let mut session = Session::begin(&faye, via);
            for ext in shown() {
                let publication =
                    json!({"channel": "/feeds/blog", "clientId": session.id.clone(), "data": 1, "ext": ext});
                assert_refused(&session.ask(publication), "/feeds/blog");
                refused += 1;
            }
        }
        for ext in shown() {
            // Without a session, also between publications that are allowed.
            let with = |channel: &str| json!({"channel": channel, "data": "seen", "ext": ext});
            let replies = faye.post(&json!([with("/a"), with("/feeds/other"), with("/feeds/a/b")]));
            assert_refused(&replies[1], "/feeds/other");
            refused += 1;
            // The application allows it if nothing was shown.
            assert_done(&replies[0]);
            assert_done(&replies[2]);
        }
        for value in ["Bearer s3cret".to_owned(), format!("Bearer {}", token())] {
            let headers = [("Authorization", value.as_str()), ("Content-Type", "application/json")];
            let body = publication("/feeds/blog", 1).to_string();
            let response = faye.http().request("POST", &faye.mount, &headers, body.as_bytes());
            assert_refused(&response.messages()[0], "/feeds/blog");
            refused += 1;
        }
        // A pattern and a channel of the protocol are no channels of feeds.
        assert_eq!(faye.ask(&publication("/feeds/*", 1))["error"], "405:/feeds/*:Invalid channel");
        assert_eq!(faye.metric("faye_refused_total{reason=\"forbidden\"}"), refused);
        // Only the channels below that of a feed had something.
        assert_eq!(listener.take(shown().len()), vec![json!("seen"); shown().len()]);
        for asked in application.so_far() {
            let channel = asked.body["channel"].as_str().unwrap();
            assert!(!["/feeds/blog", "/feeds/other"].contains(&channel), "{channel}");
        }
    }
}

#[test]
fn an_extension_cannot_move_a_publication_to_the_channel_of_a_feed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("move.js");
    let script = "module.exports = { incoming(message, callback) { \
                  if (message.channel === '/a') message.channel = '/feeds/blog'; callback(message); } };";
    std::fs::write(&file, script).unwrap();
    let faye = start("", &[("FAYE_EXTENSIONS__FILES", file.to_str().unwrap())]);
    assert_refused(&faye.ask(&publication("/a", 1)), "/feeds/blog");
    assert_done(&faye.ask(&publication("/b", 1)));
}

#[test]
fn subscriptions_to_feeds_go_by_the_rules() {
    let private = rule("/feeds/private", "publish = 'nobody'\nsubscribe = 'token'");
    let faye = start(&private, &[]);
    for via in Via::ALL {
        let mut session = Session::begin(&faye, via);
        session.subscribe("/feeds/blog");
        for wanted in ["/feeds/private", "/feeds/*", "/feeds/**", "/**"] {
            let reply = session.ask(subscribe(&session.id.clone(), wanted));
            assert_eq!(reply["error"], format!("403:{wanted}:Token required"), "{via:?}");
        }
        let mut wanted = subscribe(&session.id.clone(), "/feeds/private");
        wanted["ext"] = json!({"token": token()});
        let reply = session.ask(wanted);
        assert_eq!(reply["successful"] == true, via != Via::Jsonp, "{via:?}: {reply}");
    }
}

#[test]
fn without_feeds_their_channels_are_like_others() {
    let faye = Faye::start(&[]);
    assert_done(&faye.ask(&publication("/feeds/blog", 1)));
}

#[test]
fn a_reload_keeps_the_channels_of_feeds_closed() {
    let faye = start("", &[]);
    let other = RULES.replace("[feeds]", "[feeds]\nchannel = '/elsewhere/{name}'");
    std::fs::write(faye.folder().join("faye.toml"), other).unwrap();
    faye.hang_up();
    faye.wait_for_metric("faye_config_reloads_total", |now| now == 1);
    faye.wait_for_stderr("take effect at the next start");
    let log = faye.stderr();
    assert!(
        log.lines().any(|line| line.contains("sections=\"feeds\"") || line.contains("sections=feeds")),
        "{log}"
    );
    assert_refused(&faye.ask(&publication("/feeds/blog", 1)), "/feeds/blog");
    assert_done(&faye.ask(&publication("/elsewhere/blog", 1)));
}
