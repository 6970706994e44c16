//! What was used and done up to a moment, and between two.

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use super::report::Figures;
use super::usage::Usage;

/// A moment of a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    /// What the server has used.
    pub(super) server: Option<Usage>,
    own: Option<Usage>,
    done: u64,
}

impl Moment {
    /// Now, when so much is done.
    pub(super) fn now(pid: Option<u32>, done: u64) -> Result<Self, Failure> {
        Ok(Self { server: Usage::of(pid)?, own: Usage::own(), done, at: Instant::now() })
    }
}

/// What is done, in the words of a report: the key and the label of a cost, and those of a rate.
pub(super) struct Words {
    /// For each one.
    pub(super) each: [[&'static str; 2]; 4],
    /// For each second.
    pub(super) rate: [&'static str; 2],
}

/// The words for messages that arrive.
pub(super) const DELIVERY: Words = Words {
    each: [
        ["cpu_us_per_delivery", "server's CPU for each delivery"],
        ["cpu_user_us_per_delivery", "of it in user mode"],
        ["cpu_system_us_per_delivery", "of it in the kernel"],
        ["bench_cpu_us_per_delivery", "CPU of this program for each delivery"],
    ],
    rate: ["deliveries_per_second", "deliveries a second"],
};

/// The words for sessions that are opened.
pub(super) const SESSION: Words = Words {
    each: [
        ["cpu_us_per_session", "server's CPU for each session"],
        ["cpu_user_us_per_session", "of it in user mode"],
        ["cpu_system_us_per_session", "of it in the kernel"],
        ["bench_cpu_us_per_session", "CPU of this program for each session"],
    ],
    rate: ["sessions_per_second", "sessions a second"],
};

/// The words for connects that are answered.
pub(super) const CONNECT: Words = Words {
    each: [
        ["cpu_us_per_connect", "server's CPU for each /meta/connect"],
        ["cpu_user_us_per_connect", "of it in user mode"],
        ["cpu_system_us_per_connect", "of it in the kernel"],
        ["bench_cpu_us_per_connect", "CPU of this program for each /meta/connect"],
    ],
    rate: ["connects_per_second", "connects a second"],
};

/// Says what was done between two moments, and what one cost.
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
    let busy = from.server.zip(to.server).map(|(from, to)| (to.cpu() - from.cpu()).as_secs_f64());
    figures.add("server_cpu", "server's CPU", "cores", 3, busy.map(|busy| busy / seconds));
    let busy = from.own.zip(to.own).map(|(from, to)| (to.cpu() - from.cpu()).as_secs_f64());
    figures.add("bench_cpu", "CPU of this program", "cores", 3, busy.map(|busy| busy / seconds));
}
