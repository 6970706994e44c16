//! The list of entries for programs: `{ "last": SEQ, "entries": [message, …], "next": URL }`.
//!
//! It must not know requests.

use super::listing::Listing;
use super::query::{Place, Query};

/// Encodes a list as JSON. `next` is present if there are more entries; it is relative to the URL of the list.
pub(super) fn list_json(path: &str, query: &Query, list: &Listing) -> String {
    let mut json = format!("{{\"last\":{},\"entries\":[{}]", list.last, list.messages.join(","));
    if let Some((name, value)) = list.next.as_ref().and_then(Place::parameter) {
        let feed = query.feed.as_deref().map(|feed| ("feed", feed.to_owned()));
        let limit = query.limit.map(|limit| ("limit", limit.to_string()));
        let parameters = feed.into_iter().chain(limit).chain([(name, value)]);
        let mut url = form_urlencoded::Serializer::new(String::new());
        url.extend_pairs(parameters);
        let url = serde_json::Value::from(format!("{path}/entries?{}", url.finish()));
        json.push_str(&format!(",\"next\":{url}"));
    }
    json.push_str("}\n");
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_list_has_the_same_filter() {
        let messages = vec!["{\"seq\":5}".to_owned(), "{\"seq\":6}".to_owned()];
        let list = Listing { messages, next: Some(Place::AfterSeq(6)), last: 6, ..Listing::default() };
        let query = Query { feed: Some("blog".to_owned()), limit: Some(2), ..Query::default() };
        assert_eq!(
            list_json("/life", &query, &list),
            "{\"last\":6,\"entries\":[{\"seq\":5},{\"seq\":6}],\"next\":\"/life/entries?feed=blog&limit=2&after=6\"}\n"
        );
        assert_eq!(list_json("/life", &query, &Listing::default()), "{\"last\":0,\"entries\":[]}\n");
    }
}
