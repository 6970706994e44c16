//! The dependencies of the manifest: the code of their kind names each one, and a feature turns on each optional one.
//! Compiles nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Item, Meta};

use super::tidy::{collect, complain};

/// The code of the package, by what compiles it.
struct Code {
    /// The library without features.
    alone: Vec<String>,
    /// The library and the binary with all features.
    whole: Vec<String>,
    /// The same with unit tests, the other tests, benchmarks and examples.
    development: Vec<String>,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether a condition names this word: `test`, or `feature`.
fn is_conditional(attributes: &[Attribute], word: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let Meta::List(condition) = &attribute.meta else { return false };
        let mut found = false;
        each_level(condition.tokens.clone(), &mut |tokens| {
            found |= (0..tokens.len()).any(|at| ident(tokens.get(at)).is_some_and(|name| name == word));
        });
        // `not(feature = "…")` is a part that stands in for another one.
        found && !condition.tokens.to_string().starts_with("not")
    })
}

/// The texts of a file and its modules, without those that only a condition with one of these words compiles.
fn modules(file: &Path, without: &[&str], texts: &mut Vec<String>) {
    let text = read(file);
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let folder = match file.file_stem().unwrap().to_str().unwrap() {
        "lib" | "main" | "mod" => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    };
    texts.push(text.to_owned());
    for item in parsed.items {
        let Item::Mod(module) = item else { continue };
        if module.content.is_some() || without.iter().any(|word| is_conditional(&module.attrs, word)) {
            continue;
        }
        let flat = folder.join(format!("{}.rs", module.ident));
        let nested = folder.join(module.ident.to_string()).join("mod.rs");
        modules(if flat.is_file() { &flat } else { &nested }, without, texts);
    }
}

impl Code {
    fn of_the_package() -> Self {
        let (mut alone, mut whole, mut files) = (Vec::new(), Vec::new(), Vec::<PathBuf>::new());
        modules(Path::new("src/lib.rs"), &["test", "feature"], &mut alone);
        for root in ["src/lib.rs", "src/main.rs"] {
            modules(Path::new(root), &["test"], &mut whole);
        }
        for folder in ["src", "tests", "benches", "examples"] {
            collect(Path::new(folder), "rs", &mut files);
        }
        assert!(alone.len() > 50 && whole.len() > alone.len(), "the modules were not found");
        Self { alone, whole, development: files.iter().map(|path| read(path)).collect() }
    }
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn each_level(tokens: TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    visit(&tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_level(group.stream(), visit);
        }
    }
}

/// The names at the start of a path, `name::…`, and those of `use name;`.
fn names(texts: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        each_level(text.parse().unwrap(), &mut |tokens| {
            let is = |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == wanted);
            for at in 0..tokens.len() {
                let Some(name) = ident(tokens.get(at)) else { continue };
                let is_first = at < 2 || !(is(at - 1, ':') && is(at - 2, ':'));
                let is_imported = at > 0 && ident(tokens.get(at - 1)).is_some_and(|word| word == "use");
                if is_first && (is(at + 1, ':') && is(at + 2, ':') || is_imported) {
                    found.insert(name);
                }
            }
        });
    }
    found
}

fn manifest() -> toml::Table {
    read(Path::new("Cargo.toml")).parse().unwrap()
}

fn dependencies<'a>(manifest: &'a toml::Table, section: &str) -> Vec<(&'a str, String, bool)> {
    let found = manifest[section].as_table().unwrap().iter();
    found
        .map(|(name, value)| {
            let is_optional = value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
            (name.as_str(), name.replace('-', "_"), is_optional)
        })
        .collect()
}

#[test]
fn the_code_names_every_dependency() {
    let manifest = manifest();
    let code = Code::of_the_package();
    let (alone, whole) = (names(&code.alone), names(&code.whole));
    let mut problems = Vec::new();
    for (name, path, is_optional) in dependencies(&manifest, "dependencies") {
        if !whole.contains(&path) {
            problems.push(format!("Cargo.toml: no code of the library and the binary names {name}"));
        } else if !is_optional && !alone.contains(&path) {
            problems.push(format!("Cargo.toml: only code of features names {name}; make it optional"));
        }
    }
    let development = names(&code.development);
    for (name, path, _) in dependencies(&manifest, "dev-dependencies") {
        if !development.contains(&path) {
            problems.push(format!("Cargo.toml: no test, benchmark or example names {name}"));
        }
    }
    complain(&problems);
}

#[test]
fn a_feature_turns_on_every_optional_dependency() {
    let manifest = manifest();
    let features = manifest["features"].as_table().unwrap();
    let turned_on = features.values().flat_map(|all| all.as_array().unwrap());
    let turned_on: BTreeSet<_> = turned_on.filter_map(toml::Value::as_str).collect();
    let mut problems = Vec::new();
    for (name, _, is_optional) in dependencies(&manifest, "dependencies") {
        if is_optional && !turned_on.contains(format!("dep:{name}").as_str()) {
            problems.push(format!("Cargo.toml: no feature has dep:{name}"));
        }
    }
    complain(&problems);
}
