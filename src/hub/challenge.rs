//! The URLs of verifications and denials (WebSub, sections 5.2 and 5.3), and the challenge of a verification. This
//! module does no I/O.

use data_encoding::BASE64URL_NOPAD;
use form_urlencoded::byte_serialize;

use crate::store::{Mode, Request};

/// Random bytes of a challenge.
const RANDOM: usize = 32;
/// Bytes of `hub.reason`.
const REASON: usize = 200;
/// The reason of a denial that has none.
const NO_REASON: &str = "the hub does not accept this subscription";

/// A random text that the callback has to return. Each one is used for a single request and is not stored.
pub(super) struct Challenge(String);

impl Challenge {
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut bits = [0; RANDOM];
        getrandom::fill(&mut bits)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bits)))
    }

    /// Whether the body of a response is the challenge, byte for byte.
    pub(super) fn is_confirmed_by(&self, body: &[u8]) -> bool {
        self.0.as_bytes() == body
    }
}

/// Returns the URL of a verification.
pub(super) fn verification(request: &Request, challenge: &Challenge) -> String {
    let lease = request.lease.as_secs().to_string();
    let is_subscribe = request.mode == Mode::Subscribe;
    let mode = if is_subscribe { "subscribe" } else { "unsubscribe" };
    let parameters = [
        ("hub.mode", Some(mode)),
        ("hub.topic", Some(request.topic_spelt.as_str())),
        ("hub.challenge", Some(&challenge.0)),
        ("hub.lease_seconds", is_subscribe.then_some(&lease)),
        ("hub.verify_token", request.verify_token.as_deref()),
    ];
    extend(&request.callback, &parameters)
}

/// Returns the URL of a denial.
pub(super) fn denial(request: &Request) -> String {
    let reason = request.reason.as_deref().unwrap_or(NO_REASON);
    let reason = &reason[..reason.floor_char_boundary(REASON)];
    let parameters = [
        ("hub.mode", Some("denied")),
        ("hub.topic", Some(request.topic_spelt.as_str())),
        ("hub.reason", Some(reason)),
    ];
    extend(&request.callback, &parameters)
}

/// Appends parameters to the query of a URL. The existing query is unchanged, even with parameters of the same names.
fn extend(url: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut extended = url.to_owned();
    let mut separator = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        extended.push_str(separator);
        extended.push_str(name);
        extended.push('=');
        extended.extend(byte_serialize(value.as_bytes()));
        separator = "&";
    }
    extended
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Stage;

    fn request(mode: Mode, callback: &str, verify_token: Option<&str>) -> Request {
        Request {
            id: 1,
            claim: 1,
            mode,
            stage: Stage::Verify,
            topic: "http://t/x".to_owned(),
            topic_spelt: "http://T/x?a=b c&d=%7E".to_owned(),
            callback: callback.to_owned(),
            host: "c".to_owned(),
            lease: Duration::from_secs(90),
            is_legacy: verify_token.is_some(),
            is_renewal: false,
            is_known: false,
            verify_token: verify_token.map(str::to_owned),
            attempts: 0,
            age: Duration::ZERO,
            reason: None,
        }
    }

    #[test]
    fn parameters_follow_the_query_of_the_callback_which_stays_as_it_is() {
        let challenge = Challenge("C".to_owned());
        let topic = "hub.topic=http%3A%2F%2FT%2Fx%3Fa%3Db+c%26d%3D%257E";
        let asked = |mode, callback, token| verification(&request(mode, callback, token), &challenge);
        let rest = format!("hub.mode=subscribe&{topic}&hub.challenge=C&hub.lease_seconds=90");
        for (callback, before) in [
            ("http://c/cb", "http://c/cb?"),
            ("http://c/cb?", "http://c/cb?"),
            ("http://c/cb?a", "http://c/cb?a&"),
            (
                "http://c/cb?a=%7e&a=+&hub.mode=x&hub.challenge=y",
                "http://c/cb?a=%7e&a=+&hub.mode=x&hub.challenge=y&",
            ),
            ("http://c/cb?u=http://d/?e&", "http://c/cb?u=http://d/?e&&"),
            ("http://c", "http://c?"),
        ] {
            assert_eq!(asked(Mode::Subscribe, callback, None), format!("{before}{rest}"));
        }
        assert_eq!(
            asked(Mode::Subscribe, "http://c/", Some("t&k")),
            format!("http://c/?{rest}&hub.verify_token=t%26k")
        );
        assert_eq!(
            asked(Mode::Unsubscribe, "http://c/", None),
            format!("http://c/?hub.mode=unsubscribe&{topic}&hub.challenge=C")
        );
    }

    #[test]
    fn a_denial_has_a_short_reason_and_no_challenge() {
        let mut denied = request(Mode::Subscribe, "http://c/?a", None);
        let topic = "hub.topic=http%3A%2F%2FT%2Fx%3Fa%3Db+c%26d%3D%257E";
        let begin = format!("http://c/?a&hub.mode=denied&{topic}&hub.reason=");
        assert_eq!(denial(&denied), format!("{begin}the+hub+does+not+accept+this+subscription"));
        denied.reason = Some("é".repeat(300));
        assert_eq!(denial(&denied), begin + &"%C3%A9".repeat(100));
    }

    #[test]
    fn challenges_are_new_each_time_and_compared_byte_for_byte() {
        let (one, other) = (Challenge::new().unwrap(), Challenge::new().unwrap());
        assert!(one.0 != other.0 && one.0.len() >= 22, "{}", one.0);
        let text = one.0.clone();
        assert!(one.is_confirmed_by(text.as_bytes()));
        let spaced = [format!("{text}\n"), format!(" {text}"), format!("{text} "), text.to_uppercase() + "x"];
        let cut = [text[1..].to_owned(), text[..text.len() - 1].to_owned(), String::new(), other.0];
        for wrong in spaced.into_iter().chain(cut) {
            assert!(!one.is_confirmed_by(wrong.as_bytes()), "{wrong:?}");
        }
    }
}
