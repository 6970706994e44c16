//! Idle sessions: their memory, also after a burst, and the cost of keeping them alive.

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use super::connection::{Plan, Role, Wire};
use super::marker;
use super::moment::{CONNECT, Moment, SESSION, between};
use super::options::{Idle, Options};
use super::pool::Pool;
use super::progress::Progress;
use super::publisher::Publisher;
use super::report::{Figures, Report};
use super::tally::Tally;
use super::target::Target;

const TICK: Duration = Duration::from_millis(50);
/// How long the burst stays unread.
const UNREAD: Duration = Duration::from_secs(1);
/// How long the burst may take to arrive after that.
const PATIENCE: Duration = Duration::from_secs(15);

/// Opens sessions, keeps them idle, and reports their cost.
///
/// # Errors
/// [`Failure`] if the load could not run. Lost or wrong messages are no error; see [`Report::fault`].
pub fn idle(options: &Options, idle: &Idle) -> Result<Report, Failure> {
    if idle.sessions == 0 {
        return Err(Failure::Options("0 sessions are no load; write 1 or more".to_owned()));
    }
    if idle.burst > 0 && idle.payload < marker::LENGTH {
        let least = marker::LENGTH;
        return Err(Failure::Options(format!("the payload needs {least} bytes at least")));
    }
    if idle.polls && options.floor {
        return Err(Failure::Options("the floor supports WebSockets only".to_owned()));
    }
    let target = Target::resolve(options)?;
    let empty = Moment::now(options.pid, 0)?;
    let mut pool = Pool::new(target, options, 1)?;
    let mut tally = Tally::new(idle.payload, 1, idle.sessions + 1);
    let wire = if idle.polls { Wire::Polling } else { Wire::WebSocket };
    let plan = |_| Plan { role: Role::Subscriber, wire, channel: 0 };
    pool.open_all((0..idle.sessions).map(plan), &mut tally)?;
    let opened = Moment::now(options.pid, idle.sessions as u64)?;
    wait(&mut pool, &mut tally, options.warmup, "settling")?;
    let settled = Moment::now(options.pid, 0)?;

    let mut figures = Figures::default();
    figures.count("sessions", "sessions", idle.sessions);
    between(&mut figures, &empty, &opened, &SESSION);
    let empty_resident = empty.server.map(|usage| usage.resident as f64);
    figures.add("empty_mb", "server memory before", "MB", 1, empty_resident.map(|bytes| bytes / 1e6));
    let each = |moment: &Moment| {
        let grown = moment.server?.resident as f64 - empty_resident?;
        Some((grown / idle.sessions as f64).max(0.0))
    };
    figures.add("bytes_per_session", "memory per session", "bytes", 0, each(&settled));
    if idle.burst > 0 {
        burst(&mut pool, &mut tally, idle)?;
        let peak = Moment::now(options.pid, 0)?.server.map(|usage| usage.peak as f64);
        wait(&mut pool, &mut tally, options.warmup, "settling")?;
        let after = Moment::now(options.pid, 0)?;
        let label = "memory per session after the burst";
        figures.add("bytes_per_session_after_burst", label, "bytes", 0, each(&after));
        let grown = peak.zip(empty_resident).map(|(peak, empty)| (peak - empty) / idle.sessions as f64);
        figures.add("bytes_per_session_in_burst", "peak memory per session", "bytes", 0, grown);
    }
    if !options.measured.is_zero() && !options.floor {
        let from = Moment::now(options.pid, tally.counts.connects)?;
        wait(&mut pool, &mut tally, options.measured, "counting connects")?;
        let to = Moment::now(options.pid, tally.counts.connects)?;
        let mut connects = Figures::default();
        between(&mut connects, &from, &to, &CONNECT);
        figures.extend_without(connects, &["server_cpu", "bench_cpu"]);
    }
    tally.counts.finish(&mut pool);
    Ok(Report::new("idle", &options.url, figures, tally.counts.ledger.faults))
}

/// Publishes to all sessions while they do not read, then reads.
fn burst(pool: &mut Pool, tally: &mut Tally, idle: &Idle) -> Result<(), Failure> {
    let plan = Plan { role: Role::Publisher, wire: Wire::WebSocket, channel: 0 };
    let at = pool.len();
    pool.open_all(std::iter::once(plan), tally)?;
    let mut publisher = Publisher::new(pool, at, idle.sessions, 1, idle.payload);
    for _ in 0..idle.burst {
        let now = pool.now();
        publisher.publish(pool, now)?;
    }
    tally.counts.publishers.push(publisher);
    std::thread::sleep(UNREAD);
    let end = Instant::now() + PATIENCE;
    while !tally.counts.is_done() && Instant::now() < end {
        pool.turn(Some(TICK), tally)?;
    }
    Ok(())
}

/// Keeps the sessions idle and alive.
fn wait(pool: &mut Pool, tally: &mut Tally, time: Duration, what: &str) -> Result<(), Failure> {
    let mut progress = Progress::new(&pool.progress);
    let begun = Instant::now();
    while begun.elapsed() < time {
        pool.turn(Some(TICK), tally)?;
        progress.show(|| format!("{what}, {:.0} s left", (time - begun.elapsed()).as_secs_f64()));
    }
    Ok(())
}
