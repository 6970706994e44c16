// The chat between windows. A message shows when the server delivers it, also
// in the window that sent it.

import { timeOfDay } from './time.js';

const CHANNEL = '/demo/chat';
const SHOWN = 100;
const NAME_LENGTH = 40;
const TEXT_LENGTH = 500;
const NAME_KEY = 'faye-demo-name';
const MOODS = ['Bright', 'Calm', 'Curious', 'Gentle', 'Happy', 'Keen', 'Merry', 'Quiet', 'Swift', 'Wise'];
const ANIMALS = ['Badger', 'Crane', 'Dolphin', 'Finch', 'Fox', 'Hare', 'Heron', 'Lynx', 'Otter', 'Owl', 'Robin', 'Seal'];
/** From a scroll position this close to the end, the log follows new messages. */
const NEAR_PIXELS = 40;

const random = (list) => list[Math.floor(Math.random() * list.length)];

// Without storage the name lasts as long as the page.
function keptName() {
  try { return sessionStorage.getItem(NAME_KEY); } catch { return null; }
}

function keepName(name) {
  try { sessionStorage.setItem(NAME_KEY, name); } catch { /* nothing to do */ }
}

/** Returns the message in foreign data, or null: any client may publish anything here. */
function messageFrom(data) {
  if (typeof data === 'string') return messageFrom({ text: data });
  const { name, text, from } = Object(data);
  if (typeof text !== 'string' || !text.trim()) return null;
  const isNamed = typeof name === 'string' && name.trim() !== '';
  return { name: (isNamed ? name : 'Anonymous').slice(0, NAME_LENGTH), text: text.slice(0, TEXT_LENGTH), from };
}

/** The same colour for the same name in every window. */
function hueOf(name) {
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  return hue;
}

function element(kind, className, text) {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

export function connectChat(connection) {
  const log = document.getElementById('chat-log');
  const form = document.getElementById('chat-form');
  const nameInput = document.getElementById('chat-name');
  const textInput = document.getElementById('chat-text');
  const problem = document.getElementById('chat-problem');
  const button = form.querySelector('button');
  const self = crypto.getRandomValues(new Uint32Array(2)).join('-');

  nameInput.value = keptName() || `${random(MOODS)} ${random(ANIMALS)}`;
  keepName(nameInput.value);
  nameInput.addEventListener('change', () => keepName(nameInput.value));

  function show({ name, text, from }) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PIXELS;
    const isOwn = from === self;
    const item = element('li', isOwn ? 'own' : '', '');
    const who = element('span', 'who', isOwn ? `${name} (you)` : name);
    who.style.setProperty('--hue', hueOf(name));
    const now = new Date();
    const time = element('time', '', timeOfDay(now));
    time.dateTime = now.toISOString();
    item.append(who, time, element('span', 'text', text));
    log.append(item);
    while (log.children.length > SHOWN) log.firstElementChild.remove();
    if (isAtEnd || isOwn) log.scrollTop = log.scrollHeight;
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = textInput.value;
    if (!text.trim() || !nameInput.value.trim()) return;
    button.disabled = true;
    problem.textContent = '';
    try {
      await connection.publish(CHANNEL, { name: nameInput.value.trim(), text: text.trim(), from: self });
      // Keeps text that was typed while the message was sent.
      if (textInput.value === text) textInput.value = '';
    } catch (error) {
      problem.textContent = `Not sent: ${error.message}. Your text is kept.`;
    } finally {
      button.disabled = false;
    }
  });

  connection.subscribe(CHANNEL, (data) => {
    const message = messageFrom(data);
    if (message) show(message);
  }, (error) => { problem.textContent = error ? `The chat does not receive: ${error.message}.` : ''; });
}
