//! Warnings about well-formed secrets and variables. It must not know their use.

use std::ffi::OsString;

use super::Config;
use super::secret::{Secret, without_line_end};
use super::suggest;

/// Bytes below which a secret can be guessed: 64 random bits as hexadecimal digits.
const SHORT: usize = 16;

/// Secrets of examples.
const PLACEHOLDERS: [&str; 3] = ["change-me", "change_me", "changeme"];

/// Returns warnings about secrets that are short, copied from an example, or names of variables. Shows no secret.
#[must_use]
pub fn weak_secrets(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let passwords = config.feed.iter().enumerate();
    let passwords = passwords
        .filter_map(|(at, feed)| Some((format!("feed[{}].password", at + 1), feed.password.as_ref()?)));
    for (key, secret) in secrets(config).into_iter().chain(passwords) {
        let text = secret.expose();
        if let Some(name) = variable_name(text) {
            found.push(format!(
                "{key}: this is the name of a variable and not its value; write env:{name} to read the variable"
            ));
        } else if key.starts_with("feed[") {
            // The password of another server.
        } else if PLACEHOLDERS.iter().any(|placeholder| text.to_ascii_lowercase().contains(placeholder)) {
            found.push(format!(
                "{key}: this is the secret of an example; generate your own (openssl rand -hex 32)"
            ));
        } else if text.len() < SHORT && !URLS.contains(&key.as_str()) {
            found.push(format!(
                "{key}: a secret of {} bytes can be guessed; write {SHORT} or more (openssl rand -hex 32)",
                text.len()
            ));
        }
    }
    found
}

/// Returns the variable that a text references in shell syntax.
fn variable_name(text: &str) -> Option<&str> {
    let braced = || text.strip_prefix("${")?.strip_suffix('}');
    let upper = || text.strip_prefix("ENV:").or_else(|| text.strip_prefix("Env:"));
    let name = braced().or_else(upper).or_else(|| text.strip_prefix('$'))?;
    let is_kept = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_kept)).then_some(name)
}

/// Documented variables of commands, such as `faye hub`, which are no settings.
const OF_COMMANDS: [&str; 1] = ["FAYE_API_KEY"];

/// Returns warnings about variables that resemble settings: with one underscore in place of two
/// (`FAYE_SERVER_TIMEOUT`), without a section (`FAYE_TIMEOUT`), in lower case, or misspelt. Variables with the prefix
/// `FAYE_` and two underscores are errors instead.
///
/// A variable that contains a secret of the settings (`env:NAME`), or that extensions or commands read, is in use and
/// causes no warning.
pub fn unused_variables(
    config: &Config,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<String> {
    let secrets = secrets(config);
    let mut found: Vec<String> = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| !OF_COMMANDS.contains(name)) else { continue };
        let Some(meant) = suggest::intended_variable(name) else { continue };
        let value = value.to_string_lossy();
        let is_used = secrets.iter().any(|(_, secret)| secret.expose() == without_line_end(&value))
            || config.extensions.environment.iter().any(|read| read == name);
        if !is_used {
            found.push(format!("the variable {name} has no effect; write {meant}, with two underscores"));
        }
    }
    found.sort();
    found
}

/// They may contain a password of any length.
const URLS: [&str; 2] = ["redis.url", "store.url"];

fn secrets(config: &Config) -> Vec<(String, &Secret)> {
    let named = [
        ("push.secret", &config.push.secret),
        ("push.previous", &config.push.previous),
        ("private_pub.secret", &config.private_pub.secret),
        ("hook.secret", &config.hook.secret),
        ("webhook.secret", &config.webhook.secret),
        ("redis.url", &config.redis.url),
        ("store.url", &config.store.url),
        ("api.key", &config.api.key),
    ];
    let named = named.into_iter().filter_map(|(key, secret)| Some((key.to_owned(), secret.as_ref()?)));
    let keys = config.key.iter().enumerate();
    let keys = keys.filter_map(|(at, key)| Some((format!("key[{}].secret", at + 1), key.secret.as_ref()?)));
    let pings = config.ping.iter().enumerate();
    let pings = pings.map(|(at, ping)| (format!("ping[{}].secret", at + 1), &ping.secret));
    named.chain(keys).chain(pings).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: &str) -> Config {
        let mut config = Config::default();
        config.push.secret = Some(secret.into());
        config
    }

    #[test]
    fn secrets_that_can_be_guessed() {
        for (secret, part) in [
            ("s3cret", "push.secret: a secret of 6 bytes can be guessed"),
            ("0123456789abcde", "15 bytes"),
            ("Change-Me-0123456789abcdef", "the secret of an example"),
        ] {
            let found = weak_secrets(&config(secret));
            assert!(found.len() == 1 && found[0].contains(part) && !found[0].contains(secret), "{found:?}");
        }
        assert!(weak_secrets(&config("0123456789abcdef")).is_empty());
        let mut redis = Config::default();
        redis.redis.url = Some("redis://a".into());
        assert!(weak_secrets(&redis).is_empty());
        redis.redis.url = Some("redis://:change-me@a".into());
        assert_eq!(weak_secrets(&redis).len(), 1);
    }

    #[test]
    fn variables_with_one_underscore() {
        let found = |name: &str, value: &str, config: &Config| {
            unused_variables(config, [(name.into(), value.into())]).join("")
        };
        let config = config("0123456789abcdef");
        let said = found("FAYE_SERVER_TIMEOUT", "2s", &config);
        assert!(said.contains("FAYE_SERVER_TIMEOUT") && said.contains("FAYE_SERVER__TIMEOUT"), "{said}");
        for (name, meant) in [
            ("FAYE_LIMITS_BODY_TIME", "FAYE_LIMITS__BODY_TIME"),
            ("FAYE_SERVER_TIMOUT", "FAYE_SERVER__TIMEOUT"),
            ("FAYE_LIMIT_BODY", "FAYE_LIMITS__BODY"),
            ("FAYE_LISTEN", "FAYE_SERVER__LISTEN"),
            ("FAYE_TIMEOUT", "FAYE_SERVER__TIMEOUT"),
            ("FAYE_LISTN", "FAYE_SERVER__LISTEN"),
            ("faye_server__timeout", "FAYE_SERVER__TIMEOUT"),
            ("Faye_Server_Timeout", "FAYE_SERVER__TIMEOUT"),
            ("FAYE_SERVER_DRAIN", "FAYE_SERVER__DRAIN_TIMEOUT"),
        ] {
            let said = found(name, "2s", &config);
            assert!(said.contains(&format!("{name} has no effect; write {meant},")), "{name}: {said}");
        }
        assert!(!found("FAYE_PUSH_SECRET", "another", &config).is_empty());
        for (name, value) in [
            ("FAYE_PUSH_SECRET", "0123456789abcdef\n"),
            ("FAYE_SERVER__TIMEOUT", "2s"),
            ("FAYE_HOME", "x"),
            ("FAYE_API_KEY", "x"),
            ("FAYE_URL", "http://127.0.0.1:8000/faye"),
            ("FAYE_BIN", "x"),
            ("FAYE_HOST", "x"),
            ("FAYE_SERVER", "x"),
            ("FAYE_CONFIG", "x"),
            ("SERVER_TIMEOUT", "x"),
        ] {
            assert_eq!(found(name, value, &config), "", "{name}");
        }
    }
}
