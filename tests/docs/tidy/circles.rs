//! Import circles: no two modules with the same parent import each other, directly or through others. Parent and child are
//! not compared, because a parent always imports its children. Does not check the layers of top-level modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Source, complain, sources};

/// The circles of today: the parent, and the children that import each other. Entries may only shrink and go.
const KNOWN: &[(&str, &[&str])] = &[];

/// The path of a module from the root of the crate.
type Module = Vec<String>;

/// A path of an import, and the name that it gets here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    path: Module,
    name: String,
}

/// The modules of the crate with their code.
struct Modules(BTreeMap<Module, String>);

/// For each parent its circles, with the imports that make them as `a -> b`.
type Circles = BTreeMap<String, Vec<(BTreeSet<String>, Vec<String>)>>;

/// The module of a file; `None` for the roots of the crate and for tests.
fn module_of(path: &Path) -> Option<Module> {
    let path = path.strip_prefix("src").unwrap_or(path).with_extension("");
    let mut module: Module = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| last == "mod");
    let is_root = module.len() == 1 && ["main", "lib"].contains(&module[0].as_str());
    (!is_root && module.iter().all(|part| part != "tests")).then_some(module)
}

/// Reads the rest of a path behind `::`, with its groups in braces, and moves `text` behind it.
fn expand(text: &mut &str) -> Vec<Import> {
    *text = text.trim_start();
    if let Some(rest) = text.strip_prefix('{') {
        *text = rest;
        let mut found = Vec::new();
        loop {
            *text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
            let before = text.len();
            if let Some(rest) = text.strip_prefix('}') {
                *text = rest;
                return found;
            }
            found.extend(expand(text));
            if text.len() == before {
                return found;
            }
        }
    }
    if let Some(rest) = text.strip_prefix('*') {
        *text = rest;
        return vec![Import { path: vec!["*".to_owned()], name: "*".to_owned() }];
    }
    let word = word(text);
    if word.is_empty() {
        return Vec::new();
    }
    *text = &text[word.len()..];
    if let Some(deeper) = text.strip_prefix("::")
        && deeper.starts_with(|letter: char| letter.is_alphabetic() || "_{*".contains(letter))
    {
        *text = deeper;
        let mut found = expand(text);
        found.iter_mut().for_each(|import| import.path.insert(0, word.to_owned()));
        return found;
    }
    let mut name = word;
    if let Some(alias) = text.trim_start().strip_prefix("as ") {
        name = self::word(alias);
        *text = &alias[name.len()..];
    }
    vec![Import { path: vec![word.to_owned()], name: name.to_owned() }]
}

/// The identifier at the start of a text, maybe empty.
fn word(text: &str) -> &str {
    &text[..text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())]
}

/// Where a word stands in a code as the start of a path: behind no letter and no `::`.
fn starts<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let is_start =
            !code[..at].ends_with(|letter: char| letter.is_alphanumeric() || "_:".contains(letter));
        is_start.then(|| &code[at + word.len()..])
    })
}

impl Modules {
    fn new(sources: &[Source]) -> Self {
        let modules = sources.iter().filter_map(|source| {
            let code = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
            Some((module_of(&source.path)?, code.collect::<Vec<_>>().join("\n")))
        });
        Self(modules.collect())
    }

    /// The modules that the paths in the code of a module name.
    fn imported(&self, module: &Module) -> BTreeSet<Module> {
        let code = &self.0[module];
        let mut found = BTreeSet::new();
        for root in ["crate", "super", "self"] {
            for mut rest in starts(code, &format!("{root}::")) {
                for import in expand(&mut rest) {
                    let path: Vec<_> = [root.to_owned()].into_iter().chain(import.path).collect();
                    found.insert(self.resolve(module, &path));
                }
            }
        }
        found
    }

    /// The module that has the item of a path, as far as `use` declarations tell.
    fn resolve(&self, from: &Module, path: &[String]) -> Module {
        let mut at = from.clone();
        for (index, part) in path.iter().enumerate() {
            match part.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => {
                    let child: Module = at.iter().chain([part]).cloned().collect();
                    if self.0.contains_key(&child) {
                        at = child;
                    } else if let Some(target) = self.re_exported(&at, part) {
                        let path: Vec<_> = target.into_iter().chain(path[index + 1..].to_vec()).collect();
                        return self.resolve(&at, &path);
                    } else {
                        return at;
                    }
                }
            }
        }
        at
    }

    /// Where a name comes from that a module imports from one of its children.
    fn re_exported(&self, module: &Module, name: &str) -> Option<Vec<String>> {
        for mut rest in starts(self.0.get(module)?, "use ") {
            rest = rest.strip_prefix("self::").unwrap_or(rest);
            for import in expand(&mut rest) {
                let child: Module = module.iter().chain(import.path.first()).cloned().collect();
                if import.path.len() < 2 || !self.0.contains_key(&child) {
                    continue;
                }
                if import.name == name {
                    return Some(import.path);
                }
                if import.name == "*" && self.defines(&child, name) {
                    return Some(vec![import.path[0].clone()]);
                }
            }
        }
        None
    }

    /// Whether a module, or one below it, defines an item.
    fn defines(&self, module: &Module, name: &str) -> bool {
        let below = self.0.iter().filter(|(other, _)| other.starts_with(module));
        let kinds = ["struct", "enum", "trait", "type", "fn", "const", "static"];
        below
            .flat_map(|(_, code)| kinds.map(|kind| (code, kind)))
            .any(|(code, kind)| starts(code, &format!("{kind} ")).any(|rest| word(rest) == name))
    }

    fn circles(&self) -> Circles {
        // For each parent, which child imports which other one.
        let mut imports: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for module in self.0.keys() {
            for other in self.imported(module) {
                let common = module.iter().zip(&other).take_while(|(one, other)| one == other).count();
                // The top-level modules have layers instead.
                if common > 0 && common < module.len() && common < other.len() {
                    let of = imports.entry(module[..common].to_vec()).or_default();
                    of.entry(module[common].clone()).or_default().insert(other[common].clone());
                }
            }
        }
        let mut circles = Circles::new();
        for (parent, children) in imports {
            let found = circles_of(&children);
            if !found.is_empty() {
                circles.insert(parent.join("::"), found);
            }
        }
        circles
    }
}

/// The sets of nodes that reach each other.
fn circles_of(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<(BTreeSet<String>, Vec<String>)> {
    let reached = |from: &String| {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            open.extend(edges.get(node).into_iter().flatten().filter(|next| found.insert((*next).clone())));
        }
        found
    };
    let all: BTreeMap<_, _> = edges.keys().map(|node| (node.clone(), reached(node))).collect();
    let mut found: Vec<(BTreeSet<String>, Vec<String>)> = Vec::new();
    for (node, reached) in &all {
        if !reached.contains(node) || found.iter().any(|(circle, _)| circle.contains(node)) {
            continue;
        }
        let is_back = |other: &&String| all.get(*other).is_some_and(|reached| reached.contains(node));
        let circle: BTreeSet<_> = reached.iter().filter(is_back).cloned().collect();
        let inside =
            circle.iter().flat_map(|from| edges[from].intersection(&circle).map(move |to| (from, to)));
        let inside = inside.map(|(from, to)| format!("{from} -> {to}")).collect();
        found.push((circle, inside));
    }
    found
}

/// What is wrong with the circles, compared with those that are known.
fn compare(found: &Circles, known: &[(&str, &[&str])]) -> Vec<String> {
    let known: Vec<(&str, BTreeSet<String>)> = known
        .iter()
        .map(|(parent, children)| (*parent, children.iter().map(|child| (*child).to_owned()).collect()))
        .collect();
    let mut problems = Vec::new();
    for (parent, circles) in found {
        for (circle, imports) in circles {
            if !known.iter().any(|(other, children)| other == parent && circle.is_subset(children)) {
                problems.push(format!(
                    "modules of {parent} import each other in a circle: {}; move what both need into a third module, or \
                     into the one that is imported",
                    imports.join(", ")
                ));
            }
        }
    }
    for (parent, children) in &known {
        let circles = found.get(*parent).into_iter().flatten().map(|(circle, _)| circle);
        let inside: Vec<_> = circles.filter(|circle| circle.is_subset(children)).collect();
        if inside.is_empty() {
            problems.push(format!("{children:?} of {parent} is no circle any more; remove it from KNOWN"));
        } else if !inside.contains(&children) {
            problems
                .push(format!("{children:?} of {parent} is a smaller circle now; write {inside:?} in KNOWN"));
        }
    }
    problems
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let modules = Modules::new(&sources());
    assert!(modules.0.len() > 100, "only {} modules were found", modules.0.len());
    complain(&compare(&modules.circles(), KNOWN));
}

/// The check on a crate of six modules.
#[test]
fn a_circle_is_found_and_one_that_is_gone_as_well() {
    let source = |path: &str, code: &str| Source {
        path: Path::new("src").join(path),
        module: "top".to_owned(),
        code: code.to_owned(),
    };
    let mut sources = vec![
        source(
            "top/mod.rs",
            "mod a;\nmod b;\nmod c;\nmod d;\n\npub use a::{One, Two as Other};\npub(crate) use d::*;",
        ),
        source("top/a.rs", "use super::{b::{self, Deep}, d};"),
        source("top/b.rs", "fn b(c: &crate::top::c::deep::Thing) {}"),
        source("top/c/mod.rs", "mod deep;\n// use super::a::One;"),
        source("top/c/deep.rs", "use crate::top::Other;"),
        source("top/d.rs", "use super::super::other;\npub struct Last;"),
    ];
    let found = Modules::new(&sources).circles();
    assert_eq!(found["top"].len(), 1);
    assert_eq!(found["top"][0].1, ["a -> b", "b -> c", "c -> a"]);

    assert!(compare(&found, &[("top", &["a", "b", "c"])]).is_empty());
    assert_eq!(compare(&found, &[]).len(), 1, "a new circle");
    assert_eq!(compare(&found, &[("top", &["a", "b"])]).len(), 2, "one that grew");
    assert_eq!(compare(&found, &[("top", &["a", "b", "c", "d"])]).len(), 1, "one that is smaller");

    // `Last` comes from `d`, which imports nothing yet.
    sources[4].code = "use super::super::Last;".to_owned();
    assert!(Modules::new(&sources).circles().is_empty());
    assert_eq!(compare(&Circles::new(), &[("top", &["a", "b", "c"])]).len(), 1, "one that is gone");
    sources[5].code = "use super::a::One;\npub struct Last;".to_owned();
    assert_eq!(Modules::new(&sources).circles()["top"][0].1.len(), 5);
}
