// What a scenario sees of a client, wherever the client runs: commands that are
// awaited, and one ordered log.

import { EventLog } from './event-log.mjs';

/** A command the server, or the client library, refused. */
export class CommandError extends Error {
  constructor(command, { code, params, message }) {
    super(`${command}: ${code ?? ''} ${message}`);
    this.code = code;
    this.params = params;
  }
}

export class RemoteClient {
  #send;
  #close;
  #operations = 0;

  log = new EventLog();

  /**
   * Faye's server lets a message for the long-polling connect be overtaken by the next one for the socket, when the
   * socket's connect arrives between them. Scenarios begin when that is over.
   */
  settlesFirst = false;

  /**
   * @param description { name, transport }: what this client is held to
   * @param send        (operation, method, methodArguments) to the driver
   * @param close       ends the client without asking the server
   */
  constructor({ name, transport }, send, close) {
    this.name = name;
    this.transport = transport;
    this.#send = send;
    this.#close = close;
  }

  perform(method, ...methodArguments) {
    const outcome = this.#perform(method, methodArguments);
    // A test that fails before it waits for this one must not fail the next test too.
    outcome.catch(() => {});
    return outcome;
  }

  async #perform(method, methodArguments) {
    this.#operations += 1;
    const operation = this.#operations;
    await this.#send(operation, method, methodArguments);
    const outcome = await this.log.waitFor((entry) => entry.kind === 'outcome' && entry.operation === operation);
    if (!outcome.ok) throw new CommandError(`${method} ${JSON.stringify(methodArguments)}`, outcome.error);
    return outcome.value;
  }

  /** Connects and waits until the client asks for messages on its transport. */
  async connect() {
    await this.perform('connect');
    await this.connectsOverItsTransport();
  }

  /**
   * As `connect`, with a subscription in the same tick: clients then ask the
   * server not to hold the first connect, and change transport without delay.
   */
  async connectSubscribed(channel) {
    await this.subscribe(channel);
    await this.connectsOverItsTransport();
    // The answer comes after the server has read the connect before it.
    if (this.settlesFirst) await this.subscribe('/settled');
  }

  connectsOverItsTransport(mark = 0) {
    return this.log.waitFor((entry) => entry.kind === 'outgoing'
      && entry.message.channel === '/meta/connect'
      && entry.message.connectionType === this.transport, mark);
  }

  subscribe(channel) {
    return this.perform('subscribe', channel);
  }

  async unsubscribe(channel) {
    const mark = this.log.mark();
    await this.perform('unsubscribe', channel);
    await this.reply('/meta/unsubscribe', (message) => message.subscription === channel, mark);
  }

  /** @param options  of the client's `publish`; early versions have none */
  publish(channel, data, ...options) {
    return this.perform('publish', channel, data, ...options);
  }

  async disconnect() {
    const mark = this.log.mark();
    const outcome = await this.perform('disconnect');
    if (outcome !== 'reply aborted') await this.reply('/meta/disconnect', () => true, mark);
  }

  /** Waits for the server's successful reply on a meta channel. */
  async reply(channel, matches = () => true, mark = 0) {
    const entry = await this.log.waitFor(({ kind, message }) => kind === 'incoming'
      && message.channel === channel && message.successful === true && matches(message), mark);
    return entry.message;
  }

  /** Waits until the subscription's callback got this value. */
  delivery(subscription, data, mark = 0) {
    return this.log.waitFor((entry) => entry.kind === 'delivery'
      && entry.subscription === subscription && entry.data === data, mark);
  }

  /** What the subscription's callback got so far. */
  delivered(subscription, mark = 0) {
    return this.log.since(mark, (entry) => entry.kind === 'delivery' && entry.subscription === subscription)
      .map((entry) => entry.data);
  }

  /** The published messages that reached the client, listened for or not. */
  received(mark = 0) {
    return this.log.since(mark, ({ kind, message }) => kind === 'incoming' && message.data !== undefined)
      .map((entry) => entry.message);
  }

  close() {
    return this.#close();
  }
}
