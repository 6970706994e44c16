//! Fetches content by GET, with a bounded number of redirects. Each URL on the path is checked by the rules for URLs
//! and by the guard. This module must not know the purpose of the content: the caller chooses the client for each URL,
//! and thus the allowed addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LOCATION, USER_AGENT,
};
use hyper::http::HeaderMap;
use hyper::{Request, StatusCode};
use tokio::time::{Instant, timeout};
use url::Url;

use super::coding;
use super::discover::Hop;
use super::freshness::retry_after;
use super::get_error::GetError;
use super::hosts::{Hosts, Place};
use super::urls::{self, WebUrl};
use crate::fetch::{Fetch, FetchError};
use crate::store::Validators;

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// The types that feeds have, and then others (WebSub, section 4).
const TYPES: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, text/html;q=0.8, */*;q=0.5";

/// A request and its limits.
#[derive(Debug)]
pub(crate) struct Get<'a> {
    /// Where the content is.
    pub(crate) url: &'a str,
    /// The header `User-Agent`.
    pub(crate) agent: &'a str,
    /// Those of the content that is known.
    pub(crate) validators: &'a Validators,
    /// The URL whose response had the validators; they are only sent there. The default is `url`.
    pub(crate) validated: Option<&'a str>,
    /// The header `Authorization`. It is sent to the origin of `url` only.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// The time for all requests together, places at hosts included.
    pub(crate) deadline: Duration,
    /// Maximum time that a request waits for a place at its host.
    pub(crate) patience: Duration,
    /// Maximum bytes of the content as transferred.
    pub(crate) size: usize,
    /// The limits of requests at one time.
    pub(crate) hosts: &'a Arc<Hosts>,
}

/// How the first request obtains a place at its host.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It has a place. Redirected requests get one immediately or fail.
    Place(Place),
    /// No place is available.
    None,
    /// It waits for a place, and so does each redirected request.
    Wait,
}

/// A response with content, or without changes.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// All responses; the last one has the content.
    pub(crate) hops: Vec<Hop>,
    /// The URL of the content.
    pub(crate) url: Url,
    /// Still coded; `None` if the content has not changed.
    pub(crate) body: Option<Bytes>,
    /// The new URL after a permanent redirect (301, 308).
    pub(crate) moved: Option<String>,
}

impl Fetched {
    /// Returns the headers of the content.
    pub(crate) fn headers(&self) -> &HeaderMap {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        self.hops.last().map_or(&NONE, |hop| &hop.headers)
    }
}

/// Fetches content. `client` returns the client for a URL; its second argument is the number of earlier redirects.
/// `refused` is called with a URL whose address is not allowed.
///
/// # Errors
/// [`GetError`] if there is no content.
pub(crate) async fn get<'a>(
    get: &Get<'_>,
    turn: Turn,
    client: impl Fn(&WebUrl, usize) -> &'a Fetch,
    refused: impl Fn(&WebUrl, IpAddr),
) -> Result<Fetched, GetError> {
    let end = Instant::now() + get.deadline;
    let mut url = urls::read(get.url).map_err(|_| GetError::Refused(None))?;
    let first = Url::parse(&url.location).map_err(|_| GetError::Refused(None))?;
    let mut hops = Vec::new();
    let (mut moved, mut is_permanent) = (None, true);
    let patience = if matches!(turn, Turn::Wait) { get.patience } else { Duration::ZERO };
    let mut own_place = match turn {
        Turn::Place(place) => Some(place),
        Turn::None => return Err(GetError::Busy),
        Turn::Wait => None,
    };
    let none = Validators::default();
    loop {
        let own = Url::parse(&url.location).map_err(|_| GetError::Refused(None))?;
        // An entity tag is meaningless at another URL, and the target of a redirect may change.
        let is_validated = get.validated.map_or(hops.is_empty(), |validated| validated == own.as_str());
        let validators = if is_validated { get.validators } else { &none };
        let authorization = get.authorization.filter(|_| own.origin() == first.origin());
        let conditions = Conditions { validators, authorization };
        let seat = Seat { own: own_place.take(), patience };
        let response = request(get, client(&url, hops.len()), &url, &conditions, seat, end).await;
        let response = response.inspect_err(|error| {
            tracing::debug!(host = url.host, error = error.detail(), "content not fetched");
            if let GetError::Refused(Some(address)) = error {
                refused(&url, *address);
            }
        })?;
        let (head, body) = response.into_parts();
        hops.push(Hop { url: own.clone(), headers: head.headers });
        let headers = &hops[hops.len() - 1].headers;
        let target = match head.status {
            StatusCode::OK => return Ok(Fetched { hops, url: own, body: Some(body), moved }),
            // Only valid as a response to a condition.
            StatusCode::NOT_MODIFIED if *validators != none => {
                return Ok(Fetched { hops, url: own, body: None, moved });
            }
            StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT => headers.get(LOCATION),
            StatusCode::FOUND | StatusCode::SEE_OTHER | StatusCode::TEMPORARY_REDIRECT => {
                is_permanent = false;
                headers.get(LOCATION)
            }
            _ => None,
        };
        let Some(target) = target else {
            return Err(GetError::Status(head.status, retry_after(headers, SystemTime::now())));
        };
        let next = redirect(&own, &String::from_utf8_lossy(target.as_bytes())).ok_or(GetError::Redirect)?;
        if hops.len() > REDIRECTS {
            return Err(GetError::Redirects);
        }
        if is_permanent {
            moved = Some(next.location.clone());
        }
        url = next;
    }
}

/// Returns the URL that a redirect leads to. From https it may not lead to http: the content could be changed on the
/// way.
pub(crate) fn redirect(own: &Url, target: &str) -> Option<WebUrl> {
    let mut next = own.join(target).ok()?;
    if own.scheme() == "https" && next.scheme() != "https" {
        return None;
    }
    next.set_fragment(None);
    urls::read(next.as_str()).ok()
}

/// Headers that are for one URL only.
struct Conditions<'a> {
    validators: &'a Validators,
    authorization: Option<&'a HeaderValue>,
}

/// How one request obtains a place at its host.
struct Seat {
    /// A place that was acquired without the address.
    own: Option<Place>,
    patience: Duration,
}

impl Seat {
    async fn take(self, hosts: &Arc<Hosts>, host: &str, addresses: &[IpAddr]) -> Option<Place> {
        let Some(mut own) = self.own else {
            return hosts.acquire_within(self.patience, host, addresses).await;
        };
        own.reach(addresses).is_ok().then_some(own)
    }
}

/// Sends one request.
async fn request(
    get: &Get<'_>,
    client: &Fetch,
    url: &WebUrl,
    conditions: &Conditions<'_>,
    mut seat: Seat,
    end: Instant,
) -> Result<hyper::Response<Bytes>, GetError> {
    let uri = url.location.parse().map_err(|_| GetError::Refused(None))?;
    let late = || GetError::of_fetch(&FetchError::Deadline(get.deadline));
    let address = timeout(end - Instant::now(), client.address(&uri)).await.map_err(|_| late())?;
    let address = address.map_err(|error| GetError::of_fetch(&error))?;
    seat.patience = seat.patience.min(end - Instant::now());
    let _place = seat.take(get.hosts, &url.host, address.as_slice()).await.ok_or(GetError::Busy)?;
    let mut request = Request::get(uri)
        .header(USER_AGENT, get.agent)
        .header(ACCEPT, TYPES)
        .header(ACCEPT_ENCODING, coding::ACCEPTED);
    if let Some(authorization) = conditions.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let headers: [(HeaderName, &Option<String>); 2] = [
        (IF_NONE_MATCH, &conditions.validators.etag),
        (IF_MODIFIED_SINCE, &conditions.validators.last_modified),
    ];
    for (name, value) in headers {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::default()).map_err(|_| GetError::Refused(None))?;
    let rest = end - Instant::now();
    let sent = client.send_if(request, rest, get.size, |head| head.status == StatusCode::OK).await;
    sent.map_err(|error| match error {
        FetchError::Deadline(_) => late(),
        error => GetError::of_fetch(&error),
    })
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::fetch::{Reach, Repeat};

    #[test]
    fn redirects_follow_the_rules_for_urls() {
        let from =
            |own: &str, target: &str| redirect(&Url::parse(own).unwrap(), target).map(|url| url.location);
        for (target, next) in [
            ("/x", "https://a.example/x"),
            ("y?z#fragment", "https://a.example/dir/y?z"),
            ("//b.example", "https://b.example/"),
            ("HTTPS://B.example:443/a b", "https://b.example/a%20b"),
            ("https://2130706433/", "https://127.0.0.1/"),
        ] {
            assert_eq!(from("https://a.example/dir/feed", target).as_deref(), Some(next), "{target}");
        }
        let long = format!("/{}", "x".repeat(3000));
        for target in [
            "http://a.example/feed",
            "ftp://a.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://user@a.example/",
            "https://:@a.example:x/",
            "https://",
            &long,
        ] {
            assert_eq!(from("https://a.example/dir/feed", target), None, "{target}");
        }
        assert_eq!(from("http://a.example/", "https://a.example/").as_deref(), Some("https://a.example/"));
        assert_eq!(from("http://a.example/", "http://b.example/").as_deref(), Some("http://b.example/"));
    }

    /// Starts a web site that responds by path. Returns its address, and the heads of the requests.
    async fn site(pages: &'static [(&str, &str)]) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (requests, own) = (Arc::clone(&asked), address.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap();
                let page =
                    pages.iter().find(|(own, _)| *own == path).map_or("404 Not Found", |(_, page)| page);
                requests.lock().push(head.clone());
                let response = format!("HTTP/1.1 {page}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(response.replace("OWN", &own).as_bytes()).await.unwrap();
            }
        });
        (address, asked)
    }

    async fn fetch(url: &str) -> Result<Fetched, GetError> {
        fetch_validated(url, None).await
    }

    async fn fetch_validated(url: &str, validated: Option<&str>) -> Result<Fetched, GetError> {
        let client = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        let validators = Validators { etag: Some("\"a\"".to_owned()), last_modified: None };
        let request = Get {
            url,
            agent: "agent",
            validators: &validators,
            validated,
            authorization: Some(&HeaderValue::from_static("Basic x")),
            deadline: Duration::from_secs(60),
            patience: Duration::from_secs(60),
            size: 100,
            hosts: &Arc::new(Hosts::new(1, 1)),
        };
        get(&request, Turn::Wait, |_, _| &client, |_, _| ()).await
    }

    #[tokio::test]
    async fn a_password_is_not_sent_to_another_origin() {
        let (other, asked) = site(&[("/x", "200 OK")]).await;
        let (own, before) = site(&[("/a", "302 Found\r\nLocation: /b")]).await;
        assert_eq!(
            fetch(&format!("{own}/a")).await.unwrap_err(),
            GetError::Status(StatusCode::NOT_FOUND, None)
        );
        let sent = |requests: &Mutex<Vec<String>>| -> Vec<bool> {
            requests.lock().iter().map(|head| head.contains("authorization: Basic x")).collect()
        };
        assert_eq!(sent(&before), [true, true], "the same origin");
        // The address of the other site is known only now.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let first = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let response = format!("HTTP/1.1 302 Found\r\nLocation: {other}/x\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(response.as_bytes()).await.unwrap();
        });
        assert!(fetch(&first).await.unwrap().body.is_some());
        assert_eq!(sent(&asked), [false]);
    }

    #[tokio::test]
    async fn validators_are_sent_to_the_url_that_gave_them() {
        let (own, asked) = site(&[
            ("/a", "301 Moved\r\nLocation: /b"),
            ("/b", "304 Not Modified"),
            ("/c", "302 Found\r\nLocation: /d"),
            ("/d", "304 Not Modified"),
        ])
        .await;
        let conditional = || {
            let requests = std::mem::take(&mut *asked.lock());
            requests.iter().map(|head| head.contains("if-none-match: \"a\"")).collect::<Vec<_>>()
        };
        let unexpected = GetError::Status(StatusCode::NOT_MODIFIED, None);
        assert_eq!(fetch(&format!("{own}/a")).await.unwrap_err(), unexpected, "no condition was sent");
        assert_eq!(conditional(), [true, false]);
        let b = format!("{own}/b");
        assert!(fetch_validated(&format!("{own}/a"), Some(&b)).await.unwrap().body.is_none());
        assert_eq!(conditional(), [false, true]);
        assert_eq!(fetch_validated(&format!("{own}/c"), Some(&b)).await.unwrap_err(), unexpected);
        assert_eq!(conditional(), [false, false], "it redirects elsewhere now");
    }

    #[tokio::test]
    async fn five_redirects_are_followed_and_permanent_ones_noted() {
        const PAGES: &[(&str, &str)] = &[
            ("/0", "301 Moved\r\nLocation: /1"),
            ("/1", "308 Moved\r\nLocation: OWN/2"),
            ("/2", "302 Found\r\nLocation: /3"),
            ("/3", "301 Moved\r\nLocation: /4"),
            ("/4", "307 Found\r\nLocation: /5"),
            ("/5", "200 OK"),
            ("/more", "303 Other\r\nLocation: /0"),
            ("/same", "304 Not Modified"),
            ("/wait", "503 Busy\r\nRetry-After: 7"),
        ];
        let (own, _) = site(PAGES).await;
        let fetched = fetch(&format!("{own}/0")).await.unwrap();
        assert_eq!((fetched.hops.len(), fetched.url.as_str()), (6, format!("{own}/5").as_str()));
        assert_eq!(fetched.moved, Some(format!("{own}/2")), "up to the first redirect that is not permanent");
        assert_eq!(fetch(&format!("{own}/more")).await.unwrap_err(), GetError::Redirects);
        assert!(fetch(&format!("{own}/same")).await.unwrap().body.is_none());
        let busy = GetError::Status(StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(7)));
        assert_eq!(fetch(&format!("{own}/wait")).await.unwrap_err(), busy);
    }
}
