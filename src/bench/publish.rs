//! The loads of publications: fan-out, pairs, and fan-out over long-polling.

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use super::connection::{Plan, Role, Wire};
use super::marker;
use super::moment::{DELIVERY, Moment, between};
use super::options::{Options, Publishing, Subscribers};
use super::pool::Pool;
use super::progress::Progress;
use super::publisher::Publisher;
use super::report::{Figures, Report};
use super::slow::Slow;
use super::tally::Tally;
use super::target::Target;

/// The time without a delivery after which publications in flight count as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for duplicates after all publications have arrived.
const LINGER: Duration = Duration::from_millis(200);
/// The time before a due publication in which the thread polls, because the system wakes it late.
const SLACK: Duration = Duration::from_millis(2);
/// The longest wait for input.
const TICK: Duration = Duration::from_millis(50);

/// Publishes for a time, and reports the deliveries and their cost.
///
/// # Errors
/// [`Failure`] if the load could not run. Lost or wrong messages are no error; see [`Report::fault`].
pub fn publish(options: &Options, load: &Publishing) -> Result<Report, Failure> {
    check(options, load)?;
    let (channels, each, wire, name) = match load.subscribers {
        Subscribers::Fanout(count) => (1, count, Wire::WebSocket, "fanout"),
        Subscribers::Polls(count) => (1, count, Wire::Polling, "poll"),
        Subscribers::Pairs(count) => (count, 1, Wire::WebSocket, "pairs"),
    };
    let target = Target::resolve(options)?;
    // Reports a wrong process before connections are opened.
    Moment::now(options.pid, 0)?;
    let mut pool = Pool::new(target, options, channels as u32)?;
    let subscribers = channels * each;
    let mut tally = Tally::new(load.payload, load.batch, subscribers + channels);
    let plan = |role, wire, channel| Plan { role, wire, channel };
    let all = (0..subscribers).map(|number| plan(Role::Subscriber, wire, (number / each) as u32));
    pool.open_all(all, &mut tally)?;
    let all = (0..channels).map(|number| plan(Role::Publisher, Wire::WebSocket, number as u32));
    pool.open_all(all, &mut tally)?;
    tally.counts.publishers = (subscribers..subscribers + channels)
        .map(|at| Publisher::new(&mut pool, at, each, load.batch, load.payload))
        .collect();

    let slow = Slow::open(options, load.slow)?;
    let mut run = Run { options, load, pool, tally, slow, begun: Instant::now(), turns: 0, stalled: false };
    run.start()?;
    run.until(options.warmup)?;
    let from = run.moment()?;
    run.tally.counts.span = run.pool.now()..u64::MAX;
    run.until(options.warmup + options.measured)?;
    let to = run.moment()?;
    run.tally.counts.span.end = run.pool.now();
    run.drain()?;
    let Run { mut pool, tally, stalled, .. } = run;
    let mut counts = tally.counts;
    counts.finish(&mut pool);

    let mut figures = Figures::default();
    figures.count("subscribers", "subscribers", subscribers);
    figures.count("publishers", "publishers", channels);
    match load.rate {
        Some(rate) => figures.add("rate", "publications due per second", "", 1, Some(rate)),
        None => figures.count("window", "in flight per publisher", load.window),
    }
    figures.count("batch", "publications per frame", load.batch);
    figures.count("payload", "bytes of data", load.payload);
    if load.slow > 0 {
        figures.count("slow", "slow subscribers", load.slow);
    }
    between(&mut figures, &from, &to, &DELIVERY);
    let resident = to.server.map(|usage| usage.resident as f64 / 1e6);
    figures.add("server_resident_mb", "server memory, resident", "MB", 1, resident);
    let peak = to.server.map(|usage| usage.peak as f64 / 1e6);
    figures.add("server_peak_mb", "server memory, peak", "MB", 1, peak);
    counts.latency.report(&mut figures);
    figures.count("published", "publications", counts.sent());
    figures.count("delivered", "deliveries", counts.delivered);
    if !options.floor {
        let missing = counts.sent().saturating_sub(counts.acknowledged);
        figures.count("unacknowledged", "publications without a reply", missing);
    }
    figures.count("stalled", "ended because deliveries stopped", u64::from(stalled));
    Ok(Report::new(name, &options.url, figures, counts.ledger.faults))
}

fn check(options: &Options, load: &Publishing) -> Result<(), Failure> {
    let count = match load.subscribers {
        Subscribers::Fanout(count) | Subscribers::Polls(count) | Subscribers::Pairs(count) => count,
    };
    let is_poll = matches!(load.subscribers, Subscribers::Polls(_));
    let problem = if count == 0 || load.batch == 0 || load.window == 0 {
        "0 is no load; write 1 or more".to_owned()
    } else if load.payload < marker::LENGTH {
        format!("the payload needs {} bytes at least, for its number and time", marker::LENGTH)
    } else if matches!(load.subscribers, Subscribers::Pairs(65_536..)) {
        "at most 65,535 pairs are possible".to_owned()
    } else if load.rate.is_none() && load.window < load.batch {
        format!("{} publications per frame need a window of as many", load.batch)
    } else if load.rate.is_some_and(|rate| !(0.001..=1e6).contains(&rate)) {
        "the rate is in publications per second, from 0.001 to 1000000".to_owned()
    } else if is_poll && options.floor {
        "the floor supports WebSockets only".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::Options(problem))
}

/// A running load.
struct Run<'a> {
    options: &'a Options,
    load: &'a Publishing,
    pool: Pool,
    tally: Tally,
    slow: Slow,
    begun: Instant,
    /// Frames that were due, with a rate.
    turns: u64,
    /// Whether deliveries stopped while publications were in flight.
    stalled: bool,
}

impl Run<'_> {
    fn moment(&self) -> Result<Moment, Failure> {
        Moment::now(self.options.pid, self.tally.counts.delivered)
    }

    /// Sends the first publications.
    fn start(&mut self) -> Result<(), Failure> {
        if self.load.rate.is_some() {
            return Ok(());
        }
        self.tally.counts.window = self.load.window;
        for publisher in &mut self.tally.counts.publishers {
            while publisher.under_way() + self.load.batch <= self.load.window {
                let now = self.pool.now();
                publisher.publish(&mut self.pool, now)?;
            }
        }
        Ok(())
    }

    /// Continues until a time after the start, or until deliveries stop.
    fn until(&mut self, end: Duration) -> Result<(), Failure> {
        let mut progress = Progress::new(&self.options.progress);
        let mut last = (Instant::now(), self.tally.counts.delivered);
        while self.begun.elapsed() < end && !self.stalled {
            let wait = self.publish_due()?;
            self.pool.turn(Some(wait), &mut self.tally)?;
            self.slow.read();
            let counts = &self.tally.counts;
            progress.show(|| {
                let left = end.saturating_sub(self.begun.elapsed()).as_secs_f64();
                format!("{} deliveries, {left:.0} s left", counts.delivered)
            });
            if counts.delivered > last.1 || counts.is_done() {
                last = (Instant::now(), counts.delivered);
            }
            self.stalled = last.0.elapsed() > PATIENCE;
        }
        Ok(())
    }

    /// With a rate, sends the publications that are due. Returns the time until the next one.
    fn publish_due(&mut self) -> Result<Duration, Failure> {
        let Some(rate) = self.load.rate else { return Ok(TICK) };
        loop {
            let due = Duration::from_secs_f64((self.turns * self.load.batch as u64) as f64 / rate);
            let late = self.begun.elapsed();
            if due > late {
                let left = due - late;
                // The system wakes a thread a millisecond late or more, so the last two are spent polling.
                return Ok(left.saturating_sub(SLACK).min(TICK));
            }
            let now = self.pool.now();
            let due = now.saturating_sub((late - due).as_micros() as u64);
            let publishers = &mut self.tally.counts.publishers;
            let index = (self.turns % publishers.len() as u64) as usize;
            publishers[index].publish(&mut self.pool, due)?;
            self.turns += 1;
        }
    }

    /// Waits for the publications in flight, and for duplicates.
    fn drain(&mut self) -> Result<(), Failure> {
        self.tally.counts.window = 0;
        let mut last = (Instant::now(), self.tally.counts.delivered);
        while !self.tally.counts.is_done() && !self.stalled {
            self.pool.turn(Some(TICK), &mut self.tally)?;
            if self.tally.counts.delivered > last.1 {
                last = (Instant::now(), self.tally.counts.delivered);
            }
            self.stalled = last.0.elapsed() > PATIENCE;
        }
        let end = Instant::now() + LINGER;
        while Instant::now() < end {
            self.pool.turn(Some(TICK), &mut self.tally)?;
        }
        Ok(())
    }
}
