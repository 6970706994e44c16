//! The identifier of a session stands in URLs and logs. Whoever has only that cannot speak for a session that has shown
//! a credential, and cannot get its messages.

use crate::support::*;
use serde_json::{Value, json};

const RULES: &str = "
[[key]]
algorithm = 'HS256'
secret = 'a secret of at least thirty-two bytes'

[[channel]]
match = '/private/**'
subscribe = 'token'
";

fn token(subject: &str) -> String {
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"sub": subject, "subscribe": "/private/**", "publish": "/**", "exp": now + 3600});
    let key = EncodingKey::from_secret(b"a secret of at least thirty-two bytes");
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

fn with_token(mut message: Value, subject: &str) -> Value {
    message["ext"] = json!({"token": token(subject)});
    message
}

/// A session that has shown a token by a POST: its identifier, and the cookie of its browser.
fn victim(faye: &Faye) -> (String, String) {
    victim_named(faye, "victim")
}

fn victim_named(faye: &Faye, subject: &str) -> (String, String) {
    let headers = [("Content-Type", "application/json")];
    let body = with_token(handshake(), subject).to_string();
    let response = faye.http().request("POST", &faye.mount, &headers, body.as_bytes());
    let cookie = response.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.ends_with("; Path=/faye; HttpOnly; SameSite=Lax"), "{cookie}");
    let reply = response.messages().remove(0);
    assert_done(&reply);
    (reply["clientId"].as_str().unwrap().to_owned(), cookie.split(';').next().unwrap().to_owned())
}

fn post_with(faye: &Faye, headers: &[(&str, &str)], messages: &Value) -> Vec<Value> {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    faye.http().request("POST", &faye.mount, &all, messages.to_string().as_bytes()).messages()
}

fn assert_unknown(reply: &Value, client: &str) {
    assert_eq!(reply["error"], format!("401:{client}:Unknown client"), "{reply}");
}

#[test]
fn an_identifier_alone_is_not_enough_over_any_transport() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, _) = victim(&faye);
    let subscription = subscribe(&id, "/private/a");
    let end = json!({"channel": "/meta/disconnect", "clientId": id});
    for message in [&connect(&id, "long-polling"), &subscription, &end] {
        assert_unknown(&faye.ask(message), &id);
        let mut socket = Socket::open(&faye);
        assert_unknown(&socket.ask(message)[0], &id);
        let form = encode(&[("message", &message.to_string())]);
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let response = faye.http().request("POST", &faye.mount, &headers, form.as_bytes());
        assert_unknown(&response.messages()[0], &id);
        let query = encode(&[("message", &message.to_string()), ("jsonp", "cb")]);
        let script = faye.get(&format!("{}?{query}", faye.mount)).text();
        assert!(script.contains("Unknown client"), "{script}");
    }
    let counted = faye.metric("faye_refused_total{reason=\"unproven\"}");
    assert_eq!(counted, 12, "each attempt is counted");
    // A stream opens, as for an identifier that is none, and stays silent.
    let _stream = Stream::open(&faye, &id);
    assert_eq!(faye.metric("faye_refused_total{reason=\"unproven\"}"), 13);
}

#[test]
fn the_client_goes_on_by_its_cookie_its_token_or_its_connection() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, cookie) = victim(&faye);
    let by_cookie =
        post_with(&faye, &[("Cookie", &format!("a=b; {cookie}; c=d"))], &connect(&id, "long-polling"));
    assert_done(&by_cookie[0]);
    assert_done(&faye.ask(&with_token(connect_now(&id, "long-polling"), "victim")));
    assert_unknown(&faye.ask(&with_token(connect_now(&id, "long-polling"), "somebody else")), &id);
    for wrong in ["faye_browser=0123456789abcdef0123456789abcdef", "faye_browser=", "faye_browser=x", "x"] {
        let reply = post_with(&faye, &[("Cookie", wrong)], &connect_now(&id, "long-polling"));
        assert_unknown(&reply[0], &id);
    }
    // A connection that has shown it once need not do so again.
    let mut socket = Socket::open(&faye);
    assert_done(&socket.ask(&with_token(connect_now(&id, "websocket"), "victim"))[0]);
    assert_done(&socket.ask(&subscribe(&id, "/private/a"))[0]);
    assert_unknown(&Socket::open(&faye).ask(&subscribe(&id, "/private/b"))[0], &id);
}

#[test]
fn a_token_in_the_header_of_every_request_is_as_good() {
    let faye = Faye::start_with_file(RULES, &[]);
    let id = faye.client();
    let bearer = format!("Bearer {}", token("victim"));
    let ask = |message: &Value| post_with(&faye, &[("Authorization", &bearer)], message).remove(0);
    assert_done(&ask(&subscribe(&id, "/private/a")));
    assert_done(&ask(&connect(&id, "long-polling")));
    assert_unknown(&faye.ask(&connect(&id, "long-polling")), &id);
    assert_done(&faye.ask(&with_token(connect_now(&id, "long-polling"), "victim")));
}

#[test]
fn a_token_of_somebody_else_does_not_become_the_sessions() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, cookie) = victim(&faye);
    let message = with_token(subscribe(&id, "/private/a"), "somebody else");
    assert_done(&post_with(&faye, &[("Cookie", &cookie)], &message)[0]);
    assert_done(&faye.ask(&with_token(connect_now(&id, "long-polling"), "victim")));
    assert_unknown(&faye.ask(&with_token(connect_now(&id, "long-polling"), "somebody else")), &id);
}

#[test]
fn over_tls_the_cookie_belongs_to_the_host_and_goes_over_nothing_else() {
    let faye = Faye::start_with_file(RULES, &[("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.1")]);
    let ask = |message: &Value, cookie: &str| {
        let headers = [("X-Forwarded-Proto", "https"), ("Cookie", cookie)];
        post_for_cookie(&faye, &headers, message)
    };
    let (reply, cookie) = ask(&with_token(handshake(), "victim"), "");
    let cookie = cookie.unwrap();
    assert!(cookie.starts_with("__Host-faye_browser="), "{cookie}");
    // What the prefix asks for (RFC 6265bis, section 4.1.3.2): Secure, the path of the root, and no Domain.
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=None; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let message = connect_now(reply["clientId"].as_str().unwrap(), "long-polling");
    assert_done(&ask(&message, cookie).0);
    // Without the prefix a sibling domain may have written it.
    let plain = cookie.trim_start_matches("__Host-");
    assert_eq!(ask(&message, plain).0["successful"], false);
    assert_eq!(post_with(&faye, &[("Cookie", cookie)], &message)[0]["successful"], false, "over plain HTTP");
}

/// Posts a message: its reply, and the cookie that comes with it.
fn post_for_cookie(faye: &Faye, headers: &[(&str, &str)], message: &Value) -> (Value, Option<String>) {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    let response = faye.http().request("POST", &faye.mount, &all, message.to_string().as_bytes());
    let cookie = response.header("set-cookie").map(str::to_owned);
    (response.messages().remove(0), cookie)
}

/// A browser with the one cookie that it keeps.
struct Jar<'a> {
    faye: &'a Faye,
    cookie: String,
}

impl Jar<'_> {
    fn ask(&mut self, message: &Value) -> Value {
        let (reply, cookie) = post_for_cookie(self.faye, &[("Cookie", &self.cookie)], message);
        if let Some(cookie) = cookie {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        reply
    }

    /// A session of a user: its identifier.
    fn begin(&mut self, subject: &str) -> String {
        let reply = self.ask(&with_token(handshake(), subject));
        assert_done(&reply);
        reply["clientId"].as_str().unwrap().to_owned()
    }
}

/// Session fixation: an attacker writes a cookie into the victim's browser, from a sibling domain for example.
#[test]
fn a_cookie_that_an_attacker_has_written_is_not_adopted() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (_, of_the_server) = victim_named(&faye, "attacker");
    for planted in [
        "faye_browser=0123456789abcdef0123456789abcdef",
        &format!("faye_browser={}", "A".repeat(43)),
        of_the_server.as_str(),
    ] {
        let assert_safe = |id: &str, browser: &Jar<'_>| {
            let message = connect_now(id, "long-polling");
            assert_unknown(&post_with(&faye, &[("Cookie", planted)], &message)[0], id);
            assert_done(&post_with(&faye, &[("Cookie", &browser.cookie)], &message)[0]);
        };
        let mut browser = Jar { faye: &faye, cookie: planted.to_owned() };
        let id = browser.begin("victim");
        assert_safe(&id, &browser);
        // Bound by a subscription.
        let mut browser = Jar { faye: &faye, cookie: planted.to_owned() };
        let id = browser.ask(&handshake())["clientId"].as_str().unwrap().to_owned();
        assert_done(&browser.ask(&with_token(subscribe(&id, "/private/a"), "victim")));
        assert_safe(&id, &browser);
        // A WebSocket cannot set cookies, and is enough by itself.
        let (mut socket, _) = Socket::open_with(&faye, &[("Cookie", planted)]);
        let reply = socket.ask(&with_token(handshake(), "victim")).remove(0);
        let id = reply["clientId"].as_str().unwrap().to_owned();
        assert_unknown(&post_with(&faye, &[("Cookie", planted)], &connect_now(&id, "long-polling"))[0], &id);
        assert_done(&socket.ask(&connect_now(&id, "websocket"))[0]);
        // Written before the server's own, with another path.
        let mut browser = Jar { faye: &faye, cookie: String::new() };
        let id = browser.begin("victim");
        let both = format!("{planted}; {}", browser.cookie);
        assert_done(&post_with(&faye, &[("Cookie", &both)], &connect_now(&id, "long-polling"))[0]);
    }
}

#[test]
fn the_tabs_of_a_browser_go_on_when_another_user_logs_in() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut browser = Jar { faye: &faye, cookie: String::new() };
    let mut tabs = vec![browser.begin("anna")];
    let first = browser.cookie.clone();
    tabs.push(browser.begin("anna"));
    assert_eq!(browser.cookie, first, "one value for a user");
    tabs.push(browser.begin("bert"));
    assert_ne!(browser.cookie, first);
    tabs.push(browser.begin("anna"));
    for id in &tabs {
        assert_done(&browser.ask(&connect_now(id, "long-polling")));
    }
    // The WebSocket of a page that is opened again has the cookie before its handshake is answered.
    let (mut socket, _) = Socket::open_with(&faye, &[("Cookie", &browser.cookie)]);
    let id = browser.begin("bert");
    assert_done(&socket.ask(&connect_now(&id, "websocket"))[0]);
}

#[test]
fn two_sessions_that_are_bound_in_one_request_have_one_cookie() {
    let faye = Faye::start_with_file(RULES, &[]);
    let batch = json!([with_token(handshake(), "anna"), with_token(handshake(), "bert")]);
    let headers = [("Content-Type", "application/json")];
    let response = faye.http().request("POST", &faye.mount, &headers, batch.to_string().as_bytes());
    let cookie = response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    for reply in response.messages() {
        let id = reply["clientId"].as_str().unwrap();
        assert_done(&post_with(&faye, &[("Cookie", &cookie)], &connect_now(id, "long-polling"))[0]);
    }
}

#[test]
fn the_cookie_has_a_bound() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut browser = Jar { faye: &faye, cookie: String::new() };
    for user in 0..20 {
        let id = browser.begin(&format!("user {user}"));
        assert_done(&browser.ask(&connect_now(&id, "long-polling")));
    }
    assert!(browser.cookie.len() < 1024, "{}", browser.cookie);
}

#[test]
fn a_browser_keeps_its_cookie() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, cookie) = victim(&faye);
    let body = with_token(subscribe(&id, "/private/a"), "victim").to_string();
    let response =
        faye.http().request("POST", &faye.mount, &[("Content-Type", "application/json")], body.as_bytes());
    assert_done(&response.messages()[0]);
    assert_eq!(response.header("set-cookie"), None);
    assert_done(&post_with(&faye, &[("Cookie", &cookie)], &connect_now(&id, "long-polling"))[0]);
}

#[test]
fn a_session_that_begins_on_a_websocket_is_that_connections() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut socket = Socket::open(&faye);
    let reply = socket.ask(&with_token(handshake(), "victim")).remove(0);
    let id = reply["clientId"].as_str().unwrap().to_owned();
    assert_done(&socket.ask(&subscribe(&id, "/private/a"))[0]);
    assert_unknown(&Socket::open(&faye).ask(&connect(&id, "websocket"))[0], &id);
    assert_unknown(&faye.ask(&connect(&id, "long-polling")), &id);
    assert_done(&socket.ask(&connect_now(&id, "websocket"))[0]);
}

#[test]
fn a_session_is_bound_by_a_token_that_it_shows_later() {
    let faye = Faye::start_with_file(RULES, &[]);
    let id = faye.client();
    assert_done(&faye.ask(&connect_now(&id, "long-polling")));
    assert_done(&faye.ask(&with_token(subscribe(&id, "/private/a"), "victim")));
    assert_unknown(&faye.ask(&connect_now(&id, "long-polling")), &id);
    assert_done(&faye.ask(&with_token(connect_now(&id, "long-polling"), "victim")));
}

#[test]
fn what_needs_a_token_does_not_go_over_callback_polling() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, cookie) = victim(&faye);
    let query = encode(&[("message", &connect(&id, "callback-polling").to_string()), ("jsonp", "cb")]);
    let own = format!("http://{}/", faye.address);
    let headers = [("Cookie", cookie.as_str()), ("Referer", &own)];
    let script = faye.http().request("GET", &format!("{}?{query}", faye.mount), &headers, b"").text();
    assert!(script.contains("403:/meta/connect:Forbidden over callback-polling"), "{script}");
}

#[test]
fn a_foreign_page_cannot_use_the_cookie() {
    let faye = Faye::start_with_file(RULES, &[]);
    let (id, cookie) = victim(&faye);
    let message = connect_now(&id, "long-polling");
    let from =
        |origin: &str| post_with(&faye, &[("Cookie", &cookie), ("Origin", origin)], &message).remove(0);
    assert_unknown(&from("https://evil.example"), &id);
    assert_done(&from(&format!("http://{}", faye.address)));
}

#[test]
fn a_client_that_cannot_show_its_sessions_are_its_own_waits_longer_each_time() {
    let faye = Faye::start_with_file(RULES, &[]);
    let intervals: Vec<_> = (0..8)
        .map(|_| {
            let (id, _) = victim(&faye);
            faye.ask(&connect(&id, "long-polling"))["advice"]["interval"].as_u64().unwrap()
        })
        .collect();
    assert!(intervals[0] == 0 && intervals[1] > 0 && intervals[7] > 10 * intervals[1], "{intervals:?}");
}

#[test]
fn who_has_shown_nothing_is_served_as_ever() {
    let faye = Faye::start_with_file(RULES, &[]);
    let id = faye.client();
    for _ in 0..3 {
        assert_done(&faye.ask(&connect_now(&id, "long-polling")));
    }
    assert_done(&Socket::open(&faye).ask(&connect_now(&id, "websocket"))[0]);
    assert_eq!(faye.metric("faye_refused_total{reason=\"unproven\"}"), 0);
}

#[test]
fn what_was_attached_before_a_session_was_bound_gets_nothing_of_it() {
    let faye = Faye::start_with_file(RULES, &[]);
    for via in [Via::Jsonp, Via::EventSource, Via::WebSocket] {
        // Somebody who has seen the identifier before the client has shown anything.
        let mut socket = Socket::open(&faye);
        let reply = socket.ask(&handshake()).remove(0);
        let id = reply["clientId"].as_str().unwrap().to_owned();
        assert_done(&socket.ask(&connect_now(&id, "websocket"))[0]);
        let mut stranger = Stranger::attach(&faye, via, &id);
        assert_done(&socket.ask(&with_token(subscribe(&id, "/private/a"), "victim"))[0]);
        let mut publisher = publication("/private/a", "secret");
        publisher["ext"] = json!({"token": token("publisher")});
        assert_done(&faye.ask(&publisher));
        assert!(!stranger.all().contains("secret"), "{via:?}");
        socket.send(&connect_now(&id, "websocket"));
        // The reply may come before or behind it.
        while data(&delivered(&socket.messages())) != ["secret"] {}
    }
}

/// Somebody's transport for the session of another.
enum Stranger {
    Script(Http),
    Stream(Stream),
    Socket(Socket),
}

impl Stranger {
    fn attach(faye: &Faye, via: Via, id: &str) -> Self {
        match via {
            Via::Jsonp => {
                let query = encode(&[("message", &connect(id, "callback-polling").to_string())]);
                let mut http = faye.http();
                http.send("GET", &format!("{}?{query}", faye.mount), &[], b"");
                faye.wait_for_polls(1);
                Self::Script(http)
            }
            Via::EventSource => Self::Stream(Stream::open(faye, id)),
            _ => {
                let mut socket = Socket::open(faye);
                assert_done(&socket.ask(&connect_now(id, "websocket"))[0]);
                Self::Socket(socket)
            }
        }
    }

    /// All that it brings until its end.
    fn all(&mut self) -> String {
        match self {
            Self::Script(http) => http.response().text(),
            Self::Stream(stream) => {
                std::iter::from_fn(|| stream.message_or_cut()).map(|message| message.to_string()).collect()
            }
            Self::Socket(socket) => std::iter::from_fn(|| socket.messages_or_end())
                .flatten()
                .map(|message| message.to_string())
                .collect(),
        }
    }
}
