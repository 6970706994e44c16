//! Feeds that this server writes, as Atom and as JSON Feed.
//!
//! Pure; it must not know where items come from.

pub(crate) mod atom;
pub(crate) mod json;

/// The metadata of a feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed<'a> {
    /// The URL of this document, and the identifier of the feed.
    pub(crate) own: &'a str,
    pub(crate) title: &'a str,
    /// A text below the title.
    pub(crate) subtitle: Option<&'a str>,
    /// The author of items without one.
    pub(crate) author: &'a str,
    /// The page with the same items.
    pub(crate) page: Option<&'a str>,
    /// The hub.
    pub(crate) hub: Option<&'a str>,
}

/// An item of a feed. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item<'a> {
    pub(crate) id: &'a str,
    /// The title of Atom, which is never empty.
    pub(crate) title: &'a str,
    /// Whether the title is derived, so that formats with an optional title omit it.
    pub(crate) is_untitled: bool,
    /// Its page.
    pub(crate) url: Option<&'a str>,
    /// The page at another publisher.
    pub(crate) original: Option<&'a str>,
    pub(crate) published: i64,
    pub(crate) updated: i64,
    pub(crate) authors: Vec<Person<'a>>,
    pub(crate) tags: Vec<&'a str>,
    pub(crate) summary: Option<&'a str>,
    /// The content as HTML.
    pub(crate) html: Option<&'a str>,
    /// The content as text.
    pub(crate) text: Option<&'a str>,
    /// A placeholder for formats that require content.
    pub(crate) stand_in: &'a str,
    /// An image for the whole item.
    pub(crate) image: Option<&'a str>,
    pub(crate) files: Vec<File<'a>>,
    /// The source feed.
    pub(crate) source: Option<Source<'a>>,
}

/// An author.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) name: &'a str,
    pub(crate) url: Option<&'a str>,
}

/// A file of an item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    pub(crate) url: &'a str,
    pub(crate) kind: Option<&'a str>,
    /// Bytes.
    pub(crate) length: Option<u64>,
}

/// The feed that an item is from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Its identifier, an IRI.
    pub(crate) id: Option<&'a str>,
    pub(crate) title: &'a str,
    /// The URL of the feed.
    pub(crate) own: Option<&'a str>,
    /// The web page of the feed.
    pub(crate) page: Option<&'a str>,
}
