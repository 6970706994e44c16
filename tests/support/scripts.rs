//! Servers with extensions in JavaScript.

use super::Faye;

/// The path of a file of `tests/extensions`.
pub(crate) fn extensions(name: &str) -> String {
    format!("{}/tests/extensions/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Starts a server with these files and settings of `[extensions]`, and these variables in its environment.
pub(crate) fn start(files: &[&str], settings: &str, environment: &[(&str, &str)]) -> Faye {
    let files: Vec<_> = files.iter().map(|name| format!("'{}'", extensions(name))).collect();
    let text = format!("[extensions]\nfiles = [{}]\n{settings}\n", files.join(", "));
    Faye::start_with_file(&text, environment)
}
