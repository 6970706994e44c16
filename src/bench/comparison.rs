//! The same load on two servers in turn: which runs next, and one table of both. It must not know the loads.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::Failure;
use super::report::{Figure, NEEDS_PID, Report, grouped};

/// The key of a server in JSON.
const KEYS: [&str; 2] = ["url", "against"];
/// The name of a server in the table.
const NAMES: [&str; 2] = ["A", "B"];

/// Figures that are added up over the rounds: each one counts.
const SUMMED: [&str; 6] = ["unacknowledged", "stalled", "lost", "doubled", "misordered", "stray"];

/// Which server is loaded, and in which round.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// 0 for the first server, 1 for the second.
    pub side: usize,
    /// From 1.
    pub round: usize,
}

/// The reports of two servers.
pub struct Comparison {
    urls: [String; 2],
    rounds: usize,
    reports: [Vec<Report>; 2],
    /// What went wrong, in order.
    failures: [Vec<String>; 2],
    /// The last turn as JSON.
    last: Value,
}

impl Comparison {
    /// Creates a comparison of the servers at two URLs, without reports.
    #[must_use]
    pub fn new(urls: [String; 2], rounds: usize) -> Self {
        Self { urls, rounds, reports: Default::default(), failures: Default::default(), last: Value::Null }
    }

    /// Returns the turns in their order. Each server is the first in half of the rounds, so that neither has the warmer
    /// machine.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        let order = |round: usize| if round % 2 == 1 { [0, 1] } else { [1, 0] };
        (1..=self.rounds).flat_map(|round| order(round).map(|side| Turn { side, round })).collect()
    }

    /// Adds the result of a turn.
    pub fn add(&mut self, turn: Turn, result: Result<Report, Failure>) {
        let Turn { side, round } = turn;
        let mut object = Map::new();
        object.insert("round".to_owned(), json!(round));
        object.insert("server".to_owned(), json!(KEYS[side]));
        match result {
            Ok(report) => {
                object.extend(report.object());
                if let Some(fault) = report.fault() {
                    object.insert("error".to_owned(), json!(fault));
                    self.failures[side].push(format!("round {round}: {fault}"));
                }
                self.reports[side].push(report);
            }
            Err(failure) => {
                object.insert("url".to_owned(), json!(self.urls[side]));
                object.insert("error".to_owned(), json!(failure.to_string()));
                self.failures[side].push(format!("round {round}: {failure}"));
            }
        }
        self.last = Value::Object(object);
    }

    /// Returns the last turn as one line of JSON.
    #[must_use]
    pub fn last_as_json(&self) -> String {
        self.last.to_string()
    }

    /// Returns the medians of both servers as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut all = Map::new();
        all.insert("rounds".to_owned(), json!(self.rounds));
        for (side, key) in KEYS.into_iter().enumerate() {
            let mut object = Map::new();
            object.insert("url".to_owned(), json!(self.urls[side]));
            object.insert("rounds".to_owned(), json!(self.reports[side].len()));
            for figure in self.figures(side) {
                object.insert(figure.key.to_owned(), figure.json());
            }
            if !self.failures[side].is_empty() {
                object.insert("errors".to_owned(), json!(self.failures[side]));
            }
            all.insert(key.to_owned(), Value::Object(object));
        }
        json!({ "comparison": all }).to_string()
    }

    /// Returns the medians of both servers as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let load = self.reports.iter().flatten().next().map_or("no result", Report::load);
        let rounds = if self.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", self.rounds) };
        let mut out = format!("{load}: medians of {rounds} on each server, in turn\n");
        // Writing to a string does not fail.
        for (name, url) in NAMES.iter().zip(&self.urls) {
            let _ = writeln!(out, "  {name}  {url}");
        }
        let [ours, theirs] = [self.figures(0), self.figures(1)];
        let any = if ours.is_empty() { &theirs } else { &ours };
        let width = any.iter().map(|figure| figure.label.len()).max().unwrap_or_default();
        if !any.is_empty() {
            let [a, b] = NAMES;
            let _ = writeln!(out, "  {:width$}  {a:>14} {b:>14} {:<5} {:>8}", "", "", "A / B");
        }
        let lacks_process = !self.reports.iter().flatten().any(Report::has_process);
        for figure in any.iter().filter(|figure| !(lacks_process && figure.is_of_process())) {
            let value = |figures: &[Figure]| figures.iter().find(|other| other.key == figure.key)?.value;
            let values = [value(&ours), value(&theirs)];
            let [a, b] = values.map(|value| {
                value.map_or_else(|| "not available".to_owned(), |value| grouped(value, figure.decimals))
            });
            let ratio = match values {
                [Some(a), Some(b)] if b > 0.0 && figure.is_measured() => format!("{:.2}", a / b),
                _ => String::new(),
            };
            let unit = figure.unit;
            let _ = writeln!(out, "  {:width$}  {a:>14} {b:>14} {unit:<5} {ratio:>8}", figure.label);
        }
        if lacks_process && any.iter().any(Figure::is_of_process) {
            let _ = writeln!(out, "  {NEEDS_PID}");
        }
        for (name, failures) in NAMES.iter().zip(&self.failures) {
            failures.iter().for_each(|failure| {
                let _ = writeln!(out, "  {name} failed in {failure}");
            });
        }
        out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// What went wrong with either server.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let count: usize = self.failures.iter().map(Vec::len).sum();
        let first = self.urls.iter().zip(&self.failures).find_map(|(url, all)| Some((url, all.first()?)))?;
        let (url, failure) = first;
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        Some(format!("{url} failed in {failure}{more}"))
    }

    /// Returns the median of each figure of a server, or the sum for what went wrong.
    fn figures(&self, side: usize) -> Vec<Figure> {
        let reports = &self.reports[side];
        let Some(first) = reports.first() else { return Vec::new() };
        let median = |figure: &Figure| {
            let all = reports.iter().filter_map(|report| report.value(figure.key));
            let mut all: Vec<f64> = all.collect();
            all.sort_by(f64::total_cmp);
            let middle = all.len() / 2;
            let value = match all.len() {
                0 => None,
                _ if SUMMED.contains(&figure.key) => Some(all.iter().sum()),
                count if count % 2 == 1 => all.get(middle).copied(),
                _ => Some((all[middle - 1] + all[middle]) / 2.0),
            };
            Figure { value, ..figure.clone() }
        };
        first.figures().iter().map(median).collect()
    }
}
