//! The folder of an extension: its file and the files that it requires are read only from there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::wire::{Sources, Text};

/// Bytes of a file that is read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// One extension's file and its neighbours.
pub(super) struct Folder {
    /// The file, links resolved.
    main: PathBuf,
    /// Its folder, links resolved.
    root: PathBuf,
    /// The folder as written in the settings.
    written: PathBuf,
    /// The required files, so that a restarted engine runs the same texts.
    kept: Mutex<BTreeMap<String, Text>>,
}

impl Folder {
    /// Opens the folder of a file.
    pub(super) fn open(file: &str) -> Result<Arc<Self>, String> {
        let main = fs::canonicalize(file).map_err(|error| error.to_string())?;
        let root = main.parent().ok_or("it is no file")?.to_owned();
        let written = Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
        Ok(Arc::new(Self { main, root, written, kept: Mutex::default() }))
    }

    /// Creates a folder as an engine before this one has read it.
    pub(super) fn restore(file: &str, sources: Sources) -> Arc<Self> {
        let main = PathBuf::from(sources.main);
        let root = main.parent().map(Path::to_owned).unwrap_or_default();
        let written = Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
        Arc::new(Self { main, root, written, kept: Mutex::new(sources.texts) })
    }

    /// Returns the texts that were read, for [`Folder::restore`].
    pub(super) fn sources(&self) -> Sources {
        Sources { main: self.main(), texts: self.kept.lock().clone() }
    }

    /// Returns the path of the extension's own file.
    pub(super) fn main(&self) -> String {
        self.main.to_string_lossy().into_owned()
    }

    /// Returns the path of the folder.
    pub(super) fn path(&self) -> String {
        self.root.to_string_lossy().into_owned()
    }

    /// Returns a file's name in messages: as the settings would write it.
    pub(super) fn name(&self, path: &str) -> String {
        let inner = Path::new(path).strip_prefix(&self.root).map(Path::to_owned);
        inner
            .map_or_else(|_| path.to_owned(), |inner| self.written.join(inner).to_string_lossy().into_owned())
    }

    /// Resolves a required name from a folder to a path.
    pub(super) fn resolve(&self, from: &str, name: &str) -> Result<String, String> {
        let is_path = name.starts_with("./") || name.starts_with("../") || matches!(name, "." | "..");
        if !is_path && !name.starts_with('/') {
            return Err(format!(
                "Cannot find module '{name}': beside crypto, path, fs and buffer only files next to the extension can be \
                 required, by paths that begin with ./"
            ));
        }
        let path = Path::new(from).join(name);
        let with = |ending: &str| {
            let mut path = path.clone().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        };
        let candidates = [
            path.clone(),
            with(".js"),
            with(".json"),
            with(".cjs"),
            path.join("index.js"),
            path.join("index.json"),
        ];
        match candidates.iter().find(|candidate| candidate.is_file()) {
            Some(found) => self.inside(found).ok_or_else(|| outside("module", name)),
            None => Err(format!("Cannot find module '{name}'")),
        }
    }

    /// Returns the text of a resolved path; always the text of the first read.
    pub(super) fn source(&self, path: &str) -> Result<Text, String> {
        if let Some(kept) = self.kept.lock().get(path) {
            return Ok(kept.clone());
        }
        let text =
            String::from_utf8(self.read(path)?).map_err(|error| format!("{path} cannot be read: {error}"))?;
        // Node ignores a byte order mark in a module too.
        let text = Text(text.strip_prefix('\u{feff}').unwrap_or(&text).into());
        self.kept.lock().insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// Returns the current content of a file of the folder.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.root.join(name);
        let failed = |error: &dyn std::fmt::Display| format!("{name} cannot be read: {error}");
        let size = fs::metadata(&path).map_err(|error| failed(&error))?.len();
        let path = self.inside(&path).ok_or_else(|| outside("file", name))?;
        if size > LARGEST {
            return Err(failed(&format_args!("it has more than {LARGEST} bytes")));
        }
        fs::read(path).map_err(|error| failed(&error))
    }

    /// Whether a file of the folder is there.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.inside(&self.root.join(name)).is_some()
    }

    /// Returns the path without links, if it is in the folder.
    fn inside(&self, path: &Path) -> Option<String> {
        let path = fs::canonicalize(path).ok().filter(|path| path.starts_with(&self.root))?;
        path.to_str().map(str::to_owned)
    }
}

fn outside(what: &str, name: &str) -> String {
    format!("The {what} '{name}' is outside of the extension's folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_found() {
        let place = tempfile::tempdir().unwrap();
        let inner = place.path().join("inner");
        fs::create_dir_all(inner.join("lib")).unwrap();
        for (name, text) in [
            ("inner/auth.js", ""),
            ("inner/lib/index.js", ""),
            ("inner/tokens.json", "{}"),
            ("secret.js", "secret"),
            ("inner-too.js", ""),
        ] {
            fs::write(place.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(place.path().join("secret.js"), inner.join("link.js")).unwrap();
        let folder = Folder::open(inner.join("auth.js").to_str().unwrap()).unwrap();
        let root = folder.path();
        for (name, found) in
            [("./auth", "auth.js"), ("./lib", "lib/index.js"), ("./lib/../tokens", "tokens.json")]
        {
            assert_eq!(folder.resolve(&root, name), Ok(format!("{root}/{found}")), "{name}");
        }
        for name in [
            "../secret",
            "./link",
            "/etc/hostname",
            "../inner-too",
            "./nothing",
            "lodash",
            "../secret.js",
            "",
        ] {
            assert!(folder.resolve(&root, name).is_err(), "{name}");
        }
        for name in ["../secret.js", "link.js", "/etc/hostname", "lib", "nothing"] {
            assert!(folder.read(name).is_err(), "{name}");
        }
        assert!(folder.read("tokens.json").is_ok() && folder.exists("lib") && !folder.exists("../secret.js"));
        assert!(Folder::open(inner.join("nothing.js").to_str().unwrap()).is_err());
    }
}
