// Draws one client of the plug demo: its state, its counts and its last numbers.
// It changes nothing but the document.

import { describe, TRANSPORT_NAMES } from './status.js';

/** Numbers in the picture. */
const CELLS = 60;
const PULSE_MILLISECONDS = 350;
const COUNTS = ['sent', 'received', 'waiting', 'lost', 'duplicates'];
const seconds = (milliseconds) => (milliseconds / 1000).toFixed(1);

function cutText(client) {
  const cut = client.lastCut;
  if (!cut) return '';
  if (client.isCut) {
    return `Line cut. New connections fail for ${Math.max(0, Math.ceil((cut.until - performance.now()) / 1000))} s.`;
  }
  const missed = `${cut.waiting} ${cut.waiting === 1 ? 'message' : 'messages'}`;
  if (cut.returned === undefined) return `Line restored with ${missed} waiting. The client reconnects.`;
  return `Back ${seconds(cut.returned - cut.from)} s after the cut. ${missed} waited on the server.`;
}

export class PlugView {
  #root;
  #client;
  #ticker;
  #cells;
  #frame = 0;
  #timer = 0;
  #received = 0;
  #pulse;

  constructor(root, client, ticker) {
    this.#root = root;
    this.#client = client;
    this.#ticker = ticker;
    const strip = this.#part('strip');
    strip.replaceChildren(...Array.from({ length: CELLS }, () => document.createElement('span')));
    this.#cells = [...strip.children];
    this.#pulse = root.querySelector('.pulse');
  }

  #part(name) { return this.#root.querySelector(`[data-part=${name}]`); }

  /** Draws before the next frame, however often it is called. */
  update() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { now, isCut, refusal, tally } = this.#client;
    const { counts } = tally;
    const isRefused = refusal !== undefined;
    this.#root.dataset.line = isCut ? 'cut' : isRefused ? 'refused' : now.state;
    for (const name of COUNTS) {
      const part = this.#part(name);
      part.textContent = counts[name].toLocaleString('en');
      part.parentElement.classList.toggle('bad', name === 'lost' && counts[name] > 0);
      part.parentElement.classList.toggle('some', name !== 'lost' && counts[name] > 0);
    }
    this.#say('state', this.#stateText(isCut, refusal, now));
    this.#say('transport', now.state === 'connected' && !isCut ? TRANSPORT_NAMES[now.transport] ?? now.transport : '');
    this.#say('cut-text', cutText(this.#client));
    this.#part('cut').disabled = this.#client.isBusy;
    this.#drawStrip(tally);
    if (counts.received > this.#received) this.#showArrival();
    this.#received = counts.received;
    clearTimeout(this.#timer);
    // The seconds that are left.
    if (isCut) this.#timer = setTimeout(() => this.update(), 250);
  }

  /** A dot on the wire for messages that have arrived; one at a time. */
  #showArrival() {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (isCalm || this.#pulse.getAnimations().length > 0) return;
    this.#pulse.animate([{ left: '-5px', opacity: 1 }, { left: 'calc(100% - 5px)', opacity: 1 }],
      { duration: PULSE_MILLISECONDS, easing: 'ease-out' });
  }

  #stateText(isCut, refusal, now) {
    if (isCut) return 'Line cut';
    if (refusal) return `Subscription refused: ${refusal.message}`;
    return now.state === 'connected' ? 'Connected' : describe(now);
  }

  /** Writes only what changed, so that a screen reader speaks once. */
  #say(name, text) {
    const part = this.#part(name);
    if (part.textContent !== text) part.textContent = text;
  }

  #drawStrip(tally) {
    const end = Math.max(this.#ticker.next - 1, CELLS);
    this.#cells.forEach((cell, index) => {
      const number = end - CELLS + 1 + index;
      const outcome = number < this.#ticker.next ? this.#ticker.outcome(number) : 'none';
      const state = outcome === 'none' ? 'none' : tally.stateOf(number, outcome === 'accepted');
      const isUnaccepted = state === 'none' && (outcome === 'refused' || outcome === 'unanswered');
      const shown = isUnaccepted ? 'unaccepted' : state;
      if (cell.className !== shown) cell.className = shown;
    });
  }
}
