// The connection of chat, board and publish box. It outlives its client: another
// transport or another credential makes a new client, and the subscriptions move
// over to it.

/** How long a publication may stay without a reply. */
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

/** Rejects with a readable message if the promise does not settle in time. */
function within(seconds, promise) {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new Error(`no reply within ${seconds} seconds`));
    const timer = setTimeout(expire, seconds * 1000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export class Connection {
  #url;
  #credential;
  #readiness;
  #transport;
  #client;
  #wanted = new Set();
  #watchers = [];

  /** The last event of the client: `{ state, reason, transport, error, retryIn }`. */
  now;

  constructor(url, credential, readiness) {
    this.#url = url;
    this.#credential = credential;
    this.#readiness = readiness;
    this.use('automatic');
    credential.watch(() => this.use(this.#transport));
  }

  /** Continues with a new client that uses this transport. */
  use(transport) {
    this.#transport = transport;
    const former = this.#client;
    const client = new Faye.Client(this.#url, { retry: 1, maxRetry: 10 });
    for (const type of DISABLED_FOR[transport]) client.disable(type);
    this.#credential.extend(client);
    this.#readiness.follow(this, client, () => [...this.#wanted].map(({ pattern }) => pattern));
    client.on('connection', (event) => {
      // A replaced client still reports its own end.
      if (client === this.#client) this.#become(event);
    });
    this.#client = client;
    this.#become({ state: client.state, transport: client.transport });
    former?.disconnect();
    for (const wanted of this.#wanted) this.#begin(wanted);
  }

  /** Calls `watcher` with the last event now, and with each later one. */
  watch(watcher) {
    this.#watchers.push(watcher);
    watcher(this.now);
  }

  /**
   * Subscribes until `cancel` is called, also with later clients. `receive` gets
   * the data and the channel; `settle` gets each outcome: an error, or null.
   */
  subscribe(pattern, receive, settle) {
    const wanted = { pattern, receive, settle, subscription: null };
    this.#wanted.add(wanted);
    this.#begin(wanted);
    this.#readiness.update();
    return {
      cancel: () => {
        this.#wanted.delete(wanted);
        wanted.subscription?.cancel();
        this.#readiness.update();
      },
    };
  }

  /** Settles when the server has accepted the message, or not. */
  async publish(channel, data) {
    if (this.now.state === 'interrupted') throw new Error('the server is unavailable');
    if (this.now.state === 'disconnected') throw new Error('the connection has ended');
    const publication = this.#client.publish(channel, data, { deadline: PATIENCE_SECONDS });
    await within(PATIENCE_SECONDS, new Promise((resolve, reject) => { publication.then(resolve, reject); }));
  }

  async #begin(wanted) {
    const { pattern, receive, settle } = wanted;
    const subscription = this.#client.subscribe(pattern).withChannel((channel, data) => receive(data, channel));
    wanted.subscription = subscription;
    const outcome = await new Promise((resolve) => { subscription.then(() => resolve(null), resolve); });
    // An outcome of a replaced client or of a cancelled subscription says nothing about this one.
    if (wanted.subscription === subscription && this.#wanted.has(wanted)) settle(outcome);
  }

  #become(event) {
    this.now = event;
    for (const watcher of this.#watchers) watcher(event);
  }
}
