//! The HTML of a page with a list of entries, with links to other feeds and to the pages around it; also the list for other
//! sites.
//!
//! Pure; it must not know where entries come from.

use super::entry;
use super::feeds::Visible;
use super::markup::Markup;
use super::message::Message;
use super::page::Site;
use super::query::Place;
use crate::config::Images;

/// Maximum number of feeds that are always visible as links.
const CHIPS: usize = 12;
/// Maximum number of feeds that are shown as links.
const MOST_CHIPS: usize = 200;
/// Maximum number of feeds whose channels the script of the page may subscribe to individually.
const CHANNELS: usize = 100;

/// A list of entries.
pub(super) struct List<'a> {
    /// The entries.
    pub(super) messages: &'a [Message],
    /// The visible feeds.
    pub(super) visible: &'a Visible,
    /// The selected feed, if only one is shown.
    pub(super) feed: Option<&'a str>,
    /// Where the list begins.
    pub(super) from: &'a Place,
    /// Where the next one begins.
    pub(super) next: Option<&'a Place>,
    /// Where the one with the next newer entries begins.
    pub(super) previous: Option<&'a Place>,
    /// The number of entries that the request asks for.
    pub(super) limit: Option<u32>,
    /// All events up to this number are in this page or in older ones.
    pub(super) last: i64,
    /// Whether the page is for other sites.
    pub(super) is_embedded: bool,
}

impl Site {
    /// Returns a page with a list.
    pub(super) fn list(&self, list: &List<'_>) -> String {
        let mut out = Markup::default();
        let feed = list.feed.and_then(|feed| list.visible.get(feed));
        let feed_title = feed.map(|feed| feed.title.as_deref().unwrap_or(&feed.name));
        let title = match feed_title {
            Some(feed) => format!("{feed} – {}", self.title),
            None => self.title.clone(),
        };
        self.head(&mut out, &title, |out| {
            let filter = list.feed.map_or_else(String::new, |feed| format!("?feed={feed}"));
            for (kind, extension) in [("application/atom+xml", "atom"), ("application/feed+json", "json")] {
                out.raw("<link rel=\"alternate\"").attribute("type", kind).attribute("title", &title);
                out.raw(" href=\"").text(&self.path).raw(".").raw(extension).raw(&filter).raw("\">");
            }
            for (rel, url) in self.neighbours(list) {
                out.raw("<link").attribute("rel", rel).attribute("href", &url).raw(">");
            }
            if list.is_embedded {
                out.raw("<base target=\"_blank\">");
            }
        });
        out.raw("<body").attribute("class", if list.is_embedded { "embedded" } else { "page" }).raw(">");
        if !list.is_embedded {
            out.raw("<a class=\"skip\" href=\"#stream\">Skip to the entries</a>");
        }
        self.top(&mut out, list.is_embedded);
        if !list.is_embedded {
            self.filters(&mut out, list);
        }
        out.raw("<p class=\"fresh\"><button type=\"button\" id=\"fresh\" hidden></button></p>");
        out.raw("<p class=\"hidden\" id=\"announcer\" role=\"status\"></p>");
        self.stream(&mut out, list);
        self.pages(&mut out, list);
        self.foot(&mut out, list.is_embedded);
        out.into_string()
    }

    /// Links to the lists of single feeds.
    fn filters(&self, out: &mut Markup, list: &List<'_>) {
        if list.visible.names().len() < 2 {
            return;
        }
        let current = list.feed.and_then(|feed| list.visible.get(feed));
        let others = list.visible.iter().filter(|feed| list.feed != Some(&feed.name));
        let mut all = current.into_iter().chain(others).take(MOST_CHIPS).peekable();
        out.raw("<nav class=\"filters\" id=\"filters\" aria-label=\"Feeds\"><ul><li><a class=\"chip all\" href=\"");
        out.text(&self.path).raw("\"").raw(if list.feed.is_none() { " aria-current=\"page\"" } else { "" });
        out.raw(" data-feed=\"\">All</a></li>");
        let chip = |out: &mut Markup, feed: &crate::entries::FeedInfo| {
            out.raw("<li><a class=\"chip hue-").number(entry::hue(&feed.name)).raw("\" href=\"");
            out.text(&self.path).raw("?feed=").text(&feed.name).raw("\"");
            if list.feed == Some(&feed.name) {
                out.raw(" aria-current=\"page\"");
            }
            out.attribute("data-feed", &feed.name).raw(">");
            out.text(feed.title.as_deref().unwrap_or(&feed.name)).raw("</a></li>");
        };
        for feed in all.by_ref().take(CHIPS) {
            chip(out, feed);
        }
        out.raw("</ul>");
        if all.peek().is_some() {
            out.raw("<details class=\"others\"><summary>More feeds</summary><ul>");
            for feed in all {
                chip(out, feed);
            }
            out.raw("</ul></details>");
        }
        out.raw("</nav>");
    }

    /// Renders the entries, with the data that the script of the page needs to continue.
    fn stream(&self, out: &mut Markup, list: &List<'_>) {
        let names = list.visible.names();
        let feeds: Vec<_> = names.iter().take(CHANNELS).map(String::as_str).collect();
        let feeds = feeds.join(" ");
        out.raw("<main id=\"stream\" class=\"h-feed\"");
        for (name, value) in [
            ("data-path", self.path.as_str()),
            ("data-mount", &self.mount),
            ("data-channel", &self.channel),
            ("data-feeds", &feeds),
            ("data-all-feeds", if names.len() <= CHANNELS { "yes" } else { "no" }),
            ("data-feed", list.feed.unwrap_or_default()),
            ("data-images", if self.images == Images::Show { "show" } else { "link" }),
            // A page of older entries is not updated.
            ("data-live", if *list.from == Place::Newest { "yes" } else { "no" }),
        ] {
            out.attribute(name, value);
        }
        out.raw(" data-page=\"").number(i64::try_from(self.page).unwrap_or(i64::MAX));
        out.raw("\" data-last=\"").number(list.last).raw("\">");
        out.raw("<span class=\"p-name hidden\">").text(&self.title).raw("</span>");
        for message in list.messages {
            entry::write(out, message, self.look(true));
        }
        if list.messages.is_empty() {
            self.empty(out, list);
        }
        out.raw("</main>");
    }

    /// Renders the placeholder for an empty list, with the next step.
    fn empty(&self, out: &mut Markup, list: &List<'_>) {
        out.raw("<section class=\"empty\" id=\"empty\">");
        if *list.from != Place::Newest {
            out.raw("<h2>No older entries</h2><p>The list ends here.</p>");
        } else if list.visible.names().is_empty() {
            out.raw(
                "<h2>No feeds yet</h2><p>Add a feed to <code>faye.toml</code> and reload the server:</p>",
            );
            out.raw(
                "<pre><code>[[feed]]\nname = \"blog\"\nurl = \"https://example.com/feed.xml\"</code></pre>",
            );
            out.raw("<p>Its entries appear here, and new ones as soon as they are published.</p>");
        } else {
            out.raw("<h2>No entries yet</h2><p>");
            let names: Vec<&str> = match list.feed {
                Some(feed) => vec![feed],
                None => list.visible.names().iter().take(CHIPS).map(String::as_str).collect(),
            };
            out.raw(if names.len() == 1 { "This feed is followed: " } else { "These feeds are followed: " });
            out.text(&names.join(", ")).raw(".</p>");
            out.raw(
                "<p>New entries appear here by themselves. <code>faye feeds list</code> shows the state of ",
            );
            out.raw("each feed.</p>");
        }
        out.raw("</section>");
    }

    /// Renders links to the previous and the next page.
    fn pages(&self, out: &mut Markup, list: &List<'_>) {
        out.raw("<nav class=\"pages\" aria-label=\"Pages\">");
        for (rel, url) in self.neighbours(list) {
            let text = if rel == "next" { "Older entries" } else { "Newer entries" };
            out.raw("<a class=\"step\"").attribute("rel", rel).attribute("href", &url);
            if rel == "next" {
                out.raw(" id=\"older\"");
            }
            if list.is_embedded {
                out.raw(" target=\"_self\"");
            }
            out.raw(">").raw(text).raw("</a>");
        }
        out.raw("</nav>");
    }

    /// Returns the relations and URLs of the previous and the next page.
    fn neighbours(&self, list: &List<'_>) -> Vec<(&'static str, String)> {
        let places = [("prev", list.previous), ("next", list.next)];
        places.into_iter().filter_map(|(rel, place)| Some((rel, self.page_url(list, place?)))).collect()
    }

    /// Returns the URL of a page with the same filter and another start.
    pub(super) fn page_url(&self, list: &List<'_>, place: &Place) -> String {
        let page = if list.is_embedded { format!("{}/embed", self.path) } else { self.path.clone() };
        let feed = list.feed.map(|feed| format!("feed={feed}"));
        let limit = list.limit.map(|limit| format!("limit={limit}"));
        let place = place.parameter().map(|(name, value)| format!("{name}={value}"));
        let query: Vec<String> = feed.into_iter().chain(limit).chain(place).collect();
        if query.is_empty() { page } else { format!("{page}?{}", query.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::FeedInfo;

    fn site() -> Site {
        Site {
            path: "/life".to_owned(),
            files: "/life/files/x".to_owned(),
            mount: "/faye".to_owned(),
            channel: "/feeds/{name}".to_owned(),
            title: "<Ana>".to_owned(),
            intro: Some("\"intro\"<b>".to_owned()),
            images: Images::Show,
            page: 50,
            sheets: vec!["accent.css"],
        }
    }

    fn visible(count: usize) -> Visible {
        let info = |number| FeedInfo { name: format!("f{number:04}"), ..FeedInfo::default() };
        Visible::some((0..count).map(info))
    }

    fn list<'a>(visible: &'a Visible, from: &'a Place, next: Option<&'a Place>) -> List<'a> {
        let previous = (*from != Place::Newest).then_some(&Place::Newest);
        List {
            messages: &[],
            visible,
            feed: None,
            from,
            next,
            previous,
            limit: None,
            last: 7,
            is_embedded: false,
        }
    }

    #[test]
    fn texts_of_the_settings_are_no_markup() {
        let html = site().list(&list(&visible(2), &Place::Newest, None));
        assert!(
            html.contains("&lt;Ana&gt;</a></h1>") && html.contains("&quot;intro&quot;&lt;b&gt;"),
            "{html}"
        );
        assert!(html.contains("href=\"/life/files/x/accent.css\""), "{html}");
        assert!(html.contains("data-last=\"7\"") && html.contains("data-live=\"yes\""), "{html}");
    }

    #[test]
    fn relations_lead_to_the_pages_around_this_one() {
        let visible = visible(2);
        let (older, oldest) = (Place::BeforeId("b".to_owned()), Place::BeforeId("c".to_owned()));
        let first = site().list(&list(&visible, &Place::Newest, Some(&older)));
        assert!(first.contains("<link rel=\"next\" href=\"/life?before=b\">"), "{first}");
        assert!(!first.contains("rel=\"prev\""), "{first}");
        let middle = site().list(&List { feed: Some("f0001"), ..list(&visible, &older, Some(&oldest)) });
        assert!(middle.contains("<link rel=\"prev\" href=\"/life?feed=f0001\">"), "{middle}");
        assert!(middle.contains("<link rel=\"next\" href=\"/life?feed=f0001&amp;before=c\">"), "{middle}");
        assert!(middle.contains("data-live=\"no\""), "{middle}");
        let above = Place::AboveId("a".to_owned());
        let third = site().list(&List { previous: Some(&above), ..list(&visible, &older, None) });
        assert!(third.contains("<link rel=\"prev\" href=\"/life?after=a\">"), "{third}");
        assert!(third.contains(">Newer entries</a>"), "{third}");
        let newest = list(&visible, &Place::Newest, Some(&older));
        let frame = site().list(&List { is_embedded: true, limit: Some(5), ..newest });
        assert!(
            frame.contains("href=\"/life/embed?limit=5&amp;before=b\"") && !frame.contains("id=\"filters\""),
            "{frame}"
        );
    }

    #[test]
    fn many_feeds_are_behind_one_click_and_bounded() {
        let chips = |count| {
            site().list(&list(&visible(count), &Place::Newest, None)).matches("class=\"chip hue").count()
        };
        assert_eq!((chips(1), chips(2), chips(50), chips(5000)), (0, 2, 50, MOST_CHIPS));
        let visible = visible(5000);
        let html = site().list(&List { feed: Some("f4999"), ..list(&visible, &Place::Newest, None) });
        assert!(
            html.contains("href=\"/life?feed=f4999\" aria-current=\"page\""),
            "the present one is always there"
        );
    }

    #[test]
    fn the_page_knows_whether_it_names_the_channels_of_all_feeds() {
        for (count, expected) in
            [(CHANNELS, "data-all-feeds=\"yes\""), (CHANNELS + 1, "data-all-feeds=\"no\"")]
        {
            let html = site().list(&list(&visible(count), &Place::Newest, None));
            assert!(html.contains(expected), "{count}");
        }
    }

    #[test]
    fn a_page_without_entries_names_the_next_step() {
        let newest = |count| site().list(&list(&visible(count), &Place::Newest, None));
        assert!(newest(0).contains("[[feed]]"));
        assert!(newest(1).contains("This feed is followed: f0000."));
        let behind = site().list(&list(&visible(1), &Place::BeforeSeq(1), None));
        assert!(behind.contains("No older entries"));
    }
}
