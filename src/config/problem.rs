//! Errors of settings with the data for their correction: the place, the key, and a valid value.
//!
//! This module knows how a problem is printed, and not how it was found.

use std::fmt;

/// The place of a setting, in the order of precedence: a later one overrides an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file; the line counts from 1, and is `None` for the file as a whole.
    File {
        /// The file as it was named to us.
        file: String,
        /// The line of the key.
        line: Option<usize>,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A command-line flag, such as `--listen`.
    Flag(String),
}

/// A single error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it was written.
    pub origin: Origin,
    /// The key with its section, such as `limits.body` or `channel[2].match` (the second rule); empty if the problem
    /// concerns no single key.
    pub key: String,
    /// The error and a valid value.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { file, line } => {
                write!(formatter, "{file}:")?;
                if let Some(line) = line {
                    write!(formatter, "{line}:")?;
                }
                if !self.key.is_empty() {
                    write!(formatter, " {}:", self.key)?;
                }
            }
            // The name of a variable or a flag already names the key.
            Origin::Variable(name) | Origin::Flag(name) => write!(formatter, "{name}:")?,
        }
        write!(formatter, " {}", self.message)
    }
}

/// All errors, in the order of the file, then of the variables, then of the flags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts the problems and removes duplicates.
    pub(super) fn new(mut found: Vec<Problem>) -> Self {
        found.sort();
        found.dedup();
        Self(found)
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the problems, first line first.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One problem a line.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
