//! Points at which a test ends the process, as SIGKILL from outside would do.
//!
//! In builds with `debug_assertions`, `FAILPOINT=NAME` kills the process when it reaches the point `NAME` of [`NAMES`].
//! Each statement of an operation has a point behind it, and each commit one before and one behind.

/// All points, as `operation:point`. `before_commit` and `after_commit` are around the commit, the others behind a
/// statement of that name.
pub const NAMES: &[&str] = &[
    "add_request:known",
    "add_request:unverified",
    "add_request:topic",
    "add_request:check",
    "add_request:older",
    "add_request:request",
    "add_request:count",
    "add_request:before_commit",
    "add_request:after_commit",
    "claim_requests:claim",
    "claim_requests:before_commit",
    "claim_requests:after_commit",
    "finish_requests:claimed",
    "finish_requests:topics",
    "finish_requests:renew",
    "finish_requests:begin",
    "finish_requests:done",
    "finish_requests:unused",
    "finish_requests:end",
    "finish_requests:stage",
    "finish_requests:release",
    "finish_requests:count",
    "finish_requests:before_commit",
    "finish_requests:after_commit",
    "ping:due",
    "ping:before_commit",
    "ping:after_commit",
    "claim_fetches:claim",
    "claim_fetches:before_commit",
    "claim_fetches:after_commit",
    "claim_fetch:claim",
    "claim_fetch:before_commit",
    "claim_fetch:after_commit",
    "finish_fetch:claimed",
    "finish_fetch:room",
    "finish_fetch:no_content",
    "finish_fetch:version",
    "finish_fetch:queue",
    "finish_fetch:content",
    "finish_fetch:validators",
    "finish_fetch:postpone",
    "finish_fetch:failure",
    "finish_fetch:drop",
    "finish_fetch:deny",
    "finish_fetch:pass",
    "finish_fetch:tell_all",
    "finish_fetch:end_all",
    "finish_fetch:release",
    "finish_fetch:unused",
    "finish_fetch:count",
    "finish_fetch:before_commit",
    "finish_fetch:after_commit",
    "publish:room",
    "publish:version",
    "publish:queue",
    "publish:content",
    "publish:count",
    "publish:before_commit",
    "publish:after_commit",
    "claim_deliveries:claim",
    "claim_deliveries:before_commit",
    "claim_deliveries:after_commit",
    "finish_deliveries:claimed",
    "finish_deliveries:done",
    "finish_deliveries:release",
    "finish_deliveries:failures",
    "finish_deliveries:recovered",
    "finish_deliveries:readers",
    "finish_deliveries:unused",
    "finish_deliveries:gone",
    "finish_deliveries:contents",
    "finish_deliveries:count",
    "finish_deliveries:before_commit",
    "finish_deliveries:after_commit",
    "sweep:now",
    "sweep:expired",
    "sweep:late",
    "sweep:result",
    "sweep:unused",
    "sweep:expire",
    "sweep:renewable",
    "sweep:renew",
    "sweep:renewed",
    "sweep:replaced",
    "sweep:next",
    "sweep:old",
    "sweep:excess",
    "sweep:contents",
    "sweep:topics",
    "sweep:used",
    "sweep:checked",
    "sweep:check",
    "sweep:vacuum",
    "sweep:recount",
    "sweep:count",
    "sweep:before_commit",
    "sweep:after_commit",
    "retry:due",
    "retry:before_commit",
    "retry:after_commit",
    "release:requests",
    "release:topics",
    "release:deliveries",
    "release:before_commit",
    "release:after_commit",
    "probe:write",
    "probe:before_commit",
    "probe:after_commit",
    "payload:read",
    "status:subscription",
    "status:request",
    "counts:count",
    "topics:rows",
    "subscriptions:rows",
];

/// Kills the process if `FAILPOINT` names the point behind this statement.
#[inline]
pub(super) fn after(operation: &str, statement: &str) {
    #[cfg(debug_assertions)]
    debug::reach(operation, statement);
    #[cfg(not(debug_assertions))]
    let _ = (operation, statement);
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::OnceLock;

    fn wanted() -> Option<&'static (String, String)> {
        static WANTED: OnceLock<Option<(String, String)>> = OnceLock::new();
        let read = || {
            let name = std::env::var("FAILPOINT").ok()?;
            let (operation, point) = name.split_once(':')?;
            Some((operation.to_owned(), point.to_owned()))
        };
        WANTED.get_or_init(read).as_ref()
    }

    pub(super) fn reach(operation: &str, point: &str) {
        debug_assert!(
            super::NAMES.iter().any(|name| name.split_once(':') == Some((operation, point))),
            "{operation}:{point} is not in NAMES"
        );
        if wanted().is_some_and(|(o, p)| o == operation && p == point) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal ends the process before or soon after the call returns.
            loop {
                std::thread::park();
            }
        }
    }
}
