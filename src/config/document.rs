//! Reads the text of a `faye.toml` into a draft: every key with its line.
//!
//! This module knows the layout of sections, keys and rules in TOML, and not the meaning of their values.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::{Draft, Element};
use super::keys;
use super::problem::Origin;
use super::suggest;
use super::value::{Given, shorten};

type Name<'i> = Spanned<std::borrow::Cow<'i, str>>;

/// Adds all settings and all errors of the text to the draft.
///
/// Syntax errors of TOML are reported alone: after one unclosed bracket, every later key would be an error.
pub(super) fn read(draft: &mut Draft, text: &str, file: &str) {
    let source = Source::new(text, file);
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        for (name, value) in document.get_ref() {
            section(draft, &source, name, value);
        }
        return;
    }
    let mut reported = None;
    for error in errors {
        let origin = source.at(error.span().map_or(0, |span| span.start));
        // The first error of a line is the reason for its others.
        if reported.as_ref() != Some(&origin) {
            draft.problem(origin.clone(), "", format!("invalid TOML: {}", error.message()));
            reported = Some(origin);
        }
    }
}

/// The lines of a text.
struct Source<'i> {
    /// Where each line but the first begins.
    starts: Vec<usize>,
    file: &'i str,
}

impl<'i> Source<'i> {
    fn new(text: &str, file: &'i str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { starts: ends.map(|(at, _)| at + 1).collect(), file }
    }

    fn at(&self, offset: usize) -> Origin {
        let line = 1 + self.starts.partition_point(|start| *start <= offset);
        Origin::File { file: self.file.to_owned(), line: Some(line) }
    }

    fn of<T>(&self, spanned: &Spanned<T>) -> Origin {
        self.at(spanned.span().start)
    }
}

fn section(draft: &mut Draft, source: &Source<'_>, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
    let section = name.get_ref().as_ref();
    if let Some(required) = keys::required(section) {
        return list(draft, source, required, name, value);
    }
    let table = value.get_ref().as_table();
    if keys::in_section(section).next().is_none() {
        let message =
            suggest::unknown_section(section, value.get_ref().is_table() || value.get_ref().is_array());
        return draft.problem(source.of(name), printable(section), message);
    }
    let Some(table) = table else {
        let message =
            format!("this is a section, not a key; write {} and its keys below", suggest::header(section));
        return draft.problem(source.of(name), section, message);
    };
    for (name, value) in table {
        match keys::find(section, name.get_ref()) {
            Some(key) => draft.set(key, &Given::in_file(value.get_ref()), source.of(name)),
            None => unknown_key(draft, source, section, section, name),
        }
    }
}

fn list(
    draft: &mut Draft,
    source: &Source<'_>,
    required: &[&str],
    name: &Name<'_>,
    value: &Spanned<DeValue<'_>>,
) {
    let section = name.get_ref().as_ref();
    let not_one =
        || format!("this is a list; write each element as {} with its keys below", suggest::header(section));
    let Some(elements) = value.get_ref().as_array() else {
        return draft.problem(source.of(name), section, not_one());
    };
    for (index, value) in elements.iter().enumerate() {
        // People count from one.
        let path = format!("{section}[{}]", index + 1);
        match value.get_ref().as_table() {
            Some(table) => element(draft, source, section, required, &path, value, table),
            None => draft.problem(source.of(value), path, not_one()),
        }
    }
}

fn element(
    draft: &mut Draft,
    source: &Source<'_>,
    section: &str,
    required: &[&str],
    path: &str,
    whole: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
) {
    let mut element = Element::default();
    let mut complete = true;
    for (name, value) in table {
        match keys::find(section, name.get_ref()) {
            Some(key) => {
                let (path, given) = (format!("{path}.{}", key.name()), Given::in_file(value.get_ref()));
                complete &= draft.set_in(&mut element, key, path, &given, source.of(name));
            }
            None => unknown_key(draft, source, section, path, name),
        }
    }
    for required in required.iter().filter(|required| !table.contains_key(**required)) {
        let example = keys::find(section, required).map(|key| key.kind.in_file()).unwrap_or_default();
        let message = format!("{required} is missing; write for example {required} = {example}");
        draft.problem(source.of(whole), path, message);
        complete = false;
    }
    if complete {
        draft.add(section, path, element, source.of(whole));
    }
}

fn unknown_key(draft: &mut Draft, source: &Source<'_>, section: &str, path: &str, name: &Name<'_>) {
    let message = suggest::unknown_key(section, name.get_ref());
    draft.problem(source.of(name), format!("{path}.{}", printable(name.get_ref())), message);
}

/// Returns an unknown name, escaped to fit on one line.
fn printable(name: &str) -> String {
    shorten(name).escape_debug().to_string()
}
