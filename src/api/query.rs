//! The parameters of requests: filters and pages.

use serde_json::{Map, Value};

use super::reply::Refusal;

/// Elements of a page by default.
const PAGE: u32 = 100;
/// Elements of a page at the most.
pub(super) const LARGEST_PAGE: u32 = 1000;

/// The parameters of a request. A parameter that is unknown or repeated is refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The topic in normalized form.
    pub(super) topic: Option<String>,
    /// A host, without a port.
    pub(super) host: Option<String>,
    /// The end of the last page.
    pub(super) after: Option<String>,
    limit: Option<u32>,
}

impl Parameters {
    /// Returns the parameters of a query, of which only those of `known` are accepted.
    pub(super) fn of_query(query: Option<&str>, known: &[&str]) -> Result<Self, Refusal> {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(Refusal::Bad(format!("unknown parameter; write one of {}", known.join(", "))));
            }
            let again = match name.as_ref() {
                "topic" => found.topic.replace(value.into_owned()).is_some(),
                "host" => found.host.replace(value.to_ascii_lowercase()).is_some(),
                "after" => found.after.replace(value.into_owned()).is_some(),
                _ => {
                    let limit = value.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
                    let wrong = || Refusal::Bad(format!("limit is not a number from 1 to {LARGEST_PAGE}"));
                    found.limit.replace(limit.ok_or_else(wrong)?).is_some()
                }
            };
            if again {
                return Err(Refusal::Bad(format!("{name} stands more than once; write it once")));
            }
        }
        Ok(found)
    }

    /// Reads the filters from the body, a JSON object, or from the query if there is no body.
    pub(super) fn of_body(body: &[u8], query: Option<&str>) -> Result<Self, Refusal> {
        let mut found = Self::of_query(query, &["topic", "host"])?;
        if body.trim_ascii().is_empty() {
            return Ok(found);
        }
        let wrong = || Refusal::Bad("the body is not a JSON object with topic or host".to_owned());
        let given: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
        for (name, value) in given {
            let Value::String(text) = value else { return Err(wrong()) };
            match name.as_str() {
                "topic" => found.topic = Some(text),
                "host" => found.host = Some(text.to_ascii_lowercase()),
                _ => return Err(wrong()),
            }
        }
        Ok(found)
    }

    /// Elements of the page.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_and_there_once() {
        let of = |query: &str| Parameters::of_query(Some(query), &["topic", "host", "after", "limit"]);
        let found = of("topic=https%3A%2F%2Fa.example%2F&host=B.example&after=5&limit=1000").unwrap();
        assert_eq!(
            (found.topic.as_deref(), found.host.as_deref()),
            (Some("https://a.example/"), Some("b.example"))
        );
        assert_eq!((found.after.as_deref(), found.limit()), (Some("5"), 1000));
        assert_eq!(of("").unwrap().limit(), 100);
        for bad in
            ["limit=0", "limit=1001", "limit=x", "limit=1&limit=1", "topic=a&topic=b", "x=1", "Topic=a"]
        {
            assert!(matches!(of(bad), Err(Refusal::Bad(_))), "{bad}");
        }
    }

    #[test]
    fn filters_of_a_body() {
        let of = |body: &str, query| Parameters::of_body(body.as_bytes(), query);
        assert_eq!(of("", None).unwrap(), Parameters::default());
        assert_eq!(of("{}", Some("host=a")).unwrap().host.as_deref(), Some("a"));
        assert_eq!(of("{\"host\":\"B\"}", Some("host=a")).unwrap().host.as_deref(), Some("b"));
        for bad in ["[]", "{\"limit\":1}", "{", "{\"host\":1}"] {
            assert!(matches!(of(bad, None), Err(Refusal::Bad(_))), "{bad}");
        }
        assert!(matches!(of("", Some("limit=1")), Err(Refusal::Bad(_))));
    }
}
