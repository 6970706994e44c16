//! Settings: their units, where they come from, which source wins, and that `faye.toml` is what the code does.
//! What `check` says about a file is in `check.rs`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use faye_server::config::units::{format_duration, format_size, parse_duration, parse_size};
use faye_server::config::{
    Config, Durability, KEYS, LogFormat, Overflow, Override, Problems, TopicPolicy, check, load,
};
use proptest::prelude::*;
use tempfile::TempDir;

const SHIPPED: &str = include_str!("../../faye.toml");

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("faye.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

/// Loads a file of this text with these variables.
fn load_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let (_directory, path) = file(text);
    load(Some(&path), environment.iter().copied(), &[])
}

/// The one problem of these variables without a file's help.
fn problem_of(name: &str, value: &str) -> String {
    load_with("", &[(name, value)]).unwrap_err().to_string()
}

#[test]
fn durations() {
    for (text, milliseconds) in [
        ("0s", 0),
        ("500ms", 500),
        ("25s", 25_000),
        ("1m30s", 90_000),
        ("2h", 7_200_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("007s", 7000),
    ] {
        assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in [
        "",
        "25",
        "s",
        "25 s",
        " 25s",
        "25s ",
        "2.5s",
        "-1s",
        "+1s",
        "25S",
        "25sec",
        "30s1m",
        "1s1s",
        "1m30",
        "1ss",
        "٣s",
        "18446744073709551616ms",
        "18446744073709551615d",
        "1sé",
    ] {
        assert_eq!(parse_duration(text), None, "{text:?}");
    }
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("1GiB", 1_073_741_824),
    ] {
        assert_eq!(parse_size(text), Some(bytes), "{text}");
    }
    for text in [
        "",
        "KiB",
        "1 MiB",
        "1MB",
        "1KB",
        "1k",
        "1kib",
        "1.5MiB",
        "-1",
        "+1",
        "1MiB1KiB",
        "0x10",
        "18446744073709551615GiB",
        "99999999999999999999",
    ] {
        assert_eq!(parse_size(text), None, "{text:?}");
    }
}

#[test]
fn units_are_printed_as_one_would_write_them() {
    for text in ["0s", "500ms", "25s", "1m30s", "1d2h3m4s5ms"] {
        assert_eq!(format_duration(parse_duration(text).unwrap()), text);
    }
    for text in ["0", "1", "1000", "1025", "64KiB", "1MiB", "3GiB"] {
        assert_eq!(format_size(parse_size(text).unwrap()), text);
    }
}

proptest! {
    #[test]
    fn a_printed_unit_is_read_back(milliseconds: u64, bytes: usize) {
        let duration = Duration::from_millis(milliseconds);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
    }

    #[test]
    fn no_text_panics_a_unit(text: String) {
        let _ = (parse_duration(&text), parse_size(&text));
    }
}

#[test]
fn the_shipped_file_is_the_default() {
    assert_eq!(load_with(SHIPPED, &[]), Ok(Config::default()));
    assert_eq!(load_with("", &[]), Ok(Config::default()));
}

/// The shipped file with its examples in use, which need every feature: a line that begins with `#` and no space.
#[cfg(feature = "websub")]
fn shipped_with_examples() -> String {
    let line = |line: &'static str| match line.strip_prefix('#') {
        Some(example) if !example.is_empty() && !example.starts_with(' ') => example,
        _ => line,
    };
    SHIPPED.lines().map(|text| line(text).to_owned() + "\n").collect()
}

#[cfg(feature = "websub")]
#[test]
fn the_shipped_file_has_every_key_and_no_other() {
    // With the example of redis.url, feeds need a database that instances share.
    let shared = "postgres://faye:secret@127.0.0.1/faye?sslmode=disable";
    let text = shipped_with_examples().replace("sqlite:faye.db", shared);
    assert!(check(&text, "faye.toml").is_empty(), "{}", check(&text, "faye.toml"));
    let (directory, _) = file("");
    let key = directory.path().join("token-key.pem");
    std::fs::write(&key, "a key").unwrap();
    let text = text.replace("file:token-key.pem", &format!("file:{}", key.display()));
    let names = [
        "FAYE_PUSH_SECRET",
        "FAYE_PUSH_SECRET_BEFORE",
        "PRIVATE_PUB_SECRET",
        "FAYE_TOKEN_SECRET",
        "FAYE_HOOK_SECRET",
        "FAYE_WEBHOOK_SECRET",
        "FAYE_API_KEY",
        "FAYE_PING_SECRET",
        "FEED_PASSWORD",
    ];
    let config = load_with(&text, &names.map(|name| (name, "a-secret"))).unwrap();
    assert_eq!(config.push.secret, Some("a-secret".into()));
    assert_eq!(config.channel.len(), 2);
    assert_eq!(config.channel[1].syndicate.as_deref(), Some("news"));
    assert_eq!(config.ping.len(), 1);
    assert_eq!(config.channel[0].overflow, Some(Overflow::DropOldest));
    assert_eq!(config.key.len(), 2);
    assert!(config.admin.listen.is_some());

    let document: toml::Table = text.parse().unwrap();
    let written: BTreeSet<String> = document
        .iter()
        .flat_map(|(section, value)| {
            let tables = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
            let keys = tables.into_iter().flat_map(|table| table.as_table().unwrap().keys());
            keys.map(move |key| format!("{section}.{key}"))
        })
        .collect();
    let known: BTreeSet<String> = KEYS.iter().map(|key| key.path()).collect();
    assert_eq!(written, known);
    assert_eq!(known.len(), KEYS.len(), "a key stands twice in the list");
}

#[test]
fn every_line_of_the_shipped_file_has_its_reason_above_it() {
    let mut above = "";
    for line in SHIPPED.lines() {
        if line.contains(" = ") && !line.starts_with("# ") {
            assert!(above.starts_with("# "), "no reason above: {line}");
        }
        above = line;
    }
}

/// serde tells the fields of a struct when it meets one that the struct does not have.
fn fields(text: &str) -> BTreeSet<String> {
    let message = toml::from_str::<Config>(text).unwrap_err().message().to_owned();
    let expected = message.split_once("expected").expect("fields in the message").1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_list_of_keys_has_every_field() {
    let sections: BTreeSet<String> = KEYS.iter().map(|key| key.section().to_owned()).collect();
    assert_eq!(fields("unknown = 1"), sections);
    for section in sections {
        let is_list = ["channel", "feed", "key", "ping"].contains(&section.as_str());
        let header = if is_list { format!("[[{section}]]") } else { format!("[{section}]") };
        let known = KEYS.iter().filter(|key| key.section() == section).map(|key| key.name().to_owned());
        assert_eq!(fields(&format!("{header}\nunknown = 1")), known.collect(), "{section}");
    }
}

#[test]
fn every_default_can_be_set_by_its_variable() {
    let document: toml::Table = SHIPPED.parse().unwrap();
    let mut environment = Vec::new();
    for key in KEYS {
        let value = document.get(key.section()).and_then(|section| section.get(key.name()));
        let (Some(variable), Some(value)) = (key.variable(), value) else { continue };
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(list) => {
                list.iter().filter_map(|one| one.as_str()).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        environment.push((variable, text));
    }
    // Those without a default are examples in the file, some of them twice.
    let mut section = "";
    let mut examples = BTreeSet::new();
    for line in SHIPPED.lines() {
        let example =
            line.strip_prefix('#').filter(|example| !example.is_empty() && !example.starts_with(' '));
        if line.starts_with('[') || example.is_some_and(|example| example.starts_with('[')) {
            section = line;
        } else if let Some((name, _)) = example.and_then(|example| example.split_once(" = ")) {
            examples.insert((section, name));
        }
    }
    assert_eq!(environment.len(), KEYS.len() - examples.len());
    let (_directory, path) = file("");
    assert_eq!(load(Some(&path), environment, &[]), Ok(Config::default()));
}

#[test]
fn variables_override_the_file_and_flags_override_both() {
    let text = "[server]\ntimeout = '3s'\nmount = '/file'\nlisten = '127.0.0.1:1'";
    let (_directory, path) = file(text);
    let environment = [("FAYE_SERVER__MOUNT", "/variable"), ("FAYE_SERVER__LISTEN", "127.0.0.1:2")];
    let flag = Override { flag: "--listen", key: "server.listen", value: "127.0.0.1:3".to_owned() };
    let config = load(Some(&path), environment, &[flag]).unwrap();
    assert_eq!(config.server.timeout, Duration::from_secs(3));
    assert_eq!(config.server.mount, "/variable");
    assert_eq!(config.server.listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!(config.server.drain_timeout, Config::default().server.drain_timeout);
}

#[test]
fn variables_take_the_type_of_their_key() {
    let config = load_with(
        "",
        &[
            ("FAYE_SERVER__TIMEOUT", "2s"),
            ("FAYE_SERVER__THREADS", "2"),
            ("FAYE_LIMITS__BODY", "64KiB"),
            ("FAYE_LIMITS__FRAME", "4096"),
            ("FAYE_ADMIN__LISTEN", "127.0.0.1:9000"),
            ("FAYE_LOG__FORMAT", "json"),
            ("FAYE_MAILBOX__OVERFLOW", "drop-newest"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.timeout, Duration::from_secs(2));
    assert_eq!(config.server.threads, 2);
    assert_eq!(config.limits.body, 65_536);
    assert_eq!(config.limits.frame, 4096);
    assert_eq!(config.admin.listen, Some("127.0.0.1:9000".parse().unwrap()));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.mailbox.overflow, Overflow::DropNewest);
}

#[test]
fn settings_of_the_hub_as_variables() {
    let config = load_with(
        "",
        &[
            ("FAYE_SERVER__PUBLIC_URL", "https://Push.example:443/"),
            ("FAYE_STORE__URL", "sqlite::memory:"),
            ("FAYE_STORE__DURABILITY", "normal"),
            ("FAYE_HUB__PATH", "/websub/"),
            ("FAYE_HUB__POLICY", "listed"),
            ("FAYE_HUB__TOPICS", "https://a.example/blog/, http://b.example"),
            ("FAYE_HUB__RETRIES", "100ms,1s, 2m"),
            ("FAYE_HUB__RATE", "5/m"),
            ("FAYE_HUB__TOPIC_SIZE", "64KiB"),
            ("FAYE_HUB__MAX_TOPICS", "7"),
            ("FAYE_HUB__CALLBACK_NETWORKS", "127.0.0.0/8,::1"),
            ("FAYE_API__KEY", "a-key"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.public_url.as_deref(), Some("https://push.example"));
    assert_eq!(config.store.url, Some("sqlite::memory:".into()));
    assert_eq!(config.store.durability, Durability::Normal);
    let hub = &config.hub;
    assert_eq!((hub.path.as_str(), hub.policy, hub.max_topics), ("/websub", TopicPolicy::Listed, 7));
    assert_eq!(hub.topics, ["https://a.example/blog/", "http://b.example"]);
    assert_eq!(hub.retries, [100, 1000, 120_000].map(Duration::from_millis));
    assert_eq!((hub.rate.count, hub.rate.time), (5, Duration::from_secs(60)));
    assert_eq!(hub.topic_size, 65_536);
    assert_eq!(hub.callback_networks.len(), 2);
    assert_eq!(config.api.key, Some("a-key".into()));
    assert!(load_with("", &[("FAYE_HUB__RETRIES", "")]).unwrap().hub.retries.is_empty());
    let said = load_with("", &[("FAYE_STORE__URL", "mysql://root:hidden@h/x")]).unwrap_err().to_string();
    assert!(
        said.starts_with("FAYE_STORE__URL: this is not the URL of a store") && !said.contains("hidden"),
        "{said}"
    );
}

#[cfg(feature = "websub")]
#[test]
fn what_a_hub_needs_may_be_set_elsewhere() {
    let text = "[hub]\nenabled = true\n[redis]\nurl = 'redis://h'\n";
    let public_url = ("FAYE_SERVER__PUBLIC_URL", "https://push.example");
    assert!(load_with(text, &[public_url, ("FAYE_STORE__URL", "postgres://h/x")]).is_ok());
    let said = load_with(text, &[public_url]).unwrap_err().to_string();
    assert!(
        said.contains("faye.toml:4: redis.url: with redis.url several instances share one hub"),
        "{said}"
    );
    let said = load_with("", &[("FAYE_HUB__ENABLED", "true")]).unwrap_err().to_string();
    assert!(said.starts_with("FAYE_HUB__ENABLED: the hub needs server.public_url"), "{said}");
}

#[test]
fn channels_with_dots_may_be_allowed_elsewhere() {
    let text = "[[channel]]\nmatch = '/a.b'\n";
    assert!(load_with(text, &[("FAYE_DIALECT__DOTTED_CHANNELS", "true")]).is_ok());
    let said = load_with(text, &[("FAYE_DIALECT__DOTTED_CHANNELS", "false")]).unwrap_err().to_string();
    assert!(said.contains("faye.toml:2: channel[1].match: \"/a.b\" has a dot"), "{said}");
}

#[test]
fn a_secret_is_without_the_line_end_behind_it() {
    let (_directory, kept) = file("in a file\r\n");
    let text = format!("[push]\nsecret = 'env:PUSH'\nprevious = 'file:{}'", kept.display());
    let config =
        load_with(&text, &[("PUSH", "of a variable\n"), ("FAYE_HOOK__SECRET", "set by one\n")]).unwrap();
    assert_eq!(config.push.secret, Some("of a variable".into()));
    assert_eq!(config.push.previous, Some("in a file".into()));
    assert_eq!(config.hook.secret, Some("set by one".into()));
    assert!(load_with("[push]\nsecret = 'env:PUSH'", &[("PUSH", "\n")]).is_err());
}

#[test]
fn variables_of_others_are_ignored() {
    let environment = [
        ("FAYE_BIN", "x"),
        ("FAYE_PUSH_SECRET", "x"),
        ("PATH", "x"),
        ("MY_FAYE_SERVER__LISTEN", "x"),
        ("", ""),
    ];
    assert_eq!(load_with("", &environment), Ok(Config::default()));
}

#[test]
fn a_wrong_variable_is_named_with_what_to_write() {
    for (name, value, expected) in [
        ("FAYE_SERVER__TIMOUT", "2s", "unknown setting; write FAYE_SERVER__TIMEOUT"),
        ("FAYE_server__listen", "x", "unknown setting; write FAYE_SERVER__LISTEN"),
        (
            "FAYE_LOG__FOO",
            "x",
            "unknown setting; write the section and the key, for example FAYE_SERVER__LISTEN",
        ),
        ("FAYE_A__B", "x", "unknown setting; write the section and the key, for example FAYE_SERVER__LISTEN"),
        ("FAYE_CHANNEL__MATCH", "/a", "a variable cannot set a list; write [[channel]] in the file"),
        ("FAYE_LIMITS__BODY", "1 MB", "\"1 MB\" is not a size; write for example 1MiB"),
        ("FAYE_SERVER__TIMEOUT", "", "\"\" is not a duration; write for example 25s"),
        ("FAYE_SERVER__TIMEOUT", "\"2s\"", "\"\\\"2s\\\"\" is not a duration; write for example 25s"),
        ("FAYE_SERVER__TIMEOUT", "11m", "\"11m\" is too large; write at most 10m"),
        ("FAYE_SERVER__THREADS", "two", "\"two\" is not a whole number; write for example 64"),
        ("FAYE_LOG__FORMAT", "xml", "\"xml\" is not a valid value; write one of text, json"),
    ] {
        assert_eq!(problem_of(name, value), format!("{name}: {expected}"));
    }
}

#[test]
fn a_wrong_flag_is_named() {
    let flag = |key, value: &str| Override { flag: "--mount", key, value: value.to_owned() };
    let (_directory, path) = file("");
    let none: [(&str, &str); 0] = [];
    let problems = load(Some(&path), none, &[flag("server.mount", "faye")]).unwrap_err();
    assert!(
        problems.to_string().starts_with("--mount: \"faye\" is not a path that begins with \"/\""),
        "{problems}"
    );
    assert!(load(Some(&path), none, &[flag("server", "x")]).is_err());
}

#[test]
fn what_does_not_fit_together_is_found_where_it_was_set_last() {
    let text = "[advice]\nretry_min = '20s'";
    assert!(load_with(text, &[]).is_ok());
    let problems = load_with(text, &[("FAYE_ADVICE__RETRY_MAX", "10s")]).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "FAYE_ADVICE__RETRY_MAX: advice.retry_min (20s) is more than advice.retry_max (10s); write at most 10s"
    );
    // What a variable puts right is no problem of the whole, though it is one of the file.
    let text = "[advice]\nretry_min = '40s'";
    assert!(!check(text, "faye.toml").is_empty());
    assert!(load_with(text, &[("FAYE_ADVICE__RETRY_MAX", "1m")]).is_ok());
}

#[test]
fn all_sources_report_at_once() {
    let text = "[limits]\nbody = 'big'\n[server]\ntimeout = 25\n";
    let environment = [("FAYE_LOG__LEVEL", "loud"), ("FAYE_ADMIN__LISTN", "x")];
    let problems = load_with(text, &environment).unwrap_err();
    let said = problems.to_string();
    let places: Vec<_> =
        said.lines().map(|line| line.rsplit('/').next().unwrap().split(": ").next().unwrap()).collect();
    assert_eq!(places, ["faye.toml:2", "faye.toml:4", "FAYE_ADMIN__LISTN", "FAYE_LOG__LEVEL"], "{said}");
}

#[test]
fn a_named_file_has_to_be_readable() {
    let directory = tempfile::tempdir().unwrap();
    let none: [(&str, &str); 0] = [];
    let said = |path: &Path| load(Some(path), none, &[]).unwrap_err().to_string();
    let missing = directory.path().join("missing.toml");
    assert_eq!(
        said(&missing),
        format!("{}: no such file; name an existing file, or none for the defaults", missing.display())
    );
    assert!(said(directory.path()).contains("cannot read the file ("));
    let garbled = directory.path().join("garbled.toml");
    std::fs::write(&garbled, b"[server]\nmount = \"/f\xe9\"").unwrap();
    assert!(said(&garbled).ends_with("garbled.toml:2: not UTF-8; save the file as UTF-8"));
}

#[test]
fn a_slash_behind_the_mount_says_nothing() {
    for (written, meant) in [("/faye/", "/faye"), ("/", "/"), ("//", "/"), ("/a/b", "/a/b")] {
        assert_eq!(load_with("", &[("FAYE_SERVER__MOUNT", written)]).unwrap().server.mount, meant);
    }
}

#[cfg(unix)]
#[test]
fn variables_need_not_be_utf8() {
    use std::os::unix::ffi::OsStringExt;
    let (_directory, path) = file("");
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    assert!(load(Some(&path), [(bytes(b"OTHER\xff"), bytes(b"\xff"))], &[]).is_ok());
    let ours = load(Some(&path), [(bytes(b"FAYE_SERVER__MOUNT"), bytes(b"/\xff"))], &[]).unwrap_err();
    assert_eq!(ours.to_string(), "FAYE_SERVER__MOUNT: not UTF-8; write for example /faye");
}

/// Tells the test below, run again in a directory of its own, to be the child.
const CHILD: &str = "CONFIG_TEST_CHILD";

/// The working directory belongs to the whole process, so another one needs another process.
#[test]
fn the_file_of_the_working_directory_is_read_when_it_is_there() {
    let none: [(&str, &str); 0] = [];
    if let Ok(mount) = std::env::var(CHILD) {
        assert_eq!(load(None, none, &[]).unwrap().server.mount, mount);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let child = |mount: &str| {
        let name = "config::the_file_of_the_working_directory_is_read_when_it_is_there";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output =
            command.args(["--exact", name]).env(CHILD, mount).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    };
    child("/faye");
    std::fs::write(directory.path().join("faye.toml"), "[server]\nmount = '/there'").unwrap();
    child("/there");
}
