//! Rejected promises without a handler, for the log, as Node reports them.

use std::cell::RefCell;

use rquickjs::{Ctx, Persistent, Value};

use super::thrown::Thrown;

/// How many are kept of one call.
const KEPT: usize = 10;

/// The promises of one call. They must not outlive the engine.
#[derive(Default)]
pub(super) struct Rejections(RefCell<Vec<(Persistent<Value<'static>>, String)>>);

impl Rejections {
    /// Records that a promise was rejected, or that a rejected promise got a handler.
    pub(super) fn note<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
        is_handled: bool,
    ) {
        if is_handled {
            let is_it = |kept: &Persistent<Value<'static>>| {
                kept.clone().restore(ctx).is_ok_and(|kept| kept == promise)
            };
            self.0.borrow_mut().retain(|(kept, _)| !is_it(kept));
        } else if self.0.borrow().len() < KEPT {
            let error = ctx.throw(reason);
            let text = Thrown::take(ctx, error).text;
            self.0.borrow_mut().push((Persistent::save(ctx, promise), text));
        }
    }

    /// Takes the rejections without a handler, as texts.
    pub(super) fn take(&self) -> Vec<String> {
        self.0.take().into_iter().map(|(_, text)| text).collect()
    }
}
