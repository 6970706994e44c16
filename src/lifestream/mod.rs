//! The page with the entries of all public feeds, and the same entries as JSON, Atom and JSON Feed.
//!
//! This module must not know where entries come from, and never writes to the store.

mod endpoint;
mod entries;
mod entry;
mod feeds;
mod files;
mod guard;
mod images;
mod list_page;
mod listing;
mod markup;
mod message;
mod page;
mod query;
mod response;
mod stream;
mod theme;

use std::sync::Arc;

use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::subscriber::Channels;
use crate::transport::Endpoint;
use crate::web::rate::Rate;
use entries::list_json;
use feeds::{Feeds, Visible};
use files::Files;
use page::Site;

/// The page.
pub struct Lifestream {
    site: Site,
    files: Files,
    feeds: Feeds,
    store: Store,
    metrics: Metrics,
    public_url: Option<String>,
    rate: Rate,
    policy: String,
    embed_policy: String,
}

/// Checks that the configured files are readable.
///
/// # Errors
/// A text that names the invalid setting and a valid value.
pub fn check_files(settings: &config::Lifestream) -> Result<(), String> {
    settings.css.as_deref().map_or(Ok(()), |css| files::read(css).map(drop))
}

impl Lifestream {
    /// Creates a page.
    ///
    /// # Errors
    /// A text that names the invalid setting, such as an unreadable file.
    pub fn new(
        config: &Config,
        store: Store,
        channels: Arc<dyn Channels>,
        metrics: Metrics,
    ) -> Result<Arc<Self>, String> {
        let settings = &config.lifestream;
        let files = Files::new(settings)?;
        let path = settings.path.trim_end_matches('/').to_owned();
        let site = Site {
            files: format!("{path}/files/{}", files.hash()),
            path,
            mount: config.server.mount.clone(),
            channel: config.feeds.channel.clone(),
            title: settings.title.clone().unwrap_or_else(|| "Lifestream".to_owned()),
            intro: settings.intro.clone(),
            images: settings.images,
            page: settings.page,
            sheets: files.sheets(),
        };
        let feeds = Feeds::new(config, channels);
        let policy = guard::page(settings.images);
        let embed_policy = guard::embed(settings.images, &settings.embed_origins);
        let public_url = config.server.public_url.clone();
        let rate = Rate::new(settings.rate);
        Ok(Arc::new(Self { site, files, feeds, store, metrics, public_url, rate, policy, embed_policy }))
    }

    /// Returns the endpoint of the page.
    #[must_use]
    pub fn endpoints(self: &Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::clone(self) as Arc<dyn Endpoint>]
    }
}
