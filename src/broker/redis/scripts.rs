//! The scripts that Redis runs, each in one step, and how they are called.

use redis::{Cmd, ServerErrorKind, Value};
use sha1::{Digest, Sha1};

use super::address::Connection;
use super::link::{Link, Unavailable};

/// One script.
pub(super) struct Script {
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

    fn command(&self, by: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        let mut command = redis::cmd(by);
        command.arg(script).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }

    /// Runs it. Redis knows a script by its hash once it has run it.
    ///
    /// # Errors
    /// [`Unavailable`] if Redis did not run it, as far as is known.
    pub(super) async fn run(
        &self,
        link: &Link,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Unavailable> {
        match link.run(&self.command("EVALSHA", self.hash(), keys, arguments)).await {
            Err(Unavailable::Refused(error)) if error.kind() == ServerErrorKind::NoScript.into() => {
                link.run(&self.command("EVAL", self.text, keys, arguments)).await
            }
            other => other,
        }
    }
}

impl Script {
    /// Runs it by a connection that hears, behind what that has heard.
    ///
    /// # Errors
    /// [`Unavailable`] if Redis did not run it, as far as is known.
    pub(super) async fn run_on(
        &self,
        connection: &mut Connection,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Unavailable> {
        let known = self.command("EVALSHA", self.hash(), keys, arguments);
        match connection.run(&known).await {
            Err(error) if error.kind() == ServerErrorKind::NoScript.into() => {
                let whole = self.command("EVAL", self.text, keys, arguments);
                connection.run(&whole).await.map_err(Unavailable::Broken)
            }
            other => other.map_err(Unavailable::Broken),
        }
    }
}

pub(super) static PUBLISH: Script = Script::new(include_str!("lua/publish.lua"));
pub(super) static STATE: Script = Script::new(include_str!("lua/state.lua"));
pub(super) static FILL: Script = Script::new(include_str!("lua/fill.lua"));
pub(super) static REPLAY: Script = Script::new(include_str!("lua/replay.lua"));
pub(super) static RECENT: Script = Script::new(include_str!("lua/recent.lua"));
pub(super) static SESSION: Script = Script::new(include_str!("lua/session.lua"));
pub(super) static CLAIM: Script = Script::new(include_str!("lua/claim.lua"));
pub(super) static POSITIONS: Script = Script::new(include_str!("lua/positions.lua"));
pub(super) static BEAT: Script = Script::new(include_str!("lua/beat.lua"));
pub(super) static ALIVE: Script = Script::new(include_str!("lua/alive.lua"));
