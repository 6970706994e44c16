//! Tables for terminals: columns separated by spaces. It must not know their content.

use std::time::Duration;

use serde_json::Value;

use crate::config::units::format_duration;

/// Rows of text under a line of names.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        let head = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { rows: std::iter::once(head).chain(rows).collect() }
    }

    /// Returns the lines, without spaces at their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let lengths = self.rows.iter().filter_map(move |row| Some(row.get(column)?.chars().count()));
            lengths.max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        self.rows.iter().map(move |row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
    }
}

/// Returns a value as a cell. Characters that would control a terminal are escaped.
pub(super) fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    escaped(&text)
}

/// Returns a text of a server for a terminal, with the characters escaped that would control it.
pub(super) fn escaped(text: &str) -> String {
    let shown =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    text.chars().map(shown).collect()
}

/// Seconds in the largest two units.
pub(super) fn age(seconds: u64) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let unit = match seconds {
        DAY.. => 60 * 60,
        3600.. => 60,
        _ => 1,
    };
    format_duration(Duration::from_secs(seconds / unit * unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_aligned_and_times_are_short() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), String::new()]];
        let table = Table::new(&["X", "NUMBER"], rows.into_iter());
        assert_eq!(table.lines().collect::<Vec<_>>(), ["X     NUMBER", "a     1", "long"]);
        assert_eq!(text(&json!("a\u{1b}[2J\n")), "a\\u{1b}[2J\\n");
        assert_eq!((text(&json!(null)), text(&json!(5))), (String::new(), "5".to_owned()));
        for (seconds, shown) in [(0, "0s"), (59, "59s"), (61, "1m1s"), (3661, "1h1m"), (90_061, "1d1h")] {
            assert_eq!(age(seconds), shown);
        }
    }
}
