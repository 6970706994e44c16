//! The extensions of `extensions.files`. A program without the feature `javascript` has none.

#[cfg(feature = "javascript")]
mod files {
    use crate::config::Config;
    pub(crate) use crate::extension::javascript::Scripts;
    use crate::extension::javascript::{Fetch, over_http, refused};
    use crate::metrics::Metrics;

    /// Loads the files; `None` if the settings have none.
    ///
    /// # Errors
    /// The file that cannot be loaded, and why.
    pub(crate) fn load(config: &Config, metrics: &Metrics) -> Result<Option<Scripts>, String> {
        let settings = &config.extensions;
        load_with(config, metrics, over_http(settings.timeout, settings.private_addresses))
    }

    /// Loads the files without access to the network, and ends them.
    ///
    /// # Errors
    /// Those of [`load`].
    pub(crate) fn check(config: &Config, metrics: &Metrics) -> Result<(), String> {
        load_with(config, metrics, refused()).map(drop)
    }

    fn load_with(config: &Config, metrics: &Metrics, fetch: Fetch) -> Result<Option<Scripts>, String> {
        let settings = &config.extensions;
        if settings.files.is_empty() {
            return Ok(None);
        }
        let loaded = Scripts::load(settings, &config.server.mount, metrics, fetch);
        loaded.map(Some).map_err(|error| format!("extensions.files: cannot load {error}"))
    }
}

#[cfg(not(feature = "javascript"))]
mod files {
    use std::future::Pending;
    use std::sync::Arc;

    use crate::config::Config;
    use crate::extension::Extension;
    use crate::metrics::Metrics;

    /// Never constructed: `Config::check_built` refuses `extensions.files`.
    pub(crate) enum Scripts {}

    impl Scripts {
        pub(crate) fn extensions(&self) -> &[Arc<dyn Extension>] {
            match *self {}
        }

        pub(crate) fn until_failure(&self) -> Pending<String> {
            match *self {}
        }

        pub(crate) async fn stop(&self) {
            match *self {}
        }
    }

    pub(crate) fn load(_: &Config, _: &Metrics) -> Result<Option<Scripts>, String> {
        Ok(None)
    }

    pub(crate) fn check(_: &Config, _: &Metrics) -> Result<(), String> {
        Ok(())
    }
}

pub(super) use files::{Scripts, check, load};
