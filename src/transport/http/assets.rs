//! The client script and its source maps, embedded in the binary: file names, caching, compression and sharing between origins.

use std::io::Read;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha1::{Digest, Sha1};

use super::mount::Mount;
use super::response;
use crate::peer::Head;

/// The address of the script stays the same in the next version, so the script must expire. An hour saves the request on most
/// page views. Within a day after that, a page starts with the cached script while the browser fetches the new one. A script that
/// is a day old works, because the wire protocol is the same.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600, stale-while-revalidate=86400");

/// Pages with `Cross-Origin-Embedder-Policy` load only resources with this header.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The address of the source map. The comment in the script has a relative address, which is wrong for a script loaded as
/// `/faye.js`.
const SOURCE_MAP: HeaderName = HeaderName::from_static("sourcemap");

/// The script behind the short names.
const MINIFIED: &str = "faye-browser-min.js";

static FILES: [File; 6] = [
    File::new(MINIFIED, include_bytes!("../../../client-js/dist/faye-browser-min.js")),
    File::new("faye-browser-min.js.map", include_bytes!("../../../client-js/dist/faye-browser-min.js.map")),
    File::new("faye-browser.js", include_bytes!("../../../client-js/dist/faye-browser.js")),
    File::new("faye-browser.js.map", include_bytes!("../../../client-js/dist/faye-browser.js.map")),
    File::new("faye-shared-worker.js", include_bytes!("../../../client-js/dist/faye-shared-worker.js")),
    File::new(
        "faye-shared-worker.js.map",
        include_bytes!("../../../client-js/dist/faye-shared-worker.js.map"),
    ),
];

/// The build time of the files in seconds since 1970, from `build.rs`.
const MADE: u64 = match u64::from_str_radix(env!("FAYE_SCRIPT_DATE"), 10) {
    Ok(seconds) => seconds,
    Err(_) => panic!("build.rs gives a number"),
};

struct File {
    name: &'static str,
    content: &'static [u8],
    hash: OnceLock<String>,
    gzip: OnceLock<Bytes>,
}

#[derive(Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
}

/// Returns the response to a request for a name that ends in `.js` or `.map`, for every method, as in Faye. The
/// connection omits the body for a HEAD.
pub(super) fn response(mount: &Mount, path: &str, name: &str, request: &Head) -> Response<Bytes> {
    let is_alias = name == "client.js" || name.strip_suffix(".js") == Some(mount.name());
    let wanted = if is_alias { MINIFIED } else { name };
    let Some(file) = FILES.iter().find(|file| file.name == wanted) else {
        return response::refuse(request, StatusCode::NOT_FOUND, &names(mount));
    };
    let usable = usable(request);
    match file.kept(request, &usable) {
        Some(coding) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            file.describe(coding, response.headers_mut());
            response
        }
        None => file.whole(usable[0], &folder(mount, path)),
    }
}

/// Returns the folder of the files, relative to the script: the same folder, except for `/faye.js`, which is next to
/// the mount. It is relative, so that it works behind a proxy that serves the mount under another path.
fn folder(mount: &Mount, path: &str) -> String {
    let is_below =
        path.strip_prefix(mount.path().trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    if is_below { String::new() } else { format!("{}/", mount.name()) }
}

/// Returns the text of the refusal of an unknown name.
fn names(mount: &Mount) -> String {
    let own = if mount.name().is_empty() { String::new() } else { format!("{}.js, ", mount.name()) };
    let files = FILES.each_ref().map(|file| file.name).join(", ");
    format!("Unknown script. Available: client.js, {own}{files}")
}

impl File {
    const fn new(name: &'static str, content: &'static [u8]) -> Self {
        Self { name, content, hash: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// Returns the entity tag without its quotes: unique for the content and the coding.
    fn tag(&self, coding: Coding) -> String {
        let hash = self
            .hash
            .get_or_init(|| Sha1::digest(self.content).iter().map(|byte| format!("{byte:02x}")).collect());
        match coding {
            Coding::Identity => hash.clone(),
            Coding::Gzip => format!("{hash}-gzip"),
        }
    }

    fn body(&self, coding: Coding) -> Bytes {
        match coding {
            Coding::Identity => Bytes::from_static(self.content),
            // Some milliseconds, once, in the first request.
            Coding::Gzip => self.gzip.get_or_init(|| gzip(self.content)).clone(),
        }
    }

    /// Returns the coding of the file in the cache of the client; `None` if the cache is outdated.
    fn kept(&self, request: &Head, usable: &[Coding]) -> Option<Coding> {
        if request.get("if-none-match").is_some() {
            // The date is ignored then (RFC 9110, section 13.2.2). A cache may hold both codings, and uses the one with the tag of the
            // response.
            return usable.iter().copied().find(|coding| is_named(request, &self.tag(*coding)));
        }
        let since = std::str::from_utf8(request.get("if-modified-since")?).ok()?;
        let since = httpdate::parse_http_date(since).ok()?;
        (made() <= since).then_some(usable[0])
    }

    fn whole(&self, coding: Coding, folder: &str) -> Response<Bytes> {
        let mut response = Response::new(self.body(coding));
        let headers = response.headers_mut();
        self.describe(coding, headers);
        if matches!(coding, Coding::Gzip) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let is_map = self.name.ends_with(".map");
        let kind = if is_map { "application/json; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if !is_map {
            put(headers, SOURCE_MAP, format!("{folder}{}.map", self.name));
        }
        response
    }

    /// The headers of responses with and without the content (RFC 9110, section 15.4.5).
    fn describe(&self, coding: Coding, headers: &mut HeaderMap) {
        put(headers, ETAG, format!("\"{}\"", self.tag(coding)));
        put(headers, LAST_MODIFIED, httpdate::fmt_http_date(made()));
        headers.insert(CACHE_CONTROL, KEPT);
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // The same for all origins, so that a cache needs one copy, and `integrity` can be checked.
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
}

fn made() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(MADE)
}

fn gzip(content: &[u8]) -> Bytes {
    let mut packed = Vec::new();
    // Reads from a slice do not fail.
    let _ = GzEncoder::new(content, Compression::best()).read_to_end(&mut packed);
    packed.into()
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

/// Returns the elements of a list header, which may have several lines.
fn elements<'a>(request: &'a Head, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = request.all(name).filter_map(|line| std::str::from_utf8(line).ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether `If-None-Match` lists a tag. Weak tags count (RFC 9110, section 13.1.2), because proxies weaken tags. Tags may have no
/// quotes, because Faye sends them without.
fn is_named(request: &Head, tag: &str) -> bool {
    elements(request, "if-none-match").any(|given| {
        let strong = given.strip_prefix("W/").unwrap_or(given);
        let bare = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(strong);
        given == "*" || bare == tag
    })
}

/// Returns the codings that the client accepts, the preferred one first; at least one (RFC 9110, section 12.5.3).
fn usable(request: &Head) -> Vec<Coding> {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for element in elements(request, "accept-encoding") {
        let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = Some(weight(parameters));
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = weight,
            "identity" => identity = weight,
            "*" => others = weight,
            _ => {}
        }
    }
    let gzip = gzip.or(others).unwrap_or(0);
    // An unlisted coding may be sent, but listed ones have precedence.
    let identity = identity.or(others).unwrap_or(1);
    match (gzip, identity) {
        (0, _) => vec![Coding::Identity],
        (_, 0) => vec![Coding::Gzip],
        _ if gzip >= identity => vec![Coding::Gzip, Coding::Identity],
        _ => vec![Coding::Identity, Coding::Gzip],
    }
}

/// Returns the weight in the parameters of a coding, in thousandths; 0 if it is malformed.
fn weight(parameters: &str) -> u16 {
    let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let Some((_, weight)) = named.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) else {
        return 1000;
    };
    let weight: f32 = weight.trim().parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&weight) { (weight * 1000.0) as u16 } else { 0 }
}
