//! What is doubtful about secrets and variables that are right by their form. It does not know what they are used for.

use std::ffi::OsString;

use super::Config;
use super::keys::{KEYS, VARIABLE_SEPARATOR};
use super::secret::{Secret, without_line_end};

/// Bytes below which a secret can be guessed: 64 random bits in hexadecimal digits.
const SHORT: usize = 16;

/// What examples have in the place of a secret.
const PLACEHOLDERS: [&str; 3] = ["change-me", "change_me", "changeme"];

/// Warnings about secrets that are short, or still those of an example. No secret is shown.
#[must_use]
pub fn weak_secrets(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    for (key, secret) in secrets(config) {
        let text = secret.expose();
        if PLACEHOLDERS.iter().any(|placeholder| text.to_ascii_lowercase().contains(placeholder)) {
            found.push(format!(
                "{key} is still that of an example; make one of your own (openssl rand -hex 32)"
            ));
        } else if text.len() < SHORT && key != URL {
            found.push(format!(
                "{key} is short ({} bytes), so it can be guessed; take {SHORT} or more (openssl rand -hex 32)",
                text.len()
            ));
        }
    }
    found
}

/// Warnings about variables that look like settings but have one underscore where two belong, as `FAYE_SERVER_TIMEOUT`.
/// One that holds a secret of the settings (`env:NAME`) or that extensions read is used as it is.
pub fn unused_variables(
    config: &Config,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<String> {
    let secrets = secrets(config);
    let mut found: Vec<String> = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let meant = KEYS.iter().filter_map(|key| key.variable());
        let Some(meant) = meant.into_iter().find(|own| own.replace(VARIABLE_SEPARATOR, "_") == name) else {
            continue;
        };
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

/// May hold a password of any length.
const URL: &str = "redis.url";

fn secrets(config: &Config) -> Vec<(String, &Secret)> {
    let named = [
        ("push.secret", &config.push.secret),
        ("push.previous", &config.push.previous),
        ("private_pub.secret", &config.private_pub.secret),
        ("hook.secret", &config.hook.secret),
        ("webhook.secret", &config.webhook.secret),
        (URL, &config.redis.url),
    ];
    let named = named.into_iter().filter_map(|(key, secret)| Some((key.to_owned(), secret.as_ref()?)));
    let keys = config.key.iter().enumerate();
    let keys = keys.filter_map(|(at, key)| Some((format!("key[{}].secret", at + 1), key.secret.as_ref()?)));
    named.chain(keys).collect()
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
            ("s3cret", "push.secret is short (6 bytes)"),
            ("0123456789abcde", "short"),
            ("Change-Me-0123456789abcdef", "that of an example"),
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
        assert!(!found("FAYE_LIMITS_BODY_TIME", "2s", &config).is_empty());
        assert!(!found("FAYE_PUSH_SECRET", "another", &config).is_empty());
        for (name, value) in [
            ("FAYE_PUSH_SECRET", "0123456789abcdef\n"),
            ("FAYE_SERVER__TIMEOUT", "2s"),
            ("FAYE_HOME", "x"),
            ("SERVER_TIMEOUT", "x"),
        ] {
            assert_eq!(found(name, value, &config), "", "{name}");
        }
    }
}
