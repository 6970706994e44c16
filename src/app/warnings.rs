//! Warnings about settings that a server can start with: listeners that are open to other machines, weak secrets, rules
//! without effect. It changes nothing and connects to nothing but a name server.

use crate::config::{Config, TopicPolicy, weak_secrets};
use crate::policy::never_matching;

/// The warnings about some settings, each a sentence that says what to do.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found: Vec<_> = exposure(config).into_iter().chain(unknown_hosts(config)).collect();
    found.extend(hub(config));
    found.extend(feeds(config));
    found.extend(followed(config));
    found.extend(weak_secrets(config));
    found.extend(never_matching(&config.channel, &config.limits));
    found.iter().map(|warning| config.located(warning)).collect()
}

/// A warning if the public host behind a proxy is unknown: its own pages count as foreign then.
fn unknown_hosts(config: &Config) -> Option<String> {
    let has_names = !config.server.hosts.is_empty()
        || !config.browsers.origins.is_empty()
        || !config.acme.domains.is_empty()
        || config.server.public_url.is_some();
    let is_behind_a_proxy = !config.server.trusted_proxies.is_empty();
    (is_behind_a_proxy && !has_names).then(|| {
        "server.trusted_proxies: the public host is unknown, so its pages count as foreign, and their cookies and push \
         secrets are ignored; list the host in server.hosts or browsers.origins"
            .to_owned()
    })
}

/// What strangers can make the hub do, and settings of it without effect.
fn hub(config: &Config) -> Vec<String> {
    let hub = &config.hub;
    let mut found = Vec::new();
    if !hub.enabled {
        let ping = config.ping.first().map(|ping| {
            format!("ping[1].name: the hub is off, so /hub/ping/{} is not served; set hub.enabled", ping.name)
        });
        found.extend(ping);
        return found;
    }
    if hub.policy == TopicPolicy::Open && !config.server.listen.is_loopback() {
        let warning = "hub.policy: with \"open\" any client can have this server fetch and deliver any public URL; write \
                       \"advertised\", or \"listed\" and hub.topics";
        found.push(warning.to_owned());
    }
    if hub.policy == TopicPolicy::Listed
        && hub.topics.is_empty()
        && config.channel.iter().all(|rule| rule.syndicate.is_none())
    {
        found.push(
            "hub.policy: no topic is listed, so every subscription is refused; set hub.topics".to_owned(),
        );
    }
    if !hub.callback_networks.is_empty() {
        let networks: Vec<_> = hub.callback_networks.iter().map(ToString::to_string).collect();
        found.push(format!(
            "hub.callback_networks: any subscriber can have this server send requests to {}; list single addresses where \
             possible",
            networks.join(", ")
        ));
    }
    found
}

/// Feeds of channels that clients need a credential for, because they need one for a session.
fn feeds(config: &Config) -> Option<String> {
    let at = config.channel.iter().position(|rule| rule.syndicate.is_some())?;
    (!config.handshake.allow.anyone).then(|| {
        format!(
            "channel[{}].syndicate: the feed is public, although sessions need a credential (handshake.allow); remove \
             syndicate if the channel is not public",
            at + 1
        )
    })
}

/// What limits the feeds that are followed, and what of them strangers see.
fn followed(config: &Config) -> Vec<String> {
    if !config.follows_feeds() {
        return Vec::new();
    }
    let mut found = Vec::new();
    if config.server.public_url.is_none() {
        let polled = if config.feeds.poll.is_some() {
            "are polled (feeds.poll)"
        } else {
            "with feeds.poll = \"never\" are fetched once"
        };
        found.push(format!(
            "server.public_url: without it hubs cannot send notifications to this server, so feeds {polled}; set it to the \
             address by which other machines reach the server"
        ));
    }
    for (at, feed) in config.feed.iter().enumerate() {
        if feed.username.is_some() && feed.url.starts_with("http:") {
            found.push(format!(
                "feed[{}].username: the password of {} is sent without TLS; write an https URL if the site has one",
                at + 1,
                feed.name
            ));
        }
    }
    if config.serves_lifestream() && !config.handshake.allow.anyone {
        found.push(
            "lifestream.enabled: the page is public, although sessions need a credential (handshake.allow); write false if \
             the feeds are not public"
                .to_owned(),
        );
    }
    found
}

/// What other machines can do if the server listens beyond loopback, as one warning.
fn exposure(config: &Config) -> Option<String> {
    let listen = &config.server.listen;
    if listen.is_loopback() {
        return None;
    }
    let findings = [
        (
            config.channel.is_empty(),
            "any client may publish and subscribe to any channel (write [[channel]] rules)",
        ),
        (
            !config.speaks_tls() && config.server.trusted_proxies.is_empty(),
            "messages and secrets are sent without TLS (set [tls] or [acme], or list the proxy that terminates TLS in \
             server.trusted_proxies)",
        ),
        (config.admin.listen.is_none(), "/metrics, /healthz and /readyz are public (set admin.listen)"),
        (config.serves_page(), "any visitor of the page at / may publish (set server.page = \"off\")"),
    ];
    let findings: Vec<_> =
        findings.into_iter().filter(|(is_found, _)| *is_found).map(|(_, finding)| finding).collect();
    (!findings.is_empty())
        .then(|| format!("server.listen: {listen} is open to other machines: {}", findings.join("; ")))
}
