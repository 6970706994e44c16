//! Pings of code hosts (`[[ping]]`): what each kind sends is told from what others send, and makes the topics due.

use crate::support::hub::FORM;
use crate::support::{Faye, Response, Web, WebResponse, encode, hub};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const KINDS: [&str; 6] = ["gogs", "gogs-body", "gitea", "forgejo", "github", "gitlab"];
const SECRET: &str = "a secret of the sender, 0123456789";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// The payload of a push as the documentation of each sender shows it.
fn push(kind: &str, reference: &str) -> Value {
    let before = "28e1879d029cb852e4844d9c718537df08844e03";
    let after = "bffeb74224043ba2feb48d137756c8a9331c449a";
    if kind == "gitlab" {
        return json!({
            "object_kind": "push", "event_name": "push", "before": before, "after": after, "ref": reference,
            "ref_protected": true, "checkout_sha": after, "user_id": 4, "user_name": "Ann", "user_username": "ann",
            "project_id": 15,
            "project": {"id": 15, "name": "site", "web_url": "https://gitlab.example/ann/site", "default_branch": "main"},
            "commits": [{"id": after, "message": "Write a post\n", "timestamp": "2026-11-30T03:04:05+01:00",
                "author": {"name": "Ann", "email": "ann@example.org"}, "added": ["_posts/a.md"], "modified": [],
                "removed": []}],
            "total_commits_count": 1,
        });
    }
    let user =
        json!({"id": 1, "login": "ann", "full_name": "Ann", "email": "ann@example.org", "username": "ann"});
    let mut payload = json!({
        "ref": reference, "before": before, "after": after,
        "compare_url": "https://code.example/ann/site/compare/28e1879...bffeb74",
        "commits": [{"id": after, "message": "Write a post \u{2713} & <more>\n",
            "url": "https://code.example/ann/site/commit/bffeb74", "author": user, "committer": user,
            "timestamp": "2026-11-30T03:04:05+01:00"}],
        "repository": {"id": 140, "owner": user, "name": "site", "full_name": "ann/site", "private": false,
            "html_url": "https://code.example/ann/site", "default_branch": "main"},
        "pusher": user, "sender": user,
    });
    if kind == "gogs-body" {
        payload["secret"] = SECRET.into();
    }
    if kind == "github" {
        payload["created"] = false.into();
        payload["head_commit"] = payload["commits"][0].clone();
    }
    payload
}

fn code(secret: &str, body: &[u8]) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    code.update(body);
    data_encoding::HEXLOWER.encode(&code.finalize().into_bytes())
}

/// The headers that a kind sends for an event.
fn headers(kind: &str, event: &str, secret: &str, signed: &[u8]) -> Vec<(&'static str, String)> {
    let (code, event) = (code(secret, signed), event.to_owned());
    match kind {
        "gogs" => vec![("X-Gogs-Event", event), ("X-Gogs-Signature", code)],
        "gogs-body" => vec![("X-Gogs-Event", event)],
        "gitea" => {
            vec![("X-Gitea-Event", event.clone()), ("X-Gitea-Signature", code), ("X-Gogs-Event", event)]
        }
        "forgejo" => vec![
            ("X-Forgejo-Event", event.clone()),
            ("X-Forgejo-Signature", code),
            ("X-Gitea-Event", event.clone()),
            ("X-Gogs-Event", event),
        ],
        "github" => {
            vec![("X-GitHub-Event", event), ("X-Hub-Signature-256", format!("sha256={code}"))]
        }
        "gitlab" => {
            let event = if event == "push" { "Push Hook".to_owned() } else { format!("{event} Hook") };
            vec![("X-Gitlab-Event", event), ("X-Gitlab-Token", secret.to_owned())]
        }
        _ => unreachable!(),
    }
}

/// A server with one ping for each kind, a topic for each of them, and a callback that is subscribed to all topics.
struct World {
    faye: Faye,
    /// Serves the topics at `/NAME`.
    topics: Web,
    callback: Web,
}

impl World {
    /// `more` are further pings in TOML, whose `topics` are `TOPIC/name`.
    fn start(more: &str, names: &[&str]) -> Self {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let topics = Web::start(move |request| {
            let count = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Some(
                WebResponse::new(200, format!("{} {count}", request.path()))
                    .with("Content-Type", "text/plain"),
            )
        });
        let kinds = KINDS.map(|kind| {
            format!("[[ping]]\nname = \"{kind}\"\nkind = \"{kind}\"\nsecret = \"{SECRET}\"\ntopics = [\"TOPIC/{kind}\"]\n")
        });
        let file = (kinds.concat() + more).replace("TOPIC", topics.url("").as_str());
        let faye = hub::start_with_file(&file, &[]);
        let callback = Web::callback();
        for name in KINDS.iter().chain(names) {
            let body = encode(&[
                ("hub.mode", "subscribe"),
                ("hub.topic", &topics.url(&format!("/{name}"))),
                ("hub.callback", &callback.url(&format!("/{name}"))),
                // The answer comes when the subscription is active.
                ("hub.verify", "sync"),
            ]);
            let response = faye.http().request("POST", "/hub", &[FORM], body.as_bytes());
            assert_eq!(response.status, 204, "{}", response.text());
        }
        callback.so_far();
        topics.so_far();
        Self { faye, topics, callback }
    }

    fn send(
        &self,
        name: &str,
        kind: &[(&str, &str)],
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Response {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = kind.iter().copied().chain(headers).collect();
        self.faye.http().request("POST", &format!("/hub/ping/{name}"), &headers, body)
    }

    /// Sends a push as it ought to be.
    fn push(&self, kind: &str) -> Response {
        let body = push(kind, "refs/heads/main").to_string();
        self.send(kind, &[JSON], &headers(kind, "push", SECRET, body.as_bytes()), body.as_bytes())
    }

    /// Waits until the topic of a name was delivered.
    #[track_caller]
    fn assert_pinged(&self, name: &str) {
        let request = self.topics.next();
        assert_eq!((request.method.as_str(), request.target), ("GET", format!("/{name}")));
        let delivery = self.callback.next_where(|request| request.method == "POST");
        assert_eq!(delivery.target, format!("/{name}"));
    }

    /// Fails if a topic was fetched for anything before; all such fetches are older than those that this waits for.
    #[track_caller]
    fn assert_nothing_was_pinged(&self) {
        for _ in 0..2 {
            assert_eq!(self.push("gitea").status, 204);
            self.assert_pinged("gitea");
        }
        assert!(self.topics.so_far().is_empty());
    }
}

#[test]
fn a_push_with_the_right_signature_delivers_the_topic() {
    let world = World::start("", &[]);
    for kind in KINDS {
        let response = world.push(kind);
        assert_eq!((response.status, response.body.as_slice()), (204, &b""[..]), "{kind}");
        world.assert_pinged(kind);
    }
    let metric = "faye_hub_requests_total{mode=\"ping\",code=\"204\"}";
    assert_eq!(world.faye.metric(metric), KINDS.len() as u64);
}

#[test]
fn a_missing_or_wrong_signature_is_refused_alike() {
    let world = World::start("", &[]);
    let mut refusals = Vec::new();
    let mut refused = |kind: &str, headers: &[(&'static str, String)], body: &str| {
        let response = world.send(kind, &[JSON], headers, body.as_bytes());
        assert_eq!(response.status, 403, "{kind} {headers:?}");
        refusals.push((response.text(), response.header("Content-Type").map(str::to_owned)));
    };
    for kind in KINDS {
        let mut payload = push(kind, "refs/heads/main");
        let right = payload.to_string();
        payload["secret"] = "another".into();
        let body = payload.to_string();
        refused(kind, &headers(kind, "push", "another", body.as_bytes()), &body);
        payload.as_object_mut().unwrap().remove("secret");
        let body = payload.to_string();
        let event = headers(kind, "push", SECRET, body.as_bytes()).remove(0);
        refused(kind, &[event], &body);
        // The signatures of all other kinds do not count.
        let others = KINDS.into_iter().filter(|other| *other != kind);
        let others: Vec<_> =
            others.flat_map(|other| headers(other, "push", SECRET, body.as_bytes())).collect();
        let own = headers(kind, "push", SECRET, body.as_bytes()).pop().unwrap().0;
        let others: Vec<_> =
            others.into_iter().filter(|(name, _)| *name != own || kind == "gogs-body").collect();
        refused(kind, &others, &body);
        if !matches!(kind, "gogs-body" | "gitlab") {
            // The body was changed on its way.
            let signed = headers(kind, "push", SECRET, right.as_bytes());
            refused(kind, &signed, &right.replace("site", "cite"));
            let short = signed.iter().map(|(name, value)| (*name, value[..value.len() - 2].to_owned()));
            refused(kind, &short.collect::<Vec<_>>(), &right);
        }
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    world.assert_nothing_was_pinged();
}

#[test]
fn other_events_are_taken_and_have_no_effect() {
    let world = World::start("", &[]);
    for kind in KINDS {
        for event in ["issues", "ping", "create", "Tag Push"] {
            let mut payload = json!({"action": "opened", "ref": "refs/tags/v1", "zen": "Keep it simple."});
            if kind == "gogs-body" {
                payload["secret"] = SECRET.into();
            }
            let body = payload.to_string();
            let response =
                world.send(kind, &[JSON], &headers(kind, event, SECRET, body.as_bytes()), body.as_bytes());
            assert_eq!((response.status, response.body.as_slice()), (204, &b""[..]), "{kind} {event}");
        }
    }
    world.assert_nothing_was_pinged();
}

#[test]
fn only_pushes_to_the_branches_of_the_settings_count() {
    let ping = |name: &str, kind: &str| {
        format!(
            "[[ping]]\nname = \"{name}\"\nkind = \"{kind}\"\nsecret = \"{SECRET}\"\ntopics = [\"TOPIC/{name}\"]\n\
             branches = [\"main\", \"feature/x\"]\n"
        )
    };
    let file = KINDS.map(|kind| ping(&format!("{kind}-branch"), kind)).concat();
    let names = KINDS.map(|kind| format!("{kind}-branch"));
    let world = World::start(&file, &names.each_ref().map(String::as_str));
    let send = |kind: &str, reference: &str| {
        let body = push(kind, reference).to_string();
        let headers = headers(kind, "push", SECRET, body.as_bytes());
        assert_eq!(world.send(&format!("{kind}-branch"), &[JSON], &headers, body.as_bytes()).status, 204);
    };
    for kind in KINDS {
        for other in ["refs/heads/mainly", "refs/heads/x", "refs/tags/main", "main", "refs/heads/feature", ""]
        {
            send(kind, other);
        }
    }
    world.assert_nothing_was_pinged();
    for kind in KINDS {
        for own in ["refs/heads/main", "refs/heads/feature/x"] {
            send(kind, own);
            world.assert_pinged(&format!("{kind}-branch"));
        }
    }
}

#[test]
fn forms_with_a_payload_are_read() {
    let world = World::start("", &[]);
    for kind in ["gogs", "gogs-body", "gitea", "forgejo", "github"] {
        let payload = push(kind, "refs/heads/main").to_string();
        let body = encode(&[("payload", &payload)]);
        // GitHub signs the body, the others sign the payload.
        let signed = if kind == "github" { &body } else { &payload };
        let response =
            world.send(kind, &[FORM], &headers(kind, "push", SECRET, signed.as_bytes()), body.as_bytes());
        assert_eq!(response.status, 204, "{kind}");
        world.assert_pinged(kind);
        let body = encode(&[("other", &payload)]);
        let response =
            world.send(kind, &[FORM], &headers(kind, "push", SECRET, body.as_bytes()), body.as_bytes());
        assert_eq!(response.status, 400, "{kind}: {}", response.text());
    }
}

#[test]
fn what_is_no_ping_is_told_why() {
    let world = World::start("", &[]);
    for kind in KINDS {
        for body in ["", "{", "[]", "[\"refs/heads/main\"]", "payload=1"] {
            let response =
                world.send(kind, &[JSON], &headers(kind, "push", SECRET, body.as_bytes()), body.as_bytes());
            assert_eq!(response.status, 400, "{kind} {body}");
            assert!(response.text().contains("payload"), "{}", response.text());
        }
        let response = world.faye.get(&format!("/hub/ping/{kind}"));
        assert_eq!((response.status, response.header("Allow")), (405, Some("POST")));
    }
    for name in ["unknown", "", "gitea/x", "GITEA"] {
        let body = push("gitea", "refs/heads/main").to_string();
        let response =
            world.send(name, &[JSON], &headers("gitea", "push", SECRET, body.as_bytes()), body.as_bytes());
        assert_eq!(response.status, 404, "{name}");
    }
    let body = push("gitea", "refs/heads/main").to_string();
    let origin = [JSON, ("Origin", "https://page.example")];
    let response =
        world.send("gitea", &origin, &headers("gitea", "push", SECRET, body.as_bytes()), body.as_bytes());
    assert_eq!(response.status, 403, "a page of another origin");
    // Pushes are large now and then.
    let mut large = push("github", "refs/heads/main");
    large["commits"] = vec![large["commits"][0].clone(); 8000].into();
    let body = large.to_string();
    assert!(body.len() > 2_000_000);
    let response =
        world.send("github", &[JSON], &headers("github", "push", SECRET, body.as_bytes()), body.as_bytes());
    assert_eq!(response.status, 204);
    world.assert_pinged("github");
    let body = "x".repeat(5 * 1024 * 1024 + 1);
    let response =
        world.send("github", &[JSON], &headers("github", "push", SECRET, body.as_bytes()), body.as_bytes());
    assert_eq!(response.status, 413);
    world.assert_nothing_was_pinged();
    let metric =
        |code: u16| world.faye.metric(&format!("faye_hub_requests_total{{mode=\"ping\",code=\"{code}\"}}"));
    assert_eq!((metric(400), metric(405), metric(404), metric(403)), (30, 6, 4, 1));
}

/// The script of the seed pings the hub with what Gogs sends; a ping of the same kind replaces it.
#[test]
fn gogs_with_its_secret_in_the_body_pings_the_hub() {
    let world = World::start("", &[]);
    assert_eq!(world.push("gogs-body").status, 204);
    world.assert_pinged("gogs-body");
}
