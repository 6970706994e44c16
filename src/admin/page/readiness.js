// Reports what the server replied to the subscriptions of the page: 'pending'
// until each has a reply in the present session of a connected client, then
// 'accepted', or 'refused' if the server refused one of them.

/** The replies of the server to the subscriptions of one client, in its present session. */
class Replies {
  #outcomes = new Map();
  isConnected = false;

  constructor(client, changed) {
    client.on('connection', ({ state }) => {
      this.isConnected = state === 'connected';
      changed();
    });
    client.addExtension({
      outgoing: (message, callback) => {
        // A new session has no subscriptions; a subscription that is sent again has no reply yet.
        if (message.channel === '/meta/handshake') this.#outcomes.clear();
        if (message.channel === '/meta/subscribe' || message.channel === '/meta/unsubscribe') this.#write(message, 'pending');
        changed();
        callback(message);
      },
      incoming: (message, callback) => {
        callback(message);
        if (message.channel !== '/meta/subscribe') return;
        this.#write(message, message.successful ? 'accepted' : 'refused');
        changed();
      },
    });
  }

  #write({ subscription }, outcome) {
    for (const pattern of [subscription ?? []].flat()) this.#outcomes.set(pattern, outcome);
  }

  outcome(pattern) { return this.isConnected ? this.#outcomes.get(pattern) ?? 'pending' : 'pending'; }
}

export class Readiness {
  #parts = new Map();
  #show;

  /** @param show  gets 'pending', 'accepted' or 'refused', after each event that may change it */
  constructor(show) { this.#show = show; }

  /** Counts the patterns that `patterns` returns as subscriptions of `owner`; a later client of the owner replaces the former. */
  follow(owner, client, patterns) {
    this.#parts.set(owner, { replies: new Replies(client, () => this.update()), patterns });
    this.update();
  }

  /** To be called when the patterns of an owner change. */
  update() {
    const outcomes = [...this.#parts.values()].flatMap(({ replies, patterns }) => {
      const each = [...patterns()].map((pattern) => replies.outcome(pattern));
      return replies.isConnected ? each : ['pending'];
    });
    this.#show(['pending', 'refused'].find((outcome) => outcomes.includes(outcome)) ?? 'accepted');
  }
}
