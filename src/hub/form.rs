//! Reads the parameters of a request to the hub, from its body and its query. It must not know their meaning.

use std::borrow::Cow;

use super::refusal::Refusal;
use crate::peer::Head;

/// The supported parameters without `hub.`; others are ignored (WebSub, section 5.1).
pub(super) const NAMES: [&str; 8] =
    ["mode", "topic", "callback", "secret", "lease_seconds", "verify", "verify_token", "url"];

/// A field of the forms on the page. Its value `page` requests a page as the response.
const ANSWER: &str = "answer";

/// Charsets in which percent-encoded UTF-8 decodes to itself.
const CHARSETS: [&str; 5] = ["utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"];

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Names of [`NAMES`] with their values, in their order.
    values: Vec<(&'static str, String)>,
    /// Whether a form of the page was sent.
    pub(super) is_of_page: bool,
}

impl Form {
    /// Reads the body as a form, and the query for all parameters that are missing in the body. A request without a
    /// body is accepted with any content type: some clients send a POST with the parameters in the query.
    ///
    /// # Errors
    /// The body is not a form, or a supported parameter is not percent-encoded UTF-8.
    pub(super) fn read(head: &Head, body: &[u8], bare_names: bool) -> Result<Self, Refusal> {
        if !body.is_empty() {
            check(head)?;
        }
        let mut form = Self::default();
        form.add(body, bare_names)?;
        let of_body: Vec<_> = form.values.iter().map(|(name, _)| *name).collect();
        let mut of_query = Self::default();
        of_query.add(head.query().unwrap_or_default().as_bytes(), bare_names)?;
        of_query.values.retain(|(name, _)| !of_body.contains(name));
        form.values.append(&mut of_query.values);
        form.is_of_page |= of_query.is_of_page;
        Ok(form)
    }

    /// Reads the query alone.
    pub(super) fn of_query(head: &Head, bare_names: bool) -> Result<Self, Refusal> {
        Self::read(head, b"", bare_names)
    }

    fn add(&mut self, text: &[u8], bare_names: bool) -> Result<(), Refusal> {
        for pair in text.split(|byte| *byte == b'&') {
            // Only the first `=` separates: some clients send URLs that are not encoded.
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let Some(name) = decode(&pair[..end]) else { continue };
            let value = decode(pair.get(end + 1..).unwrap_or_default());
            if name == ANSWER {
                self.is_of_page = value.as_deref() == Some("page");
            } else if let Some(name) = known(&name, bare_names) {
                self.values.push((name, value.ok_or(Refusal::Encoding(name))?));
            }
        }
        Ok(())
    }

    /// Returns a parameter with one value. The last of several values counts, as in PHP and thus in the hubs that this
    /// one replaces. An empty value counts as missing.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last().filter(|value| !value.is_empty())
    }

    /// Returns all values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value.as_str())
    }
}

/// Returns the parameter that a name means: `hub.url`, `hub.url[]` and `hub.url[0]`, as PHP writes lists, or `url`.
fn known(name: &str, bare_names: bool) -> Option<&'static str> {
    let name = match name.strip_prefix("hub.") {
        Some(name) => name,
        None if bare_names => name,
        None => return None,
    };
    let bare = match name.split_once('[') {
        Some((bare, rest)) => {
            let index = rest.strip_suffix(']')?;
            index.bytes().all(|byte| byte.is_ascii_digit()).then_some(bare)?
        }
        None => name,
    };
    NAMES.into_iter().find(|own| *own == bare)
}

/// Decodes a name or a value (URL Standard, application/x-www-form-urlencoded). `None` if an escape is incomplete or the
/// bytes are not UTF-8.
fn decode(text: &[u8]) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let digits = rest.get(at + 1..at + 3)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        rest = &rest[at + 3..];
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode(&spaced).into();
    String::from_utf8(decoded.into_owned()).ok()
}

/// Refuses a body that is not a form.
fn check(head: &Head) -> Result<(), Refusal> {
    let Some(kind) = head.get("content-type").filter(|kind| !kind.is_empty()) else { return Ok(()) };
    let kind = std::str::from_utf8(kind).map_err(|_| Refusal::MediaType)?;
    let mut parts = kind.split(';').map(str::trim);
    let is_form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let is_known = charset.is_none_or(|charset| CHARSETS.iter().any(|own| own.eq_ignore_ascii_case(charset)));
    if is_form && is_known { Ok(()) } else { Err(Refusal::MediaType) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

    fn read(headers: &str, query: &str, body: &str, bare_names: bool) -> Result<Form, Refusal> {
        let target = format!("/hub?{query}");
        let text = format!("POST {target} HTTP/1.1\r\n{headers}");
        Form::read(&Head::new(text.as_bytes(), 5..5 + target.len()), body.as_bytes(), bare_names)
    }

    fn all(form: &Form, name: &str) -> Vec<String> {
        form.all(name).map(str::to_owned).collect()
    }

    #[test]
    fn the_body_wins_over_the_query() {
        let form = read(FORM, "hub.mode=a&hub.url=1&hub.topic=t", "hub.mode=b&hub.url=2&hub.url=3", false);
        let form = form.unwrap();
        assert_eq!(form.get("mode"), Some("b"));
        assert_eq!(form.get("topic"), Some("t"));
        assert_eq!(all(&form, "url"), ["2", "3"]);
    }

    #[test]
    fn names_of_lists_and_bare_names() {
        let text = "hub.url[]=1&hub.url%5B%5D=2&hub.url[0]=3&url=4&url[]=5&hub.url[x]=6&hub.url[=7&Hub.url=8";
        assert_eq!(all(&read(FORM, "", text, false).unwrap(), "url"), ["1", "2", "3"]);
        assert_eq!(all(&read(FORM, "", text, true).unwrap(), "url"), ["1", "2", "3", "4", "5"]);
        assert_eq!(read(FORM, "", "mode=publish", false).unwrap().get("mode"), None);
        assert_eq!(read(FORM, "mode=publish", "", true).unwrap().get("mode"), Some("publish"));
    }

    #[test]
    fn values() {
        let form = read(FORM, "", "hub.secret=a&hub.secret=b%2B+c&hub.verify&hub.callback=&&=", false);
        let form = form.unwrap();
        assert_eq!(form.get("secret"), Some("b+ c"), "the last one");
        assert_eq!(form.get("callback"), None, "an empty value is none");
        assert_eq!(all(&form, "verify"), [""]);
        let form = read(FORM, "", "hub.mode=publish&hub.url=http://x.example/y?a=b=c", false).unwrap();
        assert_eq!(form.get("url"), Some("http://x.example/y?a=b=c"), "a URL that is not encoded");
    }

    #[test]
    fn encodings_that_are_wrong_name_the_parameter() {
        for text in [
            "hub.topic=%",
            "hub.topic=%4",
            "hub.topic=%zz",
            "hub.topic=%+1",
            "hub.topic=%ff",
            "hub.topic=a%c3",
        ] {
            for (query, body) in [("", text), (text, "")] {
                let refusal = read(FORM, query, body, false).unwrap_err();
                assert!(matches!(refusal, Refusal::Encoding("topic")), "{text}: {refusal:?}");
            }
        }
        let form = read(FORM, "", "other=%zz&%zz=1&hub.other=%ff&hub.mode=m", false).unwrap();
        assert_eq!(form.get("mode"), Some("m"), "unknown parameters are ignored");
    }

    #[test]
    fn only_forms_are_read() {
        for good in [
            "",
            "Content-Type:\r\n",
            "content-type: Application/X-WWW-Form-Urlencoded\r\n",
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n",
            "Content-Type: application/x-www-form-urlencoded;charset=\"iso-8859-1\"\r\n",
            "Content-Type: application/x-www-form-urlencoded; boundary=x\r\nContent-Encoding: identity\r\n",
        ] {
            assert!(read(good, "", "hub.mode=m", false).is_ok(), "{good}");
        }
        for bad in [
            "Content-Type: application/json\r\n",
            "Content-Type: multipart/form-data; boundary=x\r\n",
            "Content-Type: text/plain\r\n",
            "Content-Type: application/x-www-form-urlencoded-not\r\n",
            "Content-Type: application/x-www-form-urlencoded; charset=utf-16\r\n",
        ] {
            assert!(matches!(read(bad, "", "hub.mode=m", false), Err(Refusal::MediaType)), "{bad}");
            let form = read(bad, "hub.mode=m", "", false).unwrap();
            assert_eq!(form.get("mode"), Some("m"), "the query of {bad}");
        }
    }

    #[test]
    fn a_form_of_the_page() {
        assert!(read(FORM, "", "answer=page&hub.mode=m", false).unwrap().is_of_page);
        assert!(!read(FORM, "", "answer=text&hub.answer=page", false).unwrap().is_of_page);
    }
}
