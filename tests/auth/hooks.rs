//! The application is asked what is allowed, and what holds when it does not answer.

use std::sync::mpsc::channel;

use crate::support::redis::Redis;
use crate::support::*;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::{Value, json};

const RULES: &str = "
[[channel]]
match = '/open/**'

[[channel]]
match = '/projects/**'
publish = 'hook'
subscribe = 'hook'
";

fn start(application: &Application, more: &[(&str, &str)]) -> Faye {
    let url = application.url();
    let mut settings = vec![("FAYE_HOOK__URL", url.as_str())];
    settings.extend(more);
    Faye::start_with_file(RULES, &settings)
}

fn answers(body: Value) -> impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static {
    move |_| Some((200, body.to_string()))
}

fn as_user(mut message: Value, user: &str) -> Value {
    message["ext"] = json!({"user_id": user, "faye_token": "t"});
    message
}

#[test]
fn the_application_allows_or_refuses_over_every_transport() {
    let application = Application::start(|asked| {
        let user = &asked.body["message"]["ext"]["user_id"];
        let answer = if user == "u7" {
            json!({"allow": true})
        } else {
            json!({"allow": false, "error": "403::User doesn't exist"})
        };
        Some((200, answer.to_string()))
    });
    let faye = start(&application, &[]);
    for via in Via::ALL {
        let mut session = Session::begin(&faye, via);
        let id = session.id.clone();
        let reply = session.ask(as_user(subscribe(&id, "/projects/7"), "u8"));
        assert_eq!(reply["error"], "403::User doesn't exist", "{via:?}");
        assert_done(&session.ask(as_user(subscribe(&id, "/projects/7"), "u7")));
        let asked = application.so_far().pop().unwrap().body;
        assert_eq!(asked["operation"], "subscribe");
        assert_eq!(asked["channel"], "/projects/7");
        // Beside a stream a client sends requests.
        let transport = if via == Via::EventSource { "long-polling" } else { via.name() };
        assert_eq!(asked["transport"], transport);
        assert_eq!(asked["address"], "127.0.0.1");
        assert_eq!(asked["message"]["clientId"], id.as_str());
        assert_eq!(asked["message"]["ext"], json!({"user_id": "u7", "faye_token": "t"}));
    }
}

#[test]
fn what_the_rules_do_not_leave_to_it_it_is_not_asked() {
    let application = Application::start(answers(json!({"allow": true})));
    let faye = start(&application, &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/open/a");
    session.publish("/open/a", 1);
    for bad in ["/projects/7/", "/meta/x", "projects"] {
        assert_eq!(session.ask(subscribe(&session.id.clone(), bad))["successful"], false);
    }
    assert!(application.so_far().is_empty());
    // Everything that a pattern covers counts.
    assert_done(&session.ask(subscribe(&session.id.clone(), "/**")));
    assert_eq!(application.next().body["channel"], "/**");
}

#[test]
fn an_array_is_asked_element_by_element_up_to_the_first_refusal() {
    let application = Application::start(|asked| {
        Some((200, json!({"allow": asked.body["channel"] != "/projects/2"}).to_string()))
    });
    let faye = start(&application, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let wanted = json!(["/projects/1", "/open/x", "/projects/2", "/projects/3"]);
    let reply = session.ask(subscribe(&session.id.clone(), wanted));
    assert_eq!(reply["error"], "403:/projects/2:Forbidden channel");
    let asked: Vec<_> = application.so_far().iter().map(|asked| asked.body["channel"].clone()).collect();
    assert_eq!(asked, ["/projects/1", "/projects/2"]);
    assert_eq!(faye.metric("faye_subscriptions"), 2);
}

#[test]
fn the_application_changes_a_message() {
    let application = Application::start(answers(
        json!({"allow": true, "data": {"text": "clean", "n": 1}, "ext": {"by": "u7"}}),
    ));
    let faye = start(&application, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    assert_done(&session.ask(subscribe(&session.id.clone(), "/projects/7")));
    assert_done(&faye.ask(&publication("/projects/7", "dirty")));
    let message = session.next();
    assert_eq!(
        (&message["data"], &message["ext"]),
        (&json!({"text": "clean", "n": 1}), &json!({"by": "u7"}))
    );
}

#[test]
fn requests_are_signed_and_carry_chosen_headers() {
    let application = Application::start(answers(json!({"allow": true})));
    let settings = [("FAYE_HOOK__SECRET", "key"), ("FAYE_HOOK__HEADERS", "Cookie, X-Wanted")];
    let faye = start(&application, &settings);
    let headers = [
        ("Content-Type", "application/json"),
        ("Cookie", "session=1"),
        ("X-Wanted", "yes"),
        ("X-Unwanted", "no"),
    ];
    let body = publication("/projects/7", 1).to_string();
    let post = |more: &[(&str, &str)]| {
        let all: Vec<_> = headers.iter().chain(more).copied().collect();
        let response = faye.http().request("POST", &faye.mount, &all, body.as_bytes());
        assert_done(&response.messages()[0]);
        application.next()
    };
    let asked = post(&[]);
    assert_eq!(asked.body["headers"], json!({"cookie": "session=1", "x-wanted": "yes"}));
    let mut code = Hmac::<sha2::Sha256>::new_from_slice(b"key").unwrap();
    code.update(format!("{}.{}", asked.header("faye-timestamp").unwrap(), asked.text).as_bytes());
    let expected: String = code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked.header("faye-signature").unwrap(), format!("sha256={expected}"));
    // What the browser of a foreign page sends along by itself counts for nothing.
    assert_eq!(post(&[("Origin", "https://evil.example")]).body["headers"], json!({}));
}

/// The server's cookie proves that a request owns a session.
#[test]
fn the_application_sees_its_own_cookies_and_not_the_servers() {
    let application = Application::start(answers(json!({"allow": true})));
    let faye = start(&application, &[("FAYE_HOOK__HEADERS", "cookie")]);
    for (cookie, seen) in [
        ("session=1; faye_browser=x; b=2", json!({"cookie": "session=1; b=2"})),
        ("__Host-faye_browser=x;session=1", json!({"cookie": "session=1"})),
        ("session=1;b=2;faye_browser=x", json!({"cookie": "session=1;b=2"})),
        ("session=1;b=2", json!({"cookie": "session=1;b=2"})),
        ("faye_browsers=x", json!({"cookie": "faye_browsers=x"})),
        ("faye_browser=x; __Host-faye_browser=y", json!({})),
    ] {
        let headers = [("Content-Type", "application/json"), ("Cookie", cookie)];
        let body = publication("/projects/7", 1).to_string();
        assert_done(&faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0]);
        assert_eq!(application.next().body["headers"], seen, "{cookie}");
        let mut socket = Socket::open_with(&faye, &[("Cookie", cookie)]).0;
        socket.send(&publication("/projects/7", 1));
        assert_eq!(application.next().body["headers"], seen, "{cookie}");
    }
}

#[test]
fn an_answer_holds_for_the_same_operation_channel_and_credential_only() {
    let application = Application::start(answers(json!({"allow": true, "cache": 3600})));
    let faye = start(&application, &[("FAYE_HOOK__HEADERS", "Cookie")]);
    let ask = |message: &Value, cookie: &str| {
        let headers = [("Content-Type", "application/json"), ("Cookie", cookie)];
        let body = message.to_string();
        assert_done(&faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0]);
        application.so_far().len()
    };
    let message = as_user(publication("/projects/7", 1), "u7");
    assert_eq!(ask(&message, "a"), 1);
    assert_eq!(ask(&message, "a"), 0);
    assert_eq!(ask(&as_user(publication("/projects/8", 1), "u7"), "a"), 1, "another channel");
    assert_eq!(ask(&as_user(publication("/projects/7", 1), "u8"), "a"), 1, "another credential");
    assert_eq!(ask(&message, "b"), 1, "another cookie");
    assert_eq!(ask(&publication("/projects/7", 1), "a"), 1, "no credential");
    let id = faye.client();
    assert_eq!(ask(&as_user(subscribe(&id, "/projects/7"), "u7"), "a"), 1, "another operation");
    assert_eq!(faye.metric("faye_hook_cache_hits_total"), 1);
}

#[test]
fn without_an_answer_nothing_is_allowed() {
    for (what, answer) in [
        ("an error", Some((500, String::new()))),
        ("a redirect", Some((302, String::new()))),
        ("another status", Some((204, String::new()))),
        ("no JSON", Some((200, "yes".to_owned()))),
        ("another shape", Some((200, json!({"allow": "true"}).to_string()))),
        ("nothing", Some((200, "{}".to_owned()))),
        ("too much", Some((200, format!("{{\"allow\":true,\"x\":\"{}\"}}", "a".repeat(2_000_000))))),
        ("silence", None),
    ] {
        let application = Application::start(move |_| answer.clone());
        let faye = start(&application, &[("FAYE_HOOK__DEADLINE", "300ms")]);
        let reply = faye.ask(&publication("/projects/7", 1));
        assert_eq!(reply["error"], "503::The application does not answer", "{what}");
        assert_eq!(faye.metric("faye_hook_errors_total"), 1, "{what}");
        faye.publish("/open/a", 1);
    }
    let nobody = Faye::start_with_file(RULES, &[("FAYE_HOOK__URL", "http://127.0.0.1:1/")]);
    assert_eq!(nobody.ask(&publication("/projects/7", 1))["error"], "503::The application does not answer");
    let open = Faye::start_with_file(
        RULES,
        &[("FAYE_HOOK__URL", "http://127.0.0.1:1/"), ("FAYE_HOOK__ON_ERROR", "allow")],
    );
    assert_done(&open.ask(&publication("/projects/7", 1)));
}

#[test]
fn an_application_that_fails_again_and_again_is_left_alone() {
    let application = Application::start(|_| Some((500, String::new())));
    let faye =
        start(&application, &[("FAYE_HOOK__BREAKER_THRESHOLD", "3"), ("FAYE_HOOK__BREAKER_COOLDOWN", "1h")]);
    for _ in 0..5 {
        assert_eq!(faye.ask(&publication("/projects/7", 1))["successful"], false);
    }
    assert_eq!(application.so_far().len(), 3);
    assert_eq!(faye.metric("faye_hook_breaker_rejections_total"), 2);
    faye.wait_for_stderr("circuit breaker open");
}

#[test]
fn an_application_that_is_slow_holds_nobody_else_up() {
    let application = Application::start(|_| None);
    let faye = start(
        &application,
        &[("FAYE_HOOK__CONCURRENT", "1"), ("FAYE_HOOK__MAX_PENDING", "1"), ("FAYE_HOOK__DEADLINE", "1m")],
    );
    let mut first = faye.http();
    first.send_json(&faye.mount, &publication("/projects/7", 1));
    application.next();
    let mut second = faye.http();
    second.send_json(&faye.mount, &publication("/projects/7", 2));
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/open/a");
    session.publish("/open/a", 1);
    assert_eq!(session.take(1), [1]);
    // One is asked, one waits, and no more may.
    loop {
        let reply = faye.ask(&publication("/projects/7", 3));
        assert_eq!(reply["error"], "503::The application does not answer");
        if faye.stderr().contains("too many pending decisions") {
            break;
        }
    }
}

#[test]
fn handshakes_are_asked_about_where_the_setting_says_so() {
    let application = Application::start(|asked| {
        Some((200, json!({"allow": asked.body["message"]["ext"]["user_id"] == "u7"}).to_string()))
    });
    let faye = start(&application, &[("FAYE_HANDSHAKE__ALLOW", "hook")]);
    let reply = faye.ask(&handshake());
    assert_eq!(reply["error"], "403:/meta/handshake:Forbidden channel");
    assert_eq!(reply["advice"]["interval"], 0, "{reply}");
    assert_eq!(application.next().body["operation"], "handshake");
    assert_done(&faye.ask(&as_user(handshake(), "u7")));
}

#[test]
fn a_session_that_the_application_has_allowed_something_is_bound() {
    let application = Application::start(answers(json!({"allow": true})));
    let faye = start(&application, &[]);
    let id = faye.client();
    assert_done(&faye.ask(&as_user(subscribe(&id, "/projects/7"), "u7")));
    assert_eq!(faye.ask(&connect(&id, "long-polling"))["error"], format!("401:{id}:Unknown client"));
    assert_eq!(
        faye.ask(&as_user(connect(&id, "long-polling"), "u8"))["error"],
        format!("401:{id}:Unknown client")
    );
    // The extension of such an application's clients adds the same to every message.
    assert_done(&faye.ask(&as_user(connect(&id, "long-polling"), "u7")));
    // Nobody publishes in its name.
    let mut forged = as_user(publication("/projects/7", 1), "u8");
    forged["clientId"] = json!(id);
    application.so_far();
    assert_done(&faye.ask(&forged));
    assert_eq!(application.next().body["message"].get("clientId"), None);
}

#[test]
fn what_the_application_sees_beside_the_ext_is_a_part_of_the_credential() {
    let application = Application::start(answers(json!({"allow": true})));
    let faye = start(&application, &[("FAYE_HOOK__HEADERS", "Cookie")]);
    let id = faye.client();
    let ask = |message: &Value, cookie: &str| {
        let headers = [("Content-Type", "application/json"), ("Cookie", cookie)];
        faye.http()
            .request("POST", &faye.mount, &headers, message.to_string().as_bytes())
            .messages()
            .remove(0)
    };
    assert_done(&ask(&as_user(subscribe(&id, "/projects/7"), "u7"), "login=1"));
    // The user's number is easily guessed; what the application goes by is not.
    let guessed = as_user(connect_now(&id, "long-polling"), "u7");
    assert_eq!(faye.ask(&guessed)["error"], format!("401:{id}:Unknown client"));
    assert_eq!(ask(&guessed, "login=2")["error"], format!("401:{id}:Unknown client"));
    assert_done(&ask(&guessed, "login=1"));
    // The server's own cookie changes while the application's does not.
    assert_done(&ask(&guessed, "faye_browser=a; login=1"));
    assert_done(&ask(&guessed, "login=1; __Host-faye_browser=b"));
    assert_eq!(ask(&guessed, "faye_browser=a")["error"], format!("401:{id}:Unknown client"));
}

#[test]
fn a_message_that_is_refused_anyway_is_not_asked_about() {
    let application = Application::start(answers(json!({"allow": true})));
    let rules = format!("{RULES}\n[[channel]]\nmatch = '/closed/**'\nsubscribe = 'nobody'\n");
    let url = application.url();
    let settings = [
        ("FAYE_HOOK__URL", url.as_str()),
        ("FAYE_HANDSHAKE__ALLOW", "hook"),
        ("FAYE_LIMITS__SUBSCRIPTIONS", "9"),
        ("FAYE_LIMITS__BATCH", "9"),
    ];
    let faye = Faye::start_with_file(&rules, &settings);
    faye.ask(&json!({"channel": "/meta/handshake", "supportedConnectionTypes": ["websocket"]}));
    faye.ask(&json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["none"]}));
    assert!(application.so_far().is_empty());
    let id = faye.ask(&as_user(handshake(), "u7"))["clientId"].as_str().unwrap().to_owned();
    application.so_far();
    let ask = |wanted: Value| faye.ask(&as_user(subscribe(&id, wanted), "u7"));
    assert_eq!(ask(json!(["/closed/a", "/projects/1"]))["error"], "403:/closed/a:Forbidden channel");
    assert_eq!(ask(json!(vec!["/projects/1"; 10]))["error"], "413:9:Too many subscriptions");
    assert!(application.so_far().is_empty());
    assert_done(&ask(json!(vec!["/projects/1"; 9])));
    assert_eq!(application.so_far().len(), 1, "what is asked for twice is asked about once");
}

#[test]
fn who_is_too_fast_is_not_asked_about() {
    let application = Application::start(answers(json!({"allow": true})));
    let rules = "[rates]\nhandshakes = '2/h'\n[[channel]]\nmatch = '/**'\npublish = 'hook'\nrate = '3/h'\n";
    let url = application.url();
    let settings = [("FAYE_HOOK__URL", url.as_str()), ("FAYE_HANDSHAKE__ALLOW", "hook")];
    let faye = Faye::start_with_file(rules, &settings);
    let done = |message: &Value| (0..6).filter(|_| faye.ask(message)["successful"] == true).count();
    assert_eq!(done(&handshake()), 2);
    assert_eq!(done(&publication("/a", 1)), 3);
    assert_eq!(application.so_far().len(), 5);
}

#[test]
fn an_ext_that_the_application_did_not_look_at_proves_nothing() {
    let application = Application::start(answers(json!({"allow": true})));
    let token = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &json!({"sub": "u", "subscribe": "/rooms/*", "exp": 4_000_000_000_u64}),
        &jsonwebtoken::EncodingKey::from_secret(b"a secret of at least thirty-two bytes"),
    );
    let rules = format!(
        "{RULES}\n[[channel]]\nmatch = '/rooms/*'\nsubscribe = 'token'\n[[key]]\nalgorithm = 'HS256'\nsecret = 'a secret of at least thirty-two bytes'\n"
    );
    let faye = Faye::start_with_file(&rules, &[("FAYE_HOOK__URL", &application.url())]);
    let mut socket = Socket::open(&faye);
    let mut message = handshake();
    message["ext"] = json!({"token": token.unwrap()});
    let id = socket.ask(&message)[0]["clientId"].as_str().unwrap().to_owned();
    let mut guessed = subscribe(&id, "/rooms/1");
    guessed["ext"] = json!({"lang": "en"});
    assert_done(&socket.ask(&guessed)[0]);
    let mut stranger = connect(&id, "long-polling");
    stranger["ext"] = json!({"lang": "en"});
    assert_eq!(faye.ask(&stranger)["error"], format!("401:{id}:Unknown client"));
}

#[test]
fn a_question_that_arrives_as_the_application_closes_its_connection_is_asked_once_more() {
    let application = Application::start_closing(1, answers(json!({"allow": true})));
    let faye = start(&application, &[]);
    let id = faye.client();
    // Until a question came by a kept connection: it arrives twice.
    let mut asked = 0;
    for turn in 0.. {
        assert_done(&faye.ask(&as_user(subscribe(&id, format!("/projects/{turn}")), "u7")));
        asked += 1;
        let arrived = application.so_far();
        if let [first, second] = arrived.as_slice() {
            assert_eq!(first.text, second.text);
            break;
        }
        assert_eq!(arrived.len(), 1, "{arrived:?}");
    }
    assert_eq!(faye.metric("faye_hook_errors_total"), 0);
    assert_eq!(faye.metric("faye_hook_requests_total"), asked);
}

#[test]
fn a_question_that_a_new_connection_swallows_is_a_failure() {
    let application = Application::start_closing(0, answers(json!({"allow": true})));
    let faye = start(&application, &[]);
    let id = faye.client();
    let reply = faye.ask(&as_user(subscribe(&id, "/projects/7"), "u7"));
    assert_eq!(reply["error"], "503::The application does not answer");
    assert_eq!(application.so_far().len(), 1);
    assert_eq!(faye.metric("faye_hook_errors_total"), 1);
}

/// The session moves to another instance while the application is asked about its message. Only the verb is executed again.
fn assert_asked_once(is_forwarded: bool) {
    let redis = Redis::start();
    let (arrived, questions) = channel();
    let (answer, gate) = channel();
    let gate = Mutex::new(gate);
    let application = Application::start(move |_| {
        arrived.send(()).ok()?;
        gate.lock().recv_timeout(WATCHDOG).ok()?;
        Some((200, json!({"allow": true}).to_string()))
    });
    let rules = "[[channel]]\nmatch = '/projects/**'\nsubscribe = 'hook'\n";
    let (hook, url) = (application.url(), redis.url());
    let settings =
        [("FAYE_HOOK__URL", hook.as_str()), ("FAYE_HOOK__DEADLINE", "1m"), ("FAYE_REDIS__URL", url.as_str())];
    let (first, second) = (Faye::start_with_file(rules, &settings), Faye::start_with_file(rules, &settings));
    for faye in [&first, &second] {
        faye.wait_for_metric("faye_redis_up", |now| now == 1);
    }
    let client = Session::begin(&first, Via::Polling).id;
    let reply = std::thread::scope(|scope| {
        let asked = if is_forwarded { &second } else { &first };
        let asking = scope.spawn(|| asked.ask(&subscribe(&client, "/projects/7")));
        questions.recv_timeout(WATCHDOG).unwrap();
        assert_done(&second.ask(&connect_now(&client, "long-polling")));
        first.wait_for_metric("faye_sessions", |now| now == 0);
        // One answer more than there should be questions.
        answer.send(()).unwrap();
        answer.send(()).unwrap();
        asking.join().unwrap()
    });
    assert_done(&reply);
    assert_eq!([first.metric("faye_subscriptions"), second.metric("faye_subscriptions")], [0, 1]);
    assert_eq!(application.so_far().len(), 1);
    assert_eq!(
        first.metric("faye_cluster_forwarded_total") + second.metric("faye_cluster_forwarded_total"),
        u64::from(!is_forwarded)
    );
}

#[test]
fn the_application_is_asked_once_about_a_message_whose_session_moves() {
    assert_asked_once(false);
}

/// The owner has no session any more when the application has answered. It must not say that there is none.
#[test]
fn the_application_is_asked_once_about_a_forwarded_message_whose_session_moves() {
    assert_asked_once(true);
}

/// The checks of a message run before the application is asked, and again when its verb is executed.
#[test]
fn a_message_that_exceeds_a_limit_is_counted_once() {
    let application = Application::start(answers(json!({"allow": true})));
    let limits = [("FAYE_LIMITS__CHANNEL", "32"), ("FAYE_LIMITS__SEGMENTS", "3")];
    let faye = start(&application, &limits);
    let client = faye.client();
    let channels = [format!("/projects/{}", "x".repeat(32)), "/projects/1/2/3".to_owned()];
    for (count, channel) in channels.iter().enumerate() {
        assert_eq!(faye.ask(&publication(channel, 1))["successful"], false);
        assert_eq!(faye.ask(&subscribe(&client, channel.as_str()))["successful"], false);
        let reasons = ["channel", "segments"]
            .map(|reason| faye.metric(&format!("faye_refused_total{{reason=\"{reason}\"}}")));
        assert_eq!(reasons, [2, if count == 0 { 0 } else { 2 }]);
    }
    assert!(application.so_far().is_empty());
}
