// Shows the state of a connection in words, with the transport and the time until
// the next attempt, and connects the choice of the transport.

export const TRANSPORT_NAMES = {
  'websocket': 'WebSocket',
  'eventsource': 'EventSource',
  'long-polling': 'long-polling',
  'cross-origin-long-polling': 'cross-origin long-polling',
  'callback-polling': 'JSON-P',
  'shared': 'a connection that windows share',
};

/** Returns the state of a connection as a sentence without its full stop. */
export function describe({ state, transport, reason, error }) {
  switch (state) {
    case 'connected': return `Connected over ${TRANSPORT_NAMES[transport] ?? transport}`;
    case 'interrupted': return error?.code ? `Refused: ${error.message}` : 'Reconnecting: the server is unavailable';
    case 'disconnected': return `Disconnected: ${error?.message ?? reason ?? 'reload the page'}`;
    default: return 'Connecting';
  }
}

export function showStatus(connection) {
  const box = document.getElementById('state');
  const text = document.getElementById('state-text');
  // Separate from the text: a screen reader must not speak every second.
  const next = document.getElementById('state-next');
  let timer;
  let retryAt;

  function countDown() {
    const seconds = Math.ceil((retryAt - performance.now()) / 1000);
    next.textContent = seconds > 0 ? `, next try in ${seconds} s` : ', trying now';
    if (seconds <= 0) clearInterval(timer);
  }

  connection.watch((event) => {
    clearInterval(timer);
    box.dataset.state = event.state;
    const words = describe(event);
    if (text.textContent !== words) text.textContent = words;
    next.textContent = '';
    if (event.state === 'interrupted' && Number.isFinite(event.retryIn)) {
      retryAt = performance.now() + event.retryIn;
      timer = setInterval(countDown, 250);
      countDown();
    }
  });

  const transports = document.getElementById('transports');
  transports.addEventListener('change', (event) => connection.use(event.target.value));
  // Browsers restore a choice after a reload; the new page has not applied it.
  transports.querySelector('[value=automatic]').checked = true;
}
