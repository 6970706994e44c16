// The connection to the server: subscribes, and tells when the server has
// accepted the subscriptions of a session, so that the list can be completed.

const NAMES = {
  unconnected: 'Connecting', connecting: 'Connecting', connected: 'Live', interrupted: 'Reconnecting', disconnected: 'Not live',
};
/** Time between two lists if some channels are not subscribed to. */
const POLL_MILLISECONDS = 30000;

export class Connection {
  #client;
  #state;
  #subscriptions = [];
  #wanted = 0;
  #polls;
  #ready;

  /**
   * @param state  the element that shows the state
   * @param ready  is called whenever the server has accepted the subscription, and after each interruption
   */
  constructor(url, state, ready) {
    this.#state = state;
    this.#ready = ready;
    this.#client = new Faye.Client(url, { retry: 1, maxRetry: 20 });
    // It makes script elements, which the policy of the page forbids.
    this.#client.disable('callback-polling');
    state.hidden = false;
    this.#client.on('connection', ({ state: now }) => this.#show(now));
    this.#client.addExtension({
      incoming: (message, callback) => {
        callback(message);
        if (message.channel === '/meta/subscribe' && message.successful) this.#ready();
      },
    });
  }

  /**
   * Subscribes to the pattern, or to each of these channels if the server refuses the pattern, instead of all before.
   * If these are not all channels, the list is completed at intervals.
   */
  async follow(pattern, { channels, areAll }, receive) {
    this.#wanted += 1;
    clearInterval(this.#polls);
    const wanted = this.#wanted;
    for (const subscription of this.#subscriptions) subscription.cancel();
    try {
      await this.#subscribe([pattern], receive);
    } catch (error) {
      // The rules may keep strangers from one of the channels of the pattern.
      if (wanted !== this.#wanted) return;
      if (!areAll) this.#polls = setInterval(() => this.#ready(), POLL_MILLISECONDS);
      try {
        await this.#subscribe(channels, receive);
      } catch (refusal) {
        if (wanted === this.#wanted) this.#refuse(refusal);
      }
    }
  }

  #subscribe(channels, receive) {
    this.#subscriptions = this.#client.subscribe(channels, receive);
    return Promise.all(this.#subscriptions.map((subscription) =>
      new Promise((resolve, reject) => { subscription.then(resolve, reject); })));
  }

  #show(now) {
    const was = this.#state.dataset.state;
    this.#state.dataset.state = now;
    this.#state.textContent = NAMES[now] ?? now;
    if (now === 'connected' && was === 'interrupted') this.#ready();
  }

  #refuse(error) {
    this.#state.dataset.state = 'disconnected';
    this.#state.textContent = 'Not live';
    this.#state.title = error?.message ?? '';
  }
}
