//! Settings of parts that this program was built without.

use super::Config;

/// The settings that this program cannot follow, each with its key and what to do.
pub(super) fn left_out(config: &Config) -> impl Iterator<Item = (&'static str, String)> {
    let parts = [
        (
            !cfg!(feature = "acme") && !config.acme.domains.is_empty(),
            ("acme.domains", "acme", "fetches no certificates"),
        ),
        (
            !cfg!(feature = "javascript") && !config.extensions.files.is_empty(),
            ("extensions.files", "javascript", "runs no extension files"),
        ),
        (
            !cfg!(feature = "redis") && config.redis.url.is_some(),
            ("redis.url", "redis", "joins no other instances"),
        ),
    ];
    parts.into_iter().filter(|(is_left_out, _)| *is_left_out).map(|(_, (key, feature, effect))| {
        let message = format!(
            "this program was built without the feature \"{feature}\" and {effect}; use a build with it, or remove the line"
        );
        (key, message)
    })
}

impl Config {
    /// Checks that this program was built with the parts that the settings use.
    ///
    /// # Errors
    /// The first setting that the program cannot follow, and what to do.
    pub(crate) fn check_built(&self) -> Result<(), String> {
        left_out(self).next().map_or(Ok(()), |(key, message)| Err(format!("{key}: {message}")))
    }
}
