//! Settings of the hub, of feeds and of the store that a server can start with, and that have no effect: what `faye check`
//! says about them.

use super::{file, run, text};

const HUB: &str = "[server]\npublic_url = 'https://push.example'\n[hub]\nenabled = true\n";

/// The output of `faye check` for a valid file.
fn said(settings: &str) -> String {
    let (_folder, path) = file(settings);
    run(&["check", text(&path)], &[]).succeeds()
}

#[test]
fn private_addresses_and_the_networks_that_allow_them() {
    for (settings, expected) in [
        (
            format!("{HUB}topic_networks = ['10.0.0.0/8']"),
            "hub.topic_networks: only topics of hub.topics are fetched from 10.0.0.0/8, and none of them can be there; \
             add their URLs to hub.topics",
        ),
        (
            format!("{HUB}topics = ['http://192.168.1.5/']\ntopic_networks = ['192.168.1.0/24', '10.0.0.0/8']"),
            "hub.topic_networks: only topics of hub.topics are fetched from 10.0.0.0/8,",
        ),
        (
            format!("{HUB}topics = ['http://192.168.1.5/']"),
            "hub.topics: http://192.168.1.5/ is at a private address, and hub.topic_networks does not allow it; add \
             \"192.168.1.5\"",
        ),
        (
            format!(
                "{HUB}[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = '0123456789abcdef'\ntopics = ['http://[::1]/']"
            ),
            "ping[1].topics: http://[::1]/ is at a private address, and hub.topic_networks does not allow it; add \"::1\"",
        ),
        (
            format!(
                "{HUB}policy = 'listed'\ntopics = ['https://a.example/']\n[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = \
                 '0123456789abcdef'\ntopics = ['https://b.example/']"
            ),
            "ping[1].topics: hub.topics does not have https://b.example/, so it has no subscribers; add it there",
        ),
        (
            "[[feed]]\nname = 'a'\nurl = 'http://10.0.0.1/feed'".to_owned(),
            "feed[1].url: http://10.0.0.1/feed is at a private address, and feeds.networks does not allow it; add \
             \"10.0.0.1\"",
        ),
        (
            "[[feed]]\nname = 'a'\nurl = 'http://[::ffff:127.0.0.1]/'".to_owned(),
            "feed[1].url: http://[::ffff:127.0.0.1]/ is at a private address, and feeds.networks does not allow it; add \
             \"127.0.0.1\"",
        ),
        (
            "[[feed]]\nname = 'a'\nurl = 'http://0/'".to_owned(),
            "feed[1].url: http://0/ is at 0.0.0.0, and no setting allows that; write the address of its host",
        ),
        (
            "[feeds]\nnetworks = ['10.0.0.0/8']\n[[feed]]\nname = 'a'\nurl = 'http://9.9.9.9/feed'\nhub = 'none'"
                .to_owned(),
            "feeds.networks: only feeds of [[feed]] are fetched from 10.0.0.0/8, and none of them can be there; correct or \
             remove it",
        ),
    ] {
        let said = said(&settings);
        assert!(said.contains(expected), "{settings}: {said}");
    }
    for settings in [
        format!("{HUB}topics = ['http://feeds.internal/']\ntopic_networks = ['10.0.0.0/8']"),
        format!("{HUB}topics = ['http://localhost/']\ntopic_networks = ['127.0.0.0/8']"),
        format!("{HUB}topics = ['http://10.1.2.3/']\ntopic_networks = ['10.0.0.0/8']"),
        format!("{HUB}policy = 'open'\ntopic_networks = ['10.0.0.0/8']"),
        format!("{HUB}topics = ['http://9.9.9.9/']"),
        "[feeds]\nnetworks = ['10.0.0.0/8']\n[[feed]]\nname = 'a'\nurl = 'http://feeds.internal/'".to_owned(),
    ] {
        let said = said(&settings);
        assert!(!said.contains("networks"), "{settings}: {said}");
    }
}

#[test]
fn networks_of_callbacks_that_are_single_addresses() {
    let with = |networks: &str| said(&format!("{HUB}callback_networks = [{networks}]"));
    let one = with("'127.0.0.1/32', '::1'");
    assert!(one.contains("any subscriber can have this server send requests to 127.0.0.1, ::1"), "{one}");
    assert!(!one.contains("single addresses"), "{one}");
    let both = with("'127.0.0.1/32', '10.0.0.0/8'");
    assert!(both.contains("127.0.0.1, 10.0.0.0/8; list single addresses"), "{both}");
}

#[test]
fn a_file_of_the_store_in_a_folder_that_does_not_exist() {
    let store = |url: &str| format!("{HUB}[store]\nurl = 'sqlite:{url}'");
    for (url, expected) in [
        ("/no/such/folder/faye.db", ":6: store.url: the folder /no/such/folder does not exist; create it"),
        ("/", ":6: store.url: / is a folder; write the path of a file"),
        ("", ":6: store.url: sqlite: is followed by the path of a file"),
        ("x.db?mode=ro", ":6: store.url: sqlite: is followed by the path of a file"),
    ] {
        let (folder, path) = file(&store(url));
        for arguments in
            [&["check", text(&path)][..], &["check", "--offline", text(&path)], &["--config", text(&path)]]
        {
            let ran = super::run_in(folder.path(), arguments, &[("FAYE_SERVER__LISTEN", "127.0.0.1:0")]);
            ran.fails_with(&[expected]);
        }
    }
    let (folder, path) = file(&store("new.db"));
    super::run_in(folder.path(), &["check", text(&path)], &[]).succeeds();
    assert!(!folder.path().join("new.db").exists(), "a check writes no file");
    // Nothing uses it.
    said("[store]\nurl = 'sqlite:/no/such/folder/faye.db'");
}

#[test]
fn settings_of_parts_that_are_off() {
    for (settings, expected) in [
        (
            "[hub]\ntopics = ['https://a.example/']",
            "hub: the settings of [hub] have no effect, because the hub is off; set hub.enabled = true",
        ),
        (
            "[lifestream]\ntitle = 'x'",
            "lifestream: the settings of [lifestream] have no effect, because no feeds are followed; add a [[feed]], or set \
             lifestream.enabled = true",
        ),
        (
            "[feeds]\npoll = '5m'",
            "feeds: the settings of [feeds] have no effect, because no feeds are followed; add a [[feed]]",
        ),
        ("[redis]\nprefix = 'x'", "redis: the settings of [redis] have no effect without redis.url; set it"),
        (
            "[push]\nsecret = '${FAYE_PUSH_SECRET}'",
            "push.secret: this is the name of a variable and not its value; write env:FAYE_PUSH_SECRET",
        ),
        (
            "[push]\nsecret = 'ENV:FAYE_PUSH_SECRET'",
            "push.secret: this is the name of a variable and not its value",
        ),
    ] {
        let said = said(settings);
        assert!(said.contains(expected), "{settings}: {said}");
    }
    for settings in [
        "[hub]\nenabled = false\ntopics = ['https://a.example/']",
        "[lifestream]\nenabled = false\ntitle = 'x'",
        "[feeds]\npoll = '5m'\n[lifestream]\nenabled = true",
    ] {
        let said = said(settings);
        assert!(!said.contains("off") && !said.contains("followed"), "{settings}: {said}");
    }
}

#[test]
fn secrets_in_variables_and_files_have_no_white_space_around_them() {
    let (folder, path) = file("[api]\nkey = 'env:KEY'\n[push]\nsecret = 'file:secret'\n");
    let check = |key: &str, secret: &str| {
        std::fs::write(folder.path().join("secret"), secret).expect("a file");
        super::run_in(folder.path(), &["check", text(&path)], &[("KEY", key)])
    };
    let good = "0123456789abcdef";
    check(&format!("{good}\r\n"), &format!("{good}\n\n")).succeeds();
    check(&format!("{good} "), good)
        .fails_with(&[":2: api.key: there is white space around the secret in env:KEY; write it without"]);
    check(good, &format!(" {good}\n")).fails_with(&[
        ":4: push.secret: there is white space around the secret in file:secret; write it without",
    ]);
    check(good, &format!("{good} \n")).fails_with(&[
        ":4: push.secret: there is white space around the secret in file:secret; write it without",
    ]);
    check(&format!("{good}\n{good}"), good).fails_with(&[":2: api.key: clients send the key in a header"]);
}

#[test]
fn a_missing_variable_of_a_command() {
    let (_folder, path) = file("[api]\nkey = 'env:NO_SUCH_VARIABLE'\n");
    for command in [&["hub", "status"][..], &["feeds", "list"]] {
        let arguments = [command, &["--config", text(&path)]].concat();
        run(&arguments, &[]).fails_with(&[
            "api.key: the variable NO_SUCH_VARIABLE is not set; set it in the environment of this command",
        ]);
    }
    run(&["check", text(&path)], &[])
        .fails_with(&["the variable NO_SUCH_VARIABLE is not set; set it in the environment of the server"]);
}

#[test]
fn a_variable_that_commands_use_gives_no_warning() {
    let (_folder, path) = file("");
    let key = [("FAYE_API_KEY", "0123456789abcdef")];
    assert_eq!(run(&["check", text(&path)], &key).succeeds(), format!("{} is valid\n", text(&path)));
    let said = run(&["check", text(&path)], &[("FAYE_API_KEYS", "x")]).succeeds();
    assert!(said.contains("FAYE_API_KEYS has no effect"), "{said}");
}
