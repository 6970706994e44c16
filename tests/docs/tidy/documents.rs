//! Checks of the documents: links resolve, README stays short, and the troubleshooting guide has every text that a user
//! can meet. Does not run the blocks of the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{collect, complain, sources};

/// Words that README may have: it leads to a first message and to the documents.
const WORDS: usize = 900;

const GUIDE: &str = "docs/troubleshooting.md";

/// All documents of the repository, without those of packages that were installed.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(".")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "node_modules", "corpus"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path.strip_prefix(".").unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(found.len() > 10, "the documents were not found; run this test from the root of the project");
    found
}

/// The lines of a document that are not in a fenced block.
pub(super) fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A line without its spans of code: brackets in them are no links.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The anchors of a document: those of its headings, as GitHub makes them, and `<a id="…">`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        for part in line.split("<a id=\"").skip(1) {
            found.extend(part.split('"').next().map(str::to_owned));
        }
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase();
        let kept: String = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
        let slug = kept.replace(' ', "-");
        let mut one = slug.clone();
        let mut again = 0;
        while !found.insert(one.clone()) {
            again += 1;
            one = format!("{slug}-{again}");
        }
    }
    found
}

/// The targets of `[text](target)`, `![text](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let line = without_code(line);
        for part in line.split("](").skip(1) {
            found.extend(
                part.split(')').next().map(|target| target.split(' ').next().unwrap_or("").to_owned()),
            );
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push(target.trim().to_owned());
        }
    }
    found
}

/// The path without `..`, so that a link cannot leave the repository unnoticed.
fn resolved(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::ParentDir => path.pop().then_some(())?,
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    Some(path)
}

#[test]
fn links_of_documents_resolve() {
    let mut problems = Vec::new();
    let mut checked = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { Some(document.clone()) } else { resolved(folder, file) };
            let place = document.display();
            let Some(path) = path.filter(|path| path.exists() || path.as_os_str().is_empty()) else {
                problems.push(format!("{place}: links to {target}, which does not exist"));
                continue;
            };
            if anchor.is_empty() || path.extension().is_none_or(|kind| kind != "md") {
                continue;
            }
            if !anchors(&fs::read_to_string(&path).unwrap()).contains(anchor) {
                problems.push(format!("{place}: links to {target}; {} has no such heading", path.display()));
            }
        }
    }
    assert!(checked > 100, "only {checked} links were found");
    complain(&problems);
}

#[test]
fn the_readme_is_short() {
    let words = fs::read_to_string("README.md").unwrap().split_whitespace().count();
    assert!(words < WORDS, "README.md has {words} words; write fewer than {WORDS}, and the rest into docs/");
}

#[test]
fn the_index_names_every_document() {
    let index = fs::read_to_string("docs/README.md").unwrap();
    let all = documents().into_iter().filter(|path| path.parent() == Some(Path::new("docs")));
    let names = all.map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    let missing = names.filter(|name| name != "README.md" && !index.contains(&format!("({name})")));
    complain(&missing.map(|name| format!("docs/README.md does not link to {name}")).collect::<Vec<_>>());
}

/// A string literal of Rust source, and where it ends. `source` begins behind its first quote.
fn literal(source: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut letters = source.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, at + 1)),
            '\\' => match letters.next()?.1 {
                '\n' => while letters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

/// The string literals of a piece of source, up to the parenthesis that closes it.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 1;
    let mut at = 0;
    while let Some(letter) = source[at..].chars().next() {
        at += letter.len_utf8();
        match letter {
            '"' => match literal(&source[at..]) {
                Some((text, length)) => {
                    found.push(text);
                    at += length;
                }
                None => return found,
            },
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The fixed parts of a text with `{placeholders}`.
fn parts(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut depth = 0;
    for letter in text.replace("{{", "\u{1}").replace("}}", "\u{2}").chars() {
        match letter {
            '{' => {
                depth += 1;
                found.push(String::new());
            }
            '}' => depth -= 1,
            other if depth == 0 => found.last_mut().unwrap().push(other),
            _ => {}
        }
    }
    let found = found.into_iter().map(|part| part.replace('\u{1}', "{").replace('\u{2}', "}"));
    found.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Whether one line of the guide has all fixed parts of the text, in their order.
fn is_explained(guide: &str, text: &str) -> bool {
    let parts = parts(text);
    guide.lines().any(|line| {
        let mut rest = line;
        parts.iter().all(|part| match rest.find(part.as_str()) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    })
}

/// The texts of the sources that a macro or an attribute begins, with the place of each. `pick` chooses among the literals.
fn texts(begins: &[&str], pick: impl Fn(&[String]) -> Option<String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in sources() {
        for begin in begins {
            for (at, _) in source.code.match_indices(begin) {
                let text = pick(&literals(&source.code[at + begin.len()..]));
                found.extend(text.map(|text| (source.path.display().to_string(), text)));
            }
        }
    }
    found
}

/// Fails with all texts that the guide does not have.
fn expect_explained(texts: Vec<(String, String)>, least: usize) {
    assert!(texts.len() >= least, "only {} texts were found in the sources", texts.len());
    let guide = fs::read_to_string(GUIDE).unwrap();
    let missing: BTreeSet<_> = texts
        .into_iter()
        // A text of placeholders alone says what another place wrote.
        .filter(|(_, text)| !parts(text).is_empty() && !is_explained(&guide, text))
        .map(|(path, text)| format!("{GUIDE} does not explain {text:?} of {path}"))
        .collect();
    complain(&missing.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_guide_explains_every_warning_and_error_of_the_log() {
    expect_explained(texts(&["warn!(", "error!("], |literals| literals.last().cloned()), 30);
}

#[test]
fn the_guide_explains_every_error_on_the_wire() {
    let mut found = Vec::new();
    for source in sources() {
        let code = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for part in code.flat_map(|line| line.split('"').skip(1).step_by(2)) {
            let mut fields = part.splitn(3, ':');
            let is_code =
                fields.next().is_some_and(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()));
            if is_code && fields.nth(1).is_some_and(|text| text.len() > 3) {
                // The argument differs, and is empty in some places.
                let (code, rest) = part.split_once(':').unwrap();
                let text = rest.split_once(':').unwrap().1;
                found.push((source.path.display().to_string(), format!("{code}:{{}}:{text}")));
            }
        }
    }
    expect_explained(found, 20);
}

/// The texts of `#[error("…")]` in these files and folders.
fn errors(of: &[&str]) -> impl Iterator<Item = (String, String)> {
    let all = texts(&["#[error("], |literals| literals.first().cloned());
    all.into_iter().filter(|(path, _)| of.iter().any(|begin| path.starts_with(begin)))
}

#[test]
fn the_guide_explains_every_refused_request() {
    let begins = ["Refusal::bad(", "Refusal::Broken(", "Refusal::Bad(", "response::refuse("];
    let mut found = texts(&begins, |literals| literals.last().cloned());
    found.extend(errors(&["src/transport/", "src/bayeux/"]));
    // Texts that are constants, because two places refuse with them.
    let constants = texts(&[": &str ="], |literals| literals.first().cloned());
    found.extend(constants.into_iter().filter(|(path, _)| path == "src/transport/http/payload.rs"));
    expect_explained(found, 30);
}

#[test]
fn the_guide_explains_every_refusal_of_the_hub() {
    expect_explained(errors(&["src/hub/"]).collect(), 25);
}

#[test]
fn the_guide_explains_every_error_of_the_start_and_of_commands() {
    let of = ["src/app.rs", "src/tls/", "src/redis/link.rs", "src/auth/", "src/bridge/", "src/fetch/"];
    expect_explained(errors(&of).chain(errors(&["src/client/failure.rs"])).collect(), 20);
}

#[test]
fn the_guide_explains_every_error_of_the_javascript_client() {
    let mut files = Vec::new();
    collect(Path::new("client-js/src"), "ts", &mut files);
    let mut found = Vec::new();
    for path in files {
        let code = fs::read_to_string(&path).unwrap();
        for begin in ["failure(", "new TypeError(", "new Error("] {
            for part in code.split(begin).skip(1) {
                let Some(quote) = part.chars().next().filter(|letter| "'`\"".contains(*letter)) else {
                    continue;
                };
                // Up to the first value; behind it there may be another template.
                let fixed = part[1..].split(quote).next().and_then(|text| text.split("${").next());
                found.push((path.display().to_string(), fixed.unwrap_or_default().to_owned()));
            }
        }
    }
    expect_explained(found, 20);
}

#[test]
fn the_guide_explains_every_reason_of_a_refusal() {
    let metrics = fs::read_to_string("src/metrics.rs").unwrap();
    let reasons =
        metrics.split("pub enum Reason {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let names =
        reasons.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    let names: Vec<_> = names.filter_map(|line| line.strip_suffix(',')).collect();
    assert!(names.len() > 10, "the reasons were not found");
    let guide = fs::read_to_string(GUIDE).unwrap();
    let missing = names.iter().filter(|name| !guide.contains(&format!("`{name}`")));
    complain(&missing.map(|name| format!("{GUIDE} does not explain the reason {name}")).collect::<Vec<_>>());
}
