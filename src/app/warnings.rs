//! Warnings about valid settings: listeners that are reachable from other machines, weak secrets, rules without effect.
//! It changes nothing, and connects only to a name server.

mod websub;

use crate::auth::never_matching;
use crate::config::{Config, weak_secrets};

/// Returns the warnings about a configuration, each a sentence with a remedy.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found: Vec<_> = exposure(config).into_iter().chain(unknown_hosts(config)).collect();
    found.extend(websub::warnings(config));
    found.extend(without_redis(config));
    found.extend(weak_secrets(config));
    found.extend(never_matching(&config.channel, &config.limits));
    found.iter().map(|warning| config.located(warning)).collect()
}

/// Warns about an unknown public host behind a proxy: the server's own pages then count as foreign.
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

/// Returns a warning about settings of Redis without its URL.
fn without_redis(config: &Config) -> Option<String> {
    let is_unused = config.redis.url.is_none() && config.redis != Config::default().redis;
    is_unused.then(|| "redis: the settings of [redis] have no effect without redis.url; set it".to_owned())
}

/// Returns one warning about the operations that other machines can perform if the server listens beyond loopback.
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
