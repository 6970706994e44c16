// Puts the parts of the page together: the only file that knows them all.

import { connectBoard } from './board.js';
import { connectChat } from './chat.js';
import { Connection } from './connection.js';
import { connectCopyButtons } from './curl.js';
import { connectFeed } from './feed.js';
import { connectPublishBox } from './publish.js';
import { watchForRefusal } from './refusal.js';
import { showStatus } from './status.js';

const mount = document.querySelector('meta[name=faye-mount]').content;
const url = new URL(location.origin + mount).href;
document.getElementById('url').textContent = url;
connectCopyButtons();

function showTrouble(text) {
  const trouble = document.getElementById('trouble');
  trouble.textContent = text;
  trouble.hidden = false;
}

if (globalThis.Faye) {
  const connection = new Connection(url);
  showStatus(connection);
  watchForRefusal(connection, url, showTrouble);
  connectChat(connection);
  connectPublishBox(connection, url, connectFeed(connection));
  connectBoard(connection, url);
} else {
  showTrouble(`The client script ${url}/client.js did not load. Reload the page to try again.`);
}
