// The reference: npm faye on a plain http server, in a process of its own.
// It keeps the contract of our binary: one line on stdout says where it listens, and it ends with its parent.

import http from 'node:http';
import faye from 'faye';

const mount = process.env.REFERENCE_MOUNT ?? '/faye';
const timeout = Number(process.env.REFERENCE_TIMEOUT ?? 2);

const server = http.createServer((request, response) => {
  response.writeHead(404);
  response.end();
});
new faye.NodeAdapter({ mount, timeout }).attach(server);

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}${mount}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
