// The balancers before the nodes: real ones, with the files of deploy/ that users start with.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Daemon } from './daemon.mjs';
import { freePort } from '../ports.mjs';
import { tool } from './tools.mjs';
import { until } from './waiting.mjs';

const deployed = (name) => fileURLToPath(new URL(`../../../../deploy/${name}`, import.meta.url));

/** What both files call the nodes. A place without a node has an address at which nobody listens. */
async function addresses(nodes) {
  const places = {};
  for (const place of [1, 2, 3]) {
    places[`FAYE_${place}`] = nodes[place - 1] ? new URL(nodes[place - 1].url).host : `127.0.0.1:${await freePort()}`;
  }
  return places;
}

function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

function fetchText(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve(text));
    }).on('error', reject);
  });
}

/** Rows of comma-separated values, as objects by the names in the first line. */
function parseTable(text) {
  const [head, ...rows] = text.replace(/^# /, '').trim().split('\n').map((line) => line.split(','));
  return rows.map((row) => Object.fromEntries(head.map((name, index) => [name, row[index]])));
}

class Haproxy {
  #status;

  constructor(port, status) {
    this.origin = `http://127.0.0.1:${port}`;
    this.#status = status;
  }

  /** What it knows of each node, in their order: `status`, and `stot`, the number of requests that it got. */
  async nodes() {
    const rows = parseTable(await fetchText(`http://127.0.0.1:${this.#status}/;csv`));
    return rows.filter(({ pxname, svname }) => pxname === 'instances' && svname.startsWith('faye'));
  }

  /** Waits until it has seen which nodes are ready, by their places. */
  seesReady(...places) {
    const wanted = [1, 2, 3].map((place) => places.includes(place - 1));
    return until(`HAProxy sees ready: ${places.map((place) => place + 1)}`, async () => {
      const nodes = await this.nodes();
      return nodes.every(({ status, check_status: check }, index) =>
        (status.startsWith('UP') && check !== 'INI') === wanted[index]);
    });
  }
}

export async function startHaproxy(workbench, nodes) {
  const [port, status] = [await freePort(), await freePort()];
  const daemon = new Daemon('HAProxy', [tool('haproxy'), '-db', '-f', deployed('haproxy.cfg')], {
    env: {
      ...process.env,
      ...await addresses(nodes),
      FAYE_BIND: `127.0.0.1:${port}`,
      FAYE_STATUS_BIND: `127.0.0.1:${status}`,
    },
  });
  workbench.atEnd(() => daemon.discard());
  workbench.alsoShow(() => daemon.describe());
  // It binds one after the other.
  const listens = async () => await takesConnections(port) && await takesConnections(status);
  await daemon.start((isOver) => until('HAProxy listens', async () => isOver() || listens()));
  const haproxy = new Haproxy(port, status);
  await haproxy.seesReady(...nodes.keys());
  return haproxy;
}

/** Around the file that belongs into the http context: what Debian's own main file says, but in a folder of ours. */
const nginxMain = (folder) => `
daemon off;
pid ${folder}/pid;
error_log stderr;
worker_processes 1;
events { worker_connections 512; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  include ${folder}/faye.conf;
}
`;

export async function startNginx(workbench, nodes) {
  const port = await freePort();
  const values = { ...await addresses(nodes), FAYE_BIND: `127.0.0.1:${port}` };
  const folder = mkdtempSync(join(tmpdir(), 'faye-nginx-'));
  const text = readFileSync(deployed('nginx.conf'), 'utf8');
  writeFileSync(join(folder, 'faye.conf'), text.replace(/\$\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
  writeFileSync(join(folder, 'nginx.conf'), nginxMain(folder));
  const daemon = new Daemon('nginx', [tool('nginx'), '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  workbench.atEnd(async () => {
    // The workers of a main process that was killed would live on.
    if (daemon.isRunning) await daemon.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });
  workbench.alsoShow(() => daemon.describe());
  await daemon.start((isOver) => until('nginx listens', async () => isOver() || takesConnections(port)));
  return { origin: `http://127.0.0.1:${port}` };
}

/** Before the site of the shipped file: no administration, nothing beyond loopback. */
const caddyMain = `
{
	admin off
	default_bind 127.0.0.1
}
import ${deployed('Caddyfile')}
`;

/** The shipped file has two places. */
export async function startCaddy(workbench, nodes) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'faye-caddy-'));
  writeFileSync(join(folder, 'Caddyfile'), caddyMain);
  const daemon = new Daemon('Caddy', [tool('caddy'), 'run', '--config', join(folder, 'Caddyfile')], {
    env: { ...process.env, ...await addresses(nodes), FAYE_SITE: origin, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  workbench.atEnd(async () => {
    await daemon.discard();
    rmSync(folder, { recursive: true, force: true });
  });
  workbench.alsoShow(() => daemon.describe());
  await daemon.start((isOver) => until('Caddy listens', async () => isOver() || takesConnections(port)));
  return { origin };
}
