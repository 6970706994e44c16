//! Lua scripts, which Redis runs atomically.

use redis::{Cmd, ServerErrorKind, Value};
use sha1::{Digest, Sha1};

use super::address::Connection;
use super::link::{Link, RedisError};

/// A script.
pub(crate) struct Script {
    text: &'static str,
    hash: std::sync::OnceLock<String>,
}

impl Script {
    const fn new(text: &'static str) -> Self {
        Self { text, hash: std::sync::OnceLock::new() }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| data_encoding::HEXLOWER.encode(&Sha1::digest(self.text)))
    }

    fn command(&self, command: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        let mut command = redis::cmd(command);
        command.arg(script).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }

    /// Runs the script by its hash, or sends its text if Redis does not have it yet.
    pub(super) async fn run(
        &self,
        link: &Link,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, RedisError> {
        match link.run(&self.command("EVALSHA", self.hash(), keys, arguments)).await {
            Err(RedisError::Refused(error)) if error.kind() == ServerErrorKind::NoScript.into() => {
                link.run(&self.command("EVAL", self.text, keys, arguments)).await
            }
            other => other,
        }
    }

    /// Runs the script on a Pub/Sub connection: its reply follows the messages that were sent before it.
    pub(crate) async fn run_on(
        &self,
        connection: &mut Connection,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, RedisError> {
        let by_hash = self.command("EVALSHA", self.hash(), keys, arguments);
        match connection.run(&by_hash).await {
            Err(error) if error.kind() == ServerErrorKind::NoScript.into() => {
                let full = self.command("EVAL", self.text, keys, arguments);
                connection.run(&full).await.map_err(RedisError::Broken)
            }
            other => other.map_err(RedisError::Broken),
        }
    }
}

pub(crate) static PUBLISH: Script =
    Script::new(concat!(include_str!("lua/epoch.lua"), include_str!("lua/publish.lua")));
pub(crate) static STATE: Script =
    Script::new(concat!(include_str!("lua/epoch.lua"), include_str!("lua/state.lua")));
pub(crate) static FILL: Script = Script::new(include_str!("lua/fill.lua"));
pub(crate) static FORMAT: Script = Script::new(include_str!("lua/format.lua"));
pub(crate) static PAGE: Script = Script::new(include_str!("lua/page.lua"));
pub(crate) static CHANGED: Script = Script::new(include_str!("lua/changed.lua"));
pub(crate) static RECENT: Script = Script::new(include_str!("lua/recent.lua"));
pub(crate) static SESSION: Script = Script::new(include_str!("lua/session.lua"));
pub(crate) static CLAIM: Script = Script::new(include_str!("lua/claim.lua"));
pub(crate) static POSITIONS: Script = Script::new(include_str!("lua/positions.lua"));
pub(crate) static BEAT: Script = Script::new(include_str!("lua/beat.lua"));
pub(crate) static ALIVE: Script = Script::new(include_str!("lua/alive.lua"));
