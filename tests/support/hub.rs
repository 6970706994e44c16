//! A server with the WebSub hub turned on.

use super::{Faye, Response};

/// The `server.public_url` of [`start`].
pub(crate) const PUBLIC_URL: &str = "https://hub.example";

/// The header of a body that is a form.
pub(crate) const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Settings of a hub at `/hub` for every topic, whose topics and callbacks may be on loopback addresses, with its store in
/// memory. Later `settings` win.
pub(crate) fn settings<'a>(settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("FAYE_SERVER__PUBLIC_URL", PUBLIC_URL),
        ("FAYE_HUB__ENABLED", "true"),
        ("FAYE_HUB__POLICY", "open"),
        ("FAYE_HUB__TOPIC_NETWORKS", "127.0.0.0/8"),
        ("FAYE_HUB__CALLBACK_NETWORKS", "127.0.0.0/8"),
        ("FAYE_HUB__FETCH_INTERVAL", "1ms"),
        ("FAYE_HUB__RATE", "1000000/s"),
        ("FAYE_HUB__PENDING_BY_CLIENT", "1000000"),
        ("FAYE_STORE__URL", "sqlite::memory:"),
    ];
    all.retain(|(name, _)| settings.iter().all(|(own, _)| own != name));
    all.extend_from_slice(settings);
    all
}

/// Starts a server with these [`settings`].
pub(crate) fn start(settings: &[(&str, &str)]) -> Faye {
    Faye::start(&self::settings(settings))
}

/// Starts a server with these [`settings`] and this text as its `faye.toml`.
pub(crate) fn start_with_file(file: &str, settings: &[(&str, &str)]) -> Faye {
    Faye::start_with_file(file, &self::settings(settings))
}

/// Posts a form with these parameters to the hub.
#[track_caller]
pub(crate) fn post(faye: &Faye, parameters: &[(&str, &str)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    faye.http().request("POST", "/hub", &[FORM], body.as_bytes())
}
