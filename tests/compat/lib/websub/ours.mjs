// Our server with a hub for topics and callbacks on loopback addresses.

import { OUR_SERVER, startServer } from '../server.mjs';

/** `server.public_url`, which topics name. */
export const PUBLIC_URL = 'https://hub.example';

/**
 * Starts the server.
 *
 * @param hub  lines of `[hub]` in place of, or in addition to, those here
 */
export async function startOurHub(hub = {}) {
  const settings = {
    enabled: true,
    policy: 'open',
    topic_networks: ['127.0.0.0/8'],
    callback_networks: ['127.0.0.0/8'],
    fetch_interval: '1ms',
    rate: '100000/s',
    pending_by_host: 1000,
    pending_by_client: 1000,
    ...hub,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const text = [
    '[server]', `public_url = "${PUBLIC_URL}"`, '[store]', 'url = "sqlite::memory:"', '[hub]', ...lines, '',
  ].join('\n');
  const server = await startServer({}, OUR_SERVER, text);
  return { server, url: `${server.origin}/hub`, root: `${server.origin}/`, link: `${PUBLIC_URL}/hub` };
}
