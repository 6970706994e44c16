//! Begins the replays of a subscribe, and tells the client what it gets. This module must not know how pages are read.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::Server;
use super::cluster::DirectoryWrite;
use super::pager::history_age;
use super::replay_plan::{From, ReplayPlan, from_json, invalid, replay_of, seen_of};
use super::request::Request;
use crate::bayeux::cursor::{Cursor, Mark, tag};
use crate::bayeux::{BayeuxError, Field, Message, Partition, Positions, StreamPosition, json, reply};
use crate::broker::{Page, PageRequest, PageStart, PartitionState};
use crate::config::ReplayLost;
use crate::router::{Begin, Options, Session};

/// How many partitions of a pattern are read at once. Up to 30, `join_all` never pauses between reads that do not wait.
const AT_ONCE: usize = 16;

/// What the reply tells of a subscription.
struct Answer {
    is_recovered: bool,
    cursor: String,
    position: Option<u64>,
}

impl Server {
    /// Returns the replay of a pattern of a subscribe. `is_new` says that the session has no subscription to it.
    ///
    /// # Errors
    /// The position is invalid.
    pub(super) fn plan_replay(
        &self,
        request: &Request<'_>,
        pattern: &str,
        is_new: bool,
    ) -> Result<ReplayPlan, BayeuxError> {
        let rules = || request.policy.rules_of(pattern);
        let has_history = rules().any(|rule| rule.history.is_some());
        let mut options = Options::default();
        let from = match replay_of(&request.message) {
            Some(wanted) if wanted.first() == Some(&b'{') => {
                options.seen = seen_of(wanted, pattern)?.into();
                json::member(wanted, pattern).map(from_json).transpose()?
            }
            Some(wanted) => Some(from_json(wanted)?),
            None => None,
        };
        let by_rule = || is_new && rules().any(|rule| rule.history.is_some() && rule.replay > 0);
        let from = from.unwrap_or_else(|| if by_rule() { From::Rule } else { From::New });
        options.is_by_rule = from == From::Rule;
        Ok(ReplayPlan { pattern: pattern.to_owned(), from, options, has_history, announced: None })
    }

    /// Begins the replays of a subscribe whose subscriptions are in effect, and adds to the reply what the client is told.
    pub(super) async fn begin_replays(&self, message: &Message, plans: Vec<ReplayPlan>, out: &mut Vec<u8>) {
        let id = message.text(Field::ClientId).and_then(|id| crate::bayeux::ClientId::parse(id.as_bytes()));
        let Some(session) = id.and_then(|id| self.sessions.find(&id)) else { return };
        let is_told = replay_of(message).is_some() || session.has_cursors();
        let mut told = b"{".to_vec();
        for plan in plans {
            let refuses = self.refuses_lost(&plan.pattern);
            let from = plan.from.clone();
            let pattern = plan.pattern.clone();
            let answer = self.begin_replay(&session, plan, refuses).await;
            if !answer.is_recovered && refuses {
                self.refuse_replay(&session, message, &pattern, &from, out);
                // The record has the subscription already.
                self.write_directory(&DirectoryWrite::Subscriptions(Box::new(message.clone()))).await;
                return;
            }
            if told.len() > 1 {
                told.push(b',');
            }
            json::write_string(&mut told, &pattern);
            answer.write(&mut told);
        }
        told.push(b'}');
        self.write_replays(&session).await;
        if is_told {
            let object = std::mem::take(out);
            reply::with_ext(out, &object, "replay", &told);
        }
    }

    /// Begins replays on a server without other instances, whose broker does not wait.
    pub(super) fn begin_replays_now(&self, message: &Message, plans: Vec<ReplayPlan>, out: &mut Vec<u8>) {
        let begun = self.begin_replays(message, plans, out).now_or_never();
        debug_assert!(begun.is_some(), "a broker in memory replies at once");
    }

    fn refuses_lost(&self, pattern: &str) -> bool {
        self.policy.load().rules_of(pattern).any(|rule| rule.replay_lost == ReplayLost::Refuse)
    }

    /// Ends the subscription of a client whose position is lost, and replaces the reply.
    fn refuse_replay(
        &self,
        session: &Arc<Session>,
        message: &Message,
        pattern: &str,
        from: &From,
        out: &mut Vec<u8>,
    ) {
        self.trie.unsubscribe(session, pattern);
        let position = match from {
            From::After(offset) => offset.to_string(),
            _ => "cursor".to_owned(),
        };
        out.clear();
        let outcome = invalid(&position).into();
        reply::subscription(out, message, &outcome);
        self.metrics.error_replies.inc();
    }

    /// Begins one replay. With `refuses` a replay that cannot be complete does not begin.
    async fn begin_replay(&self, session: &Arc<Session>, plan: ReplayPlan, refuses: bool) -> Answer {
        let ReplayPlan { pattern, from, options, has_history, announced: _announced } = plan;
        let is_replayed = has_history && from != From::New;
        let is_name = !pattern.ends_with('*');
        let mut is_recovered = true;
        let (mut begins, mut cursor) = (Vec::new(), Cursor::default());
        let begin = async |partition| {
            let seam = self.broker.state(partition);
            let begin = if is_replayed {
                self.begin_at(partition, seam, &pattern, &from, &options).await
            } else {
                None
            };
            (partition, seam, begin)
        };
        let partitions: Vec<Partition> = Partition::of_pattern(&pattern).collect();
        for some in partitions.chunks(AT_ONCE) {
            for (partition, seam, begin) in join_all(some.iter().copied().map(&begin)).await {
                let after = begin.as_ref().map_or(seam.offset, |(_, position, _)| *position);
                let position = StreamPosition { partition, offset: after };
                cursor.insert(Mark { position, tag: tag(seam.epoch) });
                if let Some((begin, _, is_complete)) = begin {
                    is_recovered &= is_complete;
                    begins.push(begin);
                }
            }
        }
        // The offsets of the channels of a pattern are of different partitions.
        is_recovered &= is_name || !matches!(from, From::After(_));
        let position = cursor.mark(Partition::of(&pattern)).map(|mark| mark.position.offset);
        let position = position.filter(|_| is_name && has_history);
        // The caller ends a refused subscription.
        let is_refused = refuses && !is_recovered;
        if is_replayed && !is_refused && !session.begin_replay(&pattern, &begins, options) {
            // The session moves: what it has missed is not replayed.
            is_recovered = false;
        }
        Answer { is_recovered, cursor: cursor.encode(), position }
    }

    /// Returns where the replay begins in a partition, the position of the client from now on, and whether nothing is missing since
    /// the one that it had.
    async fn begin_at(
        &self,
        partition: Partition,
        seam: PartitionState,
        pattern: &str,
        from: &From,
        options: &Options,
    ) -> Option<(Begin, u64, bool)> {
        let begin =
            |after, is_told| Begin { partition, after, seam: seam.offset, epoch: seam.epoch, is_told };
        let (after, tagged) = match from {
            From::New => return None,
            From::All | From::Rule => (0, None),
            From::After(offset) => (*offset, None),
            From::Cursor(cursor) => match cursor.mark(partition) {
                Some(mark) => (mark.position.offset, Some(mark.tag)),
                None => (0, None),
            },
        };
        let policy = self.policy.load_full();
        let is_name = !pattern.ends_with('*');
        let request = PageRequest {
            partition,
            pattern,
            start: &PageStart::after(after),
            until: seam.offset,
            age: &|channel| history_age(&policy, channel),
            newest: None,
            seen: &options.seen,
            is_first: true,
            messages: 1,
            bytes: 1,
        };
        let Ok(page) = self.broker.page(request).await else {
            // The store is away. The pager tells of a gap if there is one.
            return Some((begin(after, false), after, true));
        };
        let is_same = page.state.epoch == seam.epoch && page.state.offset >= seam.offset;
        if matches!(from, From::All | From::Rule) {
            let begin = begin(0, true);
            let begin = if is_name && is_same { begin.at_kept(&page) } else { begin };
            return Some((begin, page.complete_from, true));
        }
        let is_known = tagged.is_none_or(|tagged| tagged == tag(page.state.epoch));
        let is_recovered = page.is_complete && is_same && is_known && after <= seam.offset;
        if is_recovered {
            return Some((begin(after, false), after, true));
        }
        let mut begin = begin(0, true);
        let start = PageStart::after(0);
        if is_name
            && is_same
            && let Ok(kept) = self.broker.page(PageRequest { start: &start, ..request }).await
        {
            begin = begin.at_kept(&kept);
        }
        Some((begin, page.complete_from, false))
    }

    /// Adds a cursor to a connect reply, if the session is due one. Everything before it leaves with or before the reply.
    pub(super) fn add_cursor(&self, session: &Session, out: &mut Vec<u8>) {
        if !session.is_cursor_due() {
            return;
        }
        let patterns = session.patterns();
        let mut states = Vec::new();
        let mut positions = Positions::default();
        for partition in patterns.iter().flat_map(|pattern| Partition::of_pattern(pattern)) {
            if positions.offset(partition).is_none() {
                let state = self.broker.state(partition);
                positions.insert(StreamPosition { partition, offset: state.offset });
                states.push(state);
            }
        }
        if states.is_empty() || states.iter().any(|state| state.offset == 0) {
            return;
        }
        session.cursor_positions(&mut positions);
        let mut cursor = Cursor::default();
        for (position, state) in positions.iter().zip(states) {
            cursor.insert(Mark { position, tag: tag(state.epoch) });
        }
        let object = std::mem::take(out);
        let value = format!("{{\"cursor\":\"{}\"}}", cursor.encode());
        reply::with_ext(out, &object, "replay", value.as_bytes());
    }
}

impl Begin {
    /// Begins with what is kept of a single channel, as a page from its beginning has shown. What is removed before it is read is
    /// told then.
    fn at_kept(self, page: &Page) -> Self {
        let first = page.publications.first().and_then(|publication| publication.position());
        self.of_kept(first.map(|position| position.offset), page.complete_from)
    }
}

impl Answer {
    fn write(&self, out: &mut Vec<u8>) {
        let Self { is_recovered, cursor, position } = self;
        let position = position.map_or(String::new(), |position| format!(",\"position\":{position}"));
        let text = format!(":{{\"recovered\":{is_recovered},\"cursor\":\"{cursor}\"{position}}}");
        out.extend_from_slice(text.as_bytes());
    }
}
