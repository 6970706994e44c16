// Finds out why the server refuses the page. A script cannot read the response to
// a WebSocket, so the client only knows that it does not connect.

/** The time that the client has before the server is asked, and between two requests; it connects in less. */
const PATIENCE_MS = 2000;

/** Returns why the server refuses every request of this page, or null. */
async function reason(url) {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: '[]' });
    return response.status === 403 ? await response.text() : null;
  } catch {
    // The server is unavailable, which the state of the connection shows.
    return null;
  }
}

/** Calls `show` with the reason if the server refuses the page; asks until it is known, or the page is connected. */
export function watchForRefusal(connection, url, show) {
  const timer = setInterval(async () => {
    if (connection.now.state === 'connected') return clearInterval(timer);
    const text = await reason(url);
    if (!text) return;
    clearInterval(timer);
    show(text);
  }, PATIENCE_MS);
}
