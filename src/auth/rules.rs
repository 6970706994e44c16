//! The compiled `[[channel]]` rules: the rule of a channel, and the rules that overlap a pattern.

use std::fmt::Write as _;

use crate::bayeux::{Compiled, Pattern, channel};
use crate::config::{Access, Ack, ChannelRule, History, Limits, Overflow, ReplayId, ReplayLost};

/// Rules in configuration order; the first match wins.
pub(super) struct Rules {
    rules: Vec<Rule>,
    otherwise: Rule,
    /// Whether publications of some channel have their position in their data.
    has_replay_ids: bool,
}

/// The settings of a set of channels.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The index in the settings, from zero; `None` for the default of channels without a rule.
    pub place: Option<usize>,
    pattern: Compiled,
    /// The access required to publish.
    pub publish: Access,
    /// The access required to subscribe.
    pub subscribe: Access,
    /// The action when a mailbox is full.
    pub overflow: Overflow,
    /// The bounds of the history; `None` without a history.
    pub history: Option<History>,
    /// How many of the newest publications of a history each new subscription receives.
    pub replay: usize,
    /// What happens to a subscription that asks for publications that are not kept any more.
    pub replay_lost: ReplayLost,
    /// Where the publications of a history have their position.
    pub replay_id: ReplayId,
    /// When a publication is accepted by a broker on Redis.
    pub ack: Ack,
    /// The feed name of a syndicated channel.
    pub syndicate: Option<Box<str>>,
}

impl Rule {
    /// The name of the default rule.
    pub(super) const NONE: &str = "none";

    /// Returns number and pattern for log lines, such as `channel[2] /prices/**`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.place {
            Some(place) => format!("channel[{}] {}", place + 1, self.pattern.pattern()),
            None => Self::NONE.to_owned(),
        }
    }
}

impl Rules {
    /// Compiles the rules.
    ///
    /// # Errors
    /// A rule with an invalid pattern; settings that passed `faye check` have none.
    pub(super) fn new(rules: &[ChannelRule], overflow: Overflow, ack: Ack) -> Result<Self, String> {
        let compile = |(place, rule): (usize, &ChannelRule)| {
            let pattern = Compiled::parse(&rule.pattern);
            Ok(Rule {
                place: Some(place),
                pattern: pattern.ok_or_else(|| {
                    format!("channel[{}].match: {:?} is not a pattern", place + 1, rule.pattern)
                })?,
                publish: rule.publish,
                subscribe: rule.subscribe,
                overflow: rule.overflow.unwrap_or(overflow),
                history: rule.history,
                replay: rule.replay,
                replay_lost: rule.replay_lost,
                replay_id: rule.replay_id,
                // A history is one for all instances, so only Redis can accept a publication for it.
                ack: if rule.history.is_some() { Ack::Cluster } else { rule.ack.unwrap_or(ack) },
                syndicate: rule.syndicate.as_deref().map(Box::from),
            })
        };
        let otherwise = Rule {
            place: None,
            pattern: Compiled::parse("/**").ok_or("there is no pattern of everything")?,
            publish: Access::ANYONE,
            subscribe: Access::ANYONE,
            overflow,
            history: None,
            replay: 0,
            replay_lost: ReplayLost::Tell,
            replay_id: ReplayId::Ext,
            ack,
            syndicate: None,
        };
        let rules = rules.iter().enumerate().map(compile).collect::<Result<Vec<Rule>, String>>()?;
        let has_replay_ids = rules.iter().any(|rule| rule.replay_id == ReplayId::Event);
        Ok(Self { rules, otherwise, has_replay_ids })
    }

    /// Returns the rule of a channel.
    #[must_use]
    pub(super) fn of(&self, channel: &str) -> &Rule {
        let channel = Pattern::of_name(channel);
        let found = self.rules.iter().find(|rule| rule.pattern.pattern().covers(channel));
        found.unwrap_or(&self.otherwise)
    }

    /// Whether publications of a channel have their position in their data.
    pub(super) fn has_replay_id(&self, channel: &str) -> bool {
        self.has_replay_ids && self.of(channel).replay_id == ReplayId::Event
    }

    /// Returns a hash of what decides which publications a history has: the patterns of all rules and the bounds of the
    /// histories. It is the same for all instances with the same rules, on all machines.
    pub(super) fn history_hash(&self) -> u64 {
        let mut text = String::new();
        for rule in &self.rules {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} {:?}", rule.pattern.pattern(), rule.history);
        }
        // FNV-1a: short and fixed.
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Returns every rule that applies to a channel of a pattern, with the channels common to rule and pattern. A
    /// rule does not apply if an earlier rule covers all of its common channels.
    pub(super) fn overlapping<'a>(
        &'a self,
        wanted: Pattern<'a>,
    ) -> impl Iterator<Item = (&'a Rule, Pattern<'a>)> {
        let rules = self.rules.iter().chain([&self.otherwise]).enumerate();
        rules.filter_map(move |(place, rule)| {
            let common = rule.pattern.pattern().common(wanted)?;
            let mut before = self.rules[..place].iter().map(|earlier| earlier.pattern.pattern());
            before.all(|earlier| !earlier.covers(common)).then_some((rule, common))
        })
    }
}

/// Returns warnings about rules that apply to no channel: an earlier rule covers their channels, the protocol
/// reserves the channels, or the channels exceed the limits.
#[must_use]
pub fn never_matching(rules: &[ChannelRule], limits: &Limits) -> Vec<String> {
    let mut found = Vec::new();
    let mut before: Vec<(usize, &str, Compiled)> = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let text = rule.pattern.as_str();
        let Some(pattern) = Compiled::parse(text) else { continue };
        let mut say =
            |why: String| found.push(format!("channel[{}].match: {text} never applies: {why}", place + 1));
        if channel::is_meta(text) {
            say("channels below /meta are reserved; remove the rule".to_owned());
        } else if channel::depth(text) > limits.segments || shortest(text) > limits.channel {
            say("its channels are longer than limits.segments or limits.channel; raise the limit".to_owned());
        } else if let Some((first, covering, _)) =
            before.iter().find(|(.., earlier)| earlier.pattern().covers(pattern.pattern()))
        {
            say(format!(
                "channel[{}] ({covering}) above it matches all of its channels; move it up, or remove it",
                first + 1
            ));
        }
        before.push((place, text, pattern));
    }
    found
}

/// Returns the length in bytes of the shortest channel that a pattern matches.
fn shortest(pattern: &str) -> usize {
    if pattern.ends_with("/**") { pattern.len() - 1 } else { pattern.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Access = Access { anyone: false, secret: false, token: false, hook: false };

    fn settings(patterns: &[&str]) -> Vec<ChannelRule> {
        let rule = |pattern: &&str| ChannelRule {
            pattern: (*pattern).into(),
            publish: Access::ANYONE,
            subscribe: NOBODY,
            rate: None,
            overflow: None,
            history: None,
            replay: 0,
            replay_lost: ReplayLost::Tell,
            replay_id: ReplayId::Ext,
            ack: None,
            syndicate: None,
        };
        patterns.iter().map(rule).collect()
    }

    fn rules(patterns: &[&str]) -> Rules {
        Rules::new(&settings(patterns), Overflow::Disconnect, Ack::Cluster).unwrap()
    }

    fn overlapping(patterns: &[&str], wanted: &str) -> Vec<Option<usize>> {
        let rules = rules(patterns);
        rules.overlapping(Pattern::parse(wanted).unwrap()).map(|(rule, _)| rule.place).collect()
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = rules(&["/ticker/news", "/ticker/*", "/ticker/**"]);
        assert_eq!(rules.of("/ticker/news").place, Some(0));
        assert_eq!(rules.of("/ticker/eur").place, Some(1));
        assert_eq!(rules.of("/ticker/eur/usd").place, Some(2));
        assert_eq!(rules.of("/ticker").place, None);
    }

    #[test]
    fn rules_that_never_match_are_those_that_overlap_nothing() {
        let limits = Limits { segments: 4, channel: 32, ..Limits::default() };
        let found = |patterns: &[&str]| never_matching(&settings(patterns), &limits);
        let said = found(&["/a/**", "/b", "/a/b/*"]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("channel[3].match: /a/b/* never applies")
                && said[0].contains("channel[1] (/a/**)"),
            "{said:?}"
        );
        for never in [&["/a", "/a"][..], &["/**", "/a"], &["/meta/x"], &["/meta/**"], &["/1/2/3/4/*"]] {
            assert_eq!(found(never).len(), 1, "{never:?}");
        }
        for good in
            [&["/a/b", "/a/**"][..], &["/a/*", "/a/**"], &["/a/*", "/a/b/*"], &["/service/x"], &["/1/2/3/*"]]
        {
            assert_eq!(found(good), Vec::<String>::new(), "{good:?}");
        }
        assert_eq!(found(&[&format!("/{}", "x".repeat(31))]).len(), 0);
        assert_eq!(found(&[&format!("/{}", "x".repeat(32))]).len(), 1);
    }

    #[test]
    fn a_wildcard_is_judged_by_everything_that_it_covers() {
        assert_eq!(overlapping(&["/projects/**"], "/**"), [Some(0), None]);
        assert_eq!(overlapping(&["/projects/7/*"], "/projects/**"), [Some(0), None]);
        assert_eq!(overlapping(&["/projects/7"], "/projects/*"), [Some(0), None]);
        assert_eq!(overlapping(&["/projects/7/secret"], "/projects/*"), [None]);
        // Channels covered by an earlier rule do not belong to a later one.
        assert_eq!(overlapping(&["/a/**", "/a/b", "/a/*"], "/**"), [Some(0), None]);
        assert_eq!(overlapping(&["/a/*", "/a/**"], "/a/**"), [Some(0), Some(1)]);
        assert_eq!(overlapping(&["/a/*", "/a/**"], "/a/*"), [Some(0)]);
        assert_eq!(overlapping(&["/a/b", "/**"], "/a/b"), [Some(0)]);
        assert_eq!(overlapping(&["/**"], "/*"), [Some(0)]);
    }

    /// Compares each list of up to three of these rules, for each pattern, with the definition: a rule applies to a
    /// pattern if it is the first match of some channel of the pattern.
    #[test]
    fn rules_against_patterns_by_an_exhaustive_oracle() {
        let segments = ["a", "b", "new"];
        let mut names: Vec<String> = segments.iter().map(|one| format!("/{one}")).collect();
        let mut longest = names.clone();
        for _ in 0..3 {
            longest = longest
                .iter()
                .flat_map(|name| segments.iter().map(move |one| format!("{name}/{one}")))
                .collect();
            names.extend(longest.iter().cloned());
        }
        let choices =
            ["/a", "/a/b", "/b", "/*", "/a/*", "/a/b/*", "/**", "/a/**", "/a/b/**", "/b/**", "/b/a/*"];
        let mut checked = 0;
        let mut check = |patterns: &[&str]| {
            let rules = rules(patterns);
            for wanted in choices {
                let wanted = Pattern::parse(wanted).unwrap();
                let mut expected: Vec<Option<usize>> = names
                    .iter()
                    .filter(|name| wanted.covers(Pattern::of_name(name)))
                    .map(|name| rules.of(name).place)
                    .collect();
                // In rule order; the default is last.
                expected.sort_by_key(|place| place.unwrap_or(usize::MAX));
                expected.dedup();
                let found: Vec<_> = rules.overlapping(wanted).map(|(rule, _)| rule.place).collect();
                assert_eq!(found, expected, "{patterns:?} {wanted:?}");
                checked += 1;
            }
        };
        check(&[]);
        for first in choices {
            check(&[first]);
            for second in choices {
                check(&[first, second]);
                for third in choices {
                    check(&[first, second, third]);
                }
            }
        }
        assert_eq!(checked, 11 * (1 + 11 + 121 + 1331));
    }
}
