//! The HTML that all pages share, and the pages of one entry and of an error.
//!
//! Pure; it must not know where entries come from.

use super::entry::{self, Look};
use super::markup::Markup;
use super::message::Message;
use crate::config::Images;

/// The common part of all pages.
pub(super) struct Site {
    /// The path of the lifestream, without a final slash.
    pub(super) path: String,
    /// The folder of styles and scripts.
    pub(super) files: String,
    /// The path of the Bayeux server.
    pub(super) mount: String,
    /// The channel of a feed, with `{name}`.
    pub(super) channel: String,
    /// The title.
    pub(super) title: String,
    /// A text below the title.
    pub(super) intro: Option<String>,
    /// Whether images are shown.
    pub(super) images: Images,
    /// Entries of one page.
    pub(super) page: usize,
    /// Style sheets of the settings, by name.
    pub(super) sheets: Vec<&'static str>,
}

impl Site {
    /// Returns the page of one entry.
    pub(super) fn alone(&self, message: &Message) -> String {
        let mut out = Markup::default();
        let name = message.entry.title.as_deref().unwrap_or_else(|| message.source());
        self.head(&mut out, &format!("{name} – {}", self.title), |out| {
            if let Some(url) = message.entry.url.as_deref().filter(|url| entry::is_web(url)) {
                out.raw("<link rel=\"canonical\"").attribute("href", url).raw(">");
            }
        });
        out.raw("<body class=\"page alone\">");
        self.top(&mut out, false);
        out.raw("<main id=\"stream\">");
        entry::write(&mut out, message, self.look(false));
        out.raw("</main>");
        self.back(&mut out);
        self.foot(&mut out, false);
        out.into_string()
    }

    /// Renders a page about an error.
    pub(super) fn problem(&self, title: &str, text: &str) -> String {
        let mut out = Markup::default();
        self.head(&mut out, &format!("{title} – {}", self.title), |_| {});
        out.raw("<body class=\"page alone\">");
        self.top(&mut out, false);
        out.raw("<main class=\"empty\"><h2>").text(title).raw("</h2><p>").text(text).raw("</p></main>");
        self.back(&mut out);
        self.foot(&mut out, false);
        out.into_string()
    }

    /// Starts a page, with its title and further links.
    pub(super) fn head(&self, out: &mut Markup, title: &str, links: impl FnOnce(&mut Markup)) {
        out.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
        out.text(title)
            .raw("</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        out.raw("<meta name=\"color-scheme\" content=\"light dark\">");
        for sheet in ["style.css", "entry.css"].iter().chain(&self.sheets) {
            out.raw("<link rel=\"stylesheet\" href=\"").text(&self.files).raw("/").raw(sheet).raw("\">");
        }
        out.raw("<link rel=\"icon\" type=\"image/svg+xml\" href=\"").text(&self.files).raw("/icon.svg\">");
        links(out);
        let mount = self.mount.trim_end_matches('/');
        out.raw("<script defer src=\"").text(mount).raw("/client.js\"></script>");
        out.raw("<script type=\"module\" src=\"").text(&self.files).raw("/main.js\"></script></head>");
    }

    /// Renders the title of the lifestream, and the state of the connection.
    pub(super) fn top(&self, out: &mut Markup, is_embedded: bool) {
        out.raw("<header class=\"top\"><div class=\"name\"><h1><a href=\"").text(&self.path).raw("\">");
        out.text(&self.title).raw("</a></h1>");
        out.raw("<p class=\"state\" id=\"state\" data-state=\"connecting\" hidden>Connecting</p></div>");
        if let Some(intro) = self.intro.as_deref().filter(|_| !is_embedded) {
            out.raw("<p class=\"intro\">").text(intro).raw("</p>");
        }
        out.raw("</header>");
    }

    fn back(&self, out: &mut Markup) {
        out.raw("<nav class=\"pages\" aria-label=\"Pages\"><a class=\"step\" href=\"").text(&self.path);
        out.raw("\">All entries</a></nav>");
    }

    /// Ends a page.
    pub(super) fn foot(&self, out: &mut Markup, is_embedded: bool) {
        if !is_embedded {
            out.raw("<footer class=\"bottom\"><p><a href=\"")
                .text(&self.path)
                .raw(".atom\">Atom</a> <a href=\"");
            out.text(&self.path).raw(".json\">JSON Feed</a></p><p id=\"hint\" hidden></p></footer>");
        }
        out.raw("</body></html>\n");
    }

    /// Returns how entries look, folded in a list or complete.
    pub(super) fn look(&self, is_folded: bool) -> Look<'_> {
        Look { path: &self.path, images: self.images, is_folded }
    }
}
