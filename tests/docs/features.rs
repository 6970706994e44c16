//! The Cargo features: they are on by default, documented, and leave out the large dependencies. Compiles nothing.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Dependencies that the library has not without the features.
const OPTIONAL: [&str; 9] = [
    "anyhow",
    "clap",
    "hdrhistogram",
    "html5ever",
    "redis",
    "rquickjs",
    "rustls-acme",
    "sqlx",
    "tokio-tungstenite",
];

/// The features, each with what it turns on.
fn features() -> toml::Table {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    manifest["features"].as_table().unwrap().clone()
}

/// The names of the packages that are linked into the library.
fn packages(arguments: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "--locked", "--offline", "--edges=normal", "--prefix=none", "--format={p}"];
    let output = Command::new(env!("CARGO")).args(tree).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn the_library_alone_has_no_large_dependency() {
    let (alone, whole) = (packages(&["--no-default-features"]), packages(&[]));
    for name in OPTIONAL {
        assert!(!alone.contains(name), "the library without features has {name}");
        assert!(whole.contains(name), "the program has no {name}; correct the list of this test");
    }
}

#[test]
fn every_feature_is_on_by_default_and_documented() {
    let features = features();
    let default = features["default"].as_array().unwrap();
    let default: BTreeSet<_> = default.iter().map(|name| name.as_str().unwrap()).collect();
    let all: BTreeSet<_> = features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    assert_eq!(default, all);
    let library = fs::read_to_string("src/lib.rs").unwrap();
    for name in all {
        assert!(
            library.contains(&format!("//! - `{name}`: ")),
            "src/lib.rs does not document the feature {name}"
        );
    }
}
