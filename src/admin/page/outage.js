// "Stop the server, start it again": reports what an outage cost. It compares
// what the ticker could publish with what the two clients received.

import { timeOfDay } from './time.js';

/** A message that was just accepted arrives in less: it is not reported as undecided. */
const DELIVERY_MILLISECONDS = 100;
const byId = (id) => document.getElementById(id);
const many = (count, word) => `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;

export function connectOutageReport(ticker, clients) {
  const state = byId('outage-state');
  const report = byId('outage-report');
  let outage;
  let unansweredBefore = 0;

  function begin() {
    outage = {
      from: new Date(),
      to: undefined,
      unanswered: 0,
      unansweredBefore,
      lost: clients.map(({ tally }) => tally.counts.lost),
    };
    report.hidden = false;
  }

  function write(id, text) {
    const part = byId(id);
    if (part.textContent !== text) part.textContent = text;
  }

  function show() {
    const isAway = outage.to === undefined;
    const span = ((outage.to ?? new Date()) - outage.from) / 1000;
    state.dataset.state = isAway ? 'away' : 'back';
    write('outage-state', isAway
      ? `No answer since ${timeOfDay(outage.from)}. Start the server again on the same address.`
      : `Outage of ${span.toFixed(0)} s, from ${timeOfDay(outage.from)} to ${timeOfDay(outage.to)}.`);
    write('outage-unaccepted', many(outage.unanswered, 'message'));
    clients.forEach(({ tally, now }, index) => {
      const { lost, waiting } = tally.counts;
      const missed = Math.max(0, lost - outage.lost[index]);
      const open = isAway || now.state !== 'connected' ? ' so far' : '';
      const rest = waiting > 0 ? `, ${waiting.toLocaleString('en')} not decided yet` : '';
      write(`outage-missed-${index}`, `${many(missed, 'message')}${open}${rest}`);
    });
  }

  function update() {
    const { unanswered } = ticker.counts;
    if (unanswered < unansweredBefore) {
      // The counters started again.
      unansweredBefore = 0;
      outage = undefined;
      report.hidden = true;
      write('outage-state', state.dataset.first);
      delete state.dataset.state;
    }
    if (unanswered > unansweredBefore) {
      if (!outage || outage.to) begin();
      outage.unanswered = unanswered - outage.unansweredBefore;
      unansweredBefore = unanswered;
    } else if (outage && !outage.to && ticker.reach === 'answered') {
      outage.to = new Date();
    }
    if (outage) show();
  }

  state.dataset.first = state.textContent;
  ticker.watch({ changed: () => setTimeout(update, DELIVERY_MILLISECONDS) });
}
