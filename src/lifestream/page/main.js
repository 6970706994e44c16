// Puts the parts of the page together: the only file that knows them all.

import { Connection } from './connection.js';
import { Fresh } from './fresh.js';
import { listenForKeys } from './keys.js';
import { List } from './list.js';
import { Older } from './older.js';
import { keepTimes } from './time.js';
import { View } from './view.js';

const stream = document.getElementById('stream');

/** The feed of the address; null if the address is of another page than the newest. */
function feedOfAddress() {
  const query = new URLSearchParams(location.search);
  return query.has('before') || query.has('after') ? null : query.get('feed') ?? '';
}

function markCurrent(feed) {
  for (const chip of document.querySelectorAll('#filters a')) {
    if (chip.dataset.feed === feed) chip.setAttribute('aria-current', 'page');
    else chip.removeAttribute('aria-current');
  }
}

function showTitle(feed) {
  const site = document.querySelector('h1').textContent;
  const chip = feed && document.querySelector(`#filters a[data-feed="${feed}"]`);
  document.title = chip ? `${chip.textContent} – ${site}` : site;
}

function start() {
  const { path, mount, channel, images, feeds, allFeeds } = stream.dataset;
  const isEmbedded = document.body.classList.contains('embedded');
  const list = new List(stream, { path, images });
  const fresh = new Fresh((message) => list.put(message), () => view.reload());
  // A frame shows as many entries as the other site wants; the link leads to older ones.
  const older = (load) => (isEmbedded ? { set() {} } : new Older(document.querySelector('.pages'), load));
  const view = new View(stream.dataset, list, fresh, older);

  const connection = globalThis.Faye && new Connection(new URL(mount, location.href).href,
    document.getElementById('state'), () => view.complete());
  const follow = () => {
    const channels = (view.feed ? [view.feed] : feeds.split(' ').filter(Boolean)).map((name) => channel.replace('{name}', name));
    const areAll = Boolean(view.feed) || allFeeds === 'yes';
    connection?.follow(channel.replace('{name}', view.feed || '*'), { channels, areAll }, (message) => view.receive(message));
  };
  follow();

  async function show(feed) {
    stream.setAttribute('aria-busy', 'true');
    markCurrent(feed);
    try {
      const shown = view.show(feed);
      follow();
      await shown;
      showTitle(feed);
      scrollTo({ top: 0, behavior: 'instant' });
    } catch {
      location.assign(view.href);
    } finally {
      stream.removeAttribute('aria-busy');
    }
  }

  if (isEmbedded) return;
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-feed]');
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.dataset.feed === view.feed) return;
    history.pushState(null, '', link.href);
    show(link.dataset.feed);
  });
  addEventListener('popstate', () => {
    const feed = feedOfAddress();
    if (feed === null) location.reload();
    else if (feed !== view.feed) show(feed);
  });
}

keepTimes();
if (stream) listenForKeys(document.getElementById('hint'));
if (stream?.dataset.live === 'yes') start();
