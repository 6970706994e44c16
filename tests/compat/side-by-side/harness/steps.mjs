// The steps of which a case is made: HTTP requests, held requests and the setting up of sessions.
// A step is a function of the context of one run; what it observes becomes part of the compared transcript.

import { HttpConnection, requestBytes } from './http-client.mjs';
import { describeResponse } from './transcript.mjs';

const jsonHeaders = [['Content-Type', 'application/json']];

export function asText(message) {
  return typeof message === 'string' ? message : JSON.stringify(message);
}

async function exchange(context, parts) {
  const connection = new HttpConnection(context.server);
  context.opened.push(connection);
  connection.send(requestBytes(context.server, context.fillRequest(parts)));
  const response = await connection.readResponse(parts.method);
  connection.close();
  return response;
}

function observe(context, what, parts, response) {
  const origin = parts.headers?.find(([name]) => name.toLowerCase() === 'origin')?.[1];
  context.observe({ what, ...describeResponse(response, parts.method) }, { origin });
}

// A request as it is given; see requestBytes.
export const request = (parts) => async (context) => {
  const what = `${parts.method ?? 'GET'} ${parts.target ?? context.server.mount}`;
  observe(context, what, parts, await exchange(context, parts));
};

const postParts = (messages, { target, headers = [] } = {}) =>
  ({ method: 'POST', target, headers: [...jsonHeaders, ...headers], body: Buffer.isBuffer(messages) ? messages : asText(messages) });

// Messages as a JSON body.
export const post = (messages, options) => request(postParts(messages, options));

// A body under a content type of the case's choice; null means none.
export const postAs = (contentType, body, headers = []) => request({
  method: 'POST',
  headers: [...(contentType === null ? [] : [['Content-Type', contentType]]), ...headers],
  body,
});

export function query(parameters) {
  return parameters.map(([name, value]) => `${name}=${encodeURIComponent(asText(value))}`).join('&');
}

// A JSON-P request with the given [name, value] parameters.
export const get = (parameters, headers = []) => async (context) => {
  const filled = parameters.map(([name, value]) => [name, context.fill(asText(value))]);
  const parts = { method: 'GET', target: `${context.server.mount}?${query(filled)}`, headers };
  observe(context, 'GET', parts, await exchange(context, parts));
};

// Writes a request and goes on without waiting for its reply; `answer` picks the reply up.
export const held = (name, messages, options) => async (context) => {
  const parts = postParts(messages, options);
  const connection = new HttpConnection(context.server);
  context.opened.push(connection);
  connection.send(requestBytes(context.server, context.fillRequest(parts)));
  const entry = { parts, response: undefined, promise: connection.readResponse(parts.method) };
  entry.promise.then((response) => { entry.response = response; }, () => {});
  context.held.set(name, entry);
  await settle()(context);
};

// Lets the server get through what was written to it before: its answers on other connections come after that.
export const settle = (rounds = 8) => async (context) => {
  for (let round = 0; round < rounds; round += 1) {
    await exchange(context, postParts('[]'));
  }
};

// The reply of a held request. `fayeSilent`: npm Faye has none at this point, our server has, and it comes before the
// replies of many later requests; a reply that only comes when the hold is over does not.
export const answer = (name, { fayeSilent = false } = {}) => async (context) => {
  const entry = context.held.get(name);
  if (fayeSilent) {
    const rounds = context.server.actsAsReference ? 8 : 200;
    for (let round = 0; round < rounds && !entry.response; round += 1) await settle(1)(context);
    if (!entry.response) {
      context.observe({ what: `reply to ${name}`, outcome: 'none so far' });
      return;
    }
  }
  if (entry.taken) {
    context.observe({ what: `reply to ${name}`, outcome: 'was sent before' });
    return;
  }
  entry.taken = true;
  observe(context, `reply to ${name}`, entry.parts, await entry.promise);
};

// Several requests on one connection, written at once.
export const pipeline = (...requests) => async (context) => {
  const connection = new HttpConnection(context.server);
  context.opened.push(connection);
  connection.send(Buffer.concat(requests.map((parts) => requestBytes(context.server, context.fillRequest(parts)))));
  for (const parts of requests) {
    observe(context, `pipelined ${parts.method}`, parts, await connection.readResponse(parts.method));
  }
};

// --- Setting up; nothing of it is compared, but it must succeed. ---

async function succeed(context, messages) {
  const response = await exchange(context, postParts(messages));
  const replies = JSON.parse(response.body.toString('utf8'));
  if (response.status !== 200 || !replies.every((reply) => reply.successful !== false)) {
    throw new Error(`setting up failed: ${response.status} ${response.body}`);
  }
  return replies;
}

export const handshakeMessage = {
  channel: '/meta/handshake',
  version: '1.0',
  supportedConnectionTypes: ['long-polling', 'websocket', 'eventsource'],
};

export const connectMessage = (name, extra = {}) =>
  ({ channel: '/meta/connect', clientId: `{{${name}}}`, connectionType: 'long-polling', ...extra });

export const atOnce = { advice: { timeout: 0 } };

// A session that has never connected.
export const newSession = (name) => async (context) => {
  const [reply] = await succeed(context, [handshakeMessage]);
  context.values.set(name, reply.clientId);
};

// A session that has connected once and is subscribed to the given channels.
export const session = (name, ...channels) => async (context) => {
  await newSession(name)(context);
  await succeed(context, [context.fill(connectMessage(name, atOnce))].flat());
  await subscribed(name, ...channels)(context);
};

export const subscribed = (name, ...channels) => async (context) => {
  if (channels.length === 0) return;
  await succeed(context, [context.fill({ channel: '/meta/subscribe', clientId: `{{${name}}}`, subscription: channels })]);
};

// Publishes without looking at the reply. `message` may be JSON text.
export const publish = (channel, data = channel) => publishRaw({ channel, data });
export const publishRaw = (message) => async (context) => {
  await succeed(context, context.fill(asText(message)));
};

// What waits for a session, collected by a connect that is not held.
export const collect = (name) => post([connectMessage(name, atOnce)]);
