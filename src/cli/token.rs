//! `faye token`: makes tokens with the keys of the settings, and says what is in one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::say;
use crate::config::units::parse_duration;
use crate::config::{Config, TokenKey};
use crate::policy::seconds_now;
use crate::policy::token::{Claims, Texts, Tokens, sign};

/// What to do with tokens.
#[derive(Subcommand)]
pub(super) enum Token {
    /// Make a token
    Make {
        /// A channel or pattern to which its holder may subscribe; as often as needed
        #[arg(long, value_name = "PATTERN")]
        subscribe: Vec<String>,
        /// A channel or pattern to which its holder may publish; as often as needed
        #[arg(long, value_name = "PATTERN")]
        publish: Vec<String>,
        /// Who its holder is
        #[arg(long)]
        subject: Option<String>,
        /// How long it is good
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
        lifetime: Duration,
        /// The id of the key in the settings [default: the first]
        #[arg(long, value_name = "ID")]
        key: Option<String>,
        /// The private key in PEM, for a key of which the settings have the public half
        #[arg(long, value_name = "FILE")]
        private_key: Option<PathBuf>,
    },
    /// Check a token as the server does, and print what it allows, or why it is refused
    Read {
        /// The token
        token: String,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "this is not a duration; write for example 1h".to_owned())
}

pub(super) fn run(token: &Token, config: &Config) -> anyhow::Result<()> {
    match token {
        Token::Make { subscribe, publish, subject, lifetime, key, private_key } => {
            let claims = Claims {
                sub: subject.clone(),
                subscribe: Texts::Many(subscribe.clone()),
                publish: Texts::Many(publish.clone()),
                exp: Some((seconds_now() + lifetime.as_secs()).into()),
            };
            let key = find(config, key.as_deref())?;
            let private = match private_key {
                Some(path) => {
                    Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
                }
                None => None,
            };
            say(sign(&claims, key, private.as_deref(), &config.token).map_err(anyhow::Error::msg)?)
        }
        Token::Read { token } => {
            let tokens = Tokens::new(&config.token, &config.key).map_err(anyhow::Error::msg)?;
            if tokens.is_empty() {
                bail!("the settings have no key; write one as [[key]], or name the file by --config");
            }
            let grant = tokens
                .examine(token.trim())
                .map_err(|rejection| anyhow::anyhow!("{}: {rejection}", rejection.error()))?;
            let left = match grant.expires {
                u64::MAX => "never expires".to_owned(),
                second => format!("expires in {} s", second.saturating_sub(seconds_now())),
            };
            say(format_args!("subject: {}", grant.subject.as_deref().unwrap_or("nobody")))?;
            say(format_args!("subscribe: {}", grant.subscribe.join(" ")))?;
            say(format_args!("publish: {}", grant.publish.join(" ")))?;
            say(left)
        }
    }
}

fn find<'a>(config: &'a Config, id: Option<&str>) -> anyhow::Result<&'a TokenKey> {
    match id {
        Some(id) => {
            let key = config.key.iter().find(|key| key.id.as_deref() == Some(id));
            key.with_context(|| format!("the settings have no key whose id is {id}"))
        }
        None => config.key.first().context("the settings have no key; write one as [[key]]"),
    }
}
