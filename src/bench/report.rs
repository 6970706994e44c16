//! The results of a load, as a table for people and as JSON for programs.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::ledger::Faults;

/// Numbers with names, in the order of the table.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<Figure>);

/// The line in place of the figures of a server whose process is unknown.
pub(super) const NEEDS_PID: &str = "server CPU and memory need --pid";

/// A number with its names.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// The key in JSON.
    pub(super) key: &'static str,
    /// The label in a table.
    pub(super) label: &'static str,
    /// The unit in a table.
    pub(super) unit: &'static str,
    /// Decimals in a table.
    pub(super) decimals: usize,
    /// `None` if it is not known.
    pub(super) value: Option<f64>,
}

impl Figure {
    /// Returns the number in JSON.
    pub(super) fn json(&self) -> Value {
        match self.value {
            Some(value) if self.decimals == 0 => json!(value.round() as u64),
            Some(value) => json!((value * 1000.0).round() / 1000.0),
            None => Value::Null,
        }
    }

    /// Whether it is measured at the process of the server.
    pub(super) fn is_of_process(&self) -> bool {
        ["server_", "cpu_", "bytes_per_session", "empty_mb"].iter().any(|front| self.key.starts_with(front))
    }

    /// Whether it is a result, and no property of the load.
    pub(super) fn is_measured(&self) -> bool {
        !matches!(
            self.key,
            "subscribers" | "publishers" | "rate" | "window" | "batch" | "payload" | "slow" | "at_a_time"
        )
    }
}

impl Figures {
    /// Adds a number; `None` if it is not known.
    pub(super) fn add(
        &mut self,
        key: &'static str,
        label: &'static str,
        unit: &'static str,
        decimals: usize,
        value: Option<f64>,
    ) {
        self.0.push(Figure { key, label, unit, decimals, value });
    }

    /// Adds all others except some keys.
    pub(super) fn extend_without(&mut self, others: Self, keys: &[&str]) {
        self.0.extend(others.0.into_iter().filter(|figure| !keys.contains(&figure.key)));
    }

    /// Adds a count.
    pub(super) fn count(&mut self, key: &'static str, label: &'static str, count: impl TryInto<u64>) {
        self.add(key, label, "", 0, count.try_into().ok().map(|count| count as f64));
    }
}

/// The results of a load.
#[derive(Debug)]
pub struct Report {
    load: &'static str,
    url: String,
    figures: Figures,
    faults: Faults,
}

impl Report {
    pub(super) fn new(load: &'static str, url: &str, mut figures: Figures, faults: Faults) -> Self {
        if load != "storm" {
            figures.count("lost", "messages lost", faults.lost);
            figures.count("doubled", "messages doubled", faults.doubled);
            figures.count("misordered", "messages out of order", faults.misordered);
            figures.count("stray", "messages on a wrong channel", faults.stray);
        }
        Self { load, url: url.to_owned(), figures, faults }
    }

    /// Returns the figures as one line of JSON. What could not be measured is `null`.
    #[must_use]
    pub fn json(&self) -> String {
        Value::Object(self.object()).to_string()
    }

    /// Returns the same as an object.
    pub(super) fn object(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("load".to_owned(), json!(self.load));
        all.insert("url".to_owned(), json!(self.url));
        all.extend(self.figures.0.iter().map(|figure| (figure.key.to_owned(), figure.json())));
        all
    }

    /// Returns the name of the load.
    pub(super) fn load(&self) -> &'static str {
        self.load
    }

    /// Returns the figures in the order of the table.
    pub(super) fn figures(&self) -> &[Figure] {
        &self.figures.0
    }

    /// Whether the process of the server was measured.
    pub(super) fn has_process(&self) -> bool {
        self.value("server_cpu").is_some()
    }

    /// Returns the value of a figure.
    pub(super) fn value(&self, key: &str) -> Option<f64> {
        self.figures.0.iter().find(|figure| figure.key == key)?.value
    }

    /// Returns the figures as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!("{} on {}\n", self.load, self.url);
        let width = self.figures.0.iter().map(|figure| figure.label.len()).max().unwrap_or_default();
        let lacks_process = !self.has_process();
        for figure in self.figures.0.iter().filter(|figure| !(lacks_process && figure.is_of_process())) {
            let Figure { label, unit, decimals, value, .. } = figure;
            let value = value.map_or("not available".to_owned(), |value| grouped(value, *decimals));
            // Writing to a string does not fail.
            let _ = writeln!(out, "  {label:width$}  {value:>14} {unit}");
        }
        if lacks_process && self.figures.0.iter().any(Figure::is_of_process) {
            let _ = writeln!(out, "  {NEEDS_PID}");
        }
        out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Returns the messages that were lost, doubled, out of order or on a wrong channel, if any were.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let Faults { lost, doubled, misordered, stray } = self.faults;
        (self.faults != Faults::default()).then(|| {
            format!(
                "messages went wrong: {lost} lost, {doubled} doubled, {misordered} out of order, {stray} on a wrong \
                 channel"
            )
        })
    }
}

/// Returns a number with separators of thousands.
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable_in_a_table_and_exact_in_json() {
        let mut figures = Figures::default();
        figures.add("a", "the first", "us", 2, Some(1_234_567.891));
        figures.add("b", "the second one", "", 0, None);
        figures.count("c", "third", 999usize);
        let report = Report::new("storm", "http://x/", figures, Faults::default());
        let lines = [
            "storm on http://x/",
            "  the first         1,234,567.89 us",
            "  the second one   not available",
            "  third                      999",
        ];
        assert_eq!(report.table(), lines.join("\n"));
        assert_eq!(report.json(), r#"{"a":1234567.891,"b":null,"c":999,"load":"storm","url":"http://x/"}"#);
        assert_eq!(report.fault(), None);
    }
}
