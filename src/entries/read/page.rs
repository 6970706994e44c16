//! Reads a document that is no feed. It is one entry, which changes with its bytes.

use serde_json::Map;
use sha2::{Digest, Sha256};

use super::markup::{Piece, pieces};
use super::{Document, Found, Reading, draft};
use crate::entries::sanitise;
use crate::store::EntryKind;

/// Bytes in which the title is looked for.
const HEAD: usize = 256 * 1024;

pub(super) fn read(document: &Document<'_>, html: Option<&str>) -> Reading {
    let title = html.and_then(title);
    let url = document.url.as_str();
    let mut body = Map::new();
    body.insert("url".to_owned(), url.into());
    if let Some(title) = &title {
        body.insert("title".to_owned(), title.as_str().into());
    }
    let entry = Found {
        key: draft::Draft::bounded(url),
        kind: EntryKind::Page,
        is_deleted: false,
        fingerprint: Sha256::digest(document.body).into(),
        updated: None,
        published: None,
        topic: None,
        body,
        raw: None,
        base: None,
    };
    Reading { title, site: Some(url.to_owned()), entries: vec![entry] }
}

/// The text of the first `title`.
fn title(html: &str) -> Option<String> {
    let html = &html[..html.floor_char_boundary(HEAD)];
    let is_title = |piece: &Piece<'_>| matches!(piece, Piece::Start(tag) if tag.name == "title");
    let mut rest = pieces(html).skip_while(|piece| !is_title(piece)).skip(1);
    let Some(Piece::Text(text)) = rest.next() else { return None };
    Some(sanitise::text(text, draft::TITLE)).filter(|title| !title.is_empty())
}
