// Shows why the server refuses the page. The client can only tell that it does
// not get through: what a WebSocket is answered, no script can read.

/** How long the client gets before the server is asked; it connects in less. */
const PATIENCE_MS = 2000;

/** The server's reason to refuse every request of this page, or null. */
async function reason(url) {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: '[]' });
    return answer.status === 403 ? await answer.text() : null;
  } catch {
    // The server is away, which the state of the connection tells.
    return null;
  }
}

/** Calls `show` with the reason if the page is not connected after a while and the server refuses it. */
export function watchForRefusal(connection, url, show) {
  setTimeout(async () => {
    const text = connection.now.state === 'connected' ? null : await reason(url);
    if (text) show(text);
  }, PATIENCE_MS);
}
