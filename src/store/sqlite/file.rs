//! The file of a SQLite store: private to the user, and used by one process.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::store::error::{Result, StoreError};

/// The mode of all files of a store: secrets of subscribers are in them.
const MODE: u32 = 0o600;

/// The lock on a store file. It ends with the value or with the process.
#[derive(Debug)]
pub(super) struct LockedFile {
    lock: File,
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A child process has the descriptor, too, until it executes its program: closing it here does not end the lock.
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "store file not unlocked; its lock ends with the process");
        }
    }
}

impl LockedFile {
    /// Opens and locks the file; creates it with its mode if it is missing.
    pub(super) fn open(place: &Path) -> Result<Self> {
        // One file has one lock under all of its names: symbolic links are followed, and hard links refused.
        let real = match std::fs::canonicalize(place) {
            Ok(real) => real,
            Err(_) => private(place).and_then(|_| real(place))?,
        };
        let locked = Self { lock: lock(&real)? };
        let file = private(place)?;
        let metadata = file.metadata().map_err(|error| unusable(place, &error))?;
        if metadata.nlink() > 1 {
            return Err(StoreError::Unusable(format!(
                "store.url: {} is one of {} names (hard links) of a file, so another process could use the file under \
                 another name: remove the other names, or copy the file",
                place.display(),
                metadata.nlink()
            )));
        }
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(MODE)).map_err(|error| unusable(place, &error))?;
        }
        Ok(locked)
    }
}

/// Returns the path without symbolic links.
fn real(place: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(place).map_err(|error| unusable(place, &error))
}

fn lock(place: &Path) -> Result<File> {
    let mut name = place.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let mut file = private(&name)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let process = match file.read_to_string(&mut owner) {
                Ok(_) if !owner.trim().is_empty() => format!(" (process {})", owner.trim()),
                _ => String::new(),
            };
            return Err(StoreError::Unusable(format!(
                "store.url: {} is in use by another process{process}, which holds {}: stop that process, or set \
                 store.url to another file",
                place.display(),
                name.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(&name, &error)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| unusable(&name, &error))?;
    Ok(file)
}

fn private(place: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    options.open(place).map_err(|error| unusable(place, &error))
}

fn unusable(place: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable(format!(
        "store.url: {}: {error}: check that the folder exists, is writable and has room",
        place.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_ends_although_a_child_process_still_has_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("faye.db");
        let locked = LockedFile::open(&place).unwrap();
        let of_a_child = locked.lock.try_clone().unwrap();
        assert!(matches!(LockedFile::open(&place), Err(StoreError::Unusable(_))));
        drop(locked);
        LockedFile::open(&place).unwrap();
        drop(of_a_child);
    }
}
