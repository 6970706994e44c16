//! Parses the parameters of a request to subscribe or unsubscribe. It must not know the policy of the hub.

use std::time::Duration;

use super::form::Form;
use super::refusal::Refusal;
use crate::config::Hub as Settings;
use crate::store::Mode;
use crate::web::urls::{self, WebUrl};

/// Bytes of a secret (WebSub, section 5.1: less than 200).
const SECRET: usize = 199;
/// Bytes of a token, which is repeated in a URL.
const TOKEN: usize = 1024;

/// The mode of verification (PubSubHubbub 0.3, section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Before the response.
    Sync,
    /// After it.
    Async,
}

/// A request to subscribe or unsubscribe.
#[derive(Debug)]
pub(super) struct Wish {
    /// `hub.topic`
    pub(super) topic: WebUrl,
    /// `hub.callback`
    pub(super) callback: WebUrl,
    /// `hub.secret`
    pub(super) secret: Option<String>,
    /// `hub.verify`
    pub(super) verify: Option<Verify>,
    /// `hub.verify_token`
    pub(super) verify_token: Option<String>,
    /// The granted lease. It is always finite.
    pub(super) lease: Duration,
}

impl Wish {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The parameter that is missing or wrong.
    pub(super) fn read(form: &Form, mode: Mode, settings: &Settings) -> Result<Self, Refusal> {
        let callback = required(form, "callback")?;
        // Clients of Switchboard may name the topic `url`.
        let has_url = settings.bare_names && form.get("topic").is_none() && form.get("url").is_some();
        let topic = required(form, if has_url { "url" } else { "topic" })?;
        let secret = form.get("secret");
        if secret.is_some_and(|secret| secret.len() > SECRET) {
            return Err(Refusal::Secret);
        }
        let verify = if settings.legacy { preference(form)? } else { None };
        let verify_token = form.get("verify_token").filter(|_| settings.legacy);
        if verify_token.is_some_and(|token| token.len() > TOKEN) {
            return Err(Refusal::VerifyToken);
        }
        // It has no meaning in a request to unsubscribe.
        let wish = form.get("lease_seconds").filter(|_| mode == Mode::Subscribe);
        let lease = wish.map_or(Ok(settings.lease), lease)?;
        Ok(Self {
            topic,
            callback,
            secret: secret.map(str::to_owned),
            verify,
            verify_token: verify_token.map(str::to_owned),
            lease: lease.min(settings.lease_max).max(settings.lease_min),
        })
    }
}

fn required(form: &Form, name: &'static str) -> Result<WebUrl, Refusal> {
    let text = form.get(name).ok_or(Refusal::Missing(name))?;
    urls::read(text).map_err(|error| Refusal::Url(name, error))
}

/// Returns the first known word of `hub.verify`; `None` without the parameter. Some clients send a list in one value.
fn preference(form: &Form) -> Result<Option<Verify>, Refusal> {
    let mut values = form.all("verify").peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let mut known = values.flat_map(|value| value.split([',', ' '])).filter_map(|word| match word {
        "sync" => Some(Verify::Sync),
        "async" => Some(Verify::Async),
        _ => None,
    });
    known.next().map(Some).ok_or(Refusal::Verify)
}

/// Parses a positive integer. Other texts are an error, as in Google's hub, so that a subscriber learns that an
/// infinite lease or a unit is not supported.
fn lease(text: &str) -> Result<Duration, Refusal> {
    let is_positive = text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0');
    // A number that is too large counts as the largest.
    is_positive.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX))).ok_or(Refusal::Lease)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Head;

    const URLS: &str = "hub.topic=http://blog.example/&hub.callback=http://me.example/";

    fn wish(body: &str, change: impl FnOnce(&mut Settings)) -> Result<Wish, Refusal> {
        let mut settings = Settings::default();
        change(&mut settings);
        let body = format!("{URLS}&{body}");
        let form = Form::read(&Head::default(), body.as_bytes(), settings.bare_names).unwrap();
        Wish::read(&form, Mode::Subscribe, &settings)
    }

    fn read(body: &str) -> Result<Wish, Refusal> {
        wish(body, |_| {})
    }

    #[test]
    fn leases() {
        let seconds = |body: &str| read(body).map(|wish| wish.lease.as_secs());
        assert_eq!(seconds("").unwrap(), 864_000);
        assert_eq!(seconds("hub.lease_seconds=").unwrap(), 864_000);
        assert_eq!(seconds("hub.lease_seconds=086400").unwrap(), 86_400);
        assert_eq!(seconds("hub.lease_seconds=1").unwrap(), 3600);
        assert_eq!(seconds("hub.lease_seconds=999999999999999999999999").unwrap(), 30 * 86_400);
        for bad in ["0", "000", "-1", "%2B1", "1.5", "1d", "1e3", "x", "+1"] {
            let refusal = seconds(&format!("hub.lease_seconds={bad}")).unwrap_err();
            assert!(matches!(refusal, Refusal::Lease), "{bad}");
        }
        let form = Form::read(&Head::default(), format!("{URLS}&hub.lease_seconds=x").as_bytes(), false);
        assert!(Wish::read(&form.unwrap(), Mode::Unsubscribe, &Settings::default()).is_ok());
    }

    #[test]
    fn the_first_known_word_of_verify_counts() {
        for (body, verify) in [
            ("", None),
            ("hub.verify=sync", Some(Verify::Sync)),
            ("hub.verify=async&hub.verify=sync", Some(Verify::Async)),
            ("hub.verify=later&hub.verify=sync", Some(Verify::Sync)),
            ("hub.verify=async,sync", Some(Verify::Async)),
            ("hub.verify[]=sync", Some(Verify::Sync)),
        ] {
            assert_eq!(read(body).unwrap().verify, verify, "{body}");
        }
        for bad in ["hub.verify", "hub.verify=", "hub.verify=later", "hub.verify=SYNC"] {
            assert!(matches!(read(bad), Err(Refusal::Verify)), "{bad}");
        }
        let wish = wish("hub.verify=later&hub.verify_token=x", |settings| settings.legacy = false).unwrap();
        assert_eq!((wish.verify, wish.verify_token), (None, None));
    }

    #[test]
    fn secrets_and_tokens_are_bounded() {
        let body = |length: usize| format!("hub.secret={}", "x".repeat(length));
        assert_eq!(read(&body(199)).unwrap().secret.map(|secret| secret.len()), Some(199));
        assert!(matches!(read(&body(200)), Err(Refusal::Secret)));
        assert!(
            matches!(read(&format!("hub.secret={}", "%C3%A9".repeat(100))), Err(Refusal::Secret)),
            "bytes"
        );
        assert_eq!(read("hub.secret=").unwrap().secret, None);
        let token = |length: usize| format!("hub.verify_token={}", "x".repeat(length));
        assert!(read(&token(1024)).unwrap().verify_token.is_some());
        assert!(matches!(read(&token(1025)), Err(Refusal::VerifyToken)));
    }

    #[test]
    fn the_url_is_the_topic_with_bare_names_only() {
        let text = "callback=http://me.example/&url=http://blog.example/x";
        let form = Form::read(&Head::default(), text.as_bytes(), true).unwrap();
        let settings = Settings { bare_names: true, ..Settings::default() };
        let read = Wish::read(&form, Mode::Subscribe, &settings).unwrap();
        assert_eq!(read.topic.key, "http://blog.example/x");
        let text = "hub.callback=http://me.example/&hub.url=http://blog.example/x";
        let form = Form::read(&Head::default(), text.as_bytes(), false).unwrap();
        let read = Wish::read(&form, Mode::Subscribe, &Settings::default());
        assert!(matches!(read, Err(Refusal::Missing("topic"))));
    }
}
