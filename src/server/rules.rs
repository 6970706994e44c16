//! The `[[channel]]` rules, compiled once: what holds for a channel.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::{ChannelRule, Overflow};

/// Rules in their order; the first that matches wins.
pub(super) struct Rules {
    globs: GlobSet,
    overflow: Vec<Overflow>,
    otherwise: Overflow,
}

impl Rules {
    /// Compiles the rules.
    pub(super) fn new(rules: &[ChannelRule], otherwise: Overflow) -> Result<Self, String> {
        let mut globs = GlobSetBuilder::new();
        for rule in rules {
            let glob = GlobBuilder::new(&rule.pattern).literal_separator(true).build();
            globs.add(glob.map_err(|error| format!("channel rule {:?}: {error}", rule.pattern))?);
        }
        let globs = globs.build().map_err(|error| format!("channel rules: {error}"))?;
        let overflow = rules.iter().map(|rule| rule.overflow.unwrap_or(otherwise)).collect();
        Ok(Self { globs, overflow, otherwise })
    }

    /// What happens when a mailbox has no room for a publication to this channel.
    pub(super) fn overflow(&self, channel: &str) -> Overflow {
        if self.overflow.is_empty() {
            return self.otherwise;
        }
        let first = self.globs.matches(channel).into_iter().min();
        first.and_then(|first| self.overflow.get(first)).copied().unwrap_or(self.otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rule = |pattern: &str, overflow| ChannelRule { pattern: pattern.into(), overflow };
        let rules = [
            rule("/ticker/news", None),
            rule("/ticker/*", Some(Overflow::DropOldest)),
            rule("/ticker/**", Some(Overflow::DropNewest)),
        ];
        let rules = Rules::new(&rules, Overflow::Disconnect).unwrap();
        assert_eq!(rules.overflow("/ticker/news"), Overflow::Disconnect);
        assert_eq!(rules.overflow("/ticker/eur"), Overflow::DropOldest);
        assert_eq!(rules.overflow("/ticker/eur/usd"), Overflow::DropNewest);
        assert_eq!(rules.overflow("/ticker"), Overflow::Disconnect);
        assert_eq!(rules.overflow("/other"), Overflow::Disconnect);
    }
}
