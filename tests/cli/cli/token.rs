//! `faye token`: warnings about tokens of no use, and JSON.

use serde_json::{Value, json};

use super::{file, run, text};

const KEY: &str = "[[key]]\nid = 'a'\nalgorithm = 'HS256'\nsecret = '0123456789abcdef0123456789abcdef'\n";
const RULE: &str = "[[channel]]\nmatch = '/**'\npublish = 'token'\nsubscribe = 'token'\n";

#[test]
fn a_token_of_no_use_leads_to_a_warning() {
    let (_folder, rules) = file(&format!("{KEY}{RULE}"));
    let (_folder_2, none) = file(KEY);
    let (_folder_3, handshake) = file(&format!("{KEY}[handshake]\nallow = 'token'\n"));
    let (_folder_4, issuer) = file(&format!("[token]\naudience = 'x'\n{KEY}{RULE}"));
    let cases: [(&std::path::Path, &[&str], &str); 7] = [
        (&rules, &["--subscribe", "/a"], ""),
        (&rules, &[], "the token gives no right; name channels with --subscribe and --publish"),
        (&rules, &["--publish", "no channel"], "\"no channel\" is not a channel or pattern"),
        (&rules, &["--publish", "/a", "--for", "0s"], "the token has expired already"),
        (&none, &["--publish", "/a"], "no [[channel]] rule of the settings"),
        (&handshake, &[], ""),
        (&issuer, &["--publish", "/a"], ""),
    ];
    for (settings, arguments, warning) in cases {
        let ran = run(&[&["token", "make", "--config", text(settings)], arguments].concat(), &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stdout.trim().split('.').count(), 3, "a token is printed in any case: {}", ran.stdout);
        if warning.is_empty() {
            assert_eq!(ran.stderr, "", "{arguments:?}");
        } else {
            assert!(ran.stderr.starts_with("warning: ") && ran.stderr.contains(warning), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_key_that_the_settings_do_not_have_leads_to_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pairs = [0, 1].map(|_| rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key"));
    let private = folder.path().join("private.pem");
    std::fs::write(&private, pairs[0].serialize_pem()).expect("a file");
    for (pair, is_good) in pairs.iter().zip([true, false]) {
        let public = folder.path().join("public.pem");
        std::fs::write(&public, pair.public_key_pem()).expect("a file");
        let key = format!("[[key]]\nalgorithm = 'EdDSA'\npublic_key = 'file:{}'\n", text(&public));
        let (_folder, settings) = file(&format!("{key}{RULE}"));
        let make = [
            "token",
            "make",
            "--publish",
            "/a",
            "--private-key",
            text(&private),
            "--config",
            text(&settings),
        ];
        let ran = run(&make, &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let warning =
            "a server with these settings refuses the token: its signature does not match the [[key]]";
        assert_eq!(ran.stderr.contains(warning), !is_good, "{}", ran.stderr);
    }
}

#[test]
fn what_a_token_allows_is_printed_as_json() {
    let (_folder, settings) = file(&format!("{KEY}{RULE}"));
    let config = ["--config", text(&settings)];
    let make = ["token", "make", "--publish", "/a", "--publish", "/b/*", "--subject", "ann", "--for", "10m"];
    let token = run(&[&make[..], &config].concat(), &[]).succeeds();
    let said = run(&[&["token", "read", token.trim(), "--json"][..], &config].concat(), &[]).succeeds();
    let mut read: Value = serde_json::from_str(&said).expect("JSON");
    assert!(read["expires_in"].take().as_u64().is_some_and(|seconds| (1..=610).contains(&seconds)), "{said}");
    let expected = json!({
        "valid": true, "subject": "ann", "publish": ["/a", "/b/*"], "subscribe": [], "expires_in": null,
    });
    assert_eq!(read, expected);
    let ran = run(&[&["token", "read", "x.y.z", "--json"][..], &config].concat(), &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let read: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&read["valid"], &read["error"]), (&false.into(), &"Token invalid".into()), "{read}");
    assert!(read["reason"].as_str().is_some_and(|reason| reason.contains("not a JSON Web Token")), "{read}");
}
