//! The section of `faye.toml` about clients of other servers. Field names are the keys.

use serde::Deserialize;

/// `[dialect]`: what CometD's and Salesforce's servers do differently from Faye's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// Whether channels may contain dots.
    pub dotted_channels: bool,
    /// Whether publications without data are accepted.
    pub publish_without_data: bool,
    /// The error for a session that does not exist.
    pub unknown_client: UnknownClientError,
}

/// The error for a session that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownClientError {
    /// `401:ID:Unknown client`
    #[default]
    Faye,
    /// `403::Unknown client`
    Salesforce,
}
