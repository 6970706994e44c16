// The worker thread in which one CometD client lives, with the same commands
// and log entries as the driver of Faye's clients. It subscribes again after
// every handshake, as CometD tells its applications to do.

import { parentPort, workerData } from 'node:worker_threads';

import { adapt } from 'cometd-nodejs-client';

// The library looks for its browser surroundings when it is constructed.
adapt();
const { endpoint, transport, module, withAck } = workerData;
// Version 7 is CommonJS, and its extensions export nothing but themselves.
const load = async (file, name) => {
  const loaded = await import(file);
  return loaded[name] ?? loaded.default[name] ?? loaded.default;
};
const CometD = await load(module, 'CometD');
const AckExtension = await load(`${module}/AckExtension.js`, 'AckExtension');

// A property since version 8.
const typeOf = (transport) => transport?.type ?? transport?.getType?.() ?? null;
const report = (entry) => parentPort.postMessage(entry);
const copy = (message) => JSON.parse(JSON.stringify(message));

let connectRefused = false;

const cometd = new CometD();
for (const type of cometd.getTransportTypes()) {
  if (type !== transport) cometd.unregisterTransport(type);
}
cometd.configure({ url: endpoint, logLevel: 'warn', backoffIncrement: 100 });
if (withAck) cometd.registerExtension('ack', new AckExtension());
cometd.registerExtension('report', {
  outgoing(message) {
    report({ kind: 'outgoing', message: copy(message) });
    return message;
  },
  incoming(message) {
    report({ kind: 'incoming', message: copy(message) });
    if (message.channel === '/meta/connect' && /^401:/.test(message.error ?? '')) connectRefused = true;
    return message;
  },
});

/** Channel to the handle with which CometD unsubscribes. */
const subscriptions = new Map();

/** "405:/channel:Invalid channel" as Faye's clients give it to applications. */
function parseError(reply) {
  const parsed = /^(\d+):([^:]*):(.*)$/.exec(reply.error ?? '');
  if (!parsed) return { code: null, params: [], message: JSON.stringify(reply) };
  return { code: Number(parsed[1]), params: parsed[2].split(','), message: parsed[3] };
}

const settle = (succeed, fail) => (reply) => (reply.successful ? succeed() : fail(parseError(reply)));

function subscribe(channel, callback) {
  const handle = cometd.subscribe(channel, (message) => {
    // A listener for /** is told of meta messages too; they carry no data.
    if (message.data !== undefined) report({ kind: 'delivery', subscription: channel, data: message.data });
  }, callback);
  subscriptions.set(channel, handle);
}

let shookHands = false;

/**
 * Over polling, connect and disconnect have a connection each. If the server reads the disconnect first, it refuses
 * the connect, and CometD then aborts the request of its disconnect: the session ended, and the reply is lost.
 */
function disconnect(succeed, fail) {
  connectRefused = false;
  cometd.disconnect((reply) => {
    if (!reply.successful && reply.failure && connectRefused) return succeed('reply aborted');
    return settle(succeed, fail)(reply);
  });
}

/** CometD calls this again after every later handshake; only the first was asked for. */
function whenConnected(action, fail) {
  if (!cometd.isDisconnected()) return action();
  cometd.handshake((reply) => {
    if (!reply.successful) return shookHands || fail(parseError(reply));
    if (shookHands) return [...subscriptions.keys()].forEach((channel) => subscribe(channel));
    shookHands = true;
    action();
  });
}

const methods = {
  connect: (succeed, fail) => whenConnected(succeed, fail),
  subscribe: (succeed, fail, channel) => whenConnected(() => subscribe(channel, settle(succeed, fail)), fail),
  unsubscribe: (succeed, _fail, channel) => {
    cometd.unsubscribe(subscriptions.get(channel));
    subscriptions.delete(channel);
    succeed();
  },
  publish: (succeed, fail, channel, data) => {
    cometd.publish(channel, data, settle(succeed, fail));
  },
  /** Publishes all values in one batch; succeeds when all are answered. */
  publishBatch: (succeed, fail, channel, values) => {
    let answered = 0;
    cometd.batch(() => {
      for (const value of values) {
        cometd.publish(channel, value, (reply) => {
          if (!reply.successful) return fail(parseError(reply));
          answered += 1;
          if (answered === values.length) succeed();
        });
      }
    });
  },
  disconnect,
  connectionType: (succeed) => succeed(typeOf(cometd.getTransport())),
};

parentPort.on('message', ({ operation, method, methodArguments }) => {
  const succeed = (value = null) => report({ kind: 'outcome', operation, ok: true, value });
  const fail = (error) => report({ kind: 'outcome', operation, ok: false, error });
  try {
    methods[method](succeed, fail, ...methodArguments);
  } catch (error) {
    fail({ code: null, params: [], message: String(error) });
  }
});
