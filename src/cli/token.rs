//! `faye token`: creates tokens with the configured keys, and shows what a token allows.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Reported;
use super::settings::Settings;
use super::{print, print_json, warn};
use crate::auth::seconds_now;
use crate::auth::token::{Claims, Texts, Tokens, sign};
use crate::bayeux::Pattern;
use crate::config::units::parse_duration;
use crate::config::{Config, TokenKey};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye token make --subscribe '/chat/**' --publish /chat/room --subject ann --for 10m
  faye token make --key 2026-b --private-key key.pem --subscribe /news
  faye token read \"$TOKEN\"
  faye subscribe /news --ext \"{\\\"token\\\":\\\"$(faye token make --subscribe /news)\\\"}\"

Keys are in the settings as [[key]].

Exit codes: 0 the token was made, or is accepted; 1 it was not; 2 wrong arguments.";

#[derive(Subcommand)]
pub(super) enum Token {
    /// Make a token and print it; warnings about its use go to standard error
    #[command(after_long_help = EXAMPLES)]
    Make(Make),
    /// Check a token as the server does, and print what it allows or why it is refused
    #[command(after_long_help = EXAMPLES)]
    Read {
        /// The token
        token: String,
        /// Print a JSON object: valid, and subject, subscribe, publish and expires_in, or error and reason
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct Make {
    /// A channel or pattern that the token allows to subscribe to; may be repeated
    #[arg(long, value_name = "PATTERN")]
    subscribe: Vec<String>,
    /// A channel or pattern that the token allows to publish to; may be repeated
    #[arg(long, value_name = "PATTERN")]
    publish: Vec<String>,
    /// The user (the claim sub)
    #[arg(long)]
    subject: Option<String>,
    /// The time until it expires
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    lifetime: Duration,
    /// The id of the key in the settings [default: the first key]
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// The private key in PEM, if the settings have the public key only
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "this is not a duration; write for example 1h".to_owned())
}

pub(super) fn run(token: &Token, settings: &Settings) -> anyhow::Result<()> {
    let config = settings.load_for_client(&["key"])?;
    match token {
        Token::Make(arguments) => make(arguments, &config),
        Token::Read { token, json } => read(token.trim(), *json, &config),
    }
}

fn make(arguments: &Make, config: &Config) -> anyhow::Result<()> {
    let claims = Claims {
        sub: arguments.subject.clone(),
        subscribe: Texts::Many(arguments.subscribe.clone()),
        publish: Texts::Many(arguments.publish.clone()),
        exp: Some(seconds_now().saturating_add(arguments.lifetime.as_secs()).into()),
    };
    let key = find(config, arguments.key.as_deref())?;
    let private = match &arguments.private_key {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let token = sign(&claims, key, private.as_deref(), &config.token).map_err(anyhow::Error::msg)?;
    for warning in warnings(arguments, config, &token) {
        warn(format_args!("warning: {warning}"));
    }
    print(token)
}

/// Returns why a token is of no use.
fn warnings(arguments: &Make, config: &Config, token: &str) -> Vec<String> {
    let mut found = Vec::new();
    let takes_token = |access: &crate::config::Access| access.token;
    let rules = config.channel.iter().flat_map(|rule| [rule.publish, rule.subscribe]);
    if !takes_token(&config.handshake.allow) && !rules.clone().any(|access| takes_token(&access)) {
        found.push(
            "no [[channel]] rule of the settings and no handshake.allow names \"token\", so the token changes nothing"
                .to_owned(),
        );
    }
    let patterns = || arguments.subscribe.iter().chain(&arguments.publish);
    if patterns().next().is_none() && !takes_token(&config.handshake.allow) {
        found.push("the token gives no right; name channels with --subscribe and --publish".to_owned());
    }
    for pattern in patterns().filter(|pattern| Pattern::parse(pattern).is_none()) {
        found.push(format!("{pattern:?} is not a channel or pattern, so it matches nothing"));
    }
    if arguments.lifetime.as_secs() == 0 {
        found.push("the token has expired already; write a longer time with --for".to_owned());
    }
    let examined = Tokens::new(&config.token, &config.key).map(|tokens| tokens.examine(token).map(drop));
    match examined {
        Ok(Ok(())) => {}
        Ok(Err(rejection)) => {
            found.push(format!("a server with these settings refuses the token: {rejection}"));
        }
        Err(error) => found.push(format!("no server can start with these settings: {error}")),
    }
    found
}

fn read(token: &str, as_json: bool, config: &Config) -> anyhow::Result<()> {
    let tokens = Tokens::new(&config.token, &config.key).map_err(anyhow::Error::msg)?;
    if tokens.is_empty() {
        bail!("the settings have no key; write one as [[key]], or name the file with --config");
    }
    let grant = match tokens.examine(token) {
        Ok(grant) => grant,
        Err(rejection) if as_json => {
            let (error, reason) = (rejection.error().to_string(), rejection.to_string());
            print_json(&json!({ "valid": false, "error": error, "reason": reason }))?;
            return Err(Reported.into());
        }
        Err(rejection) => bail!("{}: {rejection}", rejection.error()),
    };
    let left = (grant.expires != u64::MAX).then(|| grant.expires.saturating_sub(seconds_now()));
    if as_json {
        return print_json(&json!({
            "valid": true, "subject": grant.subject, "subscribe": grant.subscribe, "publish": grant.publish,
            "expires_in": left,
        }));
    }
    print(format_args!("subject: {}", grant.subject.as_deref().unwrap_or("none")))?;
    print(format_args!("subscribe: {}", grant.subscribe.join(" ")))?;
    print(format_args!("publish: {}", grant.publish.join(" ")))?;
    print(left.map_or_else(|| "never expires".to_owned(), |seconds| format!("expires in {seconds} s")))
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
