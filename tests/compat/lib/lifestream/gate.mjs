// A gate between the store and the channels: an extension of the server asks it before and after each publication of an
// entry. What is held there is committed and not published yet, or published and not recorded as that.

import { Web } from '../websub/web.mjs';

const PATIENCE_MILLISECONDS = 60_000;
/** The server tries again with this status. */
const LATER = 503;

const extension = (origin) => `
const ask = (point, seq) => fetch('${origin}/' + point + '?seq=' + seq).then((response) => response.status === 200);
let seq;
module.exports = {
  incoming(message, callback) {
    if (!message.channel.startsWith('/feeds/') || !message.data || !message.data.seq) return callback(message);
    seq = message.data.seq;
    ask('before', seq).then((passes) => {
      if (!passes) message.error = '${LATER}::Later';
      callback(message);
    });
  },
  outgoing(message, callback) {
    if (!message.channel.startsWith('/feeds/') || message.successful !== true) return callback(message);
    ask('after', seq).then(() => callback(message));
  },
};
`;

export class Gate {
  #web;
  #mode = 'open';
  #isHeld;
  #held = [];

  async start() {
    this.#web = await Web.start((request) => this.#answer(request), { patience: PATIENCE_MILLISECONDS });
    return this;
  }

  /** The text of the extension. */
  get extension() { return extension(this.#web.origin); }

  /** Lets all pass, and what is held too. */
  open() {
    this.#mode = 'open';
    for (const pass of this.#held.splice(0)) pass({ status: 200 });
  }

  /** Has the server try again. */
  refuse() { this.#mode = 'refuse'; }

  /** Holds publications with numbers above `last`, `before` or `after` each. Gives the first of these numbers. */
  async hold(point, last) {
    this.#mode = 'hold';
    this.#isHeld = ({ path, query }) => path === `/${point}` && Number(query.get('seq')) > last;
    const request = await this.#web.waitFor(`a publication, ${point} it`, this.#isHeld, this.#web.mark());
    return Number(request.query.get('seq'));
  }

  #answer(request) {
    const { path } = request;
    if (this.#mode === 'hold' && this.#isHeld(request)) return new Promise((pass) => { this.#held.push(pass); });
    return { status: this.#mode === 'refuse' && path === '/before' ? LATER : 200 };
  }

  stop() { return this.#web.stop(); }
}
