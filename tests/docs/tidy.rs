//! The house rules that a compiler does not check: layers, import circles, module headers, the length of files, the phrases
//! of comments and documents, and that the documents name what exists.

use std::fs;
use std::path::{Path, PathBuf};

mod architecture;
mod circles;
mod documents;
mod phrases;

/// What a top-level module may import from this crate: only modules before it. ARCHITECTURE.md has the same rows.
const LAYERS: &[(&str, &[&str])] = &[
    ("budget", &[]),
    ("memory", &[]),
    ("exhaustive", &[]),
    ("lock", &[]),
    ("bayeux", &["budget"]),
    ("config", &[]),
    ("metrics", &[]),
    ("peer", &[]),
    ("tls", &["config", "metrics"]),
    ("fetch", &["metrics", "tls"]),
    ("descriptors", &[]),
    ("telemetry", &["config", "metrics"]),
    ("auth", &["bayeux", "config", "fetch", "lock", "metrics", "peer"]),
    ("router", &["auth", "bayeux", "budget", "config", "exhaustive", "lock", "metrics", "peer"]),
    ("redis", &["bayeux", "config", "metrics"]),
    ("broker", &["bayeux", "config", "exhaustive", "lock", "metrics", "redis"]),
    ("cluster", &["bayeux", "config", "metrics", "redis"]),
    ("extension", &["bayeux", "config", "fetch", "metrics", "peer"]),
    (
        "server",
        &[
            "auth",
            "bayeux",
            "broker",
            "budget",
            "cluster",
            "config",
            "exhaustive",
            "extension",
            "lock",
            "memory",
            "metrics",
            "peer",
            "redis",
            "router",
        ],
    ),
    (
        "transport",
        &["auth", "bayeux", "budget", "config", "lock", "metrics", "peer", "router", "server", "tls"],
    ),
    ("store", &["config", "metrics"]),
    ("web", &["auth", "config", "fetch", "metrics", "store"]),
    ("entries", &["store", "web"]),
    ("hub", &["auth", "bayeux", "broker", "config", "fetch", "metrics", "peer", "store", "transport", "web"]),
    ("subscriber", &["auth", "config", "entries", "fetch", "metrics", "peer", "store", "transport", "web"]),
    (
        "lifestream",
        &["auth", "config", "entries", "metrics", "peer", "store", "subscriber", "transport", "web"],
    ),
    ("api", &["config", "entries", "metrics", "peer", "store", "transport"]),
    ("admin", &["metrics", "server", "transport"]),
    ("webhook", &["auth", "bayeux", "config", "fetch", "metrics", "server"]),
    ("client", &["bayeux", "fetch", "tls"]),
    ("bench", &["bayeux", "client", "descriptors", "tls"]),
    ("bridge", &["bayeux", "client"]),
    (
        "app",
        &[
            "admin",
            "api",
            "auth",
            "bayeux",
            "broker",
            "config",
            "descriptors",
            "entries",
            "extension",
            "hub",
            "lifestream",
            "metrics",
            "peer",
            "redis",
            "router",
            "server",
            "store",
            "subscriber",
            "tls",
            "transport",
            "web",
            "webhook",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "auth",
            "bayeux",
            "bench",
            "bridge",
            "client",
            "config",
            "descriptors",
            "entries",
            "fetch",
            "server",
            "store",
            "subscriber",
            "telemetry",
            "tls",
            "web",
        ],
    ),
    ("fuzzing", &["broker", "cluster", "server", "transport"]),
    ("main", &[]),
    ("lib", &[]),
];

/// Lines that a file may have, tests not counted. A longer one is more than one thing.
const LINES: usize = 400;

/// The same for the client's TypeScript, whose tests are elsewhere.
const CLIENT_LINES: usize = 250;

struct Source {
    path: PathBuf,
    module: String,
    /// Without the unit tests at the end.
    code: String,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(Path::new("src"), "rs", &mut files);
    files.sort();
    assert!(files.len() > 50, "the sources were not found; run this test from the root of the project");
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            let first = path.strip_prefix("src").unwrap().components().next().unwrap();
            let module = Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned();
            Source { path, module, code }
        })
        .collect()
}

pub(crate) fn collect(folder: &Path, kind: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, kind, files);
        } else if path.extension().is_some_and(|extension| extension == kind) {
            files.push(path);
        }
    }
}

/// The modules that a line imports by `crate::name`, also inside an expression.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

pub(crate) fn complain(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn modules_import_only_from_the_rows_below() {
    let mut problems = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = LAYERS.iter().find(|(module, _)| *module == source.module) else {
            problems.push(format!("{}: the module {} is in no layer", source.path.display(), source.module));
            continue;
        };
        let code = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for imported in code.flat_map(imports) {
            if imported != source.module && !allowed.contains(&imported) {
                problems.push(format!(
                    "{}: {} may not import {imported}",
                    source.path.display(),
                    source.module
                ));
            }
        }
    }
    complain(&problems);
}

#[test]
fn every_file_says_what_it_is_responsible_for() {
    let without = sources().into_iter().filter(|source| !source.code.starts_with("//! "));
    complain(
        &without.map(|source| format!("{}: begins with no `//!`", source.path.display())).collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_is_more_than_one_thing() {
    let long = sources().into_iter().filter(|source| source.code.lines().count() > LINES);
    complain(
        &long.map(|source| format!("{}: more than {LINES} lines", source.path.display())).collect::<Vec<_>>(),
    );
}

#[test]
fn every_file_of_the_client_is_one_thing_and_says_which() {
    let mut files = Vec::new();
    for folder in ["client-js/src", "client-js/react", "client-js/global"] {
        collect(Path::new(folder), "ts", &mut files);
    }
    files.sort();
    assert!(!files.is_empty(), "the client's sources were not found");
    let mut problems = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.display();
        if !text.starts_with("/**\n") {
            problems.push(format!("{path}: begins with no `/**` that says what it is responsible for"));
        }
        if text.lines().count() > CLIENT_LINES {
            problems.push(format!("{path}: more than {CLIENT_LINES} lines"));
        }
        if text.contains("TODO") {
            problems.push(format!("{path}: has a TODO; do it, or open an issue"));
        }
    }
    complain(&problems);
}

#[test]
fn the_protocol_and_the_router_never_wait() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| matches!(source.module.as_str(), "bayeux" | "router")) {
        for forbidden in
            [".await", "async ", "tokio::net", "tokio::sync", "std::net", "std::fs", "std::io::Read"]
        {
            if source
                .code
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(forbidden))
            {
                problems.push(format!("{}: has `{forbidden}`", source.path.display()));
            }
        }
    }
    complain(&problems);
}

#[test]
fn messages_are_never_parsed_into_a_tree() {
    let mut problems = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| matches!(source.module.as_str(), "bayeux" | "router" | "server" | "transport"))
    {
        if source.code.contains("serde_json::Value") {
            problems.push(format!("{}: uses serde_json::Value", source.path.display()));
        }
    }
    complain(&problems);
}

#[test]
fn the_architecture_names_every_module() {
    let text = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let modules = LAYERS.iter().map(|(module, _)| *module).filter(|module| *module != "lib");
    let missing = modules
        .filter(|module| !text.contains(&format!("`{module}")) && !text.contains(&format!("{module}.rs")));
    complain(&missing.map(|module| format!("ARCHITECTURE.md does not name {module}")).collect::<Vec<_>>());
}

#[test]
fn every_layer_exists() {
    let sources = sources();
    let gone = LAYERS.iter().filter(|(module, _)| !sources.iter().any(|source| source.module == *module));
    complain(&gone.map(|(module, _)| format!("the layer {module} has no file")).collect::<Vec<_>>());
}

/// The tests that docs/compatibility.md names as `file.rs::name` or `file.mjs` have to be there.
#[test]
fn the_tests_that_the_list_of_differences_names_exist() {
    let text = fs::read_to_string("docs/compatibility.md").unwrap();
    let mut named = 0;
    let mut problems = Vec::new();
    for name in text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("tests/")) {
        named += 1;
        let (file, test) = name.split_once("::").unwrap_or((name, ""));
        let there =
            fs::read_to_string(file).is_ok_and(|code| code.contains(test)) || Path::new(file).is_dir();
        if !there {
            problems.push(format!("docs/compatibility.md names {name}, which is not there"));
        }
    }
    assert!(named > 10, "docs/compatibility.md names no tests");
    assert!(!text.contains("TODO"), "docs/compatibility.md has a difference without a test");
    complain(&problems);
}
