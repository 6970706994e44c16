//! The server's own hosts. A page loaded from an own host is a page of the server.
//!
//! Comparing the host of the page with the `Host` of the request is not enough: with DNS rebinding an attacker makes
//! any name resolve to the address of the server after the page is loaded, and both are that name. Must not know
//! origins or headers.

use std::net::IpAddr;

use crate::config::{Config, HostName, PageOrigin};
use crate::peer::Authority;

/// The own hosts.
pub(super) struct Hosts {
    named: Vec<HostName>,
    /// The address of the listener, unless hosts are configured.
    listen: Option<IpAddr>,
}

impl Hosts {
    /// Reads `server.hosts`. If it is empty, the own hosts are loopback, the address or name of the listener, the
    /// hosts of `server.public_url` and `browsers.origins`, and the certificate names of `acme.domains`.
    pub(super) fn new(config: &Config) -> Self {
        if !config.server.hosts.is_empty() {
            return Self { named: config.server.hosts.clone(), listen: None };
        }
        let of_origins = config.browsers.origins.iter().filter_map(PageOrigin::host);
        let of_listener = config.server.listen.name().map(|name| HostName::One(name.to_owned()));
        let of_certificate = config.acme.domains.iter().map(|name| HostName::One(name.to_ascii_lowercase()));
        let public = config.server.public_url.iter();
        let public = public.filter_map(|url| PageOrigin::try_from(url.clone()).ok()?.host());
        Self {
            named: public.chain(of_origins).chain(of_listener).chain(of_certificate).collect(),
            listen: Some(config.server.listen.address().to_canonical()),
        }
    }

    /// Returns whether a host is an own host; `local` is the address that accepted the connection.
    ///
    /// If the server listens on a wildcard address, the address that the client connected to is an own host. It
    /// cannot be rebound: a page with an address as its host was loaded from that address.
    pub(super) fn contains(&self, host: Authority<'_>, local: &dyn Fn() -> Option<IpAddr>) -> bool {
        if self.named.iter().any(|own| own.allows(host.host())) {
            return true;
        }
        let Some(listen) = self.listen else { return false };
        let Some(address) = host.address().map(|address| address.to_canonical()) else {
            return host.host().eq_ignore_ascii_case("localhost");
        };
        address.is_loopback()
            || address == listen
            || listen.is_unspecified() && local().is_some_and(|local| local.to_canonical() == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(hosts: &Hosts, host: &str) -> bool {
        let local = || "192.0.2.7".parse().ok();
        hosts.contains(Authority::parse(host.as_bytes()).unwrap(), &local)
    }

    fn config(listen: &str, origins: &[&str]) -> Config {
        let mut config = Config::default();
        config.server.listen = listen.parse().unwrap();
        let origin = |text: &&str| PageOrigin::try_from((*text).to_owned()).unwrap();
        config.browsers.origins = origins.iter().map(origin).collect();
        config
    }

    #[test]
    fn a_listener_with_a_name_or_a_port_alone() {
        let named = Hosts::new(&config("Push.internal:8000", &[]));
        for own in ["push.internal:8000", "192.0.2.7", "localhost"] {
            assert!(contains(&named, own), "{own}");
        }
        assert!(!contains(&named, "evil.example") && !contains(&named, "192.0.2.8"));
        let all = Hosts::new(&config(":8000", &[]));
        assert!(contains(&all, "192.0.2.7") && !contains(&all, "192.0.2.8"));
    }

    #[test]
    fn the_host_of_the_public_url() {
        let mut config = config("127.0.0.1:8000", &[]);
        config.server.public_url = Some("https://push.example:8443".to_owned());
        let hosts = Hosts::new(&config);
        assert!(contains(&hosts, "push.example:8443") && contains(&hosts, "localhost"));
        assert!(!contains(&hosts, "evil.example"));
    }

    #[test]
    fn by_default_loopback_the_listener_and_what_other_settings_name() {
        let mut settings = config("10.0.0.1:8000", &["https://app.example", "https://*.apps.example:8443"]);
        settings.acme.domains = vec!["Push.example".to_owned()];
        let hosts = Hosts::new(&settings);
        for own in [
            "localhost:5",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]:8000",
            "10.0.0.1:8000",
            "app.example",
            "a.apps.example:1",
            "PUSH.example",
        ] {
            assert!(contains(&hosts, own), "{own}");
        }
        for other in [
            "evil.example",
            "apps.example",
            "10.0.0.2",
            "192.0.2.7",
            "localhost.evil.example",
            "[::2]",
            "0.0.0.0",
        ] {
            assert!(!contains(&hosts, other), "{other}");
        }
    }

    #[test]
    fn a_wildcard_listener_has_the_address_that_was_connected_to() {
        for listen in ["0.0.0.0:8000", "[::]:8000"] {
            let hosts = Hosts::new(&config(listen, &[]));
            assert!(contains(&hosts, "192.0.2.7:8000") && contains(&hosts, "[::ffff:192.0.2.7]"), "{listen}");
            assert!(!contains(&hosts, "192.0.2.8") && !contains(&hosts, "evil.example"), "{listen}");
        }
    }

    #[test]
    fn listed_hosts_replace_the_default() {
        let mut settings = config("0.0.0.0:8000", &["https://app.example"]);
        settings.server.hosts = ["push.example", "*.push.example"]
            .map(|host| HostName::try_from(host.to_owned()).unwrap())
            .into();
        let hosts = Hosts::new(&settings);
        assert!(contains(&hosts, "push.example:8000") && contains(&hosts, "a.push.example"));
        assert!(
            !contains(&hosts, "localhost")
                && !contains(&hosts, "192.0.2.7")
                && !contains(&hosts, "app.example")
        );
        settings.server.hosts = vec![HostName::Any];
        assert!(contains(&Hosts::new(&settings), "evil.example"));
    }
}
