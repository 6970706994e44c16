//! Well-formed values that would never match, with the values that were probably intended.
//!
//! This module knows texts, and not their keys.

use std::net::IpAddr;

use ipnet::IpNet;

/// The reason why a text cannot match, and a valid value.
pub(super) struct NearMiss {
    /// Follows the text in a message.
    pub(super) complaint: String,
    /// Precedes `instead`.
    pub(super) lead: &'static str,
    pub(super) instead: Vec<String>,
}

/// Detects an address or a network that contains less, or more, than it seems to.
pub(super) fn network(text: &str) -> Option<NearMiss> {
    const MAPPED: u8 = 96;
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    let miss = |complaint, lead, instead| Some(NearMiss { complaint, lead, instead });
    if let IpAddr::V4(address) = network.addr().to_canonical()
        && let IpNet::V6(_) = network
        && let Some(prefix) = network.prefix_len().checked_sub(MAPPED)
    {
        let meant = IpNet::new(address.into(), prefix).ok()?.trunc();
        let complaint = "is IPv4 written as IPv6, which matches no address".to_owned();
        return miss(complaint, "", vec![print_network(meant)]);
    }
    if network.addr() == network.network() {
        return None;
    }
    let complaint = format!("has bits behind its prefix of {}", network.prefix_len());
    miss(complaint, "one of", vec![network.trunc().to_string(), network.addr().to_string()])
}

/// Formats a network, a single address without its prefix length.
pub(super) fn print_network(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

/// Detects a prefix of URLs with a wildcard.
pub(super) fn url_prefix(text: &str) -> Option<NearMiss> {
    let wildcard = text.find('*')?;
    let (scheme, rest) = text.split_once("://")?;
    let path = scheme.len() + "://".len() + rest.find('/').unwrap_or(rest.len());
    let (lead, instead) = if wildcard < path {
        let host = rest.get(..path - scheme.len() - "://".len())?.trim_start_matches(['*', '.']);
        ("a prefix for each host, for example", format!("{scheme}://www.{}/", host.replace('*', "x")))
    } else {
        let parent = text.get(..wildcard)?.rfind('/')?;
        ("", text.get(..=parent)?.to_owned())
    };
    let complaint = "has a wildcard, and prefixes have none".to_owned();
    Some(NearMiss { complaint, lead, instead: vec![instead] })
}

/// Detects the full name of a branch in Git.
pub(super) fn branch(text: &str) -> Option<NearMiss> {
    let name = text.strip_prefix("refs/heads/").filter(|name| is_branch(name))?;
    let complaint = "is a reference and not the name of a branch".to_owned();
    Some(NearMiss { complaint, lead: "", instead: vec![name.to_owned()] })
}

/// Whether a text may be the name of a branch (git-check-ref-format). References are refused: code hosts would name
/// such a branch `refs/heads/refs/...`.
pub(super) fn is_branch(text: &str) -> bool {
    let is_kept = |letter: char| !letter.is_control() && !" ~^:?*[\\".contains(letter);
    !text.is_empty() && !text.starts_with("refs/") && !text.starts_with('/') && text.chars().all(is_kept)
}
