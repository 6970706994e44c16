// Puts the parts of the page together: the only file that knows them all.

import { showActivity } from './activity.js';
import { connectBoard } from './board.js';
import { connectChat } from './chat.js';
import { Connection } from './connection.js';
import { connectCopyButtons } from './curl.js';
import { connectCredentialField, Credential } from './credential.js';
import { connectFeed } from './feed.js';
import { installLines } from './line.js';
import { connectOutageReport } from './outage.js';
import { connectPlug } from './plug.js';
import { connectPublishBox } from './publish.js';
import { Readiness } from './readiness.js';
import { watchForRefusal } from './refusal.js';
import { showStatus } from './status.js';
import { connectTabs } from './tabs.js';
import { Ticker } from './ticker.js';

const { content: mount, dataset } = document.querySelector('meta[name=faye-mount]');
const url = new URL(location.origin + mount).href;
document.getElementById('url').textContent = url;
connectCopyButtons();

function showTrouble(text) {
  const trouble = document.getElementById('trouble');
  if (trouble.textContent !== text) trouble.textContent = text;
  trouble.hidden = text === '';
}

/** Explains a refused handshake; the field for the credential is next to the text. */
function explain({ state, error }) {
  if (state === 'connected') showTrouble('');
  else if (error?.code === 401 || error?.code === 403) {
    showTrouble(`The server refused the handshake: ${error.message}. Enter a secret or a token that it accepts.`);
  }
}

if (globalThis.Faye) {
  installLines();
  const credential = new Credential({ secret: dataset.secretField, token: dataset.tokenField });
  connectCredentialField(credential);
  const readiness = new Readiness((state) => { document.body.dataset.subscriptions = state; });
  const connection = new Connection(url, credential, readiness);
  showStatus(connection);
  connection.watch(explain);
  watchForRefusal(connection, url, showTrouble);
  const channel = `/demo/ticker/${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  const ticker = new Ticker(url, channel, credential);
  connectOutageReport(ticker, connectPlug(url, ticker, credential, readiness));
  connectPublishBox(connection, connectFeed(connection), connectTabs(url, credential));
  connectChat(connection);
  connectBoard(connection, url, credential);
  if (dataset.activity) showActivity(dataset.activity);
} else {
  showTrouble(`The client script ${url}/client.js did not load. Reload the page to try again.`);
}
