// The page's connection to the server. It outlives its client: forcing a
// transport makes a new client, and the subscriptions move over to it.

/** How long a publication may stay without an answer. */
const PATIENCE_SECONDS = 10;

/**
 * What a client must not use, so that it takes the transport of that name.
 * Where long-polling is not disabled, it is what a handshake may need.
 */
const DISABLED_FOR = {
  'automatic': [],
  'websocket': ['eventsource'],
  'eventsource': ['websocket'],
  'long-polling': ['websocket', 'eventsource'],
  'callback-polling': ['websocket', 'eventsource', 'long-polling', 'cross-origin-long-polling'],
};

/** Fails with a sentence for people when nothing settled in time. */
function within(seconds, promise) {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new Error(`the server did not answer for ${seconds} seconds`));
    const timer = setTimeout(expire, seconds * 1000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export class Connection {
  #url;
  #client;
  #wanted = new Set();
  #watchers = [];

  /** What the client said last: `{ state, reason, transport, error, retryIn }`. */
  now;

  constructor(url) {
    this.#url = url;
    this.use('automatic');
  }

  /** Goes on with a new client that takes this transport. */
  use(transport) {
    const former = this.#client;
    const client = new Faye.Client(this.#url, { retry: 1, maxRetry: 10 });
    for (const type of DISABLED_FOR[transport]) client.disable(type);
    client.on('connection', (event) => {
      // A client that was given up still reports its own end.
      if (client === this.#client) this.#become(event);
    });
    this.#client = client;
    this.#become({ state: client.state, transport: client.transport });
    former?.disconnect();
    // Who subscribed was told of the first answer; a later refusal has nobody to go to.
    for (const wanted of this.#wanted) this.#begin(wanted).catch(() => {});
  }

  /** Calls with what the client says, from now on and at once. */
  watch(watcher) {
    this.#watchers.push(watcher);
    watcher(this.now);
  }

  /**
   * Subscribes until `cancel` is called, whatever the client. `ready` settles
   * with the first answer; `receive` gets the data and the channel.
   */
  subscribe(pattern, receive) {
    const wanted = { pattern, receive, subscription: null };
    this.#wanted.add(wanted);
    const ready = this.#begin(wanted);
    const cancel = () => {
      this.#wanted.delete(wanted);
      wanted.subscription?.cancel();
    };
    return { ready, cancel };
  }

  /** Settles when the server has accepted the message, or not. */
  async publish(channel, data) {
    if (this.now.state === 'interrupted') throw new Error('the server is away');
    if (this.now.state === 'disconnected') throw new Error('the connection has ended; reload the page');
    const publication = this.#client.publish(channel, data, { deadline: PATIENCE_SECONDS });
    await within(PATIENCE_SECONDS, new Promise((resolve, reject) => { publication.then(resolve, reject); }));
  }

  async #begin(wanted) {
    const { pattern, receive } = wanted;
    wanted.subscription = this.#client.subscribe(pattern).withChannel((channel, data) => receive(data, channel));
    await new Promise((resolve, reject) => { wanted.subscription.then(resolve, reject); });
  }

  #become(event) {
    this.now = event;
    for (const watcher of this.#watchers) watcher(event);
  }
}
