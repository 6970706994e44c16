// Publishes messages to a Faye server by HTTP.

export class FayePublisher {
  constructor({ url, secret }) {
    this.url = url;
    this.secret = secret;
  }

  /** Resolves when the server has accepted the message; rejects with its error, or when there is no answer. */
  async publish(channel, data) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.secret}` },
      body: JSON.stringify({ channel, data }),
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    const [reply] = await response.json();
    if (!reply.successful) throw new Error(reply.error);
  }
}
