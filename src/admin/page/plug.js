// "Pull the plug": connects the buttons with the ticker and the two clients.

import { PlugClient } from './plug-client.js';
import { PlugView } from './plug-view.js';

const FLOOD = 1000;
const CLIENTS = [['left', 'websocket'], ['right', 'long-polling']];
const byId = (id) => document.getElementById(id);

/** Shows the state of the publisher, and why it stopped. */
function showTicker(ticker) {
  const { accepted, refused, unanswered } = ticker.counts;
  const parts = [`${accepted.toLocaleString('en')} accepted by the server`];
  if (refused) parts.push(`${refused.toLocaleString('en')} refused`);
  if (unanswered) parts.push(`${unanswered.toLocaleString('en')} without a reply`);
  byId('ticker-counts').textContent = parts.join(', ');
  document.querySelector('.tick').classList.toggle('on', ticker.isRunning);
  byId('ticker').textContent = ticker.isRunning ? 'Pause the ticker' : 'Start the ticker';
  const problem = byId('ticker-problem');
  const text = ticker.refusal
    ? `The server refuses publications to ${ticker.channel}: ${ticker.refusal}. Enter a secret or a token at the top that `
      + 'may publish there, or allow it with a [[channel]] rule; then start the ticker.'
    : ticker.reach === 'failed' ? `The server does not answer publications (${ticker.failure}).` : '';
  if (problem.textContent !== text) problem.textContent = text;
}

function connectClient([name, transport], url, ticker, credential, readiness) {
  const root = byId(`plug-${name}`);
  root.append(byId('plug-template').content.cloneNode(true));
  let view;
  const client = new PlugClient(name, transport, url, ticker, credential, readiness, () => view?.update());
  view = new PlugView(root, client, ticker);
  ticker.watch({ changed: () => view.update() });
  root.querySelector('[data-part=cut]').addEventListener('click', () => client.cut());
  for (const radio of root.querySelectorAll('input[type=radio]')) {
    radio.name = `plug-${name}-transport`;
    radio.checked = radio.value === transport;
    radio.addEventListener('change', () => client.use(radio.value));
  }
  view.update();
  return client;
}

/** Returns the two clients, left and right. */
export function connectPlug(url, ticker, credential, readiness) {
  const clients = CLIENTS.map((each) => connectClient(each, url, ticker, credential, readiness));
  ticker.watch({ changed: () => showTicker(ticker) });
  byId('ticker').addEventListener('click', () => (ticker.isRunning ? ticker.stop() : ticker.start()));
  byId('cut-both').addEventListener('click', () => { for (const client of clients) client.cut(); });
  byId('recount').addEventListener('click', () => {
    ticker.forget();
    for (const client of clients) client.countFromNow();
  });
  const flood = byId('flood');
  flood.addEventListener('click', async () => {
    flood.disabled = true;
    await ticker.publish(FLOOD);
    flood.disabled = false;
  });
  credential.watch(() => {
    ticker.forget();
    for (const client of clients) client.restart();
    ticker.start();
  });
  ticker.start();
  return clients;
}
