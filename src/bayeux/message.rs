//! A Bayeux message as an ordered list of fields, whose values are slices of the received bytes.
//!
//! A message can be changed field by field, by extensions for example, but its values are never parsed into a tree.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use super::channel::Verb;
use super::{Key, json};

/// A top-level field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `channel`
    Channel,
    /// `clientId`
    ClientId,
    /// `id`
    Id,
    /// `data`
    Data,
    /// `ext`
    Ext,
    /// `error`
    Error,
    /// `advice`
    Advice,
    /// `successful`
    Successful,
    /// `subscription`
    Subscription,
    /// `connectionType`
    ConnectionType,
    /// `version`
    Version,
    /// `supportedConnectionTypes`
    SupportedConnectionTypes,
    /// A field outside of the protocol.
    Other,
}

impl Field {
    /// Whether subscribers receive this field of a publication. For `id` that depends on the publisher.
    #[must_use]
    pub fn is_for_subscribers(self) -> bool {
        match self {
            Self::Channel | Self::Data | Self::Ext | Self::Other => true,
            // Only handshakes have these; on a publication they are fields like any other.
            Self::Version | Self::SupportedConnectionTypes => true,
            Self::Id
            | Self::ClientId
            | Self::Error
            | Self::Advice
            | Self::Successful
            | Self::Subscription
            | Self::ConnectionType => false,
        }
    }
}

impl Field {
    /// Returns the field of a key, escapes undone.
    #[must_use]
    pub fn of(key: &str) -> Self {
        match key {
            "channel" => Self::Channel,
            "clientId" => Self::ClientId,
            "id" => Self::Id,
            "data" => Self::Data,
            "ext" => Self::Ext,
            "error" => Self::Error,
            "advice" => Self::Advice,
            "successful" => Self::Successful,
            "subscription" => Self::Subscription,
            "connectionType" => Self::ConnectionType,
            "version" => Self::Version,
            "supportedConnectionTypes" => Self::SupportedConnectionTypes,
            _ => Self::Other,
        }
    }

    /// Returns the key of a known field; empty for [`Field::Other`].
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::ClientId => "clientId",
            Self::Id => "id",
            Self::Data => "data",
            Self::Ext => "ext",
            Self::Error => "error",
            Self::Advice => "advice",
            Self::Successful => "successful",
            Self::Subscription => "subscription",
            Self::ConnectionType => "connectionType",
            Self::Version => "version",
            Self::SupportedConnectionTypes => "supportedConnectionTypes",
            Self::Other => "",
        }
    }
}

/// A piece of text: a range of the payload, or an owned text.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Slice(u32, u32),
    Own(Box<[u8]>),
}

impl Piece {
    fn of<'a>(&'a self, payload: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Slice(start, end) => payload.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Own(text) => text,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) field: Field,
    /// The encoded key between its quotes.
    pub(super) key: Piece,
    pub(super) value: Piece,
}

impl Entry {
    /// Whether it is a field outside of the protocol with this encoded key.
    fn is_other(&self, payload: &[u8], spelt: &[u8]) -> bool {
        self.field == Field::Other && self.key.of(payload) == spelt
    }
}

/// The fields of a message. Most messages have four fields, and moving a message should be cheap, so the inline
/// capacity is small.
pub(super) type Entries = SmallVec<[Entry; 5]>;

/// One message. Cloning shares the payload.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub(super) payload: Bytes,
    pub(super) entries: Entries,
}

impl Message {
    /// Returns the JSON text of a field; `None` if it is missing. For [`Field::Other`], use [`Message::other`].
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|entry| entry.field == field && field != Field::Other)?;
        Some(entry.value.of(&self.payload))
    }

    /// Returns the JSON text of a field, if JavaScript treats it as true.
    #[must_use]
    pub fn truthy(&self, field: Field) -> Option<&[u8]> {
        self.get(field).filter(|value| json::is_truthy(value))
    }

    /// Returns the text of a field that is a JSON string.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        json::as_text(self.get(field)?)
    }

    /// Returns the JSON text of a field outside of the protocol by its key.
    #[must_use]
    pub fn other(&self, key: &str) -> Option<&[u8]> {
        self.entries
            .iter()
            .rfind(|entry| entry.field == Field::Other && entry.key.of(&self.payload) == key.as_bytes())
            .map(|entry| entry.value.of(&self.payload))
    }

    /// Returns the operation of the message.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.text(Field::Channel).map_or(Verb::Publish, |channel| Verb::of(&channel))
    }

    /// Sets a field to a JSON text, at its present position or at the end. The caller ensures that the text is JSON.
    /// [`Field::Other`] is ignored.
    pub fn set(&mut self, field: Field, json: impl Into<Box<[u8]>>) {
        if field == Field::Other {
            return;
        }
        let value = Piece::Own(json.into());
        match self.entries.iter_mut().find(|entry| entry.field == field) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Entry { field, key: Piece::Own(field.key().as_bytes().into()), value }),
        }
    }

    /// Sets a field to a JSON string that spells the text.
    pub fn set_text(&mut self, field: Field, text: &str) {
        let mut json = Vec::with_capacity(text.len() + 2);
        json::write_string(&mut json, text);
        self.set(field, json);
    }

    /// Refuses the message: its operation is not executed, and the reply has this text as its `error`. Faye's clients
    /// parse a text such as `403::Forbidden`.
    pub fn refuse(&mut self, error: &str) {
        self.set_text(Field::Error, error);
    }

    /// Removes a field.
    pub fn remove(&mut self, field: Field) {
        if field != Field::Other {
            self.entries.retain(|entry| entry.field != field);
        }
    }

    /// Sets a field by its key, inside or outside of the protocol. The caller ensures that the text is JSON.
    pub fn set_key(&mut self, key: &str, json: impl Into<Box<[u8]>>) {
        let field = Field::of(key);
        if field != Field::Other {
            return self.set(field, json);
        }
        self.set_other(spelt(key), json.into());
    }

    /// Sets a field by its key as a JSON string with quotes, or removes it. The caller ensures that both texts are
    /// JSON.
    pub fn change(&mut self, quoted: &str, json: Option<&[u8]>) {
        let key = Key::of(quoted);
        match json {
            Some(json) if key.is_text() => self.set_key(key.text(), json),
            None if key.is_text() => self.remove_key(key.text()),
            _ => {
                let mut spelt = Vec::new();
                key.write(&mut spelt);
                match json {
                    Some(json) => self.set_other(spelt, json.into()),
                    None => self.remove_other(&spelt),
                }
            }
        }
    }

    fn set_other(&mut self, spelt: Vec<u8>, json: Box<[u8]>) {
        let value = Piece::Own(json);
        let mut place = None;
        // A repeated key is one field for the caller.
        let payload = self.payload.clone();
        let mut at = 0;
        self.entries.retain(|entry| {
            let found = entry.is_other(&payload, &spelt);
            let first = found && place.is_none();
            if first {
                place = Some(at);
            }
            at += 1;
            first || !found
        });
        match place.and_then(|place| self.entries.get_mut(place)) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Entry { field: Field::Other, key: Piece::Own(spelt.into()), value }),
        }
    }

    /// Removes a field by its key, inside or outside of the protocol.
    pub fn remove_key(&mut self, key: &str) {
        let field = Field::of(key);
        if field != Field::Other {
            return self.remove(field);
        }
        self.remove_other(&spelt(key));
    }

    fn remove_other(&mut self, spelt: &[u8]) {
        let payload = self.payload.clone();
        self.entries.retain(|entry| !entry.is_other(&payload, spelt));
    }

    /// Returns how deeply the values are nested, the message itself counted.
    #[must_use]
    pub fn depth(&self) -> usize {
        let nested = self.entries.iter().map(|entry| entry.value.of(&self.payload));
        let nested = nested.filter(|value| matches!(value.first(), Some(b'{' | b'[')));
        1 + nested.map(json::depth).max().unwrap_or(0)
    }

    /// Returns the total bytes of the values: the approximate size of a copy of the message.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entries.iter().map(|entry| entry.value.of(&self.payload).len() + 16).sum()
    }

    /// Returns the number of bytes that [`Message::write`] appends with the same `keep`, or a few more.
    #[must_use]
    pub fn written_size(&self, keep: impl Fn(Field) -> bool) -> usize {
        let kept = self.entries.iter().filter(|entry| keep(entry.field));
        let size = |piece: &Piece| piece.of(&self.payload).len();
        2 + kept.map(|entry| size(&entry.key) + size(&entry.value) + 4).sum::<usize>()
    }

    /// Appends the message as a JSON object, with the fields for which `keep` is true, in order.
    pub fn write(&self, out: &mut Vec<u8>, keep: impl Fn(Field) -> bool) {
        out.push(b'{');
        let mut first = true;
        for entry in self.entries.iter().filter(|entry| keep(entry.field)) {
            if !first {
                out.push(b',');
            }
            first = false;
            out.push(b'"');
            out.extend_from_slice(entry.key.of(&self.payload));
            out.extend_from_slice(b"\":");
            out.extend_from_slice(entry.value.of(&self.payload));
        }
        out.push(b'}');
    }
}

/// Encodes a key without its quotes.
fn spelt(key: &str) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(key.len() + 2);
    json::write_string(&mut quoted, key);
    quoted.pop();
    quoted.drain(..1);
    quoted
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bayeux::parse::parse_one;

    #[test]
    fn fields_are_changed_in_their_place_by_key() {
        let text = br#"{"channel":"/a","x\"y":1.0,"twice":1,"data":[1.0],"twice":2}"#;
        let mut message = parse_one(&Bytes::from_static(text)).unwrap();
        for (key, json) in
            [("x\"y", "2"), ("twice", "3"), ("channel", "\"/b\""), ("new\n", "{}"), ("id", "4")]
        {
            message.set_key(key, json.as_bytes());
        }
        let written = |message: &Message| {
            let mut out = Vec::new();
            message.write(&mut out, |_| true);
            String::from_utf8(out).unwrap()
        };
        let expected = r#"{"channel":"/b","x\"y":2,"twice":3,"data":[1.0],"new\n":{},"id":4}"#;
        assert_eq!(written(&message), expected);
        for key in ["x\"y", "twice", "new\n", "id", "absent"] {
            message.remove_key(key);
        }
        assert_eq!(written(&message), r#"{"channel":"/b","data":[1.0]}"#);
    }
}
