//! The message parser and the grammar of channels under any input.

use faye_server::bayeux::channel::{self, Grammar};
use proptest::prelude::*;

/// JSON text with the keys that the protocol knows, repeated and escaped ones too.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("0".to_owned()),
        Just("-1.5e3".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"/a\\u002fb\\\"\"".to_owned()),
        Just("\"\\ud83d\"".to_owned()),
        Just("1e999".to_owned()),
        "[ a-z/\u{e9}\u{2028}]{0,6}".prop_map(|text| format!("\"{text}\"")),
    ];
    let key = prop::sample::select(vec![
        "channel",
        "ch\\u0061nnel",
        "clientId",
        "id",
        "data",
        "ext",
        "error",
        "advice",
        "successful",
        "subscription",
        "connectionType",
        "version",
        "supportedConnectionTypes",
        "__proto__",
        "x",
        "x\\\"y",
        "\\uD83D",
        "\\ud83dx\\u0061\\ud83d\\ude00",
        "",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|all| format!("[{}]", all.join(" ,"))),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(key, value)| format!("\"{key}\" :\t{value}")).collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    })
}

/// The grammar of the specification as a loop over letters.
fn is_name(text: &str) -> bool {
    let mut letters_of_segment = 0;
    let mut begun = false;
    for letter in text.chars() {
        match letter {
            '/' if begun && letters_of_segment == 0 => return false,
            '/' => (begun, letters_of_segment) = (true, 0),
            _ if !begun => return false,
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '!' | '~' | '(' | ')' | '$' | '@' => {
                letters_of_segment += 1;
            }
            _ => return false,
        }
    }
    begun && letters_of_segment > 0
}

fn is_pattern(text: &str) -> bool {
    let parent = text.strip_suffix("/**").or_else(|| text.strip_suffix("/*"));
    parent.is_some_and(|parent| parent.is_empty() || is_name(parent))
}

/// The text with letters in the place of the dots of the wider grammar.
fn without_dots(text: &str) -> String {
    let replace = |segment: &str| {
        if ["", ".", ".."].contains(&segment) { segment.to_owned() } else { segment.replace('.', "a") }
    };
    text.split('/').map(replace).collect::<Vec<_>>().join("/")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn json_says_the_same_after_the_parser(text in json()) {
        crate::parser_check::check(text.as_bytes());
    }

    #[test]
    fn broken_json_is_no_harm(text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        crate::parser_check::check(&bytes);
        bytes.truncate(at);
        crate::parser_check::check(&bytes);
    }

    #[test]
    fn any_bytes_are_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::parser_check::check(&bytes);
    }

    #[test]
    fn channels_follow_the_grammar(text in "(/([.*]{1,2}|[/a*.~(\u{e9}\n]{0,3})){0,3}[/a*.~(\u{e9}\n]{0,2}") {
        for (grammar, plain) in [(Grammar::Faye, text.clone()), (Grammar::Dotted, without_dots(&text))] {
            prop_assert_eq!(grammar.is_name(&text), is_name(&plain));
            prop_assert_eq!(grammar.is_pattern(&text), is_pattern(&plain));
            prop_assert!(!(grammar.is_name(&text) && grammar.is_pattern(&text)));
        }
    }

    #[test]
    fn any_text_may_be_asked_for_its_channel(text in any::<String>()) {
        prop_assert_eq!(Grammar::Faye.is_valid(&text), is_name(&text) || is_pattern(&text));
        let plain = without_dots(&text);
        prop_assert_eq!(channel::is_valid(&text), is_name(&plain) || is_pattern(&plain));
        let _ = channel::Verb::of(&text);
    }
}
