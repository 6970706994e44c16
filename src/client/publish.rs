//! Publishing without a session: one POST.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Failure, Publisher, Refusal};
use crate::bayeux::{Field, json};

/// Returns a message as a JSON object. `ext` is a JSON object with the credentials that the server requires.
///
/// # Errors
/// [`Failure::Data`] if `data` is not JSON.
pub fn object(channel: &str, data: &str, ext: Option<&str>) -> Result<Bytes, Failure> {
    let data: &RawValue = serde_json::from_str(data).map_err(Failure::Data)?;
    let mut message = b"{\"channel\":".to_vec();
    json::write_string(&mut message, channel);
    message.extend_from_slice(b",\"data\":");
    message.extend_from_slice(data.get().as_bytes());
    if let Some(ext) = ext {
        message.extend_from_slice(b",\"ext\":");
        message.extend_from_slice(ext.as_bytes());
    }
    message.push(b'}');
    Ok(message.into())
}

/// Publishes JSON data to a channel. `ext` is a JSON object with the credentials that the server requires.
///
/// # Errors
/// [`Failure`] if the data is not JSON, the server cannot be reached or it refuses the message.
pub async fn publish(
    publisher: &Publisher,
    channel: &str,
    data: &str,
    ext: Option<&str>,
) -> Result<(), Failure> {
    let message = object(channel, data, ext)?;
    let Some(reply) = publisher.post(&[message]).await?.pop() else {
        return Err(Failure::NoReply { url: publisher.url().to_owned() });
    };
    if reply.get(Field::Successful) == Some(b"true") {
        return Ok(());
    }
    Err(Failure::Refused(Refusal::of(&reply)))
}
