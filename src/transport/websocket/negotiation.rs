//! Negotiates permessage-deflate by the header `Sec-WebSocket-Extensions` (RFC 7692, section 7.1).

use std::borrow::Cow;

/// The response to an offer without `server_max_window_bits`.
///
/// Neither side keeps its window between messages, so that an idle connection keeps no compressor state. The server may require
/// this of a client that did not offer it (section 7.1.1.2).
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The response to an offer with `server_max_window_bits`, which accepts the window by repeating it (section 7.1.2.1).
const ANSWER_WITH_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

/// All parameters (section 7.1).
const PARAMETERS: [&str; 4] = [
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
];

/// Chooses the first acceptable offer of a client and returns the value of `Sec-WebSocket-Extensions` for the response; `None` for
/// no compression and no such header. `headers` are the values of all headers of that name in the request, in order. The time
/// is linear in their length.
///
/// An offer is declined if a parameter is unknown, repeated or has an invalid value, and if it requires a server window below 32
/// KiB (`server_max_window_bits` below 15), because a frame is compressed once for all receivers. `client_max_window_bits` is a
/// permission that need not be used (section 7.1.2.2): the server can inflate every window of a client.
///
/// A header that violates the grammar of RFC 6455, section 9.1, disables compression. The RFC requires the connection to fail;
/// it works without compression too, so no client is rejected for an optional feature.
#[must_use]
pub fn agree<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let mut answer = None;
    for header in headers {
        let mut text = Text(header);
        loop {
            // Elements of a list may be empty (RFC 2616, section 2.1).
            while text.take(',') {}
            if text.0.is_empty() {
                break;
            }
            let offer = offer(&mut text)?;
            answer = answer.or(offer);
            if !text.0.is_empty() && !text.take(',') {
                return None;
            }
        }
    }
    answer
}

/// Parses one element of the list. `None` if it is malformed; otherwise the response to it, if it is acceptable.
fn offer(text: &mut Text<'_>) -> Option<Option<&'static str>> {
    let mut is_met = text.token()? == "permessage-deflate";
    let mut answer = ANSWER;
    let mut seen = [false; PARAMETERS.len()];
    while text.take(';') {
        let name = text.token()?;
        let value = if text.take('=') { Some(text.value()?) } else { None };
        is_met &= match (name, value.as_deref()) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => true,
            ("client_max_window_bits", Some(bits)) => is_window(bits),
            ("server_max_window_bits", Some("15")) => {
                answer = ANSWER_WITH_WINDOW;
                true
            }
            _ => false,
        };
        if let Some(place) = PARAMETERS.iter().position(|parameter| *parameter == name) {
            is_met &= !std::mem::replace(&mut seen[place], true);
        }
    }
    Some(is_met.then_some(answer))
}

/// Whether the text is the logarithm of a window: 8 to 15, without leading zeros (section 7.1.2).
fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// The rest of a header. Space is allowed between any two parts.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Takes one character and the space around it. Returns false if the rest begins with another character.
    fn take(&mut self, expected: char) -> bool {
        self.skip_space();
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        self.skip_space();
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        self.skip_space();
        (!token.is_empty()).then_some(token)
    }

    /// Takes a token, bare or in quotes.
    fn value(&mut self) -> Option<Cow<'a, str>> {
        let Some(mut rest) = self.0.strip_prefix('"') else { return self.token().map(Cow::Borrowed) };
        let mut value = String::new();
        loop {
            let mut characters = rest.chars();
            match characters.next()? {
                '"' => break self.0 = characters.as_str(),
                '\\' => value.push(characters.next()?),
                character => value.push(character),
            }
            rest = characters.as_str();
        }
        self.skip_space();
        (!value.is_empty() && value.bytes().all(is_token)).then_some(Cow::Owned(value))
    }
}

/// Whether a byte may be part of a token: visible ASCII without separators (RFC 2616, section 2.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{ANSWER, ANSWER_WITH_WINDOW, agree};

    #[test]
    fn what_clients_offer_is_met() {
        for (client, offer) in [
            ("Chrome, ws, faye-websocket", "permessage-deflate; client_max_window_bits"),
            ("Firefox", "permessage-deflate"),
            ("Safari", "permessage-deflate"),
            ("Safari before 15", "x-webkit-deflate-frame, permessage-deflate"),
            ("Java", "permessage-deflate;client_max_window_bits=15"),
            ("Gorilla", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ("Autobahn", "permessage-deflate; client_no_context_takeover; client_max_window_bits"),
            ("Autobahn 13.2", "permessage-deflate; server_no_context_takeover; client_max_window_bits"),
        ] {
            assert_eq!(agree([offer]), Some(ANSWER), "{client}");
        }
        for offer in [
            "permessage-deflate; client_max_window_bits; server_max_window_bits=15",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=15; client_max_window_bits=9",
        ] {
            assert_eq!(agree([offer]), Some(ANSWER_WITH_WINDOW), "{offer}");
        }
    }

    #[test]
    fn an_offer_that_cannot_be_met_is_declined() {
        for offer in [
            "permessage-deflate; server_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=015",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=x",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover=true",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; unknown",
            "permessage-deflate; unknown=1",
            "permessage-deflate-2",
            "permessage-bzip2",
            "x-webkit-deflate-frame",
        ] {
            assert_eq!(agree([offer]), None, "{offer}");
            // The next one may do.
            let fallback = format!("{offer}, permessage-deflate");
            assert_eq!(agree([fallback.as_str()]), Some(ANSWER), "{fallback}");
            assert_eq!(agree([offer, "permessage-deflate"]), Some(ANSWER), "{offer} and a second header");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_met_is_answered() {
        let (plain, window) = ("permessage-deflate", "permessage-deflate; server_max_window_bits=15");
        assert_eq!(agree([plain, window]), Some(ANSWER));
        assert_eq!(agree([window, plain]), Some(ANSWER_WITH_WINDOW));
        let autobahn = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, \
                        permessage-deflate; server_no_context_takeover, permessage-deflate";
        assert_eq!(agree([autobahn]), Some(ANSWER));
    }

    #[test]
    fn the_grammar_leaves_room_for_space_quotes_and_empty_elements() {
        for (offer, answer) in [
            ("  permessage-deflate\t;client_max_window_bits =\t10 ", ANSWER),
            ("permessage-deflate; client_max_window_bits=\"10\"", ANSWER),
            (
                "permessage-deflate; server_max_window_bits=\"1\\5\" ; client_no_context_takeover",
                ANSWER_WITH_WINDOW,
            ),
            (",, permessage-deflate , ,", ANSWER),
            ("foo; bar=\"baz\"; x=y, permessage-deflate", ANSWER),
        ] {
            assert_eq!(agree([offer]), Some(answer), "{offer}");
        }
        assert_eq!(agree([]), None);
        assert_eq!(agree(["", " ", ", ,"]), None);
    }

    #[test]
    fn nothing_is_agreed_on_where_the_grammar_is_broken() {
        for broken in [
            "permessage-deflate;",
            "permessage-deflate; ;client_no_context_takeover",
            "permessage-deflate client_no_context_takeover",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; client_max_window_bits=\"10\\",
            "permessage-deflate; client_max_window_bits=\"\"",
            "permessage-deflate; client_max_window_bits=\"1 0\"",
            "permessage-deflate; client_max_window_bits=\"10\"5",
            "permessage-deflate; client_max_window_bits=10=10",
            "permessage-deflate; =10",
            "permessage-deflate, ;",
            "permessage-deflate, foo bar",
            "permessage-deflate, \u{e9}",
            "(permessage-deflate)",
            "=, permessage-deflate",
        ] {
            assert_eq!(agree([broken]), None, "{broken}");
            assert_eq!(agree(["permessage-deflate", broken]), None, "a good one and {broken}");
        }
    }

    #[test]
    fn every_offer_is_read_to_its_end() {
        let long = "permessage-deflate; a=\"\\b\", ".repeat(1000);
        assert_eq!(agree([long.as_str()]), None);
        assert_eq!(agree([long.as_str(), "permessage-deflate"]), Some(ANSWER));
    }
}
