//! Images, audio, video and other files of an entry. It must not know the format of the feed.

use serde_json::{Map, Value};
use url::Url;

use super::markup::{Piece, pieces};
use super::tree::{Element, Space};

/// Files of an entry.
const MOST: usize = 10;
/// The longest URL.
const URL: usize = 2048;
/// The longest media type.
const TYPE: usize = 100;
/// Pixels of an image of the author rather than of the entry.
const ICON: u32 = 64;
/// Groups within each other.
const DEPTH: usize = 8;

/// Types by the end of the path.
const EXTENSIONS: &[(&str, &str)] = &[
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("svg", "image/svg+xml"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("aac", "audio/aac"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("ogv", "video/ogg"),
    ("webm", "video/webm"),
    ("pdf", "application/pdf"),
];

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Medium {
    url: String,
    kind: Option<String>,
    length: Option<u64>,
}

/// The files of an entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Media {
    files: Vec<Medium>,
    /// Images for an entry without other images.
    covers: Vec<Medium>,
}

impl Media {
    /// Adds a file. The type may be missing.
    pub(super) fn add(&mut self, base: &Url, url: &str, kind: Option<&str>, length: Option<u64>) {
        if let Some(medium) = medium(base, url, kind, length) {
            push(&mut self.files, medium);
        }
    }

    /// Adds an image for an entry without other images.
    pub(super) fn add_cover(&mut self, base: &Url, url: &str) {
        if let Some(medium) = medium(base, url, None, None) {
            push(&mut self.covers, medium);
        }
    }

    /// Adds the media of a MediaRSS element.
    pub(super) fn add_media_rss(&mut self, element: &Element) {
        self.add_element(element, DEPTH);
    }

    fn add_element(&mut self, element: &Element, depth: usize) {
        if element.space != Space::Media || depth == 0 {
            return;
        }
        match element.name.as_str() {
            "content" => {
                let length = element.attribute("filesize").and_then(|length| length.parse().ok());
                if let Some(url) = element.attribute("url") {
                    self.add(&element.base, url, element.attribute("type"), length);
                }
            }
            "thumbnail" => {
                let is_icon = ["width", "height"]
                    .into_iter()
                    .filter_map(|name| element.attribute(name)?.parse::<u32>().ok())
                    .any(|size| size <= ICON);
                if let Some(url) = element.attribute("url").filter(|_| !is_icon) {
                    self.add_cover(&element.base, url);
                }
                return;
            }
            "group" => {}
            _ => return,
        }
        for child in element.elements() {
            self.add_element(child, depth - 1);
        }
    }

    /// Adds the first image of the content if there is no other one.
    pub(super) fn add_first_image(&mut self, base: &Url, html: &str) {
        if !self.files.is_empty() || !self.covers.is_empty() {
            return;
        }
        for piece in pieces(html) {
            let Piece::Start(tag) = piece else { continue };
            // Images of one pixel count readers.
            let is_tiny = |name| {
                tag.attribute(name)
                    .is_some_and(|size| matches!(size.trim().trim_end_matches("px"), "0" | "1"))
            };
            if tag.name != "img" || is_tiny("width") || is_tiny("height") {
                continue;
            }
            let Some(url) = tag.attribute("src") else { continue };
            if let Some(medium) = medium(base, &url, None, None) {
                self.files.push(medium);
                return;
            }
        }
    }

    /// Returns all files as JSON objects, at most ten.
    pub(super) fn into_json(self) -> Vec<Value> {
        let Self { mut files, covers } = self;
        let has_image =
            files.iter().any(|file| file.kind.as_ref().is_some_and(|kind| kind.starts_with("image/")));
        if !has_image {
            covers.into_iter().for_each(|cover| push(&mut files, cover));
        }
        files.into_iter().map(Medium::into_json).collect()
    }
}

impl Medium {
    fn into_json(self) -> Value {
        let mut object = Map::new();
        object.insert("url".to_owned(), self.url.into());
        if let Some(kind) = self.kind {
            object.insert("type".to_owned(), kind.into());
        }
        if let Some(length) = self.length {
            object.insert("length".to_owned(), length.into());
        }
        object.into()
    }
}

fn push(list: &mut Vec<Medium>, medium: Medium) {
    if let Some(known) = list.iter_mut().find(|known| known.url == medium.url) {
        known.kind = known.kind.take().or(medium.kind);
        known.length = known.length.or(medium.length);
    } else if list.len() < MOST {
        list.push(medium);
    }
}

fn medium(base: &Url, url: &str, kind: Option<&str>, length: Option<u64>) -> Option<Medium> {
    let url = resolve(base, url)?;
    let kind = kind.and_then(media_type).or_else(|| by_extension(&url).map(str::to_owned));
    // No browser plays Flash, and a page is no file.
    if kind.as_deref().is_some_and(|kind| matches!(kind, "application/x-shockwave-flash" | "text/html")) {
        return None;
    }
    // Many feeds write 0 for an unknown length.
    Some(Medium { url, kind, length: length.filter(|length| *length > 0) })
}

/// Resolves a URL; `None` if it is not `http` or `https`, or too long.
pub(super) fn resolve(base: &Url, url: &str) -> Option<String> {
    let url = url.trim();
    if url.is_empty() || url.len() > URL {
        return None;
    }
    let url = base.join(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.into()).filter(|url: &String| url.len() <= 2 * URL)
}

/// Whether a type is an image, audio or video type.
pub(super) fn is_media(kind: &str) -> bool {
    media_type(kind).is_some_and(|kind| {
        kind.split_once('/').is_some_and(|(group, _)| matches!(group, "image" | "audio" | "video"))
    })
}

/// Returns a media type without parameters, in lower case.
fn media_type(text: &str) -> Option<String> {
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    let is_valid = kind.split_once('/').is_some_and(|(group, own)| is_token(group) && is_token(own));
    (is_valid && kind.len() <= TYPE).then_some(kind)
}

fn by_extension(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (path, extension) = path.rsplit_once('.')?;
    // The name of a host has dots too.
    let is_file = path.splitn(4, '/').count() == 4;
    let known = EXTENSIONS.iter().find(|(own, _)| own.eq_ignore_ascii_case(extension));
    known.filter(|_| is_file).map(|(_, kind)| *kind)
}
