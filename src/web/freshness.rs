//! Validators of fetched topics (RFC 9110, section 8.8), and the delay that a server requests.

use std::time::{Duration, SystemTime};

use httpdate::parse_http_date;
use hyper::header::{AGE, CACHE_CONTROL, DATE, ETAG, HeaderName, LAST_MODIFIED, RETRY_AFTER};
use hyper::http::HeaderMap;

use crate::store::Validators;

/// Bytes of a validator; a longer one is none.
const LONGEST: usize = 1024;
/// The minimum age of a `Last-Modified` validator: the content may change again within its second, and clocks differ
/// (RFC 9110, section 8.8.2.2).
const YOUNG: Duration = Duration::from_secs(60);

/// Returns the validators of a response.
pub(crate) fn validators(headers: &HeaderMap, now: SystemTime) -> Validators {
    let date = text(headers, DATE).and_then(|date| parse_http_date(date).ok()).unwrap_or(now);
    let is_old = |modified: &&str| {
        let modified = parse_http_date(modified).ok();
        modified.and_then(|modified| date.duration_since(modified).ok()).is_some_and(|age| age >= YOUNG)
    };
    Validators {
        etag: text(headers, ETAG).map(str::to_owned),
        last_modified: text(headers, LAST_MODIFIED).filter(is_old).map(str::to_owned),
    }
}

/// Returns the time of the header `Retry-After`, from now on.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parse_http_date(value).ok()?.duration_since(now).ok(),
    }
}

/// Returns how long a response is fresh, from now on (RFC 9111, section 4.2): `max-age` of the header `Cache-Control`,
/// less the age that it has.
pub(crate) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut most = None;
    for directive in values.flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" | "no-store" => return None,
            "max-age" if most.is_none() => most = value.trim().trim_matches('"').parse().ok(),
            _ => {}
        }
    }
    let age = text(headers, AGE).and_then(|age| age.parse().ok()).unwrap_or(0);
    Some(Duration::from_secs(u64::saturating_sub(most?, age)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty() && value.len() <= LONGEST).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

    #[test]
    fn a_young_last_modified_is_no_validator() {
        let now = SystemTime::now();
        let last_modified = |modified: &str, date: Option<&str>| {
            let mut all = headers(&[(LAST_MODIFIED, modified)]);
            all.extend(date.map(|date| (DATE, date.parse().unwrap())));
            validators(&all, now).last_modified
        };
        assert_eq!(
            last_modified("Sun, 06 Nov 1994 11:59:00 GMT", Some(NOON)).unwrap(),
            "Sun, 06 Nov 1994 11:59:00 GMT"
        );
        for young in ["Sun, 06 Nov 1994 11:59:01 GMT", NOON, "Sun, 06 Nov 1994 13:00:00 GMT", "yesterday"] {
            assert_eq!(last_modified(young, Some(NOON)), None, "{young}");
        }
        assert_eq!(last_modified(NOON, None).unwrap(), NOON, "without a Date the clock counts");
        assert_eq!(last_modified(&httpdate::fmt_http_date(now), None), None);
    }

    #[test]
    fn an_etag_is_kept_as_it_is() {
        let etag = |value: &str| validators(&headers(&[(ETAG, value)]), SystemTime::now()).etag;
        for value in ["\"a\"", "W/\"b c\"", "unquoted"] {
            assert_eq!(etag(value).unwrap(), value);
        }
        assert_eq!(etag(""), None);
        assert_eq!(etag(&"x".repeat(LONGEST + 1)), None);
        assert_eq!(validators(&HeaderMap::new(), SystemTime::now()), Validators::default());
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now = parse_http_date(NOON).unwrap();
        let wait = |value: &str| retry_after(&headers(&[(RETRY_AFTER, value)]), now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 06 Nov 1994 12:00:30 GMT"), Some(Duration::from_secs(30)));
        for none in ["Sun, 06 Nov 1994 11:00:30 GMT", "-1", "soon", ""] {
            assert_eq!(wait(none), None, "{none}");
        }
    }

    #[test]
    fn content_is_fresh_for_its_max_age_less_its_age() {
        let fresh = |control: &str, age: &str| {
            let headers = headers(&[(CACHE_CONTROL, control), (AGE, age)]);
            fresh_for(&headers).map(|time| time.as_secs())
        };
        for (control, age, seconds) in [
            ("max-age=600", "", Some(600)),
            ("public, MAX-AGE = \"600\", immutable", "", Some(600)),
            ("max-age=600", "100", Some(500)),
            ("max-age=600", "700", Some(0)),
            ("max-age=0", "", Some(0)),
            ("max-age=600, no-cache", "", None),
            ("no-store", "", None),
            ("s-maxage=600", "", None),
            ("max-age=soon", "", None),
            ("max-age=-1", "", None),
            ("max-age=99999999999999999999", "", None),
            ("", "", None),
        ] {
            assert_eq!(fresh(control, age), seconds, "{control:?} {age:?}");
        }
        assert_eq!(fresh_for(&HeaderMap::new()), None);
    }
}
