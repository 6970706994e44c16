// The list of messages that arrive on one channel or pattern, newest first. Data is
// shown as text and never becomes HTML.

const SHOWN = 50;
/** Longer messages are shortened. */
const CHARACTERS = 2000;
const ALL_OF_THE_PAGE = '/demo/**';

/** Returns whether a Bayeux pattern matches the channel. */
function covers(pattern, channel) {
  if (pattern.endsWith('/**')) return channel.startsWith(pattern.slice(0, -2));
  if (!pattern.endsWith('/*')) return pattern === channel;
  const parent = pattern.slice(0, -1);
  return channel.startsWith(parent) && !channel.slice(parent.length).includes('/');
}

export function connectFeed(connection) {
  const form = document.getElementById('feed-form');
  const input = document.getElementById('feed-pattern');
  const note = document.getElementById('feed-note');
  const list = document.getElementById('messages');
  let subscription;
  let pattern;
  let isRefused = false;
  /** Until the visitor chooses a pattern, it is the channel of the publish box. */
  let isChosen = false;

  function show(data, channel) {
    const item = document.createElement('li');
    const time = document.createElement('time');
    const name = document.createElement('span');
    const text = document.createElement('span');
    const now = new Date();
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString();
    name.className = 'channel';
    name.textContent = channel;
    text.className = 'data';
    // A message may have no data at all.
    text.textContent = (JSON.stringify(data) ?? 'no data').slice(0, CHARACTERS);
    item.append(time, ' ', name, ' ', text);
    list.prepend(item);
    while (list.children.length > SHOWN) list.lastElementChild.remove();
  }

  function listen(wanted) {
    input.value = wanted;
    if (!wanted || wanted === pattern) return;
    subscription?.cancel();
    pattern = wanted;
    isRefused = false;
    note.textContent = '';
    subscription = connection.subscribe(wanted, show, (error) => {
      isRefused = error !== null;
      note.textContent = error ? `Not listening: ${error.message}` : '';
    });
  }

  function choose(wanted) {
    isChosen = true;
    // A second attempt subscribes again.
    if (isRefused) pattern = undefined;
    listen(wanted);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    choose(input.value.trim());
  });
  input.addEventListener('change', () => choose(input.value.trim()));
  document.getElementById('feed-all').addEventListener('click', () => choose(ALL_OF_THE_PAGE));
  listen(input.defaultValue);

  return {
    get pattern() { return pattern; },
    get isRefused() { return isRefused; },
    receives: (channel) => !isRefused && covers(pattern, channel),
    /** Listens on the channel, unless the visitor chose another. */
    follow(channel) {
      if (!isChosen) listen(channel);
    },
  };
}
