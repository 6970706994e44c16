// Points in time: absolute as the server writes them, and relative to now.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MINUTE = 60_000;
/** Units of relative times with their milliseconds, the largest first; older times are dates. */
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', MINUTE]];
const OLDEST = 7 * 86_400_000;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short' });

/** `30 Nov 2026, 09:13 UTC`, from RFC 3339 in UTC. */
export function absolute(at) {
  const month = MONTHS[Number(at.slice(5, 7)) - 1];
  return month ? `${Number(at.slice(8, 10))} ${month} ${at.slice(0, 4)}, ${at.slice(11, 16)} UTC` : at;
}

function text(time, now) {
  const past = now - time;
  if (past >= OLDEST) return day.format(time);
  if (past < MINUTE) return 'just now';
  const [unit, length] = UNITS.find(([, least]) => past >= least);
  return relative.format(-Math.floor(past / length), unit);
}

/** Shows the times of these elements relative to now, and the whole date in local time as their title. */
export function showTimes(root) {
  const now = Date.now();
  for (const element of root.querySelectorAll('time[datetime]')) {
    const time = Date.parse(element.dateTime);
    if (Number.isNaN(time)) continue;
    const wanted = text(time, now);
    if (element.textContent !== wanted) element.textContent = wanted;
    element.title = whole.format(time);
  }
}

/** Keeps the times of the document right. */
export function keepTimes() {
  const show = () => showTimes(document);
  show();
  setInterval(show, MINUTE);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) show(); });
}
