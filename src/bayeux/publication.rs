//! A publication for subscribers: encoded once, shared by all of them.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Field, Message, StreamPosition, reply};
use crate::budget::{Budget, Charge};

/// Bytes of a publication without its texts: the struct, the reference count, and the overhead of the allocator.
const OVERHEAD: usize = 320;

/// A message for subscribers. Its wire forms are created on first use and then shared.
#[derive(Debug)]
pub struct Publication {
    channel: Arc<str>,
    /// The position in its partition, once it is assigned.
    position: Option<StreamPosition>,
    /// Whether a history has the publication.
    is_kept: bool,
    /// `[{…}]`
    array: Bytes,
    frame: OnceLock<Bytes>,
    /// `None` inside if compression does not shorten the message.
    compressed: OnceLock<Option<Bytes>>,
    event: OnceLock<Bytes>,
    /// The charge to the memory budget, once a mailbox contains the publication.
    charge: OnceLock<Charge>,
}

impl Publication {
    /// Encodes a message for its subscribers. They receive `channel`, `data`, `ext` and fields outside of the protocol,
    /// and the `id` only of a publisher without a session: a publisher must not control the clients of others, and a
    /// client's counter is meaningless to others.
    #[must_use]
    pub fn new(channel: &str, mut message: Message) -> Self {
        let has_session = message.truthy(Field::ClientId).is_some();
        let spelt =
            message.get(Field::Channel).and_then(|json| json.strip_prefix(b"\"")?.strip_suffix(b"\""));
        if spelt != Some(channel.as_bytes()) {
            // All subscribers receive one spelling of the channel, even if it was sent as `"\/a"`.
            message.set_text(Field::Channel, channel);
        }
        let is_kept = |field| match field {
            Field::Id => !has_session,
            field => field.is_for_subscribers(),
        };
        // Of the exact size, since a publication may be queued for long.
        let mut array = Vec::with_capacity(message.written_size(is_kept) + 2);
        array.push(b'[');
        message.write(&mut array, is_kept);
        array.push(b']');
        Self::of(channel, array)
    }

    /// Creates a publication that another instance has encoded: `object` is the message for subscribers.
    #[must_use]
    pub fn encoded(channel: &str, position: Option<StreamPosition>, object: &[u8]) -> Self {
        Self { position, ..Self::of(channel, [b"[", object, b"]"].concat()) }
    }

    /// Sets the position.
    #[must_use]
    pub fn at(self, position: StreamPosition) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Creates a publication that is in a history: its subscribers receive `object` with its offset as `ext.replay.id`.
    #[must_use]
    pub fn kept(channel: &str, position: StreamPosition, object: &[u8]) -> Self {
        let mut array = Vec::with_capacity(object.len() + 48);
        Self::write_kept(&mut array, position, object);
        Self::stored(channel.into(), position, array.into())
    }

    /// Appends the array of a publication that is in a history, as [`Publication::kept`] has it.
    pub fn write_kept(out: &mut Vec<u8>, position: StreamPosition, object: &[u8]) {
        out.push(b'[');
        let mut id = [0; 32];
        let mut rest = &mut id[..];
        // The longest number has 20 digits.
        let _ = write!(rest, "{{\"id\":{}}}", position.offset);
        let length = 32 - rest.len();
        reply::with_ext(out, object, "replay", &id[..length]);
        out.push(b']');
    }

    /// Creates a publication of a history from its array.
    #[must_use]
    pub fn stored(channel: Arc<str>, position: StreamPosition, array: Bytes) -> Self {
        Self { position: Some(position), is_kept: true, ..Self::of_array(channel, array) }
    }

    /// Creates a publication that another instance has encoded and that may be in a history. Its object has `ext.replay.id` if
    /// that instance knows it.
    #[must_use]
    pub fn moved(channel: &str, position: Option<StreamPosition>, is_kept: bool, object: &[u8]) -> Self {
        Self { is_kept, ..Self::encoded(channel, position, object) }
    }

    /// Takes the place of another publication: its position, and whether a history has it.
    #[must_use]
    pub fn in_place_of(self, other: &Self) -> Self {
        Self { position: other.position, is_kept: other.is_kept, ..self }
    }

    /// Creates a notice of the server to one session, a JSON object; it is on no channel.
    #[must_use]
    pub fn notice(object: &[u8]) -> Self {
        Self::of("", [b"[", object, b"]"].concat())
    }

    fn of(channel: &str, array: Vec<u8>) -> Self {
        Self::of_array(channel.into(), array.into())
    }

    fn of_array(channel: Arc<str>, array: Bytes) -> Self {
        Self {
            channel,
            position: None,
            is_kept: false,
            array,
            frame: OnceLock::new(),
            compressed: OnceLock::new(),
            event: OnceLock::new(),
            charge: OnceLock::new(),
        }
    }

    /// Charges the memory of the publication to a budget, until the last reference is dropped. Only the first call has
    /// an effect.
    pub fn charge_to(&self, budget: &Arc<Budget>) {
        self.charge.get_or_init(|| Charge::new(budget, self.memory()));
    }

    /// Returns the approximate bytes of memory, without the wire forms, which are created after the charge.
    #[must_use]
    pub fn memory(&self) -> usize {
        OVERHEAD + self.channel.len() + self.array.len()
    }

    /// Returns the position in its partition; `None` before it is assigned, and for a notice of the server.
    #[must_use]
    pub fn position(&self) -> Option<StreamPosition> {
        self.position
    }

    /// Whether a history has the publication.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Returns the channel that it was published to.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The message as a JSON array of one.
    #[must_use]
    pub fn array(&self) -> &Bytes {
        &self.array
    }

    /// Returns the message as a JSON object.
    #[must_use]
    pub fn object(&self) -> &[u8] {
        &self.array[1..self.array.len() - 1]
    }

    /// Returns the message as a WebSocket frame; `encode` creates it from the array on first use.
    pub fn frame(&self, encode: impl FnOnce(&[u8]) -> Bytes) -> &Bytes {
        self.frame.get_or_init(|| self.grown(encode(&self.array)))
    }

    /// Returns the message as a compressed WebSocket frame, created as in [`Publication::frame`]; `None` if `encode`
    /// returns none.
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

    /// Returns the number of bytes for the bounds of a mailbox.
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
    fn a_kept_publication_has_its_offset_once() {
        let position = StreamPosition { partition: super::super::Partition::of("/a"), offset: 7 };
        let kept = |object: &str| {
            String::from_utf8(Publication::kept("/a", position, object.as_bytes()).object().to_vec()).unwrap()
        };
        assert_eq!(kept(r#"{"channel":"/a"}"#), r#"{"channel":"/a","ext":{"replay":{"id":7}}}"#);
        for ext in [r#"{"mine":[1],"replay":{"id":8}}"#, r#"{"replay":null,"mine":[1]}"#] {
            let object = format!(r#"{{"channel":"/a","ext":{ext},"data":"ext"}}"#);
            assert_eq!(
                kept(&object),
                r#"{"channel":"/a","ext":{"mine":[1],"replay":{"id":7}},"data":"ext"}"#
            );
        }
        let original = Publication::kept("/a", position, b"{}");
        let adapted = Publication::encoded("/a", None, b"{}").in_place_of(&original);
        assert_eq!((adapted.position(), adapted.is_kept()), (Some(position), true));
        for ext in ["5", "null", "[]", r#""replay""#] {
            let object = format!(r#"{{"channel":"/a","ext":{ext}}}"#);
            assert_eq!(kept(&object), r#"{"channel":"/a","ext":{"replay":{"id":7}}}"#);
        }
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
