//! The channels of the server, as the subscriber uses them: it publishes entries as the server itself.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::auth::{Notices, more};
use crate::bayeux::parse::parse_one;
use crate::peer::Peer;
use crate::router::PendingFlush;
use crate::server::Server;
use crate::subscriber::{Channels, Publication, Published};

/// The time between two log lines about refused publications of a channel.
const PAUSE: Duration = Duration::from_secs(60);

/// Publishes through [`Server::receive`], so that extensions, histories, webhooks and other instances handle each
/// publication like one of a client.
pub(super) struct Publisher {
    /// The server refers to endpoints that refer to this.
    server: Weak<Server>,
    peer: Arc<Peer>,
    notices: Notices,
}

impl Publisher {
    /// Creates a publisher of this server.
    pub(super) fn new(server: &Arc<Server>) -> Self {
        let peer = Arc::new(Peer::in_process());
        Self { server: Arc::downgrade(server), peer, notices: Notices::every(PAUSE) }
    }

    async fn send(&self, channel: &str, data: &str) -> Result<Publication, String> {
        let server = self.server.upgrade().ok_or("the server has stopped")?;
        let message = format!("{{\"channel\":{},\"data\":{data}}}", Value::from(channel));
        let message = parse_one(&Bytes::from(message)).ok_or("the message is not a JSON value")?;
        let mut pending = PendingFlush::default();
        let received = server.receive(vec![message], &self.peer, &mut pending).wait().await;
        pending.flush();
        match outcome(&received.replies)? {
            Outcome::Accepted => Ok(Publication::Accepted),
            Outcome::Failed => Ok(Publication::Failed),
            Outcome::Refused(error) => {
                // A repetition would be refused as well, and later entries wait for it.
                if let Some(suppressed) = self.notices.pass(channel) {
                    tracing::warn!(
                        channel,
                        error,
                        suppressed = more(suppressed),
                        "entry not published: the publication was refused; it is on the page"
                    );
                }
                Ok(Publication::Refused)
            }
        }
    }
}

impl Channels for Publisher {
    fn publish<'a>(&'a self, channel: &'a str, data: &'a str) -> Published<'a> {
        Box::pin(self.send(channel, data))
    }

    fn is_public(&self, channel: &str) -> bool {
        self.server.upgrade().is_some_and(|server| server.policy().rule(channel).subscribe.anyone)
    }
}

/// The final result of a publication.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    /// An extension or a limit refuses it, and why.
    Refused(String),
    /// An extension has failed.
    Failed,
}

/// Interprets the reply to a publication. Without a reply, an extension has dropped it, or the reply.
///
/// # Errors
/// The reason why the publication was not accepted, if a repetition may succeed.
fn outcome(reply: &[u8]) -> Result<Outcome, String> {
    if reply.is_empty() {
        return Ok(Outcome::Accepted);
    }
    let reply: Value = serde_json::from_slice(reply).map_err(|error| error.to_string())?;
    if reply["successful"] == true {
        return Ok(Outcome::Accepted);
    }
    let error = reply["error"].as_str().unwrap_or("no reason").to_owned();
    if error.starts_with("500:") {
        return Ok(Outcome::Failed);
    }
    let is_temporary = ["429:", "503:"].iter().any(|code| error.starts_with(code));
    if is_temporary { Err(error) } else { Ok(Outcome::Refused(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read() {
        for accepted in ["", r#"{"channel":"/feeds/a","successful":true}"#] {
            assert_eq!(outcome(accepted.as_bytes()), Ok(Outcome::Accepted), "{accepted}");
        }
        let reply = |error: &str| format!(r#"{{"channel":"/feeds/a","successful":false,"error":"{error}"}}"#);
        for refused in ["403:/feeds/a:Forbidden channel", "413:4:Message nested too deeply", "no"] {
            let expected = Ok(Outcome::Refused(refused.to_owned()));
            assert_eq!(outcome(reply(refused).as_bytes()), expected);
        }
        assert_eq!(outcome(reply("500::Internal server error").as_bytes()), Ok(Outcome::Failed));
        for temporary in ["503::Not accepted, try again", "429:5:Too often, wait"] {
            assert_eq!(outcome(reply(temporary).as_bytes()), Err(temporary.to_owned()));
        }
        assert!(outcome(b"{").is_err());
    }
    /// Returns a server that follows feeds, with these rules.
    fn server(rules: &str) -> Arc<Server> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faye.toml");
        std::fs::write(&file, format!("[lifestream]\nenabled = true\n{rules}")).unwrap();
        let config = crate::config::load(Some(&file), std::iter::empty::<(String, String)>(), &[]).unwrap();
        Arc::new(Server::new(&config, &[], crate::metrics::Metrics::default()).unwrap())
    }

    #[tokio::test]
    async fn the_server_publishes_whatever_the_rules_say_to_clients() {
        let rules = "[[channel]]\nmatch = '/**'\npublish = 'nobody'\nsubscribe = 'nobody'\nrate = '1/m'\n";
        let server = server(rules);
        let publisher = Publisher::new(&server);
        for _ in 0..3 {
            assert_eq!(
                publisher.publish("/feeds/blog", r#"{"entry":{"media":[{"url":"x"}]}}"#).await,
                Ok(Publication::Accepted)
            );
        }
        assert_eq!(server.metrics().publications.get(), 3);
        // The channel is JSON as well.
        assert!(publisher.publish("/feeds/blog", "{").await.is_err());
        assert_eq!(publisher.publish("/feeds/\",\"x\":\"", "1").await, Ok(Publication::Refused));
        assert!(server.metrics().text().contains("faye_publications_total 3"));
        drop(server);
        assert_eq!(publisher.publish("/feeds/blog", "1").await, Err("the server has stopped".to_owned()));
    }

    #[tokio::test]
    async fn a_channel_is_public_by_the_rule_in_force() {
        let server = server("[[channel]]\nmatch = '/feeds/a'\npublish = 'nobody'\nsubscribe = 'nobody'\n");
        let publisher = Publisher::new(&server);
        assert!(publisher.is_public("/feeds/b") && !publisher.is_public("/feeds/a"));
        server.reload(&crate::config::Config::default()).unwrap();
        assert!(publisher.is_public("/feeds/a"));
    }
}
