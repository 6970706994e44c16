//! What subscribers get of a published message: encoded once, shared by all.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Field, Message, StreamPosition};
use crate::budget::{Budget, Charge};

/// Bytes that a publication takes besides its texts: the struct, the count of references, and what the allocator adds.
const OVERHEAD: usize = 320;

/// A message on its way to the subscribers. Its wire forms are made when first asked for and shared from then on.
#[derive(Debug)]
pub struct Publication {
    channel: Box<str>,
    /// Where it stands in its partition, once it was given a place.
    position: Option<StreamPosition>,
    /// `[{…}]`
    array: Bytes,
    frame: OnceLock<Bytes>,
    /// Nothing inside if it is not worth it.
    compressed: OnceLock<Option<Bytes>>,
    event: OnceLock<Bytes>,
    /// What it counts for in the budget of the server, once a mailbox keeps it.
    charge: OnceLock<Charge>,
}

impl Publication {
    /// Encodes a message for its subscribers. They get `channel`, `data`, `ext` and fields that the protocol does not
    /// know, and the `id` only of a publisher without a session: no publisher can steer the client of another, and
    /// a client's counter means nothing to others.
    #[must_use]
    pub fn new(channel: &str, mut message: Message) -> Self {
        let has_session = message.truthy(Field::ClientId).is_some();
        let spelt =
            message.get(Field::Channel).and_then(|json| json.strip_prefix(b"\"")?.strip_suffix(b"\""));
        if spelt != Some(channel.as_bytes()) {
            // All subscribers get one spelling of the channel, also if it was sent as `"\/a"`.
            message.set_text(Field::Channel, channel);
        }
        let is_kept = |field| match field {
            Field::Id => !has_session,
            field => field.is_for_subscribers(),
        };
        // As much as it needs: a publication may wait for long.
        let mut array = Vec::with_capacity(message.written_size(is_kept) + 2);
        array.push(b'[');
        message.write(&mut array, is_kept);
        array.push(b']');
        Self::of(channel, array)
    }

    /// A publication as another instance has encoded it: `object` is what its subscribers get.
    #[must_use]
    pub fn encoded(channel: &str, position: Option<StreamPosition>, object: &[u8]) -> Self {
        Self { position, ..Self::of(channel, [b"[", object, b"]"].concat()) }
    }

    /// Gives it its place.
    #[must_use]
    pub fn at(self, position: StreamPosition) -> Self {
        Self { position: Some(position), ..self }
    }

    /// What the server itself tells a session, a JSON object as it is to be sent; no channel's subscribers get it.
    #[must_use]
    pub fn notice(object: &[u8]) -> Self {
        Self::of("", [b"[", object, b"]"].concat())
    }

    fn of(channel: &str, array: Vec<u8>) -> Self {
        Self {
            channel: channel.into(),
            position: None,
            array: array.into(),
            frame: OnceLock::new(),
            compressed: OnceLock::new(),
            event: OnceLock::new(),
            charge: OnceLock::new(),
        }
    }

    /// Charges the memory that it takes to a budget, until the last reference to it is dropped. It is charged once, however
    /// often this is called.
    pub fn charge_to(&self, budget: &Arc<Budget>) {
        self.charge.get_or_init(|| Charge::new(budget, self.memory()));
    }

    /// Bytes of memory that it takes, about, without its wire forms, which are made after it was charged.
    #[must_use]
    pub fn memory(&self) -> usize {
        OVERHEAD + self.channel.len() + self.array.len()
    }

    /// Where it stands in its partition; `None` before it was given a place, and for what the server itself says.
    #[must_use]
    pub fn position(&self) -> Option<StreamPosition> {
        self.position
    }

    /// The channel that it was published to.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The message as a JSON array of one.
    #[must_use]
    pub fn array(&self) -> &Bytes {
        &self.array
    }

    /// The message as a JSON object.
    #[must_use]
    pub fn object(&self) -> &[u8] {
        &self.array[1..self.array.len() - 1]
    }

    /// The message as a WebSocket frame, which `encode` makes of the array when it is asked for the first time.
    pub fn frame(&self, encode: impl FnOnce(&[u8]) -> Bytes) -> &Bytes {
        self.frame.get_or_init(|| self.grown(encode(&self.array)))
    }

    /// The message as a compressed WebSocket frame, made as [`Publication::frame`] is; `None` if `encode` gives none.
    pub fn compressed(&self, encode: impl FnOnce(&[u8]) -> Option<Bytes>) -> Option<&Bytes> {
        self.compressed.get_or_init(|| encode(&self.array).map(|form| self.grown(form))).as_ref()
    }

    /// The message as an event of an EventSource stream, made as [`Publication::frame`] is.
    pub fn event(&self, encode: impl FnOnce(&[u8]) -> Bytes) -> &Bytes {
        self.event.get_or_init(|| self.grown(encode(&self.array)))
    }

    /// Charges a wire form that was made.
    fn grown(&self, form: Bytes) -> Bytes {
        if let Some(charge) = self.charge.get() {
            charge.grow(form.len());
        }
        form
    }

    /// Bytes that the publication counts for in a mailbox.
    #[must_use]
    pub fn size(&self) -> usize {
        self.array.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::parse::parse_one;

    fn delivered(text: &'static str) -> String {
        let message = parse_one(&Bytes::from_static(text.as_bytes())).unwrap();
        String::from_utf8(Publication::new("/a", message).object().to_vec()).unwrap()
    }

    #[test]
    fn subscribers_never_get_what_would_steer_their_client() {
        assert_eq!(
            delivered(
                r#"{"id":"1","advice":{"reconnect":"none"},"channel":"/a","successful":true,"data":1,"error":"x",
                "clientId":"me","subscription":"/b","connectionType":"z","ext":{"a":1},"mine":[ 2 ]}"#
            ),
            r#"{"channel":"/a","data":1,"ext":{"a":1},"mine":[ 2 ]}"#
        );
    }

    #[test]
    fn the_id_of_a_back_end_is_kept() {
        assert_eq!(
            delivered(r#"{"id":"1","channel":"/a","data":1}"#),
            r#"{"id":"1","channel":"/a","data":1}"#
        );
        assert_eq!(
            delivered(r#"{"id":"1","channel":"/a","data":1,"clientId":""}"#),
            r#"{"id":"1","channel":"/a","data":1}"#
        );
    }
}
