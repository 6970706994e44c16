//! Log messages and error texts, read from the sources.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, TokenTree};

use super::sources::{Source, ident, is_punctuation, levels, sources, string, within};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The sections about texts.
pub(crate) fn document() -> String {
    let sources = sources();
    let mut logs = BTreeSet::new();
    let mut wire = BTreeSet::new();
    let mut errors = BTreeSet::new();
    for source in &sources {
        let module = module(&source.path);
        levels(source.tokens.clone(), &mut |tokens| {
            logs_in(&module, source, tokens, &mut logs);
            if !["cli", "client", "bench"].iter().any(|own| module.split("::").next() == Some(own)) {
                wire.extend(tokens.iter().filter_map(string).filter(|text| is_wire_error(text)));
            }
            errors.extend(errors_in(tokens).map(|text| format!("| {module} | {} |", cell(&text))));
        });
    }
    assert!(logs.len() > 60 && wire.len() > 20 && errors.len() > 20, "too little was found in the sources");
    let logs: Vec<_> = logs.into_iter().map(|(_, line)| line).collect();
    let wire: Vec<_> = wire.iter().map(|text| format!("- `{text}`")).collect();
    let errors: Vec<_> = errors.into_iter().collect();
    format!(
        "## Log messages\n\n\
         The level, the module, the fields and the message. A message in braces is a text that another table or another \
         program has: `{{warning}}` is a warning of the settings, `{{text}}` what an extension printed.\n\n\
         | level | module | fields | message |\n| --- | --- | --- | --- |\n{}\n\n\
         ## Errors of replies\n\n\
         The field `error` of a reply, `code:arguments:text`. What stands in braces is an argument.\n\n{}\n\n\
         ## Other error texts\n\n\
         Errors of the start, of commands and of the library (`thiserror`). Texts that the code composes from parts are \
         not listed: problems of settings, refused HTTP requests.\n\n\
         | module | text |\n| --- | --- |\n{}\n",
        logs.join("\n"),
        wire.join("\n"),
        errors.join("\n"),
    )
}

/// Adds the log messages of one level of tokens, by level, module and message.
fn logs_in(
    module: &str,
    source: &Source,
    tokens: &[TokenTree],
    found: &mut BTreeSet<((usize, String, String), String)>,
) {
    for at in 0..tokens.len() {
        let Some(name) = ident(tokens.get(at)) else { continue };
        let place = || format!("{}: {name}!", source.path.display());
        let is_macro = is_punctuation(tokens.get(at + 1), '!') && !is_punctuation(tokens.get(at + 2), '=');
        let is_of_tracing = at > 2
            && is_punctuation(tokens.get(at - 1), ':')
            && is_punctuation(tokens.get(at - 2), ':')
            && ident(tokens.get(at - 3)).as_deref() == Some("tracing");
        let level = LEVELS.iter().position(|level| *level == name);
        if !is_macro || !is_of_tracing {
            assert!(!is_macro || level.is_none(), "{}: write tracing::{name}!", place());
            continue;
        }
        if name == "enabled" {
            continue;
        }
        let level = level.unwrap_or_else(|| panic!("{}: this test does not know it", place()));
        let arguments = within(tokens.get(at + 2), Delimiter::Parenthesis)
            .unwrap_or_else(|| panic!("{}: it has no parentheses", place()));
        let mut fields = Vec::new();
        let mut message = None;
        for argument in
            arguments.split(|token| is_punctuation(Some(token), ',')).filter(|tokens| !tokens.is_empty())
        {
            match argument {
                [literal] if string(literal).is_some() => message = string(literal),
                _ => fields.push(field(argument).unwrap_or_else(|| {
                    panic!("{}: neither a field nor a literal message: {argument:?}", place())
                })),
            }
        }
        let message = message.unwrap_or_else(|| panic!("{}: its message is not a literal", place()));
        let row = format!("| {name} | {module} | {} | {} |", fields.join(", "), cell(&message));
        found.insert(((level, module.to_owned(), message), row));
    }
}

/// The name of a field: `name`, `%name`, `?name`, `name = value` or `%path.name`.
fn field(tokens: &[TokenTree]) -> Option<String> {
    let is_sigil = is_punctuation(tokens.first(), '%') || is_punctuation(tokens.first(), '?');
    let tokens = if is_sigil { &tokens[1..] } else { tokens };
    let name = ident(tokens.first())?;
    (tokens.len() == 1 || is_punctuation(tokens.get(1), '=')).then_some(name)
}

/// The texts of `#[error("…")]`.
fn errors_in(tokens: &[TokenTree]) -> impl Iterator<Item = String> {
    let attributes = tokens.windows(2).filter_map(|pair| {
        let inner = is_punctuation(pair.first(), '#').then(|| within(pair.get(1), Delimiter::Bracket))??;
        (ident(inner.first())? == "error").then(|| within(inner.get(1), Delimiter::Parenthesis))?
    });
    attributes.filter_map(|inner| string(inner.first()?))
}

/// Three digits, arguments, a text, with colons between them.
fn is_wire_error(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let code = parts.next().unwrap_or_default();
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let is_single = |arguments: &str| !arguments.contains(' ');
    is_code
        && parts.next().is_some_and(is_single)
        && parts.next().is_some_and(|text| text.starts_with(|letter: char| letter.is_ascii_alphabetic()))
}

/// `src/broker/redis/mod.rs` as `broker::redis`.
fn module(path: &Path) -> String {
    let path = path.strip_prefix("src").unwrap().with_extension("");
    let names: Vec<_> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let names: Vec<_> = names.into_iter().filter(|name| name != "mod").collect();
    names.join("::")
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
