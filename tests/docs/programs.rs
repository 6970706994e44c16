//! The test programs: every file below `tests/` is compiled into one, and `tests/README.md` names programs and helpers.

use std::fs;
use std::path::{Path, PathBuf};

use super::tidy::complain;

const README: &str = "tests/README.md";

/// The entries of a folder, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "rs")
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The folders with a `main.rs`: one program each.
fn themes() -> Vec<PathBuf> {
    let found: Vec<_> =
        entries(Path::new("tests")).into_iter().filter(|path| path.join("main.rs").exists()).collect();
    assert!(found.len() > 5, "the test programs were not found; run this test from the root of the project");
    found
}

/// Adds the Rust files of a folder that `parent` does not declare, then those of the folders of its modules.
fn undeclared(folder: &Path, parent: &Path, problems: &mut Vec<String>) {
    let declarations = fs::read_to_string(parent).unwrap();
    for path in entries(folder) {
        if path == parent || !is_rust(&path) {
            continue;
        }
        if !declarations.lines().any(|line| line == format!("mod {};", name(&path))) {
            problems.push(format!(
                "{}: {} does not declare it, so it is not compiled",
                path.display(),
                parent.display()
            ));
        }
        let inner = path.with_extension("");
        if inner.is_dir() {
            undeclared(&inner, &path, problems);
        }
    }
}

#[test]
fn every_file_is_a_module_of_its_program() {
    let mut problems = Vec::new();
    for theme in themes() {
        undeclared(&theme, &theme.join("main.rs"), &mut problems);
    }
    complain(&problems);
}

/// A file directly in `tests/` is a program to compile and link, so it needs a reason.
#[test]
fn a_program_of_one_file_gives_its_reason() {
    let mut problems = Vec::new();
    for path in entries(Path::new("tests")).iter().filter(|path| is_rust(path)) {
        let text = fs::read_to_string(path).unwrap();
        let header = text.lines().take_while(|line| line.starts_with("//!"));
        if !header.into_iter().any(|line| line.starts_with("//! A program of its own, because ")) {
            problems.push(format!(
                "{}: move it into a theme, or write \"A program of its own, because …\" into its header",
                path.display()
            ));
        }
    }
    complain(&problems);
}

#[test]
fn the_readme_names_every_program_and_helper() {
    let text = fs::read_to_string(README).unwrap();
    let programs = entries(Path::new("tests"))
        .into_iter()
        .filter(|path| is_rust(path))
        .chain(themes())
        .map(|path| name(&path));
    let helpers = entries(Path::new("tests/support")).into_iter().filter(|path| is_rust(path));
    let helpers = helpers.map(|path| name(&path)).filter(|name| name != "mod");
    let missing = programs.chain(helpers).filter(|name| !text.contains(&format!("| `{name}` |")));
    complain(&missing.map(|name| format!("{README} has no row for {name}")).collect::<Vec<_>>());
}
