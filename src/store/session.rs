//! One transaction or one read on a connection of either database.
//!
//! Operations are written once against [`Session`]. It runs a [`Statement`] on the typed connection that it borrows,
//! and reads columns in order. This module must not know tables.

use std::future::Future;
use std::pin::Pin;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Decode, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, Type};

use super::failpoint;
use super::statement::{Dialect, Statement};

/// The result of an operation.
pub(super) type Outcome<'c, T> = Pin<Box<dyn Future<Output = sqlx::Result<T>> + Send + 'c>>;

/// The function of an operation: runs in a session, and again after a conflict.
pub(super) type Run<A, T> = for<'c> fn(Session<'c>, &'c A) -> Outcome<'c, T>;

/// An operation with its name.
pub(super) struct Operation<A, T> {
    /// The name of the operation, see [`super::failpoint`].
    pub(super) name: &'static str,
    pub(super) run: Run<A, T>,
}

impl<A, T> Clone for Operation<A, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, T> Copy for Operation<A, T> {}

/// A connection on which an operation runs.
pub(super) struct Session<'c> {
    operation: &'static str,
    link: Link<'c>,
}

enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl<'c> Session<'c> {
    pub(super) fn sqlite(operation: &'static str, connection: &'c mut SqliteConnection) -> Self {
        Self { operation, link: Link::Sqlite(connection) }
    }

    pub(super) fn postgres(operation: &'static str, connection: &'c mut PgConnection) -> Self {
        Self { operation, link: Link::Postgres(connection) }
    }

    /// Runs a statement and returns the number of rows that it has changed.
    pub(super) async fn execute(&mut self, statement: &Statement, values: &[Value<'_>]) -> sqlx::Result<u64> {
        let changed = match &mut self.link {
            Link::Sqlite(link) => sqlite_query(statement, values).execute(&mut **link).await?.rows_affected(),
            Link::Postgres(link) => {
                postgres_query(statement, values).execute(&mut **link).await?.rows_affected()
            }
        };
        failpoint::after(self.operation, statement.name);
        Ok(changed)
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn rows(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> sqlx::Result<Vec<Row>> {
        let rows = match &mut self.link {
            Link::Sqlite(link) => {
                let rows = sqlite_query(statement, values).fetch_all(&mut **link).await?;
                rows.into_iter().map(|row| Row { cells: Cells::Sqlite(row), next: 0 }).collect()
            }
            Link::Postgres(link) => {
                let rows = postgres_query(statement, values).fetch_all(&mut **link).await?;
                rows.into_iter().map(|row| Row { cells: Cells::Postgres(row), next: 0 }).collect()
            }
        };
        failpoint::after(self.operation, statement.name);
        Ok(rows)
    }

    /// Runs a statement and returns its first row.
    pub(super) async fn row(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> sqlx::Result<Option<Row>> {
        Ok(self.rows(statement, values).await?.into_iter().next())
    }
}

fn sqlite_query(statement: &Statement, values: &[Value<'_>]) -> Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement.text(Dialect::Sqlite)));
    for value in values {
        query = match *value {
            Value::Int(value) => query.bind(value),
            Value::MaybeInt(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        };
    }
    query
}

fn postgres_query(statement: &Statement, values: &[Value<'_>]) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement.text(Dialect::Postgres)));
    for value in values {
        query = match *value {
            Value::Int(value) => query.bind(value),
            Value::MaybeInt(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        };
    }
    query
}

/// A value for a parameter of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(Option<&'v str>),
    Bytes(Option<&'v [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::MaybeInt(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(value: &'v str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(value: &'v String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'v> From<&'v Option<String>> for Value<'v> {
    fn from(value: &'v Option<String>) -> Self {
        Self::Text(value.as_deref())
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(value: Option<&'v str>) -> Self {
        Self::Text(value)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(value: &'v [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'v> From<Option<&'v [u8]>> for Value<'v> {
    fn from(value: Option<&'v [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// A row of a result. Columns are read in their order.
pub(super) struct Row {
    cells: Cells,
    next: usize,
}

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn read<'r, T>(&'r mut self) -> sqlx::Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let column = self.next;
        self.next += 1;
        match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        }
    }

    pub(super) fn int(&mut self) -> sqlx::Result<i64> {
        self.read()
    }

    pub(super) fn maybe_int(&mut self) -> sqlx::Result<Option<i64>> {
        self.read()
    }

    pub(super) fn flag(&mut self) -> sqlx::Result<bool> {
        Ok(self.int()? != 0)
    }

    /// Returns a number that is never negative; a negative value, such as the remaining time of an expired lease,
    /// becomes 0.
    pub(super) fn count(&mut self) -> sqlx::Result<u64> {
        Ok(u64::try_from(self.int()?).unwrap_or(0))
    }

    pub(super) fn text(&mut self) -> sqlx::Result<String> {
        self.read()
    }

    pub(super) fn maybe_text(&mut self) -> sqlx::Result<Option<String>> {
        self.read()
    }

    pub(super) fn bytes(&mut self) -> sqlx::Result<Vec<u8>> {
        self.read()
    }

    pub(super) fn maybe_bytes(&mut self) -> sqlx::Result<Option<Vec<u8>>> {
        self.read()
    }
}
