//! The arguments of client commands: server, credentials and certificate authorities. It must not know the commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::ClientConfig;

use super::settings::Settings;
use crate::tls::{self, TlsError};

#[derive(Args)]
pub(super) struct Server {
    /// The URL of the server [default: the address of the settings; without any http://127.0.0.1:8000/faye]
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(super) url: Option<String>,
    /// The ext of the messages, such as '{"password":"secret"}', or env:NAME for a variable that holds it
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(super) ext: Option<String>,
    /// A PEM file with certificate authorities to trust in addition to those of the system
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
}

impl Server {
    /// Returns the URL of the arguments, or else of the settings.
    pub(super) fn url(&self, settings: &Settings) -> anyhow::Result<String> {
        self.url.clone().map_or_else(|| settings.url(), Ok)
    }

    /// Returns the `ext` of the arguments. The default is the push secret of the settings, for the server of the
    /// settings only.
    pub(super) fn ext_or_push_secret(&self, settings: &Settings) -> anyhow::Result<Option<String>> {
        match (&self.ext, &self.url) {
            (None, None) => settings.push_secret(),
            (ext, _) => Ok(ext.clone()),
        }
    }

    /// Returns the configuration of TLS for a URL.
    pub(super) fn tls(&self, url: &str) -> Result<Arc<ClientConfig>, TlsError> {
        trust(self.cacert.as_deref(), url)
    }
}

/// Returns the TLS configuration for a URL: trusts the authorities of the system, and those of a file, if one is given.
pub(super) fn trust(cacert: Option<&Path>, url: &str) -> Result<Arc<ClientConfig>, TlsError> {
    cacert.map_or_else(|| Ok(tls::client_config_for(url)), |file| tls::client_config_with("--cacert", file))
}

/// Parses a URL. A WebSocket URL is converted to HTTP.
pub(super) fn url(text: &str) -> Result<String, std::convert::Infallible> {
    let schemes = [("ws://", "http://"), ("wss://", "https://")];
    let found = schemes.iter().find_map(|(from, to)| Some(format!("{to}{}", text.strip_prefix(from)?)));
    Ok(found.unwrap_or_else(|| text.to_owned()))
}

/// Reads a JSON object from the argument or from the variable of `env:NAME`: other users of the machine can see
/// arguments.
pub(super) fn object(text: &str) -> Result<String, String> {
    let variable = text.strip_prefix("env:").map(std::env::var);
    let text = match variable {
        None => text,
        Some(Ok(ref value)) => value,
        Some(Err(error)) => return Err(format!("{error}; set it to a JSON object")),
    };
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok();
    is_object.then(|| text.to_owned()).ok_or_else(|| "write a JSON object".to_owned())
}
