//! Requests to the management API of a running server, with hints for failures.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::http::Uri;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::server::{trust, url};
use super::settings::Settings;
use super::table::escaped;
use crate::client::Failure;
use crate::fetch::{Fetch, FetchError, Reach, Repeat};
use crate::tls::ConnectError;

/// Elements of a page at the most.
pub(super) const LARGEST_PAGE: usize = 1000;
/// The deadline of a response.
const DEADLINE: Duration = Duration::from_secs(30);
/// The same after a file was sent.
const UPLOAD: Duration = Duration::from_secs(330);
/// Bytes of a response: a page of topics as long as they may be.
const RESPONSE: usize = 16 * 1024 * 1024;

/// The error of the API for an unknown path.
const NO_PATH: &str = "there is nothing at this path";

#[derive(Args)]
pub(super) struct Server {
    /// The server, such as http://127.0.0.1:9000 [default: admin.listen of the settings, or else server.listen]
    #[arg(long, value_name = "URL", value_parser = url, requires = "key_file")]
    url: Option<String>,
    /// A file that contains the key of the API [default: api.key of the settings]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust in addition to those of the system
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

/// The API of one server.
pub(super) struct Client {
    fetch: Fetch,
    /// Scheme, host and port.
    base: String,
    key: String,
}

impl Client {
    /// Opens no connection before the first request.
    pub(super) fn new(server: &Server, settings: &Settings) -> anyhow::Result<Self> {
        let base = match &server.url {
            Some(url) => origin(url).ok_or_else(|| Failure::Url(url.clone()))?,
            None => address(settings)?,
        };
        let key = match &server.key_file {
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            None => match settings.load_for_client(&["api"])?.api.key {
                Some(key) => key.expose().to_owned(),
                None => {
                    bail!("the settings have no api.key; set it and restart the server, or write --key-file")
                }
            },
        };
        let tls = trust(server.cacert.as_deref(), &base)?;
        let fetch = Fetch::with_tls(Reach::Everywhere, Repeat::Idempotent, &tls);
        Ok(Self { fetch, base, key: key.trim().to_owned() })
    }

    /// Reads a resource below `/api/v1`.
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.json(&self.send(Method::GET, path, query, Bytes::new()).await?)
    }

    /// Reads a resource below `/api/v1` that is no JSON.
    pub(super) async fn get_file(&self, path: &str) -> anyhow::Result<Bytes> {
        let response = self.send(Method::GET, path, &[], Bytes::new()).await?;
        if !response.status().is_success() {
            self.json(&response)?;
        }
        Ok(response.into_body())
    }

    /// Posts to a resource below `/api/v1`.
    pub(super) async fn post(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.json(&self.send(Method::POST, path, query, Bytes::new()).await?)
    }

    /// Posts a body to a resource below `/api/v1`.
    pub(super) async fn upload(&self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Value> {
        self.json(&self.send(Method::POST, path, &[], body.into()).await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Bytes,
    ) -> anyhow::Result<Response<Bytes>> {
        let mut url = format!("{}/api/v1{path}", self.base);
        if !query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            url = format!("{url}?{query}");
        }
        let deadline = if body.is_empty() { DEADLINE } else { UPLOAD };
        let request = Request::builder().method(method).uri(&url);
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.key)).body(Full::new(body));
        let request = request.context("the key cannot be sent; it must be one line of visible characters")?;
        Ok(self.fetch.send(request, deadline, RESPONSE).await.map_err(|error| self.failure(error))?)
    }

    /// Returns the value of a response, or an error with a hint.
    fn json(&self, response: &Response<Bytes>) -> anyhow::Result<Value> {
        let base = &self.base;
        let value = serde_json::from_slice::<Value>(response.body()).ok();
        let error = value.as_ref().and_then(|value| value["error"].as_str()).map(escaped);
        match (response.status(), error.as_deref()) {
            (StatusCode::OK | StatusCode::CREATED, _) => match value {
                Some(value @ Value::Object(_)) => Ok(value),
                Some(_) => Err(self.foreign("is no JSON object")),
                None => Err(self.foreign("is not JSON")),
            },
            (StatusCode::UNAUTHORIZED, Some(_)) => bail!(
                "{base} refuses the key: it is not the api.key of the running server; name its settings with --config, or \
                 write --key-file"
            ),
            (StatusCode::NOT_FOUND, Some(error)) if error.contains("hub.enabled") => {
                bail!("the hub of {base} is off; set hub.enabled and restart the server")
            }
            (StatusCode::NOT_FOUND, Some(error)) if error != NO_PATH => bail!("{base}: {error}"),
            (StatusCode::NOT_FOUND, _) => bail!(
                "{base} has no management API for this client: the server needs api.key, and admin.listen for requests of \
                 other machines or through a proxy; restart it after a change"
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_REQUEST | StatusCode::CONFLICT,
                Some(error),
            ) => bail!("{base}: {error}"),
            (status, Some(error)) => bail!("{base} answered {status}: {error}"),
            (status, None) => bail!("{base} answered {status}; is it the address of faye?"),
        }
    }

    /// Returns the error for a response that is not from faye.
    pub(super) fn foreign(&self, what: &str) -> anyhow::Error {
        anyhow!(
            "the response of {} {what}; check that this is the address of faye, and of this version",
            self.base
        )
    }

    fn failure(&self, error: FetchError) -> Failure {
        let url = self.base.clone();
        match error {
            FetchError::Connect(why) => Failure::Unreachable { url, why },
            FetchError::Deadline(time) => Failure::Unreachable { url, why: ConnectError::Timeout(time) },
            FetchError::NotHttp(why) => Failure::NotHttp { url, why },
            error => Failure::NoResponse { url, why: error.to_string() },
        }
    }
}

/// Returns the address of the API in the settings.
fn address(settings: &Settings) -> anyhow::Result<String> {
    let config = settings.load_for_client(&[])?;
    Ok(match &config.admin.listen {
        Some(admin) => format!("http://{}", admin.reachable()),
        None => {
            let scheme = if config.speaks_tls() { "https" } else { "http" };
            format!("{scheme}://{}", config.server.listen.reachable())
        }
    })
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    Some(format!("{scheme}://{}", uri.authority()?))
}
