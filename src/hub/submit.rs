//! Executes requests of subscribers and publishers through the store. It must not know HTTP.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;

use super::Hub;
use super::form::Form;
use super::refusal::Refusal;
use super::wish::{Verify, Wish};
use super::{fetch, verify};
use crate::auth::network_prefix;
use crate::config::SignatureMethod;
use crate::store::{Admission, FinishedRequest, Mode, NewRequest, Request, RequestOutcome, Stage};
use crate::web::urls;

/// URLs of one publication.
const URLS: usize = 100;
/// Bytes of the name of a status page.
const TOKEN: usize = 18;
/// Time beyond those of fetch and verification after which the claim of a synchronous request ends: for the store.
const MARGIN: Duration = Duration::from_secs(10);
/// The polling interval of a synchronous request that waits for another one.
const AGAIN: Duration = Duration::from_millis(100);

/// The result of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Submitted {
    /// The topics with subscribers are due for a fetch.
    Published,
    /// The verification is pending; the token names the status page.
    Pending(String),
    /// The subscriber has confirmed.
    Confirmed,
}

impl Hub {
    /// Executes a request with a known mode.
    pub(super) async fn submit(&self, mode: &str, form: &Form, client: IpAddr) -> Result<Submitted, Refusal> {
        match mode {
            "publish" => self.publish(form).await,
            "subscribe" => self.request(Mode::Subscribe, form, client).await,
            "unsubscribe" => self.request(Mode::Unsubscribe, form, client).await,
            _ => Err(Refusal::Mode),
        }
    }

    /// Makes topics due. Unknown topics and those without subscribers are no error, and not distinguished (PubSubHubbub
    /// 0.3, section 7.1).
    async fn publish(&self, form: &Form) -> Result<Submitted, Refusal> {
        let given =
            ["url", "topic"].into_iter().flat_map(|name| form.all(name).map(move |text| (name, text)));
        let mut topics = Vec::new();
        for (name, text) in given.filter(|(_, text)| !text.is_empty()) {
            if topics.len() == URLS {
                return Err(Refusal::TooManyUrls);
            }
            topics.push(urls::read(text).map_err(|error| Refusal::Url(name, error))?.key);
        }
        if topics.is_empty() {
            return Err(Refusal::Missing("url"));
        }
        // The channels of this server publish by themselves.
        topics.retain(|key| !self.is_local(key));
        topics.sort_unstable();
        topics.dedup();
        if !topics.is_empty() {
            let interval = self.settings.fetch_interval;
            self.store.ping(&topics, interval, Duration::ZERO).await?;
        }
        Ok(Submitted::Published)
    }

    /// Begins or ends a subscription, once the subscriber has confirmed it.
    async fn request(&self, mode: Mode, form: &Form, client: IpAddr) -> Result<Submitted, Refusal> {
        let settings = &self.settings;
        let wish = Wish::read(form, mode, settings)?;
        // The policy may have changed since the subscription began.
        let needs_check = mode == Mode::Subscribe && self.check_topic(&wish.topic)?;
        self.check_callback(&wish.callback)?;
        let is_sync = wish.verify == Some(Verify::Sync);
        let hold = 2 * settings.fetch_deadline + settings.deadline + MARGIN;
        let request = NewRequest {
            mode,
            topic: wish.topic.key,
            topic_spelt: wish.topic.text,
            signature: self.signature(&wish.callback.host, wish.verify.is_some()),
            callback: wish.callback.location,
            host: wish.callback.host,
            secret: wish.secret,
            lease: wish.lease,
            is_legacy: wish.verify.is_some(),
            verify_token: wish.verify_token,
            needs_check,
            token: token()?,
            claim_for: is_sync.then_some(hold),
            client: network_prefix(client).to_string(),
        };
        match self.add(&request).await? {
            Admission::Full(bound) => Err(self.refuse_full(bound, &request.host)),
            Admission::Busy => Err(Refusal::Busy(AGAIN)),
            Admission::Accepted(claimed) if is_sync => self.verify_now(claimed).await,
            Admission::Accepted(accepted) => {
                tracing::debug!(
                    request = accepted.id,
                    ?mode,
                    host = accepted.host,
                    "request to the hub accepted"
                );
                Ok(Submitted::Pending(request.token))
            }
        }
    }

    /// Stores a request. A synchronous one waits up to `hub.deadline` while another request for the same topic and
    /// callback is being verified.
    async fn add(&self, request: &NewRequest) -> Result<Admission, Refusal> {
        let begin = Instant::now();
        loop {
            let added = self.store.add_request(request, &self.bounds()).await?;
            if !matches!(added, Admission::Busy) || begin.elapsed() >= self.settings.deadline {
                return Ok(added);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Checks the topic and verifies the callback within the request (`hub.verify=sync`). If the client disconnects
    /// first, the claim expires.
    async fn verify_now(&self, mut request: Request) -> Result<Submitted, Refusal> {
        if request.stage == Stage::Check {
            if let Err(reason) = fetch::check_now(self, &request.topic).await {
                // The response has the reason; no denial is sent to the callback, which was not contacted.
                let outcome = RequestOutcome::Refused(reason.clone());
                let finished = FinishedRequest { id: request.id, claim: request.claim, outcome };
                self.store.finish_requests(&[finished]).await?;
                return Err(Refusal::Denied(reason));
            }
            request.stage = Stage::Verify;
        }
        match verify::verify_now(self, request).await {
            RequestOutcome::Verified => Ok(Submitted::Confirmed),
            RequestOutcome::Postponed(wait) => Err(Refusal::Busy(wait)),
            RequestOutcome::Retry(..) => Err(Refusal::Unavailable),
            _ => Err(Refusal::Unconfirmed),
        }
    }

    fn signature(&self, host: &str, is_legacy: bool) -> SignatureMethod {
        let settings = &self.settings;
        if settings.sha1_hosts.iter().any(|name| name.allows(host)) {
            return SignatureMethod::Sha1;
        }
        if is_legacy { settings.legacy_signature } else { settings.signature }
    }
}

/// Returns a new name of a status page.
fn token() -> Result<String, Refusal> {
    let mut random = [0; TOKEN];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes from the system; refusing requests to the hub");
        Refusal::Unavailable
    })?;
    Ok(BASE64URL_NOPAD.encode(&random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::status::is_token;

    #[test]
    fn tokens_are_random() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert!(one != other && is_token(&one) && is_token(&other), "{one} {other}");
    }
}
