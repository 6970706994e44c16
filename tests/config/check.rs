//! What `check` says about the text of a file of settings: everything at once, each with its line and the cure.
//! The command `faye check` only prints it.

use faye_server::config::{KEYS, Origin, check};
use proptest::prelude::*;

/// What is said about this text, one problem a line.
fn said(text: &str) -> String {
    check(text, "faye.toml").to_string()
}

#[test]
fn every_problem_is_reported_with_its_line() {
    let text = r#"
[server]
listen = "localhost"
mount = "faye?x"
timeout = 25
maunt = "/a"

[limits]
body = "1 MB"
batch = 0
depth = true

[servr]
x = 1

[[channel]]
match = "/a/*"

[[channel]]
match = "/a*"
overfow = "drop-oldest"

[[channel]]
overflow = "explode"

[log]
level = "loud"
"#;
    let expected = r##"
faye.toml:3: server.listen: "localhost" is not an address with a port; write for example "127.0.0.1:9000"
faye.toml:4: server.mount: "faye?x" is not a path that begins with "/" and that browsers send unchanged; write for example "/faye"
faye.toml:5: server.timeout: 25 is not a duration; write for example "25s"
faye.toml:6: server.maunt: unknown key; write mount
faye.toml:9: limits.body: "1 MB" is not a size; write for example "1MiB"
faye.toml:10: limits.batch: 0 is too small; write at least 1
faye.toml:11: limits.depth: true is not a whole number; write for example 64
faye.toml:13: servr: unknown section; write [server]
faye.toml:20: channel[2].match: "/a*" is not a channel, or a pattern that ends in "/*" or "/**"; write for example "/projects/**"
faye.toml:21: channel[2].overfow: unknown key; write overflow
faye.toml:23: channel[3]: match is missing; write for example match = "/projects/**"
faye.toml:24: channel[3].overflow: "explode" is not a valid value; write one of "disconnect", "drop-oldest", "drop-newest"
faye.toml:27: log.level: "loud" is not a valid value; write one of "error", "warn", "info", "debug", "trace"
"##;
    assert_eq!(said(text), expected.trim());
}

#[test]
fn a_good_file_has_no_problems() {
    assert!(check(include_str!("../../faye.toml"), "faye.toml").is_empty());
    for text in
        ["", "server.mount = '/x'", "\u{feff}[server]\r\nmount = '/x'\r\n", "channel = [{ match = '/**' }]"]
    {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn one_problem() {
    for (text, expected) in [
        ("timeout = '2s'", "timeout: this key needs a section; write it below [server]"),
        ("server = 1", "server: this is a section, not a key; write [server] and its keys below"),
        ("[[server]]", "server: this is a section, not a key; write [server] and its keys below"),
        (
            "[limits]\n\ntimeout = '2s'",
            "3: limits.timeout: unknown key in this section; write it below [server]",
        ),
        ("[log]\nxyzzy = 1", "2: log.xyzzy: unknown key; [log] has level, format"),
        ("[xyzzy]", "xyzzy: unknown section; the sections are server, advice, limits, mailbox, websocket,"),
        (
            "[channel]\nmatch = '/a'",
            "channel: this is a list; write each element as [[channel]] with its keys below",
        ),
        (
            "channel = [1]",
            "channel[1]: this is a list; write each element as [[channel]] with its keys below",
        ),
        ("[server]\ntimeout = '0s'", "2: server.timeout: \"0s\" is too small; write at least \"1ms\""),
        ("[server]\ntimeout = '10m1ms'", "2: server.timeout: \"10m1ms\" is too large; write at most \"10m\""),
        (
            "[server]\nhosts = ['push.example', 'https://push.example']",
            "2: server.hosts: \"https://push.example\" is not a host (without scheme and port); write for example",
        ),
        ("[server]\nthreads = -1", "2: server.threads: -1 is not a whole number;"),
        ("[server]\nthreads = '2'", "2: server.threads: \"2\" is not a whole number;"),
        (
            "[server]\nthreads = 99999999999999999999",
            "2: server.threads: 99999999999999999999 is not a whole",
        ),
        ("[server]\nthreads = 1.5", "2: server.threads: 1.5 is not a whole number;"),
        ("[server]\nlisten = [\n\n]", "2: server.listen: an array is not an address with a port;"),
        ("[server]\nlisten.port = 1", "2: server.listen: a table is not an address with a port;"),
        ("[limits]\nheader = '8191'", "2: limits.header: \"8191\" is too small; write at least \"8KiB\""),
        ("[limits]\nbody = 2000000000", "2: limits.body: 2000000000 is too large; write at most \"1GiB\""),
        ("[limits]\nbody = -1", "2: limits.body: -1 is not a size;"),
        ("[limits]\ndepth = 128", "2: limits.depth: 128 is too large; write at most 127"),
        (
            "[advice]\nretry_min = '31s'",
            "2: advice.retry_min: advice.retry_min (31s) is more than advice.retry",
        ),
        (
            "[server]\ninterval = '26s'",
            "2: server.interval: server.interval (26s) is more than server.timeout (25s),",
        ),
        (
            "[admin]\nlisten = '127.0.0.1:8000'",
            "2: admin.listen: server.listen and admin.listen are both 127.0.0.1:8000; write another port",
        ),
        (
            "[tls]\ncertificate = 'cert.pem'",
            "2: tls.certificate: a certificate and its key go together; write tls.key",
        ),
        (
            "[tls]\nkey = 'key.pem'",
            "2: tls.key: a certificate and its key go together; write tls.certificate",
        ),
        (
            "[tls]\ncertificate = 'c'\nkey = 'k'\n[acme]\ndomains = ['a.example']",
            "5: acme.domains: tls.certificate and acme.domains are both set; remove one",
        ),
        ("[\"a\\nb\"]", "a\\nb: unknown section;"),
        (
            "[server]\npublic_url = 'http://push.example.com'",
            "2: server.public_url: \"http://push.example.com\" is not scheme and host (https; http for a loopback address",
        ),
        (
            "[server]\npublic_url = 'https://push.example.com/hub'",
            "2: server.public_url: \"https://push.example.com/hub\" is not scheme and host (https;",
        ),
        (
            "[hub]\nlease = '31d'",
            "2: hub.lease: hub.lease (31d) is more than hub.lease_max (30d); write at most 30d",
        ),
        ("[hub]\nlease_min = '11d'", "2: hub.lease_min: hub.lease_min (11d) is more than hub.lease (10d);"),
        ("[hub]\nretries = ['10s', 10]", "2: hub.retries: 10 is not a duration; write for example \"10s\""),
        ("[hub]\nretries = ['31d']", "2: hub.retries: \"31d\" is too large; write at most \"30d\""),
        (
            "[hub]\ntopics = ['example.com']",
            "2: hub.topics: \"example.com\" is not an http or https URL without a user, a query and a fragment; write for \
             example \"https://example.com/blog/\"",
        ),
        (
            "[hub]\ntopics = ['https://a@example.com/']",
            "2: hub.topics: \"https://...@example.com/\" is not an http or",
        ),
        (
            "[hub]\ncallback_networks = ['10.0.0.0/33']",
            "2: hub.callback_networks: \"10.0.0.0/33\" is not an address",
        ),
        (
            "[store]\nurl = 'mysql://root:hidden@h/x'",
            "2: store.url: this is not the URL of a store; write for example \"sqlite:",
        ),
        (
            "[[ping]]\nname = 'site'\nkind = 'gitea'\ntopics = ['https://a.example/feed']",
            "1: ping[1]: secret is missing; write for example secret = \"env:NAME\"",
        ),
        (
            "[[ping]]\nname = 'site'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['a.example/feed']",
            "5: ping[1].topics: \"a.example/feed\" is not an http or https URL without",
        ),
        (
            "[[ping]]\nname = 'Site'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://a.example/feed']",
            "2: ping[1].name: \"Site\" is not a name of 1 to 64 lower-case letters, digits and hyphens; write for example",
        ),
    ] {
        let said = said(text);
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
        let expected = if expected.starts_with(|c: char| c.is_ascii_digit()) {
            format!("faye.toml:{expected}")
        } else {
            format!("faye.toml:1: {expected}")
        };
        assert!(said.starts_with(&expected), "{text}: {said}");
    }
}

#[test]
fn values_that_would_never_match_are_refused_with_the_value_that_is_meant() {
    for (text, expected) in [
        (
            "[hub]\ntopics = ['https://*.example.com/']",
            "2: hub.topics: \"https://*.example.com/\" has a wildcard, and prefixes have none; write a prefix for each \
             host, for example \"https://www.example.com/\"",
        ),
        (
            "[hub]\ntopics = ['https://example.com/blog/*']",
            "2: hub.topics: \"https://example.com/blog/*\" has a wildcard, and prefixes have none; write \
             \"https://example.com/blog/\"",
        ),
        ("[hub]\ntopics = ['https://example.com/blog*']", "; write \"https://example.com/\""),
        (
            "[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://*.example/']",
            "5: ping[1].topics: \"https://*.example/\" is not an http or https URL without",
        ),
        (
            "[hook]\nurl = 'https://*.example/'",
            "2: hook.url: \"https://*.example/\" is not an http or https URL",
        ),
        (
            "[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://a.example/']\nbranches = \
             ['refs/heads/main']",
            "6: ping[1].branches: \"refs/heads/main\" is a reference and not the name of a branch; write \"main\"",
        ),
        (
            "[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://a.example/']\nbranches = ['v*']",
            "6: ping[1].branches: \"v*\" is not the name of a branch; write for example \"main\"",
        ),
        (
            "[hub]\ntopic_networks = ['10.0.0.1/8']",
            "2: hub.topic_networks: \"10.0.0.1/8\" has bits behind its prefix of 8; write one of \"10.0.0.0/8\", \
             \"10.0.0.1\"",
        ),
        (
            "[server]\ntrusted_proxies = ['fd00::1/8']",
            "2: server.trusted_proxies: \"fd00::1/8\" has bits behind its prefix of 8; write one of \"fd00::/8\", \
             \"fd00::1\"",
        ),
        (
            "[feeds]\nnetworks = ['::ffff:10.0.0.0/104']",
            "2: feeds.networks: \"::ffff:10.0.0.0/104\" is IPv4 written as IPv6, which matches no address; write \
             \"10.0.0.0/8\"",
        ),
        ("[hub]\ncallback_networks = ['::ffff:10.0.0.1']", "; write \"10.0.0.1\""),
        (
            "[api]\nkey = ' 0123456789abcdef'",
            "2: api.key: there is white space around the secret; write it without",
        ),
        (
            "[push]\nsecret = \"0123456789abcdef\\t\"",
            "2: push.secret: there is white space around the secret; write it without",
        ),
        (
            "[push]\nsecret = ' env:X'",
            "2: push.secret: there is white space around the secret; write it without",
        ),
        (
            "[api]\nkey = '0123456789 abcdef'",
            "2: api.key: clients send the key in a header, so it has visible ASCII characters only; generate one \
             (openssl rand -hex 32)",
        ),
        ("[api]\nkey = 'schl\u{fc}ssel-0123456789'", "2: api.key: clients send the key in a header"),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
        assert!(!said.contains("0123456789"), "{said}");
    }
    for text in [
        "[hub]\ntopics = ['https://example.com', 'https://example.com/blog/']\ntopic_networks = ['10.0.0.0/8', 'fd00::/8', \
         '10.0.0.1/32', '::1']",
        "[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://a.example/*']\nbranches = ['main', \
         'release/1.0']",
        "[push]\nsecret = 'two words'",
        "[[key]]\nalgorithm = 'ES256'\npublic_key = '''\n\n-----BEGIN PUBLIC KEY-----\n'''",
    ] {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn examples_of_errors_fit_their_keys() {
    for (text, expected) in [
        ("[hub]\nlease = 10", "2: hub.lease: 10 is not a duration; write for example \"10d\""),
        ("[hub]\npath = 'hub'", "; write for example \"/hub\""),
        ("[lifestream]\npath = 'x'", "; write for example \"/lifestream\""),
        ("[server]\nmount = 'x'", "; write for example \"/faye\""),
        ("[hub]\nmax_topics = 'many'", "; write for example 100000"),
        ("[limits]\nmemory = 'all'", "; write for example \"25%\""),
        ("[hub]\nretries = [10]", "; write for example \"10s\""),
        ("[[channel]]\nmatch = '/a'\nrate = '10'", "; write for example \"10/s\""),
        ("[hook]\nurl = 'a'", "; write for example \"http://127.0.0.1:3000/faye/hook\""),
        ("[webhook]\nurl = 'a'", "; write for example \"http://127.0.0.1:3000/faye/events\""),
        ("[feed]\nx = 1", "write each element as [[feed]]"),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

/// The settings of a hub, and more.
fn hub(more: &str) -> String {
    format!("[server]\npublic_url = 'https://push.example'\n[hub]\nenabled = true\n{more}")
}

#[cfg(feature = "websub")]
#[test]
fn a_hub_needs_the_address_by_which_others_reach_it() {
    assert_eq!(said(&hub("")), "");
    let said = said("[hub]\nenabled = true");
    assert!(said.starts_with(
        "faye.toml:2: hub.enabled: the hub needs server.public_url, because the Link headers of"
    ));
    assert!(said.contains("status pages") && said.contains("rel=hub"), "{said}");
    // A variable may add it.
    assert!(faye_server::config::check_part("[hub]\nenabled = true", "faye.toml").is_empty());
}

#[cfg(not(feature = "websub"))]
#[test]
fn a_program_without_a_hub_says_so() {
    let said = said(&hub(""));
    assert!(
        said.starts_with("faye.toml:4: hub.enabled: this program was built without the feature \"websub\""),
        "{said}"
    );
}

#[cfg(feature = "websub")]
#[test]
fn routes_that_overlap_are_refused_with_both_settings() {
    let mount = |mount: &str| said(&hub("").replace("[hub]", &format!("mount = '{mount}'\n[hub]")));
    for (path, other) in [
        ("/hub", "hub.path (/hub)"),
        ("/hub/", "hub.path (/hub)"),
        ("/hub/x", "hub.path (/hub)"),
        ("/feeds", "/feeds, a route of hub.enabled"),
        ("/feeds/x", "/feeds, a route of hub.enabled"),
        ("/websub", "/websub/callback, a route of hub.enabled"),
    ] {
        let said = mount(path);
        assert!(said.contains("server.mount (/") && said.contains(other), "{path}: {said}");
        assert_eq!(said.lines().count(), 1, "{path}: {said}");
    }
    let root = mount("/");
    assert!(root.contains("POST requests to / are for the mount and for the hub"), "{root}");
    // The mount of everything leaves other routes alone.
    assert_eq!(said(&hub("root = false").replace("[hub]", "mount = '/'\n[hub]")), "");
    for path in ["/hubs", "/faye", "/feed", "/api/v1"] {
        assert_eq!(mount(path), "", "{path}");
    }
    for (path, other) in [
        ("/faye", "server.mount (/faye) and hub.path (/faye) overlap"),
        ("/faye/hub", "server.mount (/faye) and hub.path (/faye/hub) overlap"),
        ("/feeds", "overlaps with /feeds"),
        ("/metrics", "the server answers /metrics itself"),
        ("/page", "a route of server.page"),
        ("/", "POST requests to / are a matter of hub.root"),
    ] {
        let said = said(&hub(&format!("path = '{path}'")));
        assert!(said.contains(other), "{path}: {said}");
        assert_eq!(said.lines().count(), 1, "{path}: {said}");
    }
    let api = "[server]\nmount = '/api/v1'\n[api]\nkey = 'x'\n";
    assert!(
        said(api).contains("server.mount (/api/v1) overlaps with /api/v1, a route of api.key"),
        "{}",
        said(api)
    );
    assert_eq!(said(&format!("{api}[admin]\nlisten = '127.0.0.1:9000'")), "");
    // Without the features the paths are free.
    for path in ["/hub", "/feeds", "/api/v1", "/websub/callback"] {
        assert_eq!(said(&format!("[server]\nmount = '{path}'")), "", "{path}");
    }
}

#[cfg(feature = "websub")]
#[test]
fn a_hub_of_several_instances_needs_a_store_that_they_share() {
    let redis = "[redis]\nurl = 'redis://127.0.0.1'\n";
    for store in ["", "[store]\nurl = 'sqlite:faye.db'\n"] {
        let said = said(&hub(&format!("{redis}{store}")));
        assert!(said.contains("with redis.url several instances share one hub"), "{said}");
        assert!(said.contains("store.url"), "{said}");
    }
    for store in [
        "[store]\nurl = 'postgres://h/x'\n",
        "[store]\nurl = 'postgresql:///x?host=/run/x'\n",
        "[store]\nurl = 'env:X'\n",
    ] {
        assert_eq!(said(&hub(&format!("{redis}{store}"))), "", "{store}");
    }
    assert_eq!(said(redis), "");
}

#[cfg(feature = "websub")]
#[test]
fn a_channel_that_is_a_feed() {
    let server = "[server]\npublic_url = 'https://push.example'\n";
    let rule = |more: &str| {
        format!(
            "[[channel]]\nmatch = '/news'\nhistory = {{ messages = 5, age = '1d' }}\nsyndicate = 'news'\n{more}"
        )
    };
    assert_eq!(said(&format!("{server}{}", rule(""))), "");
    assert_eq!(said(&format!("{server}{}", rule("subscribe = ['anyone', 'token']"))), "");
    for (text, expected) in [
        (rule(""), "channel[1].syndicate: a feed needs server.public_url"),
        (
            server.to_owned() + &rule("subscribe = 'token'"),
            "channel[1].subscribe: a feed is public, and the channel is not",
        ),
        (
            server.to_owned() + &rule("").replace("/news'", "/news/*'"),
            "channel[1].syndicate: a feed is one channel, and /news/* is a",
        ),
        (
            server.to_owned() + &rule("").replace("/news'", "/service/x'"),
            "channel[1].syndicate: /service/x has no subscribers",
        ),
        (
            server.to_owned() + &rule("").replace("history", "#"),
            "channel[1].syndicate: a feed shows the history of its channel",
        ),
        (
            server.to_owned() + "[[channel]]\nmatch = '/**'\nsubscribe = 'token'\n" + &rule(""),
            "channel[2].syndicate: channel[1] above it applies to /news instead of this rule",
        ),
        (
            server.to_owned() + &rule("") + &rule("").replace("/news", "/other"),
            "channel[2].syndicate: channel[1].syndicate has this name too",
        ),
        (
            server.to_owned() + "mount = '/feeds'\n" + &rule(""),
            "server.mount (/feeds) overlaps with /feeds, a route of channel[1].syndicate",
        ),
    ] {
        let said = said(&text);
        assert!(said.contains(expected), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
    }
}

#[test]
fn a_replay_needs_a_history() {
    let text = "[[channel]]\nmatch = '/a'\nreplay = 1";
    assert_eq!(
        said(text),
        "faye.toml:3: channel[1].replay: only what is kept can be replayed; write history too, or remove replay"
    );
    assert_eq!(said(&format!("{text}\n{HISTORY}\nreplay_lost = 'refuse'")), "");
    let text = "[[channel]]\nmatch = '/a'\nreplay_id = 'event'";
    assert_eq!(
        said(text),
        "faye.toml:3: channel[1].replay_id: only what is kept has a position; write history too, or remove replay_id"
    );
    assert_eq!(said(&format!("{text}\n{HISTORY}")), "");
    assert_eq!(said("[[channel]]\nmatch = '/a'\nreplay_id = 'ext'"), "");
}

#[test]
fn a_channel_with_history_has_no_local_ack() {
    let rule = "[[channel]]\nmatch = '/a'\nack = 'local'\n";
    assert_eq!(said(rule), "");
    assert_eq!(said(&format!("[redis]\nack = 'local'\n{}", rule.replace("ack = 'local'", HISTORY))), "");
    assert_eq!(
        said(&format!("{rule}{HISTORY}")),
        "faye.toml:4: channel[1].history: a publication to a channel with history is accepted by Redis only; remove ack, or \
         remove history"
    );
}

const HISTORY: &str = "history = { messages = 5, age = '1d' }";

#[test]
fn names_of_pings_are_unique() {
    let ping = "[[ping]]\nname = 'a'\nkind = 'github'\nsecret = 's'\ntopics = ['https://a.example/feed']\n";
    assert_eq!(said(ping), "");
    assert_eq!(
        said(&format!("{ping}{ping}")),
        "faye.toml:7: ping[2].name: ping[1] has the name a too; write another name"
    );
    let said = said(&ping.replace("['https://a.example/feed']", "[]"));
    assert!(said.contains("ping[1].topics: without a topic the ping has no effect"), "{said}");
}

#[test]
fn a_wrong_value_does_not_clash_with_a_default() {
    let text = "[advice]\nretry_min = '1m'\nretry_max = 'long'";
    assert_eq!(
        said(text),
        "faye.toml:3: advice.retry_max: \"long\" is not a duration; write for example \"30s\""
    );
}

#[test]
fn text_that_is_no_toml_is_reported_by_line() {
    let said = said("[server]\nmount = \ntimeout = '2s'\ntimeout = '3s'\n[limits\n");
    let lines: Vec<_> =
        said.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    let at = |line: usize| format!("faye.toml:{line}: invalid TOML");
    assert_eq!(lines, [at(2), at(4), at(5)], "{said}");
}

#[test]
fn channels_and_patterns() {
    for pattern in ["/a", "/*", "/**", "/a/*", "/a/b/**", "/A-z_!~()$@/09"] {
        assert_eq!(said(&format!("[[channel]]\nmatch = '{pattern}'")), "", "{pattern}");
    }
    for pattern in
        ["", "/", "a", "//", "//a", "/a/", "/a//b", "/*/a", "/**/a", "/a*", "/***", "/a b", "/é", "*", "/a.b"]
    {
        assert_ne!(said(&format!("[[channel]]\nmatch = '{pattern}'")), "", "{pattern}");
    }
}

#[test]
fn a_rule_for_channels_with_dots_needs_the_setting_that_allows_them() {
    let rule = |pattern: &str, dialect: &str| {
        said(&format!("[dialect]\n{dialect}\n[[channel]]\nmatch = '/a'\n[[channel]]\nmatch = '{pattern}'"))
    };
    for pattern in ["/a.b", "/a.b/**", "/.a/b", "/a../*"] {
        for dialect in ["", "dotted_channels = false"] {
            let expected = format!(
                "faye.toml:6: channel[2].match: \"{pattern}\" has a dot, and channels may not; write \
                 dialect.dotted_channels = true, or a name without dots"
            );
            assert_eq!(rule(pattern, dialect), expected);
        }
        assert_eq!(rule(pattern, "dotted_channels = true"), "");
    }
    for pattern in ["/.", "/a/../b", "/a.*", "/a.b/", "/./*"] {
        for dialect in ["", "dotted_channels = true"] {
            let said = rule(pattern, dialect);
            assert!(said.contains("is not a channel, or a pattern"), "{said}");
        }
    }
}

#[test]
fn a_dialect_is_one_that_a_client_needs() {
    let said = said(
        "[dialect]\nunknown_client = 'cometd'\ndotted_channels = 'yes'\npublish_without_data = 1\ndots = true",
    );
    let expected = "\
faye.toml:2: dialect.unknown_client: \"cometd\" is not a valid value; write one of \"faye\", \"salesforce\"
faye.toml:3: dialect.dotted_channels: \"yes\" is not true or false; write for example true
faye.toml:4: dialect.publish_without_data: 1 is not true or false; write for example true
faye.toml:5: dialect.dots: unknown key; [dialect] has dotted_channels, publish_without_data, unknown_client";
    assert_eq!(said, expected);
}

#[test]
fn mounts() {
    for mount in ["/", "/faye", "/faye/", "/a/b", "/a%20b"] {
        assert_eq!(said(&format!("[server]\nmount = '{mount}'")), "", "{mount}");
    }
    for mount in [
        "", "faye", "/a b", "/a?b", "/a#b", "/é", "/a\tb", "//a", "/a//b", "/..", "/a/./b", "/a\\b", "/a|b",
        "/a\"b",
    ] {
        assert_ne!(said(&format!("[server]\nmount = '{mount}'")), "", "{mount}");
    }
    // The server answers these itself.
    for mount in ["/healthz", "/readyz", "/metrics/"] {
        let text = format!("[server]\nmount = '{mount}'\n");
        assert!(said(&text).contains("write another path, or set admin.listen"), "{mount}");
        assert_eq!(said(&format!("{text}[admin]\nlisten = '127.0.0.1:9000'")), "", "{mount}");
    }
}

#[test]
fn every_example_and_every_bound_may_be_copied() {
    for key in KEYS {
        // What an element of a list cannot do without.
        let required = match key.section() {
            "channel" => Some("match = '/a'"),
            "key" => Some("algorithm = 'HS256'"),
            "ping" => Some("name = 'a'\nkind = 'gitea'\nsecret = 'x'\ntopics = ['https://a.example/']"),
            "feed" => Some("name = 'a'\nurl = 'https://a.example/'"),
            _ => None,
        };
        let section = key.section();
        let header = if required.is_some() { format!("[[{section}]]") } else { format!("[{section}]") };
        for wrong in ["'?'", "true", "0", "1000000000000", "'0s'", "'999d'"] {
            let said = said(&format!("{header}\n{} = {wrong}", key.name()));
            let Some((_, instead)) = said.lines().last().and_then(|line| line.split_once("; write ")) else {
                continue;
            };
            let cure = instead.rsplit_once(" = ").map_or(instead, |(_, cure)| cure);
            let cure = ["for example ", "at least ", "at most ", "one of "]
                .iter()
                .find_map(|lead| cure.strip_prefix(lead));
            for cure in cure.unwrap_or("").split(", ").filter(|cure| !cure.is_empty()) {
                let mut text = format!("{header}\n{} = {cure}", key.name());
                let is_other = |line: &&str| !line.starts_with(&format!("{} =", key.name()));
                for line in required.unwrap_or("").lines().filter(is_other) {
                    text.push('\n');
                    text.push_str(line);
                }
                // A value may clash with the default of another key; that it is not refused by itself is the point.
                let refused = check(&text, "faye.toml").to_string();
                let clashes = [
                    " is more than ",
                    " go together",
                    " needs server.public_url",
                    " shows the history",
                    " can be replayed",
                    " has a position",
                    "without the feature",
                ]
                .iter()
                .any(|clash| refused.contains(clash));
                assert!(refused.is_empty() || clashes, "{text}: {refused}");
            }
        }
    }
}

#[test]
fn settings_of_the_page_of_feeds() {
    let lifestream = |line: &str| said(&format!("[lifestream]\n{line}\nenabled = true\n"));
    for right in [
        "accent = '#b03030'",
        "embed_origins = ['https://example.com', 'https://*.example.com:8443', 'http://127.0.0.1:3000', '*']",
        "rate = '10/s'",
        "page = 500",
    ] {
        assert_eq!(lifestream(right), "", "{right}");
    }
    for (key, values) in [
        ("accent", &["'red'", "'#12345'", "'#gggggg'", "'#b03030;}'", "''"][..]),
        (
            "embed_origins",
            &[
                "['example.com']",
                "['https://']",
                "['https://a b']",
                "['https://a.example/page']",
                "['https://a.example; x']",
            ],
        ),
        (
            "embed_origins",
            &["['null']", "['file://']", "['ftp://example.com']", "['https://example.com', 'null']"],
        ),
        ("rate", &["'fast'", "0"]),
        ("images", &["'hide'"]),
        ("page", &["0", "501"]),
    ] {
        for value in values {
            let said = lifestream(&format!("{key} = {value}"));
            assert!(said.contains(&format!("faye.toml:2: lifestream.{key}: ")), "{key} = {value}: {said}");
            assert!(said.contains("; write "), "{key} = {value}: {said}");
        }
    }
}

#[test]
fn a_long_value_is_cut() {
    assert!(said(&format!("[server]\nmount = '{}'", "é".repeat(10_000))).len() < 300);
    assert!(said(&format!("[server]\n{} = 1", "m".repeat(10_000))).len() < 300);
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = check(&text, "faye.toml").to_string();
    }

    /// Text that is nearly a file of settings gets further than arbitrary text does.
    #[test]
    fn no_likely_text_panics(pieces in prop::collection::vec(piece(), 0..30)) {
        let text = pieces.concat();
        let lines = text.lines().count().max(1);
        for problem in &check(&text, "faye.toml") {
            prop_assert!(!problem.to_string().contains('\n'), "{}", problem);
            let Origin::File { line: Some(line), .. } = problem.origin else { panic!("no line: {problem}") };
            // An error at the end of the file stands behind the last newline.
            prop_assert!((1..=lines + 1).contains(&line), "{}", problem);
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    let words = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "\n",
        "\r\n",
        " = ",
        ".",
        ",",
        "\"",
        "'",
        "'''",
        "#",
        "é",
        "\u{feff}",
        "\0",
        "1",
        "-1",
        "1e9",
        "0x1f",
        "true",
        "1979-05-27",
        "'2s'",
        "\"64KiB\"",
        "'/a/*'",
        "match",
        "unknown",
    ];
    let key = prop::sample::select(KEYS.to_vec());
    prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        key.clone().prop_map(|key| format!("\n[{}]\n", key.section())),
        key.clone().prop_map(|key| format!("\n{} = ", key.name())),
        key.prop_map(|key| format!("\n[[channel]]\n{} = ", key.name())),
    ]
}

/// A feed that is followed, and more of its keys.
fn feed(name: &str, more: &str) -> String {
    format!("[[feed]]\nname = '{name}'\nurl = 'https://{name}.example/feed'\n{more}")
}

#[cfg(feature = "websub")]
#[test]
fn feeds_that_are_followed() {
    assert_eq!(said(&feed("blog", "")), "");
    let user = "username = 'a'\npassword = 'env:X'\n";
    assert_eq!(said(&(feed("blog", "") + &feed("code", &format!("{user}public = true")))), "");
    // Its channel is for some clients only.
    let rule = |pattern: &str, who: &str| {
        format!("[[channel]]\nmatch = '{pattern}'\nsubscribe = '{who}'\npublish = 'nobody'\n")
    };
    for rules in [
        rule("/feeds/code", "nobody") + &rule("/**", "anyone"),
        rule("/feeds/*", "hook"),
        rule("/x", "anyone"),
    ] {
        assert_eq!(said(&(rules.clone() + &feed("code", user))), "", "{rules}");
    }
    for rules in
        [String::new(), rule("/**", "anyone"), rule("/feeds/*", "anyone") + &rule("/feeds/code", "nobody")]
    {
        let said = said(&(rules.clone() + &feed("code", user)));
        let expected = "feed[1].username: the feed has a username, and any client may subscribe to its channel /feeds/code; \
                        write public = true";
        assert!(said.contains(expected) && said.lines().count() == 1, "{rules}: {said}");
    }
    for (text, expected) in [
        (
            feed("blog", "") + &feed("blog", ""),
            "faye.toml:5: feed[2].name: feed[1] has the name blog too; write another name",
        ),
        (
            feed("blog", "username = 'a'\n"),
            "faye.toml:4: feed[1].username: a username and its password go together",
        ),
        (
            feed("blog", "password = 'a'\n"),
            "faye.toml:4: feed[1].password: a password and its username go together",
        ),
        (
            feed("blog", "username = 'a:b'\npassword = 'a'\n"),
            "faye.toml:4: feed[1].username: a username for HTTP Basic has no colon",
        ),
        (
            "[server]\npublic_url = 'https://a.example'\n[lifestream]\npath = '/feed'\n".to_owned() + &feed("a", ""),
            "feed[1].url: https://a.example/feed is a list of entries of this server",
        ),
        (
            "[server]\npublic_url = 'https://a.example'\n[[channel]]\nmatch = '/feeds/a'\nsyndicate = 'x'\n\
             history = { messages = 9, age = '1h' }\nsubscribe = 'anyone'\npublish = 'nobody'\n[[feed]]\nname = 'a'\n\
             url = 'https://a.example/feeds/x.json'\n"
                .to_owned(),
            "feed[1].url: https://a.example/feeds/x.json is a list of entries of this server",
        ),
        ("[feeds]\nchannel = '/service/{name}'\n".to_owned() + &feed("a", ""), "channels below /service/"),
        ("[feeds]\nchannel = '/meta/{name}'\n".to_owned() + &feed("a", ""), "channels below /meta/"),
        (
            "[limits]\nsegments = 2\n[feeds]\nchannel = '/a/b/{name}'\n".to_owned() + &feed("c", ""),
            "the channels have 3 segments, and limits.segments is 2",
        ),
        (
            "[limits]\nchannel = 32\n".to_owned() + &feed(&"n".repeat(26), ""),
            "nnn has 33 bytes, and limits.channel is 32",
        ),
        (
            "[limits]\ndepth = 4\n".to_owned() + &feed("a", ""),
            "faye.toml:4: feed[1].name: messages of entries are nested 5 deep, and limits.depth is 4",
        ),
        (
            "[redis]\nurl = 'redis://127.0.0.1'\n".to_owned() + &feed("a", ""),
            "with redis.url several instances share their feeds, and an SQLite file belongs to one",
        ),
    ] {
        let said = said(&text);
        assert!(said.contains(expected), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
    }
    let store = "[redis]\nurl = 'redis://127.0.0.1'\n[store]\nurl = 'postgres:///faye'\n";
    assert_eq!(said(&(store.to_owned() + &feed("a", ""))), "");
}

#[cfg(feature = "websub")]
#[test]
fn a_server_follows_a_bounded_number_of_feeds() {
    let feeds = |count: usize| (0..count).map(|at| feed(&format!("f{at}"), "")).collect::<String>();
    assert_eq!(said(&feeds(10_000)), "");
    let said = said(&feeds(10_001));
    assert!(
        said.contains("feed[10001].name: there are 10001 feeds, and one server follows at most 10000"),
        "{said}"
    );
}

#[cfg(feature = "websub")]
#[test]
fn rules_do_not_let_clients_publish_on_the_channels_of_feeds() {
    let rule = |pattern: &str, more: &str| format!("[[channel]]\nmatch = '{pattern}'\n{more}");
    for granting in [
        rule("/feeds/**", ""),
        rule("/feeds/*", "publish = 'token'\n[[key]]\nalgorithm = 'HS256'\nsecret = 'env:X'\n"),
        rule("/feeds/blog", "publish = ['secret']\n[push]\nsecret = 'env:X'\n"),
        rule("/feeds/**", "publish = 'hook'\n[hook]\nurl = 'http://127.0.0.1/'\n"),
    ] {
        let said = said(&(feed("blog", "") + &granting));
        assert!(
            said.contains(": only the server publishes on the channels of feeds")
                && said.contains("channel[1]."),
            "{said}"
        );
        assert!(said.ends_with("write publish = \"nobody\""), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        // Without feeds the channels are like others.
        assert_eq!(self::said(&granting), "");
    }
    for good in [
        rule("/feeds/**", "publish = 'nobody'\n"),
        rule("/feeds/blog/comments", ""),
        rule("/**", ""),
        rule("/feedsback", ""),
    ] {
        assert_eq!(said(&(feed("blog", "") + &good)), "", "{good}");
    }
    let other = "[feeds]\nchannel = '/streams/of/{name}'\n".to_owned() + &feed("blog", "");
    assert_eq!(said(&(other.clone() + &rule("/feeds/**", ""))), "");
    assert!(said(&(other + &rule("/streams/of/*", ""))).contains("(/streams/of/{name})"));
}

#[cfg(feature = "websub")]
#[test]
fn routes_of_feeds_that_overlap_are_refused_with_both_settings() {
    let with = |server: &str, lifestream: &str| {
        let lifestream =
            if lifestream.is_empty() { String::new() } else { format!("path = '{lifestream}'\n") };
        let sections =
            format!("[server]\npublic_url = 'https://push.example'\n{server}\n[lifestream]\n{lifestream}");
        said(&(sections + "[api]\nkey = 'x'\n" + &feed("blog", "")))
    };
    for (server, path, expected) in [
        ("mount = '/lifestream'", "", "server.mount (/lifestream) and lifestream.path (/lifestream) overlap"),
        (
            "mount = '/websub'",
            "",
            "server.mount (/websub) overlaps with /websub/callback, a route of feed[1].name",
        ),
        ("", "/faye", "server.mount (/faye) and lifestream.path (/faye) overlap"),
        ("", "/faye/feeds", "server.mount (/faye) and lifestream.path (/faye/feeds) overlap"),
        ("", "/websub/callback/x", "lifestream.path (/websub/callback/x) overlaps with /websub/callback"),
        ("", "/api", "lifestream.path (/api) overlaps with /api/v1, a route of api.key"),
        ("", "/healthz", "the server answers /healthz itself"),
        ("", "/page", "lifestream.path (/page) overlaps with /page, a route of server.page"),
        ("", "/", "the page of feeds needs a path such as"),
    ] {
        let said = with(server, path);
        assert!(said.contains(expected), "{server} {path}: {said}");
        assert_eq!(said.lines().count(), 1, "{server} {path}: {said}");
    }
    for (server, path) in
        [("", ""), ("", "/life/stream"), ("mount = '/'", ""), ("mount = '/feeds'", ""), ("", "/hub")]
    {
        assert_eq!(with(server, path), "", "{server} {path}");
    }
    let both = |path: &str| said(&(hub(&format!("[lifestream]\npath = '{path}'\n")) + &feed("blog", "")));
    assert!(both("/hub").contains("hub.path (/hub) and lifestream.path (/hub) overlap"), "{}", both("/hub"));
    assert!(both("/feeds").contains("overlaps with /feeds, a route of hub.enabled"), "{}", both("/feeds"));
    assert_eq!(both("/lifestream"), "");
    // Without a page its path is free, and callbacks are reserved still.
    let off = "[lifestream]\nenabled = false\n[server]\nmount = ";
    assert_eq!(said(&(format!("{off}'/lifestream'\n") + &feed("blog", ""))), "");
    assert!(said(&(format!("{off}'/websub'\n") + &feed("blog", ""))).contains("a route of feed[1].name"));
    let without_feeds = "[lifestream]\nenabled = true\n[server]\nmount = '/lifestream'\n";
    assert!(said(without_feeds).contains("server.mount (/lifestream) and lifestream.path"));
}

#[cfg(not(feature = "websub"))]
#[test]
fn a_program_that_follows_no_feeds_says_so() {
    let said = said(&feed("blog", ""));
    assert!(
        said.starts_with("faye.toml:2: feed[1].name: this program was built without the feature"),
        "{said}"
    );
}

#[cfg(not(feature = "javascript"))]
#[test]
fn a_program_that_runs_no_javascript_says_so() {
    let said = said("[extensions]\nfiles = ['a.js']\n");
    assert!(
        said.starts_with(
            "faye.toml:2: extensions.files: this program was built without the feature \"javascript\""
        ),
        "{said}"
    );
}

#[cfg(not(feature = "acme"))]
#[test]
fn a_program_without_acme_says_so() {
    let said = said("[acme]\ndomains = ['push.example']\n");
    assert!(
        said.starts_with("faye.toml:2: acme.domains: this program was built without the feature \"acme\""),
        "{said}"
    );
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_program_without_redis_says_so() {
    let said = said("[redis]\nurl = 'redis://127.0.0.1'\n");
    assert!(
        said.starts_with("faye.toml:2: redis.url: this program was built without the feature \"redis\""),
        "{said}"
    );
}
