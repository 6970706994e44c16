//! Rules for channels: the first that matches wins, and a subscription needs the right on all that it covers.

use crate::support::*;
use serde_json::json;

const RULES: &str = "
[[channel]]
match = '/news/drafts'
publish = 'nobody'
subscribe = 'nobody'

[[channel]]
match = '/news/*'
publish = 'nobody'

[[channel]]
match = '/private/**'
publish = 'nobody'
subscribe = 'nobody'
";

#[test]
fn every_refusal_is_a_debug_line_with_channel_and_rule() {
    let faye = Faye::start_with_file(RULES, &[("FAYE_LOG__LEVEL", "debug")]);
    let client = faye.client();
    let refusals = [
        (
            publication("/news/today", 1),
            "publish",
            "/news/today",
            "channel[2] /news/*",
            "403:/news/today:Forbidden",
        ),
        (publication("/private/a/b", 1), "publish", "/private/a/b", "channel[3] /private/**", "403:"),
        (publication("/no channel", 1), "publish", "/no channel", "none", "405:/no channel:Invalid channel"),
        (
            subscribe(&client, "/news/*"),
            "subscribe",
            "/news/*",
            "channel[1] /news/drafts",
            "403:/news/*:Forbidden",
        ),
        (subscribe(&client, "/private/a"), "subscribe", "/private/a", "channel[3] /private/**", "403:"),
        (subscribe(&client, json!(["/a", "/b/*/c"])), "subscribe", "/b/*/c", "none", "405:"),
        (subscribe("unknown", "/a"), "subscribe", "/a", "none", "401::Unknown client"),
    ];
    for (message, verb, channel, rule, error) in refusals {
        assert_eq!(faye.ask(&message)["successful"], false, "{message}");
        let fields = format!("refused verb=\"{verb}\" channel=\"{channel}\" rule=\"{rule}\"");
        faye.wait_for_stderr(&fields);
        let log = faye.stderr();
        let line = log.lines().find(|line| line.contains(&fields)).unwrap();
        assert!(line.contains(" DEBUG ") && line.contains(&format!("error=\"{error}")), "{line}");
        assert!(line.contains("address=\"127.0.0.1\"") && !line.contains(&client), "{line}");
    }
    let refused = || faye.stderr().lines().filter(|line| line.contains(" refused verb=")).count();
    let before = refused();
    faye.assert_serves();
    assert_eq!(refused(), before, "nothing else was refused");
}

#[test]
fn a_subscription_is_judged_for_everything_that_it_covers_over_every_transport() {
    let faye = Faye::start_with_file(RULES, &[]);
    for via in Via::ALL {
        let mut session = Session::begin(&faye, via);
        for (pattern, is_allowed) in [
            ("/news/today", true),
            ("/news/drafts", false),
            ("/news/*", false),
            ("/news/**", false),
            ("/news/drafts/*", true),
            ("/*", true),
            ("/**", false),
            ("/private", true),
            ("/private/a", false),
            ("/private/*", false),
            ("/private/a/b/**", false),
            ("/other/**", true),
        ] {
            let reply = session.ask(subscribe(&session.id.clone(), pattern));
            assert_eq!(reply["successful"], is_allowed, "{via:?} {pattern}: {reply}");
            if !is_allowed {
                assert_eq!(reply["error"], format!("403:{pattern}:Forbidden channel"));
            }
        }
        session.disconnect();
    }
}

#[test]
fn an_array_is_judged_element_by_element() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let reply = session.ask(subscribe(&session.id.clone(), json!(["/news/a", "/private/b", "/news/c"])));
    assert_eq!(reply["error"], "403:/private/b:Forbidden channel");
    // As Faye has it: what came before the refused one is in effect, what comes behind is not.
    assert_eq!(faye.metric("faye_subscriptions"), 1);
    assert_eq!(faye.metric("faye_refused_total{reason=\"forbidden\"}"), 1);
}

#[test]
fn odd_spellings_of_a_subscription_get_nobody_past_a_rule() {
    let faye = Faye::start_with_file(RULES, &[]);
    let session = Session::begin(&faye, Via::Polling);
    for subscription in [
        r#""\/private\/a""#,
        r#""/priv\u0061te/a""#,
        r#"["/private/a"]"#,
        r#"[["/private/a"]]"#,
        r#""/open","subscription":"/private/a""#,
        r#"{"0":"/private/a"}"#,
        r#""/private/a/""#,
        r#""/private//a""#,
        r#""/private/**/a""#,
        r#""/**/""#,
    ] {
        for channel in ["/meta/subscribe", "/meta/subscribe/x", "/meta/subscribe/", "/meta\\/subscribe"] {
            let text = format!(
                r#"{{"channel":"{channel}","clientId":"{}","subscription":{subscription}}}"#,
                session.id
            );
            let headers = [("Content-Type", "application/json")];
            let replies = faye.http().request("POST", &faye.mount, &headers, text.as_bytes()).messages();
            assert!(replies.iter().all(|reply| reply["successful"] == false), "{text}: {replies:?}");
        }
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn what_nobody_may_publish_nobody_publishes() {
    let faye = Faye::start_with_file(RULES, &[]);
    for via in Via::ALL {
        let mut session = Session::begin(&faye, via);
        let reply = session.ask(json!({"channel": "/news/today", "clientId": session.id.clone(), "data": 1}));
        assert_eq!(reply["error"], "403:/news/today:Forbidden channel", "{via:?}");
        session.publish("/news", 1);
        session.disconnect();
    }
}

#[test]
fn who_may_begin_a_session_is_a_setting() {
    let faye = Faye::start(&[("FAYE_HANDSHAKE__ALLOW", "secret"), ("FAYE_PUSH__SECRET", "s3cret")]);
    let reply = faye.ask(&handshake());
    assert_eq!(reply["error"], "403::Password required");
    assert_eq!(reply["advice"]["reconnect"], "handshake");
    assert_eq!(reply["advice"]["interval"], 0);
    let again = faye.ask(&handshake());
    assert!(
        again["advice"]["interval"].as_u64().unwrap() > 0,
        "a refused client must not come back in a loop"
    );
    let mut with_secret = handshake();
    with_secret["ext"] = json!({"password": "s3cret"});
    assert_done(&faye.ask(&with_secret));
    let nobody = Faye::start(&[("FAYE_HANDSHAKE__ALLOW", "nobody")]);
    assert_eq!(nobody.ask(&handshake())["error"], "403:/meta/handshake:Forbidden channel");
}

#[test]
fn what_a_rule_lacks_is_named_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let check = |settings: &str, variables: &[(&str, &str)]| {
        std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
        let mut command = binary();
        command.arg("check").current_dir(folder.path()).envs(variables.iter().copied());
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    for (settings, problem) in [
        (
            "[[channel]]\nmatch = '/a'\n\n[[channel]]\nmatch = '/b'\nsubscribe = ['token', 'hook']\n",
            "faye.toml:6: channel[2].subscribe: \"token\" needs a [[key]]; set it\n",
        ),
        (
            "[[channel]]\nmatch = '/a'\npublish = 'secret'\n",
            "faye.toml:3: channel[1].publish: \"secret\" needs push.secret; set it\n",
        ),
        ("[handshake]\nallow = 'hook'\n", "faye.toml:2: handshake.allow: \"hook\" needs hook.url; set it\n"),
        (
            "[extensions]\nfiles = ['missing.js']\n",
            "faye.toml:2: extensions.files: cannot load missing.js: No such file",
        ),
        (
            "[[channel]]\nmatch = '/a/**'\n\n[[channel]]\nmatch = '/a/b'\n",
            "warning: faye.toml:5: channel[2].match: /a/b never applies: channel[1] (/a/**) above it",
        ),
        (
            "[push]\nsecret = 's3cret'\n",
            "warning: faye.toml:2: push.secret: a secret of 6 bytes can be guessed",
        ),
    ] {
        let said = check(settings, &[]);
        assert!(said.contains(problem), "{said}");
    }
    let said = check("", &[("FAYE_HANDSHAKE__ALLOW", "hook")]);
    assert!(
        said.contains("FAYE_HANDSHAKE__ALLOW: handshake.allow: \"hook\" needs hook.url; set it\n"),
        "{said}"
    );
    // A secret in a variable is as good as one in the file.
    let rule = "[[channel]]\nmatch = '/a'\npublish = 'secret'\n";
    let said = check(rule, &[("FAYE_PUSH__SECRET", "0123456789abcdef")]);
    assert!(said.ends_with("is valid\n"), "{said}");
}
