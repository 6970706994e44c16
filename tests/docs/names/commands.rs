//! Commands and flags, read from the help of the binary, and paths and channels with a meaning.

use std::collections::BTreeSet;

use super::sources::{levels, sources, string};

/// Every command with its arguments and flags.
pub(crate) fn commands() -> String {
    let mut text =
        "## Commands\n\nThe flags of `faye` itself are accepted by every command.\n\n```text\n".to_owned();
    let shared = flags(&help(&[]));
    command(&mut text, &mut Vec::new(), &shared);
    text + "```\n"
}

fn command(text: &mut String, path: &mut Vec<String>, shared: &[String]) {
    let help = help(path);
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).expect("a usage");
    *text += &format!("{usage}\n");
    for flag in flags(&help) {
        if path.is_empty() || !shared.contains(&flag) {
            *text += &format!("    {flag}\n");
        }
    }
    for name in
        section(&help, "Commands:").filter_map(|line| line.split_whitespace().next().map(str::to_owned))
    {
        if name != "help" {
            path.push(name);
            command(text, path, shared);
            path.pop();
        }
    }
}

fn help(path: &[String]) -> String {
    let arguments: Vec<_> = path.iter().map(String::as_str).chain(["-h"]).collect();
    let output = super::faye("", &arguments, &[]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The flags, such as `--config <FILE>`.
fn flags(help: &str) -> Vec<String> {
    let lines = section(help, "Options:").map(str::trim).filter(|line| line.starts_with('-'));
    lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
}

/// The entries of a section of a help: lines that are not continued from the one above.
fn section<'a>(help: &'a str, title: &str) -> impl Iterator<Item = &'a str> {
    let lines = help.lines().skip_while(move |line| *line != title).skip(1);
    let lines = lines.take_while(|line| line.starts_with(' ') || line.is_empty());
    lines.filter(|line| line.starts_with("  ") && !line.starts_with("          "))
}

/// Paths of the HTTP listeners and channels with a meaning, which the sources have as literals.
pub(crate) fn paths() -> String {
    let mut paths = BTreeSet::new();
    let mut channels = BTreeSet::new();
    for source in sources() {
        let path = source.path.to_string_lossy().into_owned();
        levels(source.tokens, &mut |tokens| {
            let texts = tokens.iter().filter_map(string);
            if path.starts_with("src/admin/") {
                paths.extend(texts.filter(|text| is_path(text)));
            } else if path.starts_with("src/bayeux/") {
                channels.extend(texts.filter(|text| text.starts_with("/meta/")));
            }
        });
    }
    assert!(paths.contains("/healthz") && channels.contains("/meta/connect"), "{paths:?} {channels:?}");
    let list = |texts: BTreeSet<String>| {
        texts.iter().map(|text| format!("- `{text}`")).collect::<Vec<_>>().join("\n")
    };
    format!(
        "## Paths\n\n\
         Next to the mount (`server.mount`), or on `admin.listen`. `/healthz` is 200 while the process accepts connections; \
         `/readyz` is 200, or 503 with `not ready:` and the reason.\n\n{}\n\n\
         ## Reserved channels\n\n\
         Every channel below `/meta/` is the server's; of these it knows the following. Channels below `/service/` are never \
         delivered to clients.\n\n{}\n",
        list(paths),
        list(channels),
    )
}

fn is_path(text: &str) -> bool {
    let Some(name) = text.strip_prefix('/') else { return false };
    name.bytes().all(|byte| byte.is_ascii_lowercase())
}
