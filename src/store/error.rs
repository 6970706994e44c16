//! Errors of operations, and the database errors that mean that the store is unavailable.

use std::path::Path;

/// Why an operation has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be used for now; the same operation may succeed later.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store cannot be used with these settings or by this program. Only [`Store::open`](super::Store::open)
    /// returns it.
    #[error("{0}")]
    Unusable(String),
}

/// The result of an operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The meaning of a database error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Conflict with another transaction; the operation can be retried immediately.
    Conflict,
    /// All connections are in use.
    Busy,
    /// The database refuses this operation, but not others.
    Refused,
    /// The store cannot be used.
    Away,
}

/// Sorts an error.
pub(super) fn fault(error: &sqlx::Error) -> Fault {
    match error {
        // The result of an operation if rows from an earlier statement are gone.
        sqlx::Error::RowNotFound => Fault::Conflict,
        sqlx::Error::PoolTimedOut => Fault::Busy,
        sqlx::Error::Database(error) => by_code(&error.code().unwrap_or_default()),
        sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::TypeNotFound { .. } => Fault::Refused,
        _ => Fault::Away,
    }
}

fn by_code(code: &str) -> Fault {
    // PostgreSQL codes have five characters; SQLite codes are numbers whose low byte is the kind.
    if code.len() == 5 {
        return match code {
            // A row that a foreign key refers to was added or removed at this moment.
            "23503" => Fault::Conflict,
            // Tables or columns are missing: the schema has to be checked again.
            "42P01" | "42703" => Fault::Away,
            // Serialization failures and deadlocks.
            _ if code.starts_with("40") => Fault::Conflict,
            _ if ["22", "23", "42", "P0"].iter().any(|class| code.starts_with(class)) => Fault::Refused,
            _ => Fault::Away,
        };
    }
    const ERROR: u32 = 1;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(ERROR | CONSTRAINT | MISMATCH) => Fault::Refused,
        _ => Fault::Away,
    }
}

/// Returns a hint for an error of a SQLite file.
pub(super) fn sqlite_hint(error: &sqlx::Error, file: &Path) -> String {
    const BUSY: u32 = 5;
    const READONLY: u32 = 8;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const NOTADB: u32 = 26;
    let code = match error {
        sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<u32>().ok()),
        _ => None,
    };
    let file = file.display();
    match code.map(|code| code & 0xff) {
        Some(FULL) => format!("{file}: the disk is full; free some space"),
        Some(BUSY) => format!("{file}: another program has locked the file; close it"),
        Some(READONLY) => format!("{file}: the file cannot be written; check its owner and the mount"),
        Some(CORRUPT | NOTADB) => {
            format!("{file}: the file is damaged or no SQLite file; restore it from a backup")
        }
        _ => format!("{file}: {error}"),
    }
}
