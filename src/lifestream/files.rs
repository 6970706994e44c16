//! The styles and scripts of the page. The name of their folder contains a hash of all of them, so that browsers can
//! cache them indefinitely.
//!
//! It must not know their function.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use hyper::header::CACHE_CONTROL;
use hyper::{Response, StatusCode};

use super::response::{hash, put, typed};
use super::theme;
use crate::config;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// The files of every page: name, type, text.
const FILES: &[(&str, &str, &str)] = &[
    ("article.js", SCRIPT, include_str!("page/article.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("content.js", SCRIPT, include_str!("page/content.js")),
    ("entry.css", STYLE, include_str!("page/entry.css")),
    ("fresh.js", SCRIPT, include_str!("page/fresh.js")),
    ("icon.svg", ICON, include_str!("../admin/page/icon.svg")),
    ("keys.js", SCRIPT, include_str!("page/keys.js")),
    ("list.js", SCRIPT, include_str!("page/list.js")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("older.js", SCRIPT, include_str!("page/older.js")),
    ("style.css", STYLE, include_str!("page/style.css")),
    ("time.js", SCRIPT, include_str!("page/time.js")),
    ("view.js", SCRIPT, include_str!("page/view.js")),
];

/// The sheet with the colour of the settings.
const ACCENT: &str = "accent.css";
/// The sheet of the operator.
const OWN: &str = "own.css";
/// Bytes of the sheet of the operator.
const SHEET: u64 = 1024 * 1024;

/// The caching of a file whose URL contains the right hash.
const KEPT: &str = "public, max-age=31536000, immutable";

/// The files of a page with certain settings.
pub(super) struct Files {
    sheets: Vec<(&'static str, String)>,
    hash: String,
}

impl Files {
    /// Creates the files for these settings.
    ///
    /// # Errors
    /// Why the style sheet of the settings cannot be read.
    pub(super) fn new(settings: &config::Lifestream) -> Result<Self, String> {
        let accent = (ACCENT, theme::css(settings.accent.as_deref()));
        let own = settings.css.as_deref().map(read).transpose()?.map(|text| (OWN, text));
        let sheets: Vec<_> = [accent].into_iter().filter(|(_, text)| !text.is_empty()).chain(own).collect();
        let texts = FILES.iter().map(|(.., text)| text.as_bytes());
        let parts: Vec<&[u8]> = texts.chain(sheets.iter().map(|(_, text)| text.as_bytes())).collect();
        let hash = hash(&parts);
        Ok(Self { sheets, hash })
    }

    /// Returns the name of the folder.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns the names of the style sheets from the settings.
    pub(super) fn sheets(&self) -> Vec<&'static str> {
        self.sheets.iter().map(|(name, _)| *name).collect()
    }

    /// Returns the response for a path below the folder of all versions, such as `HASH/style.css`. A page of an earlier
    /// version receives the current file, without permission to cache it.
    pub(super) fn get(&self, path: &str) -> Option<Response<Bytes>> {
        let (folder, name) = path.split_once('/')?;
        let own = self.sheets.iter().find(|(own, _)| *own == name);
        let mut response = match (own, FILES.iter().find(|(own, ..)| *own == name)) {
            (Some((_, text)), _) => typed(StatusCode::OK, STYLE, text.clone()),
            (None, Some((_, kind, text))) => typed(StatusCode::OK, kind, Bytes::from_static(text.as_bytes())),
            (None, None) => return None,
        };
        if folder == self.hash {
            put(&mut response, CACHE_CONTROL, KEPT);
        }
        Some(response)
    }
}

/// Reads the style sheet of the operator.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let wrong = |why: String| {
        format!("lifestream.css: cannot read {} ({why}); check its path and permissions", path.display())
    };
    let length = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if length > SHEET {
        return Err(format!(
            "lifestream.css: {} has {length} bytes; write a file of at most {SHEET}",
            path.display()
        ));
    }
    fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_changes_with_every_file() {
        let plain = Files::new(&config::Lifestream::default()).unwrap();
        assert!(plain.sheets().is_empty());
        let accent = Some("#b03030".to_owned());
        let coloured = Files::new(&config::Lifestream { accent, ..Default::default() }).unwrap();
        assert_ne!(plain.hash(), coloured.hash());
        let kept = |path: &str| coloured.get(path).map(|response| response.headers()[CACHE_CONTROL].clone());
        assert_eq!(kept(&format!("{}/accent.css", coloured.hash())).unwrap(), KEPT);
        assert_eq!(kept(&format!("{}/accent.css", plain.hash())).unwrap(), "no-store");
        assert!(kept("x/../style.css").is_none() && kept("style.css").is_none());
    }

    #[test]
    fn a_sheet_that_cannot_be_read_is_named() {
        let css = Some("/does/not/exist.css".into());
        let error = Files::new(&config::Lifestream { css, ..Default::default() }).err().unwrap();
        assert!(error.starts_with("lifestream.css: cannot read /does/not/exist.css ("), "{error}");
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lifestream/page");
        for file in fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let is_served = name == "embed.js" || FILES.iter().any(|(own, ..)| *own == name);
            assert!(is_served, "{name}");
        }
    }
}
