//! The extensions of a server, sorted by stage at the start, so that an empty stage is an empty slice.

use std::sync::Arc;

use super::{Extension, Receiver, Stages, Verdict};
use crate::bayeux::Message;
use crate::peer::Peer;

type List = Box<[Arc<dyn Extension>]>;

/// All extensions in the order in which they were added.
#[derive(Default)]
pub struct Pipeline {
    all: List,
    incoming: List,
    reply: List,
    publication: List,
    delivery: List,
}

impl Pipeline {
    /// Sorts the extensions by the stages that they have.
    #[must_use]
    pub fn new(extensions: &[Arc<dyn Extension>]) -> Self {
        let having = |has: fn(Stages) -> bool| {
            extensions.iter().filter(|extension| has(extension.stages())).cloned().collect::<List>()
        };
        Self {
            all: extensions.into(),
            incoming: having(|stages| stages.incoming),
            reply: having(|stages| stages.reply),
            publication: having(|stages| stages.publication),
            delivery: having(|stages| stages.delivery),
        }
    }

    /// Whether there is no extension.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.incoming, &self.reply, &self.publication, &self.delivery].iter().all(|stage| stage.is_empty())
    }

    /// Returns why an extension cannot work now, if so.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.all.iter().find_map(|extension| extension.failure())
    }

    /// Passes an incoming message through the extensions. Calls `before_wait` before the first wait for an extension.
    pub async fn incoming(
        &self,
        message: Message,
        peer: &Arc<Peer>,
        before_wait: impl FnMut(),
    ) -> Option<Message> {
        run(&self.incoming, message, before_wait, |extension, message| extension.incoming(message, peer))
            .await
    }

    /// Whether replies have to be passed to [`Pipeline::reply`].
    #[must_use]
    pub fn sees_replies(&self) -> bool {
        !self.reply.is_empty()
    }

    /// Runs a reply.
    pub async fn reply(
        &self,
        message: Message,
        peer: &Arc<Peer>,
        before_wait: impl FnMut(),
    ) -> Option<Message> {
        run(&self.reply, message, before_wait, |extension, message| extension.reply(message, peer)).await
    }

    /// Runs an accepted publication.
    pub async fn publication(&self, message: Message, before_wait: impl FnMut()) -> Option<Message> {
        run(&self.publication, message, before_wait, |extension, message| extension.publication(message))
            .await
    }

    /// Whether publications have to be passed to [`Pipeline::delivery`] for each receiver.
    #[must_use]
    pub fn sees_deliveries(&self) -> bool {
        !self.delivery.is_empty()
    }

    /// Runs a publication for one receiver.
    #[must_use]
    pub fn delivery(&self, message: Message, receiver: &Receiver<'_>) -> Option<Message> {
        self.delivery.iter().try_fold(message, |message, extension| extension.delivery(message, receiver))
    }
}

async fn run<'a>(
    list: &'a [Arc<dyn Extension>],
    mut message: Message,
    mut before_wait: impl FnMut(),
    call: impl Fn(&'a dyn Extension, Message) -> Verdict<'a>,
) -> Option<Message> {
    for extension in list {
        message = match call(extension.as_ref(), message) {
            Verdict::Pass(message) => message,
            Verdict::Drop => return None,
            Verdict::Wait(later) => {
                before_wait();
                later.await?
            }
        };
    }
    Some(message)
}
