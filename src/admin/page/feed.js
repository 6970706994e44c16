// The list of what arrives on one channel or pattern, newest first. Data is
// shown as text and never becomes HTML.

const SHOWN = 50;
/** More of one message than this is not shown. */
const CHARACTERS = 2000;
const ALL_OF_THE_PAGE = '/demo/**';

/** Whether a Bayeux pattern takes in the channel. */
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
  /** Until somebody chooses a pattern, it is the channel of the publish box. */
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

  async function listen(wanted) {
    input.value = wanted;
    if (!wanted || wanted === pattern) return;
    subscription?.cancel();
    pattern = wanted;
    note.textContent = '';
    const begun = connection.subscribe(wanted, show);
    subscription = begun;
    try {
      await begun.ready;
    } catch (error) {
      begun.cancel();
      if (subscription !== begun) return;
      pattern = undefined;
      note.textContent = `Not listening: ${error.message}`;
    }
  }

  function choose(wanted) {
    isChosen = true;
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
    hears: (channel) => pattern !== undefined && covers(pattern, channel),
    /** Listens on the channel, unless somebody chose another. */
    follow(channel) {
      if (!isChosen) listen(channel);
    },
  };
}
