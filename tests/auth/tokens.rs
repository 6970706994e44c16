//! Tokens: what their holders may do, for how long, and that nothing but a good one counts.

use crate::support::*;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const SECRET: &str = "a secret of at least thirty-two bytes";
const RULES: &str = "
[[key]]
algorithm = 'HS256'
secret = 'a secret of at least thirty-two bytes'

[[channel]]
match = '/open/**'

[[channel]]
match = '/**'
publish = 'token'
subscribe = 'token'
";

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn sign_with(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn token(claims: &Value) -> String {
    sign_with(&Header::new(Algorithm::HS256), claims, SECRET)
}

/// A token for an hour.
fn good() -> String {
    token(
        &json!({"sub": "u7", "subscribe": ["/projects/7/**"], "publish": "/projects/7/chat", "exp": now() + 3600}),
    )
}

fn with_token(mut message: Value, token: &str) -> Value {
    message["ext"] = json!({"token": token, "other": 1});
    message
}

/// A session that showed a token when it began. It has no cookies.
fn session_with(faye: &Faye, token: &str) -> Socket {
    let mut socket = Socket::open(faye);
    let reply = socket.ask(&with_token(handshake(), token)).remove(0);
    assert_done(&reply);
    socket
}

#[test]
fn a_token_with_a_subscription_allows_what_it_names_over_every_transport() {
    let faye = Faye::start_with_file(RULES, &[]);
    let token = good();
    for via in Via::ALL {
        let mut session = Session::begin(&faye, via);
        let id = session.id.clone();
        let mut ask = |pattern: &str| session.ask(with_token(subscribe(&id, pattern), &token));
        for pattern in ["/projects/8/a", "/projects/*", "/projects/**", "/**", "/projects/7"] {
            let reply = ask(pattern);
            assert_eq!(reply["successful"], false, "{via:?} {pattern}");
            if via != Via::Jsonp {
                assert_eq!(reply["error"], format!("403:{pattern}:Forbidden by the token"), "{via:?}");
            }
        }
        if via == Via::Jsonp {
            // Any page may read what it brings.
            assert_eq!(
                ask("/projects/7/board")["error"],
                "403:/projects/7/board:Forbidden over callback-polling"
            );
            continue;
        }
        for pattern in ["/projects/7/board", "/projects/7/*", "/projects/7/a/b/**", "/open/**"] {
            assert_done(&ask(pattern));
        }
    }
}

#[test]
fn a_token_shown_when_a_session_begins_is_the_sessions() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut socket = Socket::open(&faye);
    let reply = socket.ask(&with_token(handshake(), &good())).remove(0);
    let id = reply["clientId"].as_str().unwrap().to_owned();
    assert_done(&socket.ask(&subscribe(&id, "/projects/7/board"))[0]);
    let publish = |channel| json!({"channel": channel, "clientId": id, "data": 1});
    assert_done(&socket.ask(&publish("/projects/7/chat"))[0]);
    assert_eq!(
        socket.ask(&publish("/projects/7/board"))[0]["error"],
        "403:/projects/7/board:Forbidden by the token"
    );
    // Without the session, and without a token.
    assert_eq!(faye.ask(&publication("/projects/7/chat", 1))["error"], "403:/projects/7/chat:Token required");
}

#[test]
fn a_back_end_shows_its_token_in_a_header_or_in_ext() {
    let faye = Faye::start_with_file(RULES, &[]);
    let body = publication("/projects/7/chat", 1).to_string();
    let bearer = format!("Bearer {}", good());
    let headers = [("Content-Type", "application/json"), ("Authorization", &bearer)];
    assert_done(&faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0]);
    let mut subscriber = session_with(&faye, &token(&json!({"subscribe": ["/**"], "exp": now() + 60})));
    let _ = &mut subscriber;
    assert_done(&faye.ask(&with_token(publication("/projects/7/chat", 1), &good())));
}

#[test]
fn nobody_sees_a_token() {
    let faye = Faye::start_with_file(RULES, &[]);
    let mut subscriber = Session::subscribed(&faye, Via::WebSocket, "/open/a");
    let token = good();
    assert_done(&faye.ask(&with_token(publication("/open/a", 1), &token)));
    assert_eq!(subscriber.next()["ext"], json!({"other": 1}));
    assert!(!faye.stderr().contains(&token), "{}", faye.stderr());
}

#[test]
fn only_a_good_token_counts() {
    let faye = Faye::start_with_file(
        &format!("{RULES}\n[token]\nissuer = 'me'\naudience = 'faye'\nleeway = '0s'\n"),
        &[],
    );
    let claims = |changes: Value| {
        let mut claims = json!({"iss": "me", "aud": ["x", "faye"], "subscribe": "/**", "exp": now() + 600});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let header = Header::new(Algorithm::HS256);
    let ask = |token: &str| faye.ask(&with_token(handshake(), token));
    assert_done(&ask(&token(&claims(json!({})))));
    assert_done(&ask(&token(&claims(json!({"nbf": now() - 1})))));
    let mut tampered = token(&claims(json!({})));
    let middle = tampered.find('.').unwrap() + 5;
    tampered.replace_range(middle..=middle, if &tampered[middle..=middle] == "A" { "B" } else { "A" });
    let unsigned = {
        let good = token(&claims(json!({})));
        let body = good.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.")
    };
    let mut without_end = claims(json!({}));
    without_end.as_object_mut().unwrap().remove("exp");
    for (what, token, error) in [
        ("expired", token(&claims(json!({"exp": now() - 1}))), "403::Token expired"),
        ("without an end", token(&without_end), "403::Token invalid"),
        ("not yet good", token(&claims(json!({"nbf": now() + 600}))), "403::Token invalid"),
        ("for another", token(&claims(json!({"aud": "other"}))), "403::Token invalid"),
        ("by another", token(&claims(json!({"iss": "you"}))), "403::Token invalid"),
        (
            "of another key",
            sign_with(&header, &claims(json!({})), "another secret of thirty-two bytes"),
            "403::Token invalid",
        ),
        (
            "of another algorithm",
            sign_with(&Header::new(Algorithm::HS512), &claims(json!({})), SECRET),
            "403::Token invalid",
        ),
        (
            "of a key that is not there",
            sign_with(&Header { kid: Some("x".into()), ..header.clone() }, &claims(json!({})), SECRET),
            "403::Token invalid",
        ),
        ("changed", tampered, "403::Token invalid"),
        ("unsigned", unsigned, "403::Token invalid"),
        ("no token", "x.y.z".to_owned(), "403::Token invalid"),
        ("empty", String::new(), "403::Token invalid"),
        ("long", "a".repeat(100_000), "403::Token invalid"),
    ] {
        assert_eq!(ask(&token)["error"], error, "{what}");
    }
    for odd in [json!(1), json!(null), json!({"a": 1}), json!([good()])] {
        let mut message = handshake();
        message["ext"] = json!({"token": odd});
        assert_eq!(faye.ask(&message)["successful"], false, "{odd}");
    }
}

#[test]
fn what_is_wrong_with_a_token_is_named_in_the_log_and_by_token_read() {
    let settings = "
[[key]]
id = '2026-a'
algorithm = 'HS256'
secret = 'a secret of at least thirty-two bytes'

[[key]]
id = '2026-b'
algorithm = 'HS256'
secret = 'another secret of thirty-two bytes'

[[channel]]
match = '/**'
publish = 'token'
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
    let faye = Faye::start_with_file(settings, &[("FAYE_LOG__LEVEL", "debug")]);
    let header = |id: &str| Header { kid: Some(id.into()), ..Header::new(Algorithm::HS256) };
    let sign = |header: &Header, claims: &Value| sign_with(header, claims, SECRET);
    let good = json!({"sub": "u7", "publish": "/**", "exp": now() + 600});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let critical = |names: &[&str]| Header {
        crit: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..header("2026-a")
    };
    let long = "x".repeat(1000);
    for (token, reason) in [
        (sign(&critical(&["b64"]), &good), "`crit` (\"b64\")"),
        (sign(&critical(&["exp", "urn:example"]), &good), "`crit` (\"exp, urn:example\")"),
        (sign(&critical(&[]), &good), "`crit`"),
        (
            sign(&header("2026-a"), &with("sub", json!(7))),
            "the claim `sub` is a number, but must be a string",
        ),
        (sign(&header("2026-a"), &with("sub", json!(["a"]))), "the claim `sub` is an array"),
        (sign(&header("2026-a"), &with("publish", json!({"a": 1}))), "the claim `publish` is an object"),
        (sign(&header("2026-a"), &with("subscribe", json!([1]))), "the claim `subscribe` is an array"),
        (sign(&header("2026-a"), &with("exp", json!("never"))), "exp"),
        (
            sign(&header("2027"), &good),
            "no [[key]] has its `kid` \"2027\" as id; the ids are \"2026-a\", \"2026-b\"",
        ),
        (sign(&header(&long), &good), "xxx…\""),
        (sign(&header("a\nb"), &good), "\"a\\nb\""),
        (sign(&Header::new(Algorithm::HS256), &good), "it has no `kid`, and every [[key]] has an id"),
        (sign(&header("2026-b"), &good), "its signature does not match the [[key]]"),
        (
            sign(&Header { kid: Some("2026-a".into()), ..Header::new(Algorithm::HS512) }, &good),
            "its algorithm is HS512",
        ),
        (sign(&header("2026-a"), &json!({"publish": "/**"})), "exp"),
        ("x.y.z".to_owned(), "not a JSON Web Token"),
    ] {
        let reply = faye.ask(&with_token(publication("/a", 1), &token));
        assert_eq!(reply["error"], "403::Token invalid", "{reason}: clients learn nothing about keys");
        faye.wait_for_stderr(reason);
        let said = faye_token(folder.path(), &["read", &token]).unwrap_err();
        assert!(said.contains("Token invalid: ") && said.contains(reason), "{said} against {reason}");
        assert!(!said.contains(&long), "{said}");
        assert!(!faye.stderr().contains(&token), "the log holds no token");
    }
    assert_done(&faye.ask(&with_token(publication("/a", 1), &sign(&header("2026-a"), &good))));
    let expired = sign(&header("2026-a"), &with("exp", json!(now() - 600)));
    assert!(faye_token(folder.path(), &["read", &expired]).unwrap_err().contains("Token expired"));
}

#[test]
fn a_refused_token_is_logged_at_the_usual_level() {
    let faye = Faye::start_with_file(RULES, &[]);
    let token = sign_with(
        &Header { kid: Some("gone".into()), ..Header::new(Algorithm::HS256) },
        &json!({"publish": "/**", "exp": now() + 600}),
        SECRET,
    );
    assert_eq!(faye.ask(&with_token(handshake(), &token))["error"], "403::Token invalid");
    faye.wait_for_stderr("token refused reason=no [[key]] has its `kid` \"gone\"");
}

#[test]
fn a_subscription_ends_with_its_token_and_its_session_is_told() {
    let faye = Faye::start_with_file(&format!("{RULES}\n[token]\nleeway = '0s'\n"), &[]);
    let claims = |seconds| json!({"sub": "u7", "subscribe": ["/projects/7/**"], "exp": now() + seconds});
    let mut short = Socket::open(&faye);
    let begin = |socket: &mut Socket, token: &str| {
        let reply = socket.ask(&with_token(handshake(), token)).remove(0);
        assert_done(&reply);
        let id = reply["clientId"].as_str().unwrap().to_owned();
        assert_done(&socket.ask(&connect(&id, "websocket"))[0]);
        id
    };
    let id = begin(&mut short, &token(&claims(3)));
    let mut renewed = Socket::open(&faye);
    let renewed_id = begin(&mut renewed, &token(&claims(3)));
    assert_done(&short.ask(&subscribe(&id, "/projects/7/a"))[0]);
    assert_done(&short.ask(&subscribe(&id, "/open/a"))[0]);
    assert_done(&renewed.ask(&subscribe(&renewed_id, "/projects/7/a"))[0]);
    // With a later connect this one shows a token that is good for longer.
    let longer = token(&claims(3600));
    renewed.send(&with_token(connect(&renewed_id, "websocket"), &longer));
    short.send(&connect(&id, "websocket"));
    let told = short.messages();
    assert_eq!(told.len(), 1, "{told:?}");
    let expected = json!({"channel": "/meta/subscribe", "successful": false, "clientId": id,
        "subscription": "/projects/7/a", "error": "403::Token expired"});
    assert_eq!(told[0], expected);
    assert_eq!(faye.metric("faye_subscriptions_expired_total"), 1);
    let publisher = token(&json!({"publish": "/**", "exp": now() + 60}));
    assert_done(&faye.ask(&with_token(publication("/projects/7/a", "secret"), &publisher)));
    faye.publish("/open/a", "open");
    assert_eq!(data(&delivered(&short.messages())), ["open"], "what needed no token goes on");
    assert_eq!(data(&delivered(&renewed.messages())), ["secret"], "what rests on a newer token goes on");
    assert_eq!(short.ask(&subscribe(&id, "/projects/7/b"))[0]["error"], "403::Token expired");
}

/// Makes a pair of keys and writes them as PEM: `NAME.pem` and `NAME.pub`.
fn write_keys(folder: &std::path::Path, name: &str, algorithm: &'static rcgen::SignatureAlgorithm) {
    let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), pair.serialize_pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.pub")), pair.public_key_pem()).unwrap();
}

/// What `faye token` prints.
fn faye_token(folder: &std::path::Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = binary();
    let output = command.arg("token").args(arguments).current_dir(folder).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn keys_of_every_algorithm_are_chosen_by_their_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut settings =
        "[[key]]\nid = 'h'\nalgorithm = 'HS256'\nsecret = 'a secret of at least thirty-two bytes'\n"
            .to_owned();
    for (id, algorithm, keys) in [
        ("rsa", "RS256", &rcgen::PKCS_RSA_SHA256),
        ("ec", "ES256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("ed", "EdDSA", &rcgen::PKCS_ED25519),
    ] {
        write_keys(path, id, keys);
        let public = path.join(format!("{id}.pub"));
        settings += &format!(
            "[[key]]\nid = '{id}'\nalgorithm = '{algorithm}'\npublic_key = 'file:{}'\n",
            public.display()
        );
    }
    settings += "[[channel]]\nmatch = '/**'\nsubscribe = 'token'\npublish = 'token'\n";
    std::fs::write(path.join("faye.toml"), &settings).unwrap();
    let faye = Faye::start_with_file(&settings, &[]);
    for id in ["h", "rsa", "ec", "ed"] {
        let private = format!("{id}.pem");
        let mut arguments =
            vec!["make", "--key", id, "--publish", "/a/**", "--subject", "u1", "--for", "10m"];
        if id != "h" {
            arguments.extend(["--private-key", &private]);
        }
        let token = faye_token(path, &arguments).unwrap();
        assert_done(&faye.ask(&with_token(publication("/a/b", 1), &token)));
        let read = faye_token(path, &["read", &token]).unwrap();
        assert!(read.starts_with("subject: u1\nsubscribe: \npublish: /a/**\nexpires in "), "{read}");
    }
    // The public key of one algorithm is no secret of another (RFC 8725, section 2.1).
    let public = std::fs::read_to_string(path.join("rsa.pub")).unwrap();
    let header = Header { kid: Some("rsa".into()), ..Header::new(Algorithm::HS256) };
    let forged = sign_with(&header, &json!({"publish": "/**", "exp": now() + 60}), &public);
    assert_eq!(faye.ask(&with_token(publication("/a/b", 1), &forged))["error"], "403::Token invalid");
    assert!(faye_token(path, &["read", &forged]).unwrap_err().contains("Token invalid"));
    assert!(
        faye_token(path, &["make", "--key", "nobody"]).unwrap_err().contains("no key whose id is nobody")
    );
}

#[test]
fn a_key_that_cannot_be_used_is_named_at_the_start() {
    for (key, problem) in [
        ("algorithm = 'HS256'\nsecret = 'short'", "faye.toml:3: key[1].secret: the secret is too short"),
        ("algorithm = 'HS256'", "faye.toml:1: key[1]: HS256 needs a secret"),
        (
            "algorithm = 'ES256'\nsecret = 'a secret of at least thirty-two bytes'",
            "faye.toml:1: key[1]: ES256 needs a public_key",
        ),
        (
            "algorithm = 'EdDSA'\npublic_key = 'no pem'",
            "faye.toml:3: key[1].public_key: not a public key in PEM",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("faye.toml"), format!("[[key]]\n{key}\n")).unwrap();
        let output = binary().args(["--listen", "127.0.0.1:0"]).current_dir(folder.path()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(problem), "{text}");
        assert!(!text.contains("a secret of at least"), "{text}");
    }
}

#[test]
fn signatures_of_private_pub_are_taken_while_they_are_fresh() {
    use sha1::{Digest, Sha1};
    let rules = "[private_pub]\nsecret = 's3cret'\nexpiry = '10m'\n[[channel]]\nmatch = '/**'\nsubscribe = 'token'\npublish = 'secret'\n";
    let faye = Faye::start_with_file(rules, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let id = session.id.clone();
    let mut ask = |channel: &str, signed: &str, timestamp: Value| {
        let digits = timestamp.as_str().map_or_else(|| timestamp.to_string(), str::to_owned);
        let digest = Sha1::digest(format!("s3cret{signed}{digits}"));
        let signature: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut message = subscribe(&id, channel);
        message["ext"] = json!({"private_pub_signature": signature, "private_pub_timestamp": timestamp});
        session.ask(message)
    };
    let milliseconds = now() * 1000;
    assert_done(&ask("/rooms/1", "/rooms/1", json!(milliseconds)));
    assert_done(&ask("/rooms/2", "/rooms/2", json!(milliseconds.to_string())));
    for (channel, signed, timestamp) in [
        ("/rooms/3", "/rooms/1", json!(milliseconds)),
        ("/rooms/3", "/rooms/3", json!(milliseconds - 700_000)),
        ("/rooms/3", "/rooms/3", json!(milliseconds + 700_000)),
        ("/**", "/rooms/3", json!(milliseconds)),
        // A digit more in the channel, one less in the timestamp.
        ("/rooms/31", "/rooms/3", json!(format!("1{milliseconds}"))),
        ("/rooms/3", "/rooms/3", json!(now())),
    ] {
        let reply = ask(channel, signed, timestamp);
        assert_eq!(reply["successful"], false, "{channel} {reply}");
    }
    let mut publish = publication("/rooms/1", 1);
    publish["ext"] = json!({"private_pub_token": "s3cret", "a": 1});
    assert_done(&faye.ask(&publish));
    assert_eq!(session.next()["ext"], json!({"a": 1}), "the secret is not forwarded");
    publish["ext"] = json!({"private_pub_token": "wrong"});
    assert_eq!(faye.ask(&publish)["successful"], false);
}
