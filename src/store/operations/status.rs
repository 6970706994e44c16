//! The data of a status page.

use super::duration;
use super::requests::mode;
use crate::store::records::{Mode, State, Status};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// The token of the page.
pub(in crate::store) static STATUS: Operation<String, Option<Status>> =
    Operation { name: "status", run: status };

static SUBSCRIPTION: Statement = Statement::new(
    "subscription",
    "SELECT topic_spelt, host, expires_at - {now}, failures, failure FROM subscriptions WHERE token = $1",
);

static REQUEST: Statement = Statement::new(
    "request",
    "SELECT mode, topic_spelt, host, stage, attempts, reason FROM requests WHERE token = $1 ORDER BY id DESC LIMIT 1",
);

fn status<'c>(mut session: Session<'c>, token: &'c String) -> Outcome<'c, Option<Status>> {
    Box::pin(async move {
        if let Some(mut row) = session.row(&SUBSCRIPTION, &[token.into()]).await? {
            let (topic, host, lease) = (row.text()?, row.text()?, row.int()?);
            let state = if lease > 0 {
                State::Active(duration(lease), row.count()?, row.maybe_text()?)
            } else {
                State::Ended("the lease is over".to_owned())
            };
            return Ok(Some(Status { mode: Mode::Subscribe, topic, host, state }));
        }
        let Some(mut row) = session.row(&REQUEST, &[token.into()]).await? else {
            return Ok(None);
        };
        let (mode, topic, host) = (mode(&row.text()?), row.text()?, row.text()?);
        let stage = row.text()?;
        let attempts = u32::try_from(row.int()?).unwrap_or(u32::MAX);
        let reason = row.maybe_text()?;
        let state = match stage.as_str() {
            "check" => State::Checking,
            "verify" => State::Verifying(attempts, reason),
            "refused" => State::Refused(reason.unwrap_or_default()),
            "ended" => State::Ended(reason.unwrap_or_default()),
            _ => State::Denied(reason.unwrap_or_default()),
        };
        Ok(Some(Status { mode, topic, host, state }))
    })
}
