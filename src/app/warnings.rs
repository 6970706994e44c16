//! What is doubtful about settings by which a server can start: listeners that are open to others, secrets that can be
//! guessed, rules without effect. It changes nothing and connects to nothing but a name server.

use crate::config::{Config, weak_secrets};
use crate::policy::never_matching;

/// The warnings about some settings, each a sentence that says what to do.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found = exposure(config);
    found.extend(unknown_hosts(config));
    found.extend(weak_secrets(config));
    found.extend(never_matching(&config.channel, &config.limits));
    found
}

/// Whether the server cannot know the public name by which a proxy is reached: its own pages count as foreign then.
fn unknown_hosts(config: &Config) -> Option<String> {
    let has_names = !config.server.hosts.is_empty()
        || !config.browsers.origins.is_empty()
        || !config.acme.domains.is_empty();
    let is_behind_a_proxy = !config.server.trusted_proxies.is_empty();
    (is_behind_a_proxy && !has_names).then(|| {
        "server.trusted_proxies is set and neither server.hosts nor browsers.origins names the host that browsers use: pages \
         of that host count as foreign, so their cookies and push secrets do not; list it in server.hosts"
            .to_owned()
    })
}

/// What others can do if the server listens beyond loopback.
fn exposure(config: &Config) -> Vec<String> {
    let listen = &config.server.listen;
    if listen.is_loopback() {
        return Vec::new();
    }
    let findings = [
        (
            config.channel.is_empty(),
            "without [[channel]] rules: every client may publish and subscribe to every channel; write rules",
        ),
        (
            !config.speaks_tls() && config.server.trusted_proxies.is_empty(),
            "without TLS: messages and secrets can be read on their way; set [tls] or [acme], or name the proxy that does \
             TLS in server.trusted_proxies",
        ),
        (
            config.admin.listen.is_none(),
            "without a listener for /metrics, /healthz and /readyz, so they are public; set admin.listen",
        ),
        (
            config.server.page && config.server.mount != "/",
            "with the demo page at /, where every visitor may chat; set server.page = false",
        ),
    ];
    let findings = findings.into_iter().filter(|(is_found, _)| *is_found);
    findings
        .map(|(_, finding)| format!("server.listen ({listen}) is open to other machines {finding}"))
        .collect()
}
