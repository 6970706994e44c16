//! Migrates the schema when a store is opened.
//!
//! Two folders contain the same migrations with the same numbers, one for each database.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::error::StoreError;
use super::statement::Dialect;

const SQLITE: &[(i64, &str, &str)] = &[
    (1, "hub", include_str!("migrations/sqlite/0001_hub.sql")),
    (2, "feeds", include_str!("migrations/sqlite/0002_feeds.sql")),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "hub", include_str!("migrations/postgres/0001_hub.sql")),
    (2, "feeds", include_str!("migrations/postgres/0002_feeds.sql")),
];

/// Brings the schema up to date. `place` names the database in errors.
pub(super) async fn run<C: Migrate>(
    dialect: Dialect,
    connection: &mut C,
    place: &str,
) -> Result<(), Failure> {
    let texts = match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    let migrations = texts.iter().map(|&(version, name, text)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(|error| Failure::new(error, texts.len(), place))
}

/// Why the schema is not up to date.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database failed.
    Database(sqlx::Error),
    /// The program is not for this schema.
    Schema(StoreError),
}

impl Failure {
    fn new(error: MigrateError, newest: usize, place: &str) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Database(error),
            MigrateError::VersionMissing(version) => Self::Schema(StoreError::Unusable(format!(
                "{place}: the schema has version {version} and this program knows {newest}: use the program that \
                 has written it, or a newer one"
            ))),
            other => Self::Schema(StoreError::Unusable(format!("{place}: {other}"))),
        }
    }
}
