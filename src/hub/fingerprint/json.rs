//! The parts of JSON Feeds. The text is hashed while it is parsed: a tree would take many times its size.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Part, Parts};

/// Fields of the feed that count; the others are ignored.
const META: &[&str] = &["title", "home_page_url", "feed_url", "author", "authors", "hubs"];

type Hash = [u8; 32];

/// Returns the hashes of the parts of a feed; `None` if the text is not one.
pub(super) fn parts(text: &str) -> Option<Parts> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let feed = reader.deserialize_any(FeedVisitor).ok()?;
    reader.end().ok()?;
    if !feed.version?.contains("jsonfeed.org/version/") {
        return None;
    }
    Some(feed.items?.into_iter().chain(feed.meta.into_values()).collect())
}

/// The relevant parts of a feed. The last of several fields with one name counts.
#[derive(Default)]
struct Feed {
    version: Option<String>,
    items: Option<Parts>,
    meta: HashMap<&'static str, Hash>,
}

struct FeedVisitor;

impl<'de> Visitor<'de> for FeedVisitor {
    type Value = Feed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a feed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Feed, A::Error> {
        let mut feed = Feed::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &*name {
                "version" => feed.version = map.next_value()?,
                "items" => feed.items = Some(map.next_value_seed(Items)?),
                name => match META.iter().find(|meta| **meta == name) {
                    Some(&meta) => drop(feed.meta.insert(meta, map.next_value_seed(Value(meta))?)),
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(feed)
    }
}

/// The hashes of the elements of an array.
struct Items;

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Parts;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parts, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Parts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::new();
        while let Some(hash) = seq.next_element_seed(Value("entry"))? {
            parts.insert(hash);
        }
        Ok(parts)
    }
}

/// The hash of a value, with its type.
#[derive(Clone, Copy)]
struct Value<'k>(&'k str);

impl Value<'_> {
    fn of(self, mark: u8, text: &str) -> Hash {
        let mut part = Part::new(self.0);
        part.mark(mark);
        part.text(text);
        part.finish()
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Hash;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Hash, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Hash;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Hash, E> {
        Ok(self.of(b'n', ""))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Hash, E> {
        Ok(self.of(if value { b't' } else { b'f' }, ""))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Hash, E> {
        Ok(self.of(b'0', &value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Hash, E> {
        Ok(self.of(b'0', &value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Hash, E> {
        Ok(self.of(b'0', &value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Hash, E> {
        Ok(self.of(b'"', text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Hash, A::Error> {
        let mut part = Part::new(self.0);
        part.mark(b'[');
        while let Some(hash) = seq.next_element_seed(Value("element"))? {
            part.bytes(&hash);
        }
        Ok(part.finish())
    }

    /// The fields of an object have no order.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hash, A::Error> {
        let mut fields: Vec<Hash> = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            fields.push(map.next_value_seed(Value(&name))?);
        }
        fields.sort_unstable();
        let mut part = Part::new(self.0);
        part.mark(b'{');
        fields.iter().for_each(|field| part.bytes(field));
        Ok(part.finish())
    }
}
