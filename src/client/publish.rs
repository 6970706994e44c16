//! Publishing without a session: one POST.

use std::time::Duration;

use hyper::http::Uri;
use serde_json::value::RawValue;

use super::Failure;
use crate::bayeux::parse::parse;
use crate::bayeux::{Field, json};
use crate::fetch::{self, FetchError};

const DEADLINE: Duration = Duration::from_secs(15);
const ANSWER: usize = 1024 * 1024;

/// Publishes JSON data to a channel. `ext` is a JSON object with the credentials that the server asks for.
///
/// # Errors
/// [`Failure`] if the data is no JSON, or the server cannot be reached or refuses the message.
pub async fn publish(url: &str, channel: &str, data: &str, ext: Option<&str>) -> Result<(), Failure> {
    let uri: Uri = url.parse().map_err(|_| Failure::Url(url.to_owned()))?;
    let data: &RawValue = serde_json::from_str(data).map_err(Failure::Data)?;
    let mut body = b"[{\"channel\":".to_vec();
    json::write_string(&mut body, channel);
    body.extend_from_slice(b",\"data\":");
    body.extend_from_slice(data.get().as_bytes());
    if let Some(ext) = ext {
        body.extend_from_slice(b",\"ext\":");
        body.extend_from_slice(ext.as_bytes());
    }
    body.extend_from_slice(b"}]");
    let (status, answer) =
        fetch::post_json(&uri, body, DEADLINE, ANSWER).await.map_err(|error| match error {
            FetchError::Url => Failure::Url(url.to_owned()),
            error => Failure::Unreachable { url: url.to_owned(), why: error.to_string() },
        })?;
    let replies = parse(&answer, 1).ok().filter(|_| status.is_success());
    let Some(reply) = replies.and_then(|mut replies| replies.messages.pop()) else {
        return Err(Failure::NotBayeux { url: url.to_owned(), why: format!("status {status}") });
    };
    if reply.get(Field::Successful) == Some(b"true") {
        return Ok(());
    }
    Err(Failure::Refused(reply.text(Field::Error).unwrap_or_default().into_owned()))
}
