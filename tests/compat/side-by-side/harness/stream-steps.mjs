// The steps of a case that use a WebSocket or an EventSource stream.

import { Silence } from './byte-stream.mjs';
import { EventStream, HttpConnection, requestBytes } from './http-client.mjs';
import { asText, settle } from './steps.mjs';
import { describeHeaders, describeResponse } from './transcript.mjs';
import { WebSocketConnection, closePayload, frame, opcodes } from './websocket-client.mjs';

async function openSocket(context, name, options) {
  const socket = new WebSocketConnection(context.server);
  context.opened.push(socket);
  context.sockets.set(name, socket);
  return socket.open(context.fillRequest(options));
}

// An upgrade request whose answer is compared.
export const upgrade = (name, options = {}) => async (context) => {
  context.observe({ what: `upgrade of ${name}`, ...describeResponse(await openSocket(context, name, options)) });
};

// An upgrade that is refused: the status, the media type and the text are compared.
export const refusedUpgrade = (options) => async (context) => {
  const { status, headers, body } = describeResponse(await openSocket(context, 'refused', options));
  const mediaType = (headers['content-type'] ?? '').split(';')[0];
  context.observe({ what: 'refused upgrade', status, mediaType, body });
};

// A socket that is open; its upgrade is not compared.
export const socket = (name, options = {}) => async (context) => {
  const response = await openSocket(context, name, options);
  if (response.status !== 101) throw new Error(`the upgrade failed: ${response.status} ${response.body}`);
};

export const send = (name, ...messages) => async (context) => {
  for (const message of messages) context.sockets.get(name).send(frame(context.fill(asText(message))));
};

// Frames as bytes; `context.fill` is not applied.
export const sendBytes = (name, ...pieces) => async (context) => {
  context.sockets.get(name).send(Buffer.concat(pieces));
};

const showFrame = ({ reason, ...described }, withReason) =>
  ('close' in described && withReason ? { ...described, reason } : described);

// A number of frames; `fayeCount` if npm Faye sends another number at this point.
export const receive = (name, count = 1, { fayeCount = count } = {}) => async (context) => {
  const expected = context.server.actsAsReference ? fayeCount : count;
  for (let index = 0; index < expected; index += 1) {
    context.observe({ what: `frame on ${name}`, ...showFrame(await context.sockets.get(name).next(), true) });
  }
};

// Proves that nothing else comes: sends the frame `[]` and shows all that arrives up to its echo.
export const drain = (name) => async (context) => {
  const connection = context.sockets.get(name);
  connection.send(frame('[]'));
  for (;;) {
    const described = await connection.next();
    context.observe({ what: `frame on ${name}`, ...showFrame(described, true) });
    if (described.text === '[]' || described.end) return;
  }
};

// All frames up to the closing one. The reason is compared only where it is the echo of the client's:
// the texts that explain a breach of RFC 6455 are every server's own.
export const closed = (name, { reason = false } = {}) => async (context) => {
  for (;;) {
    const described = await context.sockets.get(name).next();
    context.observe({ what: `frame on ${name}`, ...showFrame(described, reason) });
    if ('close' in described || described.end) return;
  }
};

// The end of the TCP connection, and time for the server to let go of it.
export const ended = (name) => async (context) => {
  for (;;) {
    const described = await context.sockets.get(name).next();
    context.observe({ what: `frame on ${name}`, ...described });
    if (described.end) break;
  }
  await settle()(context);
};

export const sendClose = (name, code, reason = '') => sendBytes(name,
  frame(code === undefined ? '' : closePayload(code, reason), { opcode: opcodes.close }));

// Cuts the TCP connection without a closing frame and lets the server notice.
export const cut = (name) => async (context) => {
  (context.sockets.get(name) ?? context.streams.get(name).connection).close();
  await settle(40)(context);
};

// --- EventSource ---

export const eventHeaders = [['Accept', 'text/event-stream']];

// Opens a stream and shows its head and its first block.
export const stream = (name, target, { headers = [] } = {}) => async (context) => {
  const connection = new HttpConnection(context.server);
  context.opened.push(connection);
  const parts = context.fillRequest({ target, headers: [...eventHeaders, ...headers] });
  connection.send(requestBytes(context.server, parts));
  const head = await connection.readHead();
  context.observe({ what: `stream ${name}`, status: head.status, headers: describeHeaders(head) });
  const opened = new EventStream(connection);
  opened.connection = connection;
  context.streams.set(name, opened);
  await events(name)(context);
  await settle(3)(context);
};

// A number of blocks of a stream, without the comments that keep it alive.
export const events = (name, count = 1, { fayeCount = count } = {}) => async (context) => {
  const expected = context.server.actsAsReference ? fayeCount : count;
  for (let index = 0; index < expected; index += 1) {
    let block = await context.streams.get(name).nextBlock();
    for (let comments = 0; block === ':\r\n\r\n'; comments += 1) {
      if (comments > 1) throw new Silence('nothing but comments came');
      block = await context.streams.get(name).nextBlock();
    }
    context.observe({ what: `event on ${name}`, block: block ?? 'the stream ended' });
  }
};
