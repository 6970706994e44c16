//! ARCHITECTURE.md is short, and true for the code: it has the layers, every folder, and only names that exist. The last
//! also holds for docs/internals.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::documents::prose;
use super::{LAYERS, collect, complain, sources};

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Words that the page may have: a newcomer reads it in a quarter of an hour.
const WORDS: usize = 3000;

/// Files of `src` that documents name without their folder.
const KINDS: [&str; 3] = ["rs", "js", "lua"];

/// Words that a cell of the code map may have.
const CELL: usize = 20;

fn architecture() -> String {
    fs::read_to_string(ARCHITECTURE).unwrap()
}

/// The rows of the table below a heading, without its head.
fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the section was not found");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    let rows: Vec<Vec<_>> =
        rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect();
    assert!(rows.len() > 10, "the table below {heading} was not found");
    rows
}

/// The spans of code in a text.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn folders(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders(&path, found);
            found.push(path);
        }
    }
}

#[test]
fn the_architecture_is_short() {
    let words = architecture().split_whitespace().count();
    assert!(
        words <= WORDS,
        "{ARCHITECTURE} has {words} words; write at most {WORDS}, and details into docs/internals.md"
    );
}

#[test]
fn the_cells_of_the_code_map_are_short() {
    let text = architecture();
    let mut problems = Vec::new();
    for cell in table(&text, "Code map").into_iter().flatten() {
        let words = cell.split_whitespace().count();
        if words > CELL {
            problems.push(format!("{ARCHITECTURE}: {words} words in a cell, at most {CELL}: {cell}"));
        }
    }
    complain(&problems);
}

#[test]
fn the_code_map_names_every_folder_and_no_other() {
    let text = architecture();
    let rows = table(&text, "Code map");
    let named: BTreeSet<&str> = rows.iter().flat_map(|row| spans(row[0])).collect();
    let mut found = Vec::new();
    folders(Path::new("src"), &mut found);
    assert!(found.len() > 20, "the folders of src were not found");
    let all = found.iter().map(|path| format!("{}/", path.display()));
    let mut problems: Vec<_> = all
        .filter(|path| !named.contains(path.as_str()))
        .map(|path| format!("the code map of {ARCHITECTURE} does not name {path}"))
        .collect();
    let gone = named.iter().filter(|path| !Path::new(path).exists());
    problems.extend(
        gone.map(|path| format!("the code map of {ARCHITECTURE} names {path}, which does not exist")),
    );
    complain(&problems);
}

#[test]
fn the_table_of_layers_is_that_of_this_test() {
    let text = architecture();
    let rows = table(&text, "Layers");
    let mut problems = Vec::new();
    for (module, allowed) in LAYERS.iter().filter(|(module, _)| !["main", "lib"].contains(module)) {
        let row = rows.iter().find(|row| spans(row[0]).any(|name| name == *module));
        let written: Option<BTreeSet<&str>> = row.map(|row| spans(row[1]).collect());
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        if written.as_ref() != Some(&allowed) {
            problems.push(format!(
                "{ARCHITECTURE}: the row of {module} has {written:?}, tests/tidy.rs {allowed:?}"
            ));
        }
    }
    let known = |name: &str| LAYERS.iter().any(|(module, _)| *module == name);
    let gone = rows.iter().flat_map(|row| spans(row[0])).filter(|name| !known(name));
    problems.extend(gone.map(|name| format!("{ARCHITECTURE}: {name} is in no layer of tests/tidy.rs")));
    complain(&problems);
}

/// So modules of two layers cannot import each other in a circle.
#[test]
fn a_layer_imports_only_from_layers_before_it() {
    let mut problems = Vec::new();
    for (index, (module, allowed)) in LAYERS.iter().enumerate() {
        let before = |name: &str| LAYERS[..index].iter().any(|(other, _)| *other == name);
        let wrong = allowed.iter().filter(|name| !before(name));
        problems.extend(
            wrong.map(|name| format!("LAYERS: {name} does not stand before {module}, which imports it")),
        );
    }
    complain(&problems);
}

/// The identifiers of the code, and the names of its files.
fn words() -> (BTreeSet<String>, BTreeSet<String>) {
    let sources = sources();
    let code = sources.iter().flat_map(|source| source.code.lines());
    let code = code.filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    let mut files = Vec::new();
    for kind in KINDS {
        collect(Path::new("src"), kind, &mut files);
    }
    let files = files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    (words.map(str::to_owned).collect(), files.collect())
}

/// A name is an identifier, maybe behind others with `::`; its last part has to be in the code. A path with a folder has to
/// exist, also below the folder of the path before it; a name of a file has to be one of `src`.
#[test]
fn documents_about_the_code_name_what_exists() {
    let (words, files) = words();
    let mut checked = 0;
    let mut problems = Vec::new();
    for document in [ARCHITECTURE, "docs/internals.md"] {
        let text = fs::read_to_string(document).unwrap();
        let mut folder = PathBuf::new();
        for span in prose(&text).flat_map(spans) {
            let is_name = span.split("::").all(|part| {
                part.starts_with(|letter: char| letter.is_ascii_alphabetic())
                    && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            });
            let is_path = !span.starts_with('/')
                && span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let exists = if is_name {
                words.contains(span.rsplit("::").next().unwrap()) || Path::new(span).exists()
            } else if is_path && span.contains('/') {
                let path = [PathBuf::from(span), folder.join(span)].into_iter().find(|path| path.exists());
                folder = path.as_deref().and_then(Path::parent).map_or(folder, Path::to_owned);
                path.is_some()
            } else if is_path && KINDS.iter().any(|kind| span.ends_with(&format!(".{kind}"))) {
                files.contains(span) || folder.join(span).exists()
            } else {
                continue;
            };
            checked += 1;
            if !exists {
                problems.push(format!("{document} names `{span}`, which does not exist"));
            }
        }
    }
    assert!(checked > 300, "only {checked} names were found");
    complain(&problems);
}
