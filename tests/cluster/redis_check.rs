//! What is said about a Redis that cannot be used: the cause in plain words, by `faye check` and in the log of a server that
//! starts all the same.

use std::net::TcpListener;

use crate::support::redis::Redis;
use crate::support::*;

const PASSWORD: &str = "geheim-geheim-geheim";

/// What `faye check` says, and its exit code.
fn check(settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("faye.toml"), "").unwrap();
    let mut command = binary();
    let ended =
        command.arg("check").current_dir(folder.path()).envs(settings.iter().copied()).output().unwrap();
    let text = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(text).unwrap())
}

#[track_caller]
fn assert_says(url: &str, address: &str, cause: &str) {
    let (code, said) = check(&[("FAYE_REDIS__URL", url), ("FAYE_REDIS__DEADLINE", "1s")]);
    assert_eq!(code, Some(1), "{said}");
    let expected = format!("redis.url: cannot connect to Redis at {address}: {cause}");
    assert!(said.contains(&expected), "{said}");
    assert!(!said.contains("wrong-secret") && !said.contains(PASSWORD), "{said}");
    assert!(!said.contains("os error"), "{said}");
}

#[test]
fn a_redis_that_wants_a_password() {
    let redis = Redis::start_with_password(PASSWORD);
    let at = redis.address();
    assert_says(&format!("redis://{at}"), &at, "a password is required");
    assert_says(&format!("redis+cluster://{at}"), &at, "a password is required");
    for who in ["", "somebody"] {
        let url = format!("redis://{who}:wrong-secret@{at}");
        assert_says(&url, &at, "wrong user or password");
    }
    let right = format!("redis://:{PASSWORD}@{at}");
    assert_eq!(check(&[("FAYE_REDIS__URL", &right)]), (Some(0), "faye.toml is valid\n".to_owned()));
}

#[test]
fn a_redis_with_tls_and_one_without() {
    let authority = Authority::new();
    let secure = Redis::start_with_tls(&authority);
    let at = secure.address();
    assert_says(
        &format!("redis://{at}"),
        &at,
        "it closed the connection; if the port has TLS, write rediss://",
    );
    let unknown = "its certificate is self-signed or from an unknown CA";
    assert_says(&format!("rediss://{at}"), &at, unknown);
    assert_says(&format!("rediss+cluster://{at}"), &at, unknown);
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("root.pem"), folder.path().join("other.pem"));
    std::fs::write(&root, authority.root()).unwrap();
    std::fs::write(&other, "no certificate").unwrap();
    let url = format!("rediss://{at}");
    let with = |file: &std::path::Path| {
        check(&[("FAYE_REDIS__URL", &url), ("FAYE_REDIS__TLS_CA", file.to_str().unwrap())])
    };
    assert_eq!(with(&root), (Some(0), "faye.toml is valid\n".to_owned()));
    let (code, said) = with(&other);
    assert!(code == Some(1) && said.contains("other.pem holds no certificate"), "{said}");
    let plain = Redis::start();
    let at = plain.address();
    assert_says(&format!("rediss://{at}"), &at, "no response to TLS; if the port is without TLS");
}

#[test]
fn what_is_no_redis() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_says(&format!("redis://:wrong-secret@{free}"), &free, "connection refused");
    assert_says(
        "redis://no-such-host.invalid",
        "no-such-host.invalid:6379",
        "the name of the host has no address",
    );
    assert_says("redis+unix:///no/such/socket", "/no/such/socket", "no such socket");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    assert_says(&format!("redis://{at}"), &at, "no response within redis.deadline");
    let single = Redis::start();
    let at = single.address();
    assert_says(&format!("redis+cluster://{at}"), &at, "not a Redis Cluster");
    assert_says(&format!("redis+sentinel://{at}/mymaster"), &at, "not a Sentinel");
    assert_says(&format!("redis://{at}/99"), &at, "no database with this number");
}

#[test]
fn a_server_that_starts_without_redis_logs_the_cause() {
    let redis = Redis::start_with_password(PASSWORD);
    let url = format!("redis://:wrong-secret@{}", redis.address());
    let faye = Faye::start(&[("FAYE_REDIS__URL", &url)]);
    faye.wait_for_stderr("wrong user or password; check redis.url");
    let log = faye.stderr();
    let line = log.lines().find(|line| line.contains("Redis down")).expect("a line");
    assert!(line.contains(" WARN ") && line.contains(&redis.address()), "{line}");
    assert!(!log.contains("wrong-secret"), "{log}");
    let ready = faye.get("/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "not ready: Redis is down\n"));
}

#[test]
fn without_redis_there_is_no_figure_that_says_it_is_down() {
    let shown = |faye: &Faye| faye.get("/metrics").text().contains("faye_redis_up");
    assert!(!shown(&Faye::start(&[])));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let faye = Faye::start(&[("FAYE_REDIS__URL", &format!("redis://{free}"))]);
    assert!(shown(&faye));
    assert_eq!(faye.metric("faye_redis_up"), 0);
}
