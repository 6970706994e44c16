//! Suggestions for unknown names of sections, keys and variables.
//!
//! This module knows the list of keys, and not where the unknown name was written.

use super::keys::{self, KEYS, LISTS, VARIABLE_PREFIX, VARIABLE_SEPARATOR};
use super::renamed;

/// Returns the message for an unknown section. `is_table` says whether it is a section, or a key outside of all
/// sections.
pub(super) fn unknown_section(name: &str, is_table: bool) -> String {
    if !is_table && let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return format!("this key needs a section; write it below {}", header(key.section));
    }
    let sections = keys::sections();
    let what = if is_table { "unknown section" } else { "unknown key" };
    match nearest(name, sections.iter().copied()) {
        Some(section) => format!("{what}; write {}", header(section)),
        None if is_table => format!("{what}; the sections are {}", sections.join(", ")),
        None => format!("{what}; keys are in sections, such as [server]; docs/settings.md lists them"),
    }
}

/// Returns the message for an unknown key of a section.
pub(super) fn unknown_key(section: &str, name: &str) -> String {
    if let Some(message) = renamed::key(section, name) {
        return message;
    }
    if let Some(key) = nearest(name, keys::in_section(section).map(|key| key.name)) {
        return format!("unknown key; write {key}");
    }
    let elsewhere: Vec<_> =
        KEYS.iter().filter(|key| key.name == name).map(|key| header(key.section)).collect();
    if !elsewhere.is_empty() {
        return format!("unknown key in this section; write it below {}", elsewhere.join(" or "));
    }
    let names: Vec<_> = keys::in_section(section).map(|key| key.name).collect();
    format!("unknown key; {} has {}", header(section), names.join(", "))
}

/// Returns the message for a variable that has the form of a setting and is unknown.
pub(super) fn unknown_variable(name: &str) -> String {
    if let Some(message) = renamed::variable(name) {
        return message;
    }
    let begins = |list: &str| {
        name.starts_with(&format!("{VARIABLE_PREFIX}{list}{VARIABLE_SEPARATOR}").to_ascii_uppercase())
    };
    if let Some((list, _)) = LISTS.iter().find(|(list, _)| begins(list)) {
        return format!("a variable cannot set a list; write {} in the file", header(list));
    }
    // The common prefix of all variables is irrelevant for their distance.
    let bare = |name: &str| name.to_ascii_uppercase().strip_prefix(VARIABLE_PREFIX).map(str::to_owned);
    let known: Vec<_> = KEYS.iter().filter_map(|key| bare(&key.variable()?)).collect();
    match nearest(&bare(name).unwrap_or_default(), known.iter().map(String::as_str)) {
        Some(variable) => format!("unknown setting; write {VARIABLE_PREFIX}{variable}"),
        None => {
            let example = known.first().map_or("", String::as_str);
            format!("unknown setting; write the section and the key, for example {VARIABLE_PREFIX}{example}")
        }
    }
}

/// Returns the variable that a name without effect probably means, such as `FAYE_SERVER__TIMEOUT` for
/// `FAYE_SERVER_TIMEOUT`.
pub(super) fn intended_variable(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix(VARIABLE_PREFIX)?;
    // With the prefix in upper case and two underscores, it is a setting or an error.
    if name.starts_with(VARIABLE_PREFIX) && bare.contains(VARIABLE_SEPARATOR) || bare.len() > LONGEST {
        return None;
    }
    let wanted = bare.replace(VARIABLE_SEPARATOR, "_");
    let distance = |name: String| strsim::osa_distance(&wanted, &name.to_ascii_uppercase());
    let known = KEYS.iter().filter_map(|key| Some((key.section, key.name, key.variable()?)));
    let near = known.chain(renamed::variables()).filter_map(|(section, key, variable)| {
        let whole = Some(distance(format!("{section}_{key}"))).filter(|distance| *distance <= 2);
        // Without a section the main one is meant.
        let slips = usize::from(wanted.len() > 4);
        let alone =
            (section == "server").then(|| distance(key.to_owned())).filter(|distance| *distance <= slips);
        Some((whole.into_iter().chain(alone).min()?, variable))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, variable)| variable)
}

/// Returns how a section is opened in a file.
pub(super) fn header(section: &str) -> String {
    if keys::is_list(section) { format!("[[{section}]]") } else { format!("[{section}]") }
}

/// Maximum characters of a compared name: the time is proportional to the product of both lengths.
const LONGEST: usize = 64;

/// Returns the name that differs by the fewest edits, at most one in three characters.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    known
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
