//! The first lines of a server: its address, access rules, and the URLs of the page, the hub, health and metrics. It
//! prints nothing.

use std::net::SocketAddr;

use crate::config::{Access, Config, PageOrigin, TopicPolicy};

/// Returns the lines for a server at a URL.
pub(super) fn start_lines(config: &Config, url: &str, admin: Option<SocketAddr>) -> Vec<String> {
    let mut lines = vec![format!("faye {} is listening on {url}", env!("CARGO_PKG_VERSION")), access(config)];
    lines.extend(
        page(config, url).map(|page| format!("Open {page} in a browser to see it work. Ctrl-C stops it.")),
    );
    lines.extend(hub(config));
    lines.extend(
        admin.map(|admin| format!("Health and metrics are on http://{admin}/healthz, /readyz and /metrics")),
    );
    lines
}

/// Returns the URL of the hub and its policy, if it is enabled.
fn hub(config: &Config) -> Option<String> {
    let hub = &config.hub;
    let public_url = config.server.public_url.as_ref().filter(|_| hub.enabled)?;
    let topics = match hub.policy {
        TopicPolicy::Advertised => "topics that name it",
        TopicPolicy::Listed => "topics of hub.topics",
        TopicPolicy::Open => "any topic",
    };
    Some(format!("The WebSub hub is {public_url}{} and accepts {topics}", hub.path))
}

/// Returns the URL of the page, if it is served.
pub(super) fn page(config: &Config, url: &str) -> Option<String> {
    let origin = url.strip_suffix(config.server.mount.as_str()).unwrap_or(url);
    config.serves_page().then(|| format!("{}/", reachable(origin)))
}

/// Returns a URL of this machine in place of one with the unspecified address, which clients cannot connect to.
pub(super) fn reachable(url: &str) -> String {
    url.replace("://[::]:", "://127.0.0.1:").replace("://0.0.0.0:", "://127.0.0.1:")
}

/// Returns which clients and pages may publish and subscribe.
fn access(config: &Config) -> String {
    let publish = Rights::of(config, |rule| rule.publish);
    let subscribe = Rights::of(config, |rule| rule.subscribe);
    let sessions = config.handshake.allow;
    if publish.is_open() && subscribe.is_open() && sessions.anyone {
        let pages = pages(config);
        return format!("Any client may publish and subscribe, {pages}; write rules: docs/security.md");
    }
    let mut parts = Vec::new();
    if !sessions.anyone {
        parts.push(format!("Sessions: {}", words(sessions)));
    }
    parts.push(format!("publish: {}", publish.text()));
    parts.push(format!("subscribe: {}", subscribe.text()));
    parts.push(match config.channel.len() {
        0 => "no rules".to_owned(),
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    });
    parts.push(pages(config));
    let text = parts.join("; ");
    // Capitalized as a separate sentence.
    text[..1].to_uppercase() + &text[1..]
}

/// The rights of all channels.
struct Rights {
    /// Those of the rules, and of channels without a rule, each once.
    all: Vec<Access>,
}

impl Rights {
    fn of(config: &Config, right: impl Fn(&crate::config::ChannelRule) -> Access) -> Self {
        let mut all: Vec<Access> = Vec::new();
        let mut add = |access| {
            if !all.contains(&access) {
                all.push(access);
            }
        };
        config.channel.iter().for_each(|rule| add(right(rule)));
        if config.channel.iter().all(|rule| rule.pattern != "/**") {
            // Channels without a rule are open.
            add(Access::ANYONE);
        }
        Self { all }
    }

    fn is_open(&self) -> bool {
        self.all.iter().all(|access| access.anyone)
    }

    fn text(&self) -> String {
        match self.all.as_slice() {
            [access] => words(*access),
            several => {
                let each: Vec<String> = several.iter().map(|access| words(*access)).collect();
                format!("by channel ({})", each.join(", "))
            }
        }
    }
}

/// One access in the words of the settings.
fn words(access: Access) -> String {
    if access.anyone {
        return "anyone".to_owned();
    }
    let ways = [(access.secret, "secret"), (access.token, "token"), (access.hook, "hook")];
    let ways: Vec<&str> = ways.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect();
    if ways.is_empty() { "nobody".to_owned() } else { ways.join(" or ") }
}

fn pages(config: &Config) -> String {
    let origins = &config.browsers.origins;
    if origins.is_empty() || origins.contains(&PageOrigin::Any) {
        "from pages of any origin".to_owned()
    } else if let [_] = origins.as_slice() {
        "from its own pages and those of 1 origin".to_owned()
    } else {
        format!("from its own pages and those of {} origins", origins.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    /// Returns the second line for these settings.
    fn line(text: &str) -> String {
        lines(text).swap_remove(1)
    }

    fn lines(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faye.toml");
        std::fs::write(&file, text).unwrap();
        let config = load(Some(&file), std::iter::empty::<(String, String)>(), &[]).unwrap();
        start_lines(&config, "http://127.0.0.1:8000/faye", None)
    }

    #[test]
    fn a_line_names_the_hub() {
        for (settings, expected) in [
            ("", "The WebSub hub is https://push.example/hub and accepts topics that name it"),
            (
                "path = '/x/'\npolicy = 'open'",
                "The WebSub hub is https://push.example/x and accepts any topic",
            ),
            (
                "policy = 'listed'",
                "The WebSub hub is https://push.example/hub and accepts topics of hub.topics",
            ),
        ] {
            let text =
                format!("[server]\npublic_url = 'https://push.example/'\n[hub]\nenabled = true\n{settings}");
            assert_eq!(lines(&text).last().map(String::as_str), Some(expected), "{settings}");
        }
        assert!(lines("").iter().all(|line| !line.contains("hub")));
    }

    #[test]
    fn the_second_line_says_what_is_open_to_whom() {
        let origins = "[browsers]\norigins = ['https://a.example', 'https://b.example']\n";
        let secret = "[[channel]]\nmatch = '/**'\npublish = 'secret'\n";
        let some = "[[channel]]\nmatch = '/a/**'\npublish = ['token', 'hook']\nsubscribe = 'token'\n";
        let cases = [
            (
                String::new(),
                "Any client may publish and subscribe, from pages of any origin; write rules: docs/security.md",
            ),
            (
                origins.to_owned(),
                "Any client may publish and subscribe, from its own pages and those of 2 origins; write rules: \
                 docs/security.md",
            ),
            (secret.to_owned(), "Publish: secret; subscribe: anyone; 1 rule; from pages of any origin"),
            (
                some.to_owned(),
                "Publish: by channel (token or hook, anyone); subscribe: by channel (token, anyone); 1 rule; from \
                 pages of any origin",
            ),
            (
                format!("[handshake]\nallow = 'token'\n{some}{secret}"),
                "Sessions: token; publish: by channel (token or hook, secret); subscribe: by channel (token, anyone); \
                 2 rules; from pages of any origin",
            ),
            (
                "[[channel]]\nmatch = '/**'\npublish = 'nobody'\n".to_owned(),
                "Publish: nobody; subscribe: anyone; 1 rule; from pages of any origin",
            ),
        ];
        for (settings, expected) in cases {
            assert_eq!(line(&settings), expected, "{settings}");
        }
    }
}
