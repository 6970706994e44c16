//! Samples of resource usage and work done, and the difference of two.

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use super::report::Figures;
use super::usage::Usage;

/// A sample during a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    /// The usage of the server.
    pub(super) server: Option<Usage>,
    own: Option<Usage>,
    done: u64,
}

impl Moment {
    /// Creates a sample now, with the amount of work done.
    pub(super) fn now(pid: Option<u32>, done: u64) -> Result<Self, Failure> {
        Ok(Self { server: Usage::of(pid)?, own: Usage::own(), done, at: Instant::now() })
    }
}

/// The keys and labels of a kind of work in a report.
pub(super) struct Words {
    /// The cost per unit.
    pub(super) each: [[&'static str; 2]; 4],
    /// The rate.
    pub(super) rate: [&'static str; 2],
}

/// Deliveries.
pub(super) const DELIVERY: Words = Words {
    each: [
        ["cpu_us_per_delivery", "server CPU per delivery"],
        ["cpu_user_us_per_delivery", "  in user mode"],
        ["cpu_system_us_per_delivery", "  in the kernel"],
        ["bench_cpu_us_per_delivery", "bench CPU per delivery"],
    ],
    rate: ["deliveries_per_second", "deliveries per second"],
};

/// Opened sessions.
pub(super) const SESSION: Words = Words {
    each: [
        ["cpu_us_per_session", "server CPU per session"],
        ["cpu_user_us_per_session", "  in user mode"],
        ["cpu_system_us_per_session", "  in the kernel"],
        ["bench_cpu_us_per_session", "bench CPU per session"],
    ],
    rate: ["sessions_per_second", "sessions per second"],
};

/// Replies to connects.
pub(super) const CONNECT: Words = Words {
    each: [
        ["cpu_us_per_connect", "server CPU per /meta/connect"],
        ["cpu_user_us_per_connect", "  in user mode"],
        ["cpu_system_us_per_connect", "  in the kernel"],
        ["bench_cpu_us_per_connect", "bench CPU per /meta/connect"],
    ],
    rate: ["connects_per_second", "connects per second"],
};

/// Adds the rate and the cost of the work between two samples to a report.
pub(super) fn between(figures: &mut Figures, from: &Moment, to: &Moment, words: &Words) {
    let seconds = (to.at - from.at).as_secs_f64();
    let done = (to.done - from.done) as f64;
    figures.add(words.rate[0], words.rate[1], "", 0, Some(done / seconds));
    let each = |from: Option<Usage>, to: Option<Usage>, part: fn(&Usage) -> Duration| {
        let used = part(&to?).saturating_sub(part(&from?)).as_secs_f64();
        (done > 0.0).then(|| used * 1e6 / done)
    };
    let parts: [fn(&Usage) -> Duration; 3] = [Usage::cpu, |usage| usage.user, |usage| usage.system];
    for (part, [key, label]) in parts.into_iter().zip(words.each) {
        figures.add(key, label, "us", 2, each(from.server, to.server, part));
    }
    let [key, label] = words.each[3];
    figures.add(key, label, "us", 2, each(from.own, to.own, Usage::cpu));
    let busy = from.server.zip(to.server).map(|(from, to)| to.cpu().saturating_sub(from.cpu()).as_secs_f64());
    figures.add("server_cpu", "server CPU", "cores", 3, busy.map(|busy| busy / seconds));
    let busy = from.own.zip(to.own).map(|(from, to)| to.cpu().saturating_sub(from.cpu()).as_secs_f64());
    figures.add("bench_cpu", "bench CPU", "cores", 3, busy.map(|busy| busy / seconds));
}
