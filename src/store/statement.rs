//! SQL texts that serve both databases.
//!
//! A text uses `$1`, `ON CONFLICT`, `RETURNING` and BIGINT milliseconds as they are. Words in braces stand for what the
//! databases write differently. Each text is expanded once and kept:
//!
//! - `{now}`: milliseconds since 1970 by the clock of the database, fixed for a statement
//! - `{vacuum}`: gives some free pages of a file back to the system, nothing in PostgreSQL, which does it by itself
//! - `{greatest}`, `{least}`: the scalar functions of these names
//! - `{lock t}`, `{skip locked}`: locks on the rows of a `SELECT`, nothing in SQLite
//! - `{list $1}`: a subquery with the column `value`, from a JSON array of numbers; `{texts $1}` from one of texts
//! - `{records $1 id:bigint reason:text}`: a subquery with these columns, from a JSON array of objects
//!
//! This module must not know tables.

use std::sync::{Arc, OnceLock};

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// One statement of an operation.
pub(super) struct Statement {
    /// The point after this statement, see [`super::failpoint`].
    pub(super) name: &'static str,
    text: &'static str,
    sqlite: OnceLock<Arc<str>>,
    postgres: OnceLock<Arc<str>>,
}

impl Statement {
    pub(super) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// Returns the text for a database.
    pub(super) fn text(&self, dialect: Dialect) -> Arc<str> {
        let cell = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        cell.get_or_init(|| expand(self.text, dialect).into()).clone()
    }
}

fn expand(text: &str, dialect: Dialect) -> String {
    let mut expanded = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        expanded.push_str(before);
        let (word, behind) = after.split_once('}').unwrap_or((after, ""));
        expanded.push_str(&substitute(word, dialect));
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

fn substitute(word: &str, dialect: Dialect) -> String {
    let (sqlite, postgres) = match word {
        "now" => (
            "CAST(unixepoch('subsec') * 1000 AS INTEGER)".to_owned(),
            "(extract(epoch FROM statement_timestamp()) * 1000)::bigint".to_owned(),
        ),
        "vacuum" => ("PRAGMA incremental_vacuum(256)".to_owned(), "SELECT 1".to_owned()),
        "greatest" => ("max".to_owned(), "greatest".to_owned()),
        "least" => ("min".to_owned(), "least".to_owned()),
        "skip locked" => (String::new(), "FOR UPDATE SKIP LOCKED".to_owned()),
        _ => lists(word),
    };
    match dialect {
        Dialect::Sqlite => sqlite,
        Dialect::Postgres => postgres,
    }
}

fn lists(word: &str) -> (String, String) {
    let mut words = word.split(' ');
    let kind = words.next().unwrap_or_default();
    let parameter = words.next().unwrap_or_default();
    match kind {
        "lock" => (String::new(), format!("FOR UPDATE OF {parameter}")),
        "list" => (
            format!("(SELECT value FROM json_each({parameter}))"),
            format!(
                "(SELECT value::bigint AS value FROM jsonb_array_elements_text({parameter}::jsonb) AS l(value))"
            ),
        ),
        "texts" => (
            format!("(SELECT value FROM json_each({parameter}))"),
            format!("(SELECT value FROM jsonb_array_elements_text({parameter}::jsonb) AS l(value))"),
        ),
        "records" => {
            let columns: Vec<(&str, &str)> = words.filter_map(|column| column.split_once(':')).collect();
            let picked: Vec<String> =
                columns.iter().map(|(name, _)| format!("value->>'{name}' AS {name}")).collect();
            let typed: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            (
                format!("(SELECT {} FROM json_each({parameter}))", picked.join(", ")),
                format!("(SELECT * FROM jsonb_to_recordset({parameter}::jsonb) AS l({}))", typed.join(", ")),
            )
        }
        // The database refuses it, and the contract tests run every statement.
        _ => (format!("{{{word}}}"), format!("{{{word}}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_expanded_for_each_database() {
        let text = "SELECT {now} WHERE id IN {list $2} {skip locked}";
        let sqlite = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE id IN (SELECT value FROM json_each($2)) ";
        assert_eq!(expand(text, Dialect::Sqlite), sqlite);
        let records = expand("FROM {records $1 id:bigint why:text} r", Dialect::Postgres);
        assert_eq!(records, "FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS l(id bigint, why text)) r");
    }
}
