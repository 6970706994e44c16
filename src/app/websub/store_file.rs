//! Checks the configured location of the file of a SQLite store. Creates nothing.

use std::path::Path;

use crate::config::Store;

/// Checks `store.url`, if it is the path of a file.
///
/// # Errors
/// A text about the defect of the path and a valid value.
pub(super) fn check(settings: &Store) -> Result<(), String> {
    let url = settings.url.as_ref().map(|url| url.expose());
    let Some(place) = url.and_then(|url| url.strip_prefix("sqlite:")) else { return Ok(()) };
    let place = place.strip_prefix("//").unwrap_or(place);
    if place == ":memory:" {
        return Ok(());
    }
    if place.is_empty() || place.contains('?') {
        return Err(
            "store.url: sqlite: is followed by the path of a file, without parameters, such as sqlite:faye.db".to_owned()
        );
    }
    let file = Path::new(place);
    if file.is_dir() {
        return Err(format!("store.url: {place} is a folder; write the path of a file"));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) if folder.exists() => {
            Err(format!("store.url: {} is no folder; write a path in a folder", folder.display()))
        }
        Some(folder) => Err(format!(
            "store.url: the folder {} does not exist; create it, writable for the user of the server, or write another path",
            folder.display()
        )),
        None => Ok(()),
    }
}
