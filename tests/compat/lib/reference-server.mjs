// Runs npm Faye's own server as a child process, with the same command line,
// environment and standard output as the `faye` binary. It exists to prove the
// tests right: what fails against Faye itself is either a wrong test or a
// difference somebody must have decided on.

import { createRequire } from 'node:module';
import { createServer } from 'node:http';

const require = createRequire(import.meta.url);
const faye = require('faye');

const MOUNT = '/faye';

/** Reads "2s" or "1500ms", the two forms the tests use. */
function seconds(text) {
  const parsed = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (!parsed) throw new Error(`not a duration this server understands: ${text}`);
  return parsed[2] === 'ms' ? Number(parsed[1]) / 1000 : Number(parsed[1]);
}

function listenAddress() {
  const position = process.argv.indexOf('--listen');
  if (position < 0) throw new Error('--listen HOST:PORT is missing');
  const [host, port] = process.argv[position + 1].split(':');
  return { host, port: Number(port) };
}

const timeout = seconds(process.env.FAYE_SERVER__TIMEOUT ?? '60s');
const bayeux = new faye.NodeAdapter({ mount: MOUNT, timeout });
const server = createServer((_request, response) => {
  response.writeHead(404, { 'Content-Type': 'text/plain' });
  response.end('Not found');
});
/** "403:token:No entry": how an application's extension refuses every session. */
const refusal = process.env.FAYE_TEST_REFUSAL;
if (refusal) {
  bayeux.addExtension({
    incoming(message, callback) {
      if (message.channel === '/meta/handshake') message.error = refusal;
      callback(message);
    },
  });
}
bayeux.attach(server);

process.on('SIGTERM', () => {
  server.close();
  bayeux.close();
  // The adapter has no drain of its own: let what it just wrote leave the process.
  setTimeout(() => process.exit(0), 50);
});

server.listen(listenAddress(), () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}${MOUNT}`);
});
