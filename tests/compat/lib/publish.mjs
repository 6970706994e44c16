// Talks Bayeux to the server by plain HTTP POST, without any client library:
// the tests' neutral way to publish and to ask about a session.

import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ATTEMPTS_ON_A_STALE_CONNECTION = 2;

function post(url, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
    });
    outgoing.on('error', (error) => {
      error.onReusedConnection = outgoing.reusedSocket;
      reject(error);
    });
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => { text += chunk; });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.end(body);
  });
}

/** Sends the messages in one request and gives the replies. */
export async function sendMessages(url, messages) {
  const body = JSON.stringify(messages);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { status, text } = await post(url, body);
      if (status !== 200) throw new Error(`POST ${url} was answered ${status}: ${text}`);
      return JSON.parse(text);
    } catch (error) {
      // The server restarted since the connection was kept: that says nothing about it.
      const stale = error.onReusedConnection && error.code === 'ECONNRESET';
      if (!stale || attempt === ATTEMPTS_ON_A_STALE_CONNECTION) throw error;
    }
  }
}

/** Publishes one message and fails unless the server accepted it. */
export async function publishByPost(url, channel, data) {
  const replies = await sendMessages(url, [{ channel, data }]);
  if (replies.length !== 1 || replies[0].successful !== true) {
    throw new Error(`publishing to ${channel} was answered ${JSON.stringify(replies)}`);
  }
}
