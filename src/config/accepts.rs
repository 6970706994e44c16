//! The accepted values of a key as text for the documentation. It must not know values.

use std::time::Duration;

use super::keys::Key;
use super::kinds::{Element, Kind};
use super::units::{format_duration, format_size};

impl Key {
    /// Returns the accepted words or bounds, such as `"text", "json"` or `1ms to 10m`, or else the kind of the value.
    #[must_use]
    pub fn accepts(&self) -> String {
        kind(self.kind)
    }
}

fn kind(kind: Kind) -> String {
    let size = |bytes: u64| format_size(usize::try_from(bytes).unwrap_or(usize::MAX));
    match kind {
        Kind::Address => "host:port".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Duration(least, most) => {
            let duration = |milliseconds| format_duration(Duration::from_millis(milliseconds));
            format!("{} to {}", duration(least), duration(most))
        }
        Kind::DurationOrNever(least, most) => {
            format!("{}, or \"never\"", self::kind(Kind::Duration(least, most)))
        }
        Kind::Count(least, most) => format!("{least} to {most}"),
        Kind::Size(least, most) => format!("{} to {}", size(least), size(most)),
        Kind::Memory(least, most) => format!("percent, or {} to {}", size(least), size(most)),
        Kind::Word(words) => quoted(words),
        Kind::Words(words) => format!("one or an array of {}", quoted(words)),
        Kind::Pattern => "channel or pattern".to_owned(),
        Kind::Origin => "origin".to_owned(),
        Kind::Network => "address or network".to_owned(),
        Kind::Host => "host".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Secret | Kind::Bearer | Kind::Pem => "secret".to_owned(),
        Kind::File => "file".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Topic => "URL of a topic".to_owned(),
        Kind::UrlOrNone => "URL, or \"none\"".to_owned(),
        Kind::FeedChannel => "channel with {name}".to_owned(),
        Kind::Colour => "#rrggbb".to_owned(),
        Kind::UrlPrefix => "URL prefix".to_owned(),
        Kind::PublicUrl => "scheme and host".to_owned(),
        Kind::Name => "name".to_owned(),
        Kind::Branch => "branch".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Rate => "rate".to_owned(),
        Kind::History => "table of messages and age".to_owned(),
        Kind::List(Element::Word(words)) => format!("array of {}", quoted(words)),
        Kind::List(element) => format!("array: {}", self::kind(element.kind())),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
