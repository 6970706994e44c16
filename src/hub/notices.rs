//! The log line about a refused address. It must not know the purpose of the request.

use std::net::IpAddr;

use super::Hub;
use crate::auth::more;

impl Hub {
    /// Logs that the store has no room for content.
    pub(super) fn note_full(&self, setting: &'static str) {
        if let Some(suppressed) = self.notices.pass(setting) {
            tracing::warn!(
                setting,
                suppressed = more(suppressed),
                "content not stored: the bound of this setting is reached; deliveries that wait hold the content"
            );
        }
    }

    /// Logs that a request to a host was refused because of its address, and the setting that would allow it.
    pub(super) fn note_refused(&self, host: &str, address: IpAddr, setting: &'static str) {
        if let Some(suppressed) = self.notices.pass((setting, host)) {
            tracing::warn!(
                host,
                %address,
                setting,
                suppressed = more(suppressed),
                "request refused: the address is not public; the field has the setting that allows it"
            );
        }
    }
}
