// The list of messages that arrive on one channel or pattern, newest first. Data is
// shown as text and never becomes HTML.

import { withChannelHint } from './channel-hint.js';
import { timeOfDay } from './time.js';

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
    time.textContent = timeOfDay(now);
    name.className = 'channel';
    name.textContent = channel;
    text.className = 'data';
    // A message may have no data at all.
    text.textContent = (JSON.stringify(data) ?? 'no data').slice(0, CHARACTERS);
    item.append(time, ' ', name, ' ', text);
    list.prepend(item);
    while (list.children.length > SHOWN) list.lastElementChild.remove();
  }

  function subscribe(wanted) {
    input.value = wanted;
    if (!wanted || wanted === pattern) return;
    subscription?.cancel();
    pattern = wanted;
    isRefused = false;
    note.textContent = '';
    subscription = connection.subscribe(wanted, show, (error) => {
      isRefused = error !== null;
      note.textContent = error ? `Not subscribed: ${withChannelHint(error)}` : '';
    });
  }

  function choose(wanted) {
    isChosen = true;
    // A second attempt subscribes again.
    if (isRefused) pattern = undefined;
    subscribe(wanted);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    choose(input.value.trim());
  });
  input.addEventListener('change', () => choose(input.value.trim()));
  document.getElementById('feed-all').addEventListener('click', () => choose(ALL_OF_THE_PAGE));
  subscribe(input.defaultValue);

  return {
    get pattern() { return pattern; },
    get isRefused() { return isRefused; },
    receives: (channel) => !isRefused && covers(pattern, channel),
    /** Subscribes to the channel, unless the visitor chose another. */
    follow(channel) {
      if (!isChosen) subscribe(channel);
    },
  };
}
