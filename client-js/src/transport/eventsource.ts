/**
 * Messages from the server by EventSource, messages to it by `fetch`.
 */

import { failure } from '../error.js';
import { parseMessages } from '../message.js';
import { FetchTransport, isSameOrigin } from './fetch.js';
import { below, type Kind, type Place } from './transport.js';

class EventSourceTransport extends FetchTransport {
  #source: EventSource;

  constructor(place: Place) {
    super(place);
    const source = new EventSource(`${below(place.endpoint)}/${place.clientId}`);
    this.#source = source;
    source.onopen = () => place.to.opened();
    source.onmessage = (event) => {
      const messages = parseMessages(event.data);
      if (messages) place.to.received(messages);
    };
    // The browser would open it again by itself, at its own pace and without telling the session.
    source.onerror = () => {
      this.close();
      place.to.closed(failure('Stream closed'));
    };
  }

  /** Requests under way go on: they are not at fault, none is held, and their replies still count. */
  override close(): void {
    const source = this.#source;
    source.onopen = source.onmessage = source.onerror = null;
    source.close();
  }
}

export const eventSource: Kind = {
  type: 'eventsource',
  isSocket: true,
  isBlockable: true,
  needsClient: true,
  isUsable: (endpoint) => typeof EventSource === 'function' && isSameOrigin(endpoint),
  open: (place) => new EventSourceTransport(place),
};
