//! What to write instead of a name that no section, key or variable has.
//!
//! This module knows the list of keys and nothing of where the wrong name stood.

use super::keys::{self, KEYS, LISTS, VARIABLE_PREFIX, VARIABLE_SEPARATOR};
use super::renamed;

/// The message for a section that there is not; `is_table` tells whether it is one, or a lone key outside of all.
pub(super) fn unknown_section(name: &str, is_table: bool) -> String {
    if !is_table && let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return format!("it stands in no section; write it below {}", header(key.section));
    }
    let sections = keys::sections();
    let what = if is_table { "there is no such section" } else { "there is no such key" };
    match nearest(name, sections.iter().copied()) {
        Some(section) => format!("{what}; write {}", header(section)),
        None => format!("{what}; the sections are {}", sections.join(", ")),
    }
}

/// The message for a key that its section does not have.
pub(super) fn unknown_key(section: &str, name: &str) -> String {
    if let Some(message) = renamed::key(section, name) {
        return message;
    }
    if let Some(key) = nearest(name, keys::in_section(section).map(|key| key.name)) {
        return format!("there is no such key; write {key}");
    }
    let elsewhere: Vec<_> =
        KEYS.iter().filter(|key| key.name == name).map(|key| header(key.section)).collect();
    if !elsewhere.is_empty() {
        return format!("there is no such key here; write it below {}", elsewhere.join(" or "));
    }
    let names: Vec<_> = keys::in_section(section).map(|key| key.name).collect();
    format!("there is no such key; {} has {}", header(section), names.join(", "))
}

/// The message for a variable that looks like a setting and is none.
pub(super) fn unknown_variable(name: &str) -> String {
    if let Some(message) = renamed::variable(name) {
        return message;
    }
    let begins = |list: &str| {
        name.starts_with(&format!("{VARIABLE_PREFIX}{list}{VARIABLE_SEPARATOR}").to_ascii_uppercase())
    };
    if let Some((list, _)) = LISTS.iter().find(|(list, _)| begins(list)) {
        return format!("a list cannot be set by a variable; write {} in the file", header(list));
    }
    // What every variable begins with says nothing about how near two are.
    let bare = |name: &str| name.to_ascii_uppercase().strip_prefix(VARIABLE_PREFIX).map(str::to_owned);
    let known: Vec<_> = KEYS.iter().filter_map(|key| bare(&key.variable()?)).collect();
    match nearest(&bare(name).unwrap_or_default(), known.iter().map(String::as_str)) {
        Some(variable) => format!("there is no such setting; write {VARIABLE_PREFIX}{variable}"),
        None => {
            let example = known.first().map_or("", String::as_str);
            format!(
                "there is no such setting; write its section and its key, for example {VARIABLE_PREFIX}{example}"
            )
        }
    }
}

/// How a section is opened in a file.
pub(super) fn header(section: &str) -> String {
    if keys::is_list(section) { format!("[[{section}]]") } else { format!("[{section}]") }
}

/// The name that differs by the fewest edits, if they are few enough for a slip: one in three characters.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time with the product of both lengths, and a name this long is no slip.
    if name.len() > 64 {
        return None;
    }
    known
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
