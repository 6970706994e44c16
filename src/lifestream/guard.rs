//! The content security policies of the pages.
//!
//! It must not know the content of a page.

use crate::config::{Images, PageOrigin};

/// A second policy of all pages, in addition to the first: scripts do not create markup from strings.
pub(super) const TRUSTED_TYPES: &str = "require-trusted-types-for 'script'";

/// Returns the policy of a page that no page may embed.
pub(super) fn page(images: Images) -> String {
    policy(images, "'none'")
}

/// Returns the policy of the page for other sites, which pages of these origins may embed.
pub(super) fn embed(images: Images, origins: &[PageOrigin]) -> String {
    let sources: Vec<String> = origins.iter().filter_map(source).collect();
    let sources = if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") };
    policy(images, &sources)
}

/// Entries are untrusted: the browser runs files of the server only. `'self'` includes WebSockets to the same address.
fn policy(images: Images, ancestors: &str) -> String {
    let images = match images {
        Images::Show => "https: http: data:",
        Images::Link => "'self'",
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src {images}; \
         media-src https: http:; form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}"
    )
}

/// Returns an origin as a source expression. Pages without a host have none.
fn source(origin: &PageOrigin) -> Option<String> {
    match origin {
        PageOrigin::Any => Some("*".to_owned()),
        PageOrigin::One(origin) => origin.starts_with("http").then(|| origin.clone()),
        PageOrigin::Below(scheme, domain) => Some(format!("{scheme}*{domain}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_may_embed() {
        let origin = |text: &str| PageOrigin::try_from(text.to_owned()).unwrap();
        assert!(embed(Images::Show, &[]).ends_with("frame-ancestors 'none'"));
        let listed = [origin("https://a.example"), origin("https://*.b.example:8443"), origin("null")];
        let policy = embed(Images::Link, &listed);
        assert!(policy.contains("frame-ancestors https://a.example https://*.b.example:8443"), "{policy}");
        assert!(policy.contains("img-src 'self';"), "{policy}");
    }
}
