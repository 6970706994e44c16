//! The parameters of requests. They are untrusted: an error explains the valid values.
//!
//! It must not know the responses.

use uuid::Uuid;

use crate::store::EntryFrom;

/// Entries of a list at the most.
pub(super) const MOST: u32 = 200;
/// Bytes of a query.
const LENGTH: usize = 2048;
/// Characters of the name of a feed.
const NAME: usize = 64;

/// The error of a request.
pub(super) type Wrong = String;

/// The parameters of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The entries of this feed only.
    pub(super) feed: Option<String>,
    /// Where the list begins.
    pub(super) from: Place,
    /// Entries of the list.
    pub(super) limit: Option<u32>,
}

/// Where a list begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// At the newest entry.
    #[default]
    Newest,
    /// After the entry with this UUID.
    BeforeId(String),
    /// After the entry with this number.
    BeforeSeq(i64),
    /// At the nearest entries in front of the one with this UUID.
    AboveId(String),
    /// At the event after this number.
    AfterSeq(i64),
}

impl Place {
    /// The same for the store.
    pub(super) fn entries(&self) -> EntryFrom {
        match self {
            Self::Newest => EntryFrom::Newest,
            Self::BeforeId(id) => EntryFrom::BeforeId(id.clone()),
            Self::BeforeSeq(seq) => EntryFrom::BeforeSeq(*seq),
            Self::AboveId(id) => EntryFrom::AboveId(id.clone()),
            Self::AfterSeq(seq) => EntryFrom::AfterSeq(*seq),
        }
    }

    /// The same as a parameter of a URL, with its name; `None` for the newest entry.
    pub(super) fn parameter(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Newest => None,
            Self::BeforeId(id) => Some(("before", id.clone())),
            Self::BeforeSeq(seq) => Some(("before", seq.to_string())),
            Self::AboveId(id) => Some(("after", id.clone())),
            Self::AfterSeq(seq) => Some(("after", seq.to_string())),
        }
    }
}

impl Query {
    /// Returns the parameters of a page. Unknown ones are ignored: other sites append theirs to links. `after` is the
    /// id of an entry, and means the page with the entries that are the next newer ones.
    pub(super) fn of_page(query: Option<&str>) -> Result<Self, Wrong> {
        Self::read(query, &["feed", "before", "after"], false)
    }

    /// Returns the parameters of an embedded page.
    pub(super) fn of_embed(query: Option<&str>) -> Result<Self, Wrong> {
        Self::read(query, &["feed", "before", "after", "limit"], false)
    }

    /// Returns the parameters of a stream for feed readers.
    pub(super) fn of_stream(query: Option<&str>) -> Result<Self, Wrong> {
        Self::read(query, &["feed", "before"], false)
    }

    /// Returns the parameters of a list for programs. Unknown ones are refused, because a misspelt one would be
    /// ignored. `after` is the number of an event, and means the events with higher numbers.
    pub(super) fn of_list(query: Option<&str>) -> Result<Self, Wrong> {
        Self::read(query, &["feed", "before", "after", "limit"], true)
    }

    fn read(query: Option<&str>, known: &[&str], is_list: bool) -> Result<Self, Wrong> {
        let query = query.unwrap_or_default();
        if query.len() > LENGTH {
            return Err(format!("the query has more than {LENGTH} bytes"));
        }
        let mut found = Self::default();
        let mut given = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(name) = known.iter().find(|own| **own == name) else {
                if is_list {
                    return Err(format!("unknown parameter; write one of {}", known.join(", ")));
                }
                continue;
            };
            if given.contains(name) {
                return Err(format!("{name} stands more than once; write it once"));
            }
            given.push(*name);
            if value.is_empty() {
                continue;
            }
            match *name {
                "feed" => found.feed = Some(feed(&value)?),
                "limit" => found.limit = Some(limit(&value)?),
                _ if found.from != Place::Newest => {
                    return Err("before and after exclude each other; write one of them".to_owned());
                }
                "before" => found.from = before(&value)?,
                _ if is_list => {
                    found.from = Place::AfterSeq(number(&value).ok_or("after is not a number of an event")?);
                }
                _ => found.from = Place::AboveId(entry_id(&value).ok_or("after is not the id of an entry")?),
            }
        }
        Ok(found)
    }
}

fn feed(value: &str) -> Result<String, Wrong> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_feed = value.len() <= NAME && value.bytes().all(is_name);
    is_feed.then(|| value.to_owned()).ok_or_else(|| "feed is not the name of a feed".to_owned())
}

fn limit(value: &str) -> Result<u32, Wrong> {
    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| format!("limit is not a number from 1 to {MOST}"))
}

fn before(value: &str) -> Result<Place, Wrong> {
    if let Some(seq) = number(value) {
        return Ok(Place::BeforeSeq(seq));
    }
    let id = entry_id(value).ok_or("before is neither the id of an entry nor a number of an event")?;
    Ok(Place::BeforeId(id))
}

/// Returns a number of an event.
fn number(value: &str) -> Option<i64> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| is_number)
}

/// Returns the id of an entry as the store has it.
pub(super) fn entry_id(value: &str) -> Option<String> {
    const HYPHENATED: usize = 36;
    let id = Uuid::try_parse(value).ok().filter(|_| value.len() == HYPHENATED)?;
    Some(id.hyphenated().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f0c1-0000-7000-8000-00000000000a";

    #[test]
    fn lists_take_known_parameters_once() {
        let of = |query: &str| Query::of_list(Some(query));
        assert_eq!(Query::of_list(None), Ok(Query::default()));
        assert_eq!(of("feed=&before="), Ok(Query::default()), "empty fields of a form");
        let found = of("feed=my-blog&before=0192F0C1-0000-7000-8000-00000000000A&limit=200").unwrap();
        assert_eq!((found.feed.as_deref(), found.limit), (Some("my-blog"), Some(200)));
        assert_eq!(found.from, Place::BeforeId(ID.to_owned()));
        assert_eq!(of("before=12").unwrap().from, Place::BeforeSeq(12));
        assert_eq!(of("after=0").unwrap().from, Place::AfterSeq(0));
        for bad in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "after=x",
            "after=-1",
            "after=+1",
            "after=99999999999999999999",
            "before=%00",
            "before={0192f0c1-0000-7000-8000-00000000000a}",
            "before=1&after=1",
            "feed=../x",
            "feed=A",
            "feed=a&feed=b",
            "x=1",
            &format!("feed={}", "a".repeat(65)),
            &format!("feed=a&{}", "b".repeat(LENGTH)),
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_ignore_what_other_sites_append() {
        let found = Query::of_page(Some("utm_source=x&feed=blog&limit=9")).unwrap();
        assert_eq!(found, Query { feed: Some("blog".to_owned()), ..Query::default() });
        assert_eq!(Query::of_stream(Some("after=5")), Ok(Query::default()));
        let above = Query::of_page(Some(&format!("after={ID}"))).unwrap();
        assert_eq!(above.from, Place::AboveId(ID.to_owned()));
        for bad in ["before=x'--", "after=5", &format!("before=1&after={ID}")] {
            assert!(Query::of_page(Some(bad)).is_err(), "{bad}");
        }
    }
}
