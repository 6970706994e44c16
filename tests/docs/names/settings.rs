//! Settings and metrics.

use std::collections::BTreeMap;
use std::path::Path;

use faye_server::config::{KEYS, RENAMED};
use faye_server::metrics::{Cause, Metrics, Reason};

use super::sources::code;

/// Every setting with its default, which is that of `faye.toml`: tests hold the two together.
pub(crate) fn settings() -> String {
    let mut defaults = BTreeMap::new();
    let mut section = String::new();
    for line in include_str!("../../../faye.toml").lines() {
        let (line, is_example) = line.strip_prefix('#').map_or((line, false), |line| (line, true));
        if let Some(header) = line.strip_prefix('[').filter(|_| !line.contains(" = ")) {
            section = header.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            let value = if is_example { "none".to_owned() } else { format!("`{value}`") };
            defaults.entry(format!("{section}.{name}")).or_insert(value);
        }
    }
    let rows: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let path = key.path();
            // The examples of rules show other values.
            if matches!(path.as_str(), "channel.publish" | "channel.subscribe") {
                return format!("| `{path}` | `\"anyone\"` | {} |", key.accepts());
            }
            let default = defaults.get(&path).unwrap_or_else(|| panic!("faye.toml has no {path}"));
            format!("| `{path}` | {default} | {} |", key.accepts())
        })
        .collect();
    let renamed: Vec<_> = RENAMED
        .iter()
        .map(|renamed| format!("| `{0}.{1}` | `{0}.{2}` |", renamed.section, renamed.old, renamed.new))
        .collect();
    format!(
        "## Settings\n\n\
         Each is a key of `faye.toml`. Except those of `[[key]]`, `[[channel]]` and `[[ping]]`, each is also a variable: \
         `server.timeout` is `FAYE_SERVER__TIMEOUT`.\n\n\
         | setting | default | accepts |\n| --- | --- | --- |\n{}\n\n\
         An old name is an error that gives the new one:\n\n\
         | old name | name |\n| --- | --- |\n{}\n",
        rows.join("\n"),
        renamed.join("\n"),
    )
}

/// Every metric of `/metrics`.
pub(crate) fn metrics() -> String {
    let metrics = Metrics::default();
    // These appear with their first value only.
    metrics.redis.set_up(true);
    metrics.hub.enable();
    metrics.hub.enable_store();
    metrics.feeds.enable();
    metrics.feeds.entries("a", "created", 1);
    metrics.feeds.poll("a", "changed");
    metrics.feeds.missed("a", 1);
    metrics.feeds.push("a", "read");
    metrics.feeds.callback("push", 204);
    metrics.feeds.call("accepted");
    metrics.feeds.publications("published", 1);
    metrics.feeds.set_state("active", 1);
    metrics.hub.request("subscribe", 202);
    metrics.hub.fetch("changed");
    metrics.hub.delivery("delivered");
    metrics.hub.refuse_fetch("topics");
    metrics.refuse(Reason::body);
    metrics.evict(Cause::memory);
    let text = metrics.text();
    let mut rows = Vec::new();
    for line in text.lines() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let kind = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap();
        let sample = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        rows.push(format!("| `{sample}` | {kind} | {} | {help} |", labels(&text, &sample)));
    }
    assert!(rows.len() > 40, "too few metrics: {text}");
    rows.sort();
    format!(
        "## Metrics\n\nAt `/metrics`. A label without a value yet is not in the output.\n\n\
         | metric | type | labels | meaning |\n| --- | --- | --- | --- |\n{}\n",
        rows.join("\n")
    )
}

/// The labels of a metric with all their values.
fn labels(text: &str, sample: &str) -> String {
    // Their values are in the sources only, as arguments.
    match sample {
        "faye_hub_requests_total" => return "`mode`, `code`".to_owned(),
        "faye_hub_fetches_total" | "faye_hub_deliveries_total" => return "`result`".to_owned(),
        "faye_fetch_refused_total" => return "`class`".to_owned(),
        "faye_feed_entries_total" => return "`feed`, `change`".to_owned(),
        "faye_feed_missed_total" => return "`feed`".to_owned(),
        "faye_feed_polls_total" | "faye_feed_pushes_total" => return "`feed`, `result`".to_owned(),
        "faye_feed_calls_total" | "faye_feed_publications_total" => return "`result`".to_owned(),
        "faye_feeds" => return "`state`".to_owned(),
        _ => {}
    }
    let mut values = Vec::new();
    let mut label = String::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(sample)?.strip_prefix('{')) {
        let (name, value) = line.split_once("=\"").unwrap();
        assert!(
            label.is_empty() || label == name,
            "{sample} has several labels; teach this test to list them"
        );
        label = name.to_owned();
        values.push(value.split('"').next().unwrap().to_owned());
    }
    match label.as_str() {
        "" => return String::new(),
        "reason" => values = variants("Reason"),
        "cause" => values = variants("Cause"),
        _ => values.sort(),
    }
    let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
    format!("`{label}`: {}", values.join(", "))
}

/// The values of a label are the names of the variants of an enum.
fn variants(name: &str) -> Vec<String> {
    let file = syn::parse_file(&code(Path::new("src/metrics.rs"))).unwrap();
    let found = file.items.into_iter().find_map(|item| match item {
        syn::Item::Enum(found) if found.ident == name => Some(found),
        _ => None,
    });
    found.unwrap().variants.iter().map(|variant| variant.ident.to_string()).collect()
}
