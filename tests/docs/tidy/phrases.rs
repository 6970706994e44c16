//! Checks that no document and no comment has phrases that make technical text slow to read. CONTRIBUTING.md describes the
//! style.

use std::fs;
use std::path::{Path, PathBuf};

use super::documents::prose;
use super::{collect, complain};

/// Whole words, in lower case. A word in code, or in quotes as a value of settings, is no prose.
const PHRASES: &[&str] = &[
    "whoever",
    "whomever",
    "somebody",
    "anybody",
    "nobody",
    "everybody",
    "anew",
    "beside",
    "meanwhile",
    "in vain",
    "of its own",
    "heard",
    "said so",
    "it is looked",
    "mend",
    "mends",
    "goes by",
    "go by",
];

/// The phrases in a text, as whole words.
fn phrases(text: &str) -> Vec<&'static str> {
    // Code is every second part. A word of the settings may stand in quotes.
    let text: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let text = text.replace("\"nobody\"", "").to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = format!(" {} ", words.join(" ").replace(|letter: char| !letter.is_alphanumeric(), " "));
    PHRASES.iter().copied().filter(|phrase| text.contains(&format!(" {phrase} "))).collect()
}

/// The blocks of lines that `is_prose` selects, without what it removes, each with its first line.
fn blocks<'a>(text: &'a str, is_prose: impl Fn(&'a str) -> Option<&'a str>) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_inside = false;
    for (index, line) in text.lines().enumerate() {
        let part = is_prose(line.trim_start());
        match part {
            Some(part) if is_inside => {
                let (_, block) = found.last_mut().unwrap();
                block.push(' ');
                block.push_str(part);
            }
            Some(part) => found.push((index + 1, part.to_owned())),
            None => {}
        }
        is_inside = part.is_some();
    }
    found
}

fn complaints(path: &Path, blocks: Vec<(usize, String)>) -> Vec<String> {
    let found =
        blocks.into_iter().flat_map(|(line, block)| phrases(&block).into_iter().map(move |one| (line, one)));
    found
        .map(|(line, phrase)| format!("{}:{line}: has {phrase:?}; write it otherwise", path.display()))
        .collect()
}

/// The comments of a file, block by block.
fn comments(text: &str) -> Vec<(usize, String)> {
    blocks(text, |line| line.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!'])))
}

#[test]
fn documents_have_no_phrases_that_are_slow_to_read() {
    let mut files = vec!["README.md".into(), "ARCHITECTURE.md".into(), "CONTRIBUTING.md".into()];
    collect(Path::new("docs"), "md", &mut files);
    assert!(files.len() > 20, "the documents were not found");
    let mut problems = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        // Blocks have no line numbers of the file, since fenced code is left out.
        let text = prose(&text).collect::<Vec<_>>().join("\n");
        let found = blocks(&text, |line| (!line.is_empty()).then_some(line));
        problems.extend(found.into_iter().flat_map(|(_, block)| {
            let begin: String = block.chars().take(60).collect();
            let found = phrases(&block).into_iter();
            let path = path.display();
            found
                .map(|one| format!("{path}: has {one:?} in the part {begin:?}; write it otherwise"))
                .collect::<Vec<_>>()
        }));
    }
    let path = PathBuf::from("faye.toml");
    let text = fs::read_to_string(&path).unwrap();
    problems.extend(complaints(&path, blocks(&text, |line| line.strip_prefix('#'))));
    complain(&problems);
}

#[test]
fn comments_have_no_phrases_that_are_slow_to_read() {
    let mut files = Vec::new();
    collect(Path::new("src"), "rs", &mut files);
    files.sort();
    assert!(files.len() > 100, "the sources were not found");
    let problems: Vec<String> = files
        .iter()
        .flat_map(|path| complaints(path, comments(&fs::read_to_string(path).unwrap())))
        .collect();
    complain(&problems);
}

#[test]
fn a_phrase_is_found_over_the_end_of_a_line_and_not_in_code() {
    let text = "/// A queue of\n/// its own. `whoever`\nlet beside = 1;\n//! Anew.\n";
    let found: Vec<_> = comments(text).into_iter().map(|(line, block)| (line, phrases(&block))).collect();
    assert_eq!(found, [(1, vec!["of its own"]), (4, vec!["anew"])]);
    assert!(phrases("publish = \"nobody\"").is_empty());
    assert!(phrases("a recommendation").is_empty());
}
