//! Publishing without a session: one POST.

use serde_json::value::RawValue;

use super::{Failure, Publisher, Refusal};
use crate::bayeux::{Field, json};

/// Publishes JSON data to a channel. `ext` is a JSON object with the credentials that the server asks for.
///
/// # Errors
/// [`Failure`] if the data is no JSON, or the server cannot be reached or refuses the message.
pub async fn publish(url: &str, channel: &str, data: &str, ext: Option<&str>) -> Result<(), Failure> {
    let publisher = Publisher::new(url)?;
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
    let Some(reply) = publisher.post(&[message.into()]).await?.pop() else {
        return Err(Failure::NotBayeux { url: url.to_owned(), why: "no reply".to_owned() });
    };
    if reply.get(Field::Successful) == Some(b"true") {
        return Ok(());
    }
    Err(Failure::Refused(Refusal::of(&reply)))
}
