// Shows the state of the connection, with the transport and the time until the
// next attempt, and lets people choose the transport.

const TRANSPORT_NAMES = {
  'websocket': 'WebSocket',
  'eventsource': 'EventSource',
  'long-polling': 'long-polling',
  'cross-origin-long-polling': 'cross-origin long-polling',
  'callback-polling': 'JSON-P',
  'shared': 'a connection that windows share',
};

function describe({ state, transport, reason, error }) {
  switch (state) {
    case 'connected': return `Connected over ${TRANSPORT_NAMES[transport] ?? transport}`;
    case 'interrupted': return 'Reconnecting: the server is away';
    case 'disconnected': return `Disconnected: ${error?.message ?? reason ?? 'reload the page'}`;
    default: return 'Connecting';
  }
}

export function showStatus(connection) {
  const box = document.getElementById('state');
  const text = document.getElementById('state-text');
  // Apart from the text: a screen reader must not speak every second.
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
  // Browsers remember what was chosen before a reload; the new page has not chosen yet.
  transports.querySelector('[value=automatic]').checked = true;
}
