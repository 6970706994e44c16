// Drives one Faye client where that client lives: in a worker thread or in a
// browser page. The page gets this function as source text, therefore it uses
// nothing from outside itself and only API which all tested versions have.

/**
 * @param Faye      the version's module or the browser bundle's global
 * @param settings  { endpoint, disabled (transport names), options (of the client), ext (added to messages), extOn (on
 *                  these channels only) }
 * @param report    receives every log entry, in order
 * @returns perform(operation, method, methodArguments)
 *
 * Every operation ends in an entry of kind "outcome" with its number, so that
 * the results stand in the same order as everything else that was reported.
 */
export function createDriver(Faye, settings, report) {
  const client = new Faye.Client(settings.endpoint, settings.options);
  for (const feature of settings.disabled) client.disable(feature);

  if (settings.ext) {
    client.addExtension({
      outgoing(message, callback) {
        if (!settings.extOn || settings.extOn.includes(message.channel)) {
          message.ext = Object.assign(message.ext || {}, settings.ext);
        }
        callback(message);
      },
    });
  }

  const copy = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)));
  const describeError = (error) =>
    ({ code: error.code ?? null, params: error.params ?? [], message: String(error.message ?? error) });

  client.addExtension({
    outgoing(message, callback) {
      callback(message);
      report({ kind: 'outgoing', message: copy(message) });
    },
    incoming(message, callback) {
      report({ kind: 'incoming', message: copy(message) });
      callback(message);
    },
  });
  for (const state of ['up', 'down']) {
    client.bind(`transport:${state}`, () => report({ kind: 'transport', state }));
  }

  // Only our client has these events, but every version lets one listen.
  client.bind('connection', ({ state, reason, transport, retryIn }) =>
    report({ kind: 'connection', state, reason, transport, retryIn: retryIn ?? null }));
  client.bind('subscription:refused', ({ channel, error }) =>
    report({ kind: 'subscription refused', channel, error: describeError(error) }));

  const subscriptions = new Map();

  const methods = {
    connect: (succeed) => {
      client.connect(() => succeed());
    },
    subscribe: (succeed, fail, channel) => {
      const subscription = client.subscribe(channel, (data) =>
        report({ kind: 'delivery', subscription: channel, data: copy(data) }));
      subscriptions.set(channel, subscription);
      subscription.callback(() => succeed());
      subscription.errback(fail);
    },
    // Answered by the server, but no version tells the application: see the log.
    unsubscribe: (succeed, _fail, channel) => {
      subscriptions.get(channel).cancel();
      succeed();
    },
    publish: (succeed, fail, channel, data, options) => {
      const publication = client.publish(channel, data, options);
      publication.callback(() => succeed());
      publication.errback(fail);
    },
    /** Publishes the numbers 1 to count, each when the one before is answered. */
    publishNumbersOneByOne: (succeed, fail, channel, count) => {
      const publishNumber = (number) => {
        if (number > count) return succeed();
        const publication = client.publish(channel, number);
        publication.callback(() => publishNumber(number + 1));
        publication.errback(fail);
      };
      publishNumber(1);
    },
    /** Publishes the numbers 1 to count without waiting in between. */
    publishNumbersAtOnce: (succeed, fail, channel, count) => {
      let answered = 0;
      for (let number = 1; number <= count; number += 1) {
        const publication = client.publish(channel, number);
        publication.callback(() => {
          answered += 1;
          if (answered === count) succeed();
        });
        publication.errback(fail);
      }
    },
    /** Publishes the values without waiting in between, and tells what became of each. */
    publishAll: (succeed, _fail, channel, values) => {
      const outcomes = values.map(() => null);
      values.forEach((value, index) => {
        const settle = (outcome) => {
          if (outcomes[index]) throw new Error(`publication ${index} was settled twice`);
          outcomes[index] = outcome;
          if (outcomes.every(Boolean)) succeed(outcomes);
        };
        const publication = client.publish(channel, value);
        publication.callback(() => settle({ ok: true }));
        publication.errback((error) => settle({ ok: false, error: describeError(error) }));
      });
    },
    disconnect: (succeed) => {
      client.disconnect();
      succeed();
    },
    /** Only our client says it. */
    state: (succeed) => succeed(client.state),
    /** The transport the client itself says it uses now. */
    connectionType: (succeed) => {
      const owner = client._dispatcher || client._transport;
      succeed(owner ? owner.connectionType : client.transport);
    },
  };

  /** For what only one test needs. */
  perform.client = client;
  return perform;

  function perform(operation, method, methodArguments) {
    const succeed = (value) => report({ kind: 'outcome', operation, ok: true, value: copy(value) });
    const fail = (error) => report({ kind: 'outcome', operation, ok: false, error: describeError(error) });
    try {
      methods[method](succeed, fail, ...methodArguments);
    } catch (error) {
      fail(error);
    }
  }
}
