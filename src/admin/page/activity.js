// Sessions, messages a second and uptime of the server, in the bar. The server
// gives totals; the rate is the difference of two of them.

const INTERVAL_MILLISECONDS = 2000;

function uptime(seconds) {
  const [days, hours, minutes] = [seconds / 86_400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** Shows the activity that the address reports, as long as it does. */
export function showActivity(address) {
  const box = document.getElementById('activity');
  let before;

  function write(name, text) { box.querySelector(`[data-part=${name}]`).textContent = text; }

  function show(now) {
    const isLater = before && now.uptime > before.uptime;
    const since = (name) => (now[name] - before[name]) / (now.uptime - before.uptime);
    const rate = isLater ? Math.round(since('published') + since('delivered')).toLocaleString('en') : '–';
    before = now;
    write('sessions', now.sessions.toLocaleString('en'));
    write('rate', rate);
    write('uptime', uptime(now.uptime));
    box.hidden = false;
  }

  async function poll() {
    if (document.hidden) return;
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`status ${response.status}`);
      show(await response.json());
    } catch {
      // The state of the connection reports that the server is unavailable; old numbers would be wrong.
      box.hidden = true;
    }
  }

  poll();
  setInterval(poll, INTERVAL_MILLISECONDS);
}
