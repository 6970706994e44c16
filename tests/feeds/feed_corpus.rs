//! Reads the feeds in tests/corpus/feeds, and compares what is read with NAME.expected.json in the same folder.
//!
//! `UPDATE_CORPUS=1 cargo test --test feeds feed_corpus::` writes the expected files; read the difference before it is committed.
//! NAME.headers.json has `url`, `content_type` and `fetched` of a document where they matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use faye_server::entries::{Document, Found, Reading, read};
use serde_json::{Map, Value, json};
use url::Url;

const FOLDER: &str = "tests/corpus/feeds";
/// Characters of the content that are compared.
const CONTENT: usize = 300;

/// The documents, with their expected files left out.
fn documents() -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.ends_with(".expected.json") && !name.ends_with(".headers.json")
    });
    paths.sort();
    paths
}

fn read_file(path: &Path) -> Value {
    let headers = path.with_extension("headers.json");
    let headers: Value = fs::read(headers).map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    let url = headers["url"].as_str().map_or_else(|| format!("https://feeds.example/{name}"), str::to_owned);
    let body = fs::read(path).unwrap();
    let url = Url::parse(&url).unwrap();
    let content_type = headers["content_type"].as_str();
    match read(&Document { url: &url, content_type, body: &body, fetched: fetched(&headers) }) {
        Ok(reading) => show(&reading),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// When a document was fetched: `fetched` of its headers, in seconds since 1970.
fn fetched(headers: &Value) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(headers["fetched"].as_u64().unwrap_or_default())
}

fn show(reading: &Reading) -> Value {
    json!({
        "title": reading.title,
        "site": reading.site,
        "count": reading.entries.len(),
        "entries": reading.entries.iter().map(show_entry).collect::<Vec<_>>(),
    })
}

/// An entry, without what is missing.
fn show_entry(entry: &Found) -> Value {
    let content = entry.raw.as_ref().map(|raw| raw.chars().take(CONTENT).collect::<String>());
    let fingerprint: String = entry.fingerprint[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = [
        ("key", json!(entry.key)),
        ("kind", json!(entry.kind.name())),
        ("deleted", if entry.is_deleted { json!(true) } else { Value::Null }),
        ("fingerprint", json!(fingerprint)),
        ("updated", json!(entry.updated)),
        ("published", json!(entry.published)),
        ("topic", json!(entry.topic)),
        ("body", json!(entry.body)),
        ("content", json!(content)),
        ("base", json!(entry.base)),
    ];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

#[test]
fn every_feed_of_the_corpus_is_read_as_expected() {
    let is_update = std::env::var_os("UPDATE_CORPUS").is_some();
    let mut problems = Vec::new();
    for path in documents() {
        let expected = path.with_extension("expected.json");
        let found = format!("{:#}\n", read_file(&path));
        if is_update {
            fs::write(&expected, found).unwrap();
            continue;
        }
        match fs::read_to_string(&expected) {
            Ok(text) if text == found => {}
            Ok(text) => {
                let at = text.lines().zip(found.lines()).take_while(|(left, right)| left == right).count();
                let line = |text: &str| text.lines().nth(at).unwrap_or_default().to_owned();
                problems.push(format!(
                    "{}: line {}: expected {}, found {}",
                    path.display(),
                    at + 1,
                    line(&text),
                    line(&found)
                ));
            }
            Err(_) => problems.push(format!("{} is not there; see the top of this file", expected.display())),
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The feeds differ in the metadata of the channel, the order of attributes and elements, white space, and what is not seen.
#[test]
fn a_new_version_of_a_template_does_not_change_the_entries() {
    let prints = |name: &str| {
        let feed = read_file(&Path::new(FOLDER).join(name));
        let entries = feed["entries"].as_array().unwrap();
        let print = |entry: &Value| (entry["key"].clone(), entry["fingerprint"].clone());
        entries.iter().map(print).collect::<Vec<_>>()
    };
    let first = prints("churn-1.xml");
    assert_eq!(first.len(), 2);
    assert_eq!(first, prints("churn-2.xml"));
}

#[test]
fn the_corpus_is_broad_and_small() {
    let documents = documents();
    assert!(documents.len() >= 60, "{} documents", documents.len());
    let mut size = 0;
    for entry in fs::read_dir(FOLDER).unwrap() {
        let entry = entry.unwrap();
        size += entry.metadata().unwrap().len();
        let name = entry.file_name().into_string().unwrap();
        let of = name.strip_suffix(".expected.json").or_else(|| name.strip_suffix(".headers.json"));
        let is_used = of.is_none_or(|of| {
            documents.iter().any(|document| document.file_stem().unwrap().to_str() == Some(of))
        });
        assert!(is_used, "{name} belongs to no document");
    }
    assert!(size < 400 * 1024, "{size} bytes");
}
