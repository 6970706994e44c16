//! Sessions that open and end: connect, upgrade, handshake, connect, subscribe, reset, again.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Plan, Role, Wire};
use super::ledger::Faults;
use super::moment::{Moment, SESSION, between};
use super::options::{Options, Storm};
use super::pool::{Load, Pool};
use super::progress::Progress;
use super::report::{Figures, Report};
use super::target::Target;
use super::{Failure, files};

const TICK: Duration = Duration::from_millis(50);
/// How long the load may continue without a new session.
const PATIENCE: Duration = Duration::from_secs(15);
const PLAN: Plan = Plan { role: Role::Subscriber, wire: Wire::WebSocket, channel: 0 };

/// The sessions that became ready, and their places.
#[derive(Default)]
struct Ended {
    places: Vec<usize>,
    count: u64,
}

impl Load for Ended {
    fn ready(&mut self, pool: &mut Pool, at: usize) -> Result<(), Failure> {
        self.places.push(at);
        self.count += 1;
        pool.reset(at)
    }

    fn payload(&mut self, _pool: &mut Pool, _at: usize, _payload: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
}

/// Opens and resets sessions for a time, and reports their cost.
///
/// # Errors
/// [`Failure`] if the load could not run.
pub fn storm(options: &Options, storm: Storm) -> Result<Report, Failure> {
    if storm.sessions == 0 {
        return Err(Failure::Options("0 sessions are no load; write 1 or more".to_owned()));
    }
    files::allow(storm.sessions)?;
    let target = Target::resolve(options)?;
    Moment::now(options.pid, 0)?;
    let mut pool = Pool::new(target, options, 1)?;
    let mut ended = Ended::default();
    for _ in 0..storm.sessions {
        pool.open(&PLAN)?;
    }
    let begun = Instant::now();
    let mut progress = Progress::new(&options.progress);
    let mut until = |end: Duration, ended: &mut Ended| -> Result<(), Failure> {
        let mut last = (Instant::now(), ended.count);
        while begun.elapsed() < end {
            pool.turn(Some(TICK), ended)?;
            while let Some(at) = ended.places.pop() {
                pool.reopen(at, &PLAN)?;
            }
            progress.show(|| format!("{} sessions opened and ended", ended.count));
            if ended.count > last.1 {
                last = (Instant::now(), ended.count);
            } else if last.0.elapsed() > PATIENCE {
                let wanted = storm.sessions;
                return Err(Failure::Stuck { ready: 0, wanted, seconds: PATIENCE.as_secs() });
            }
        }
        Ok(())
    };
    until(options.warmup, &mut ended)?;
    let from = Moment::now(options.pid, ended.count)?;
    until(options.warmup + options.measured, &mut ended)?;
    let to = Moment::now(options.pid, ended.count)?;
    // The identifiers of sessions that are being opened are needed to end them.
    let end = Instant::now() + PATIENCE;
    while pool.is_opening() && Instant::now() < end {
        pool.turn(Some(TICK), &mut ended)?;
    }

    let mut figures = Figures::default();
    figures.count("at_a_time", "sessions at a time", storm.sessions);
    between(&mut figures, &from, &to, &SESSION);
    let peak = to.server.map(|usage| usage.peak as f64 / 1e6);
    figures.add("server_peak_mb", "server memory, peak", "MB", 1, peak);
    figures.count("sessions", "sessions", ended.count);
    Ok(Report::new("storm", &options.url, figures, Faults::default()))
}
