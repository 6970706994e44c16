// Reads and drives "Pull the plug" on the page at `/`.

import { until } from './page-window.mjs';

export const SIDES = ['left', 'right'];

/** The counts that a client shows, as numbers. */
export function counts(page, side) {
  return page.evaluate((name) => {
    const read = (part) => Number(document.querySelector(`#plug-${name} [data-part=${part}]`).textContent.replaceAll(',', ''));
    return Object.fromEntries(['sent', 'received', 'waiting', 'lost', 'duplicates'].map((part) => [part, read(part)]));
  }, side);
}

/** Waits until a count of a client has at least this value. */
export async function reaches(page, side, part, value) {
  await until(page, ([name, which, least]) => {
    const shown = document.querySelector(`#plug-${name} [data-part=${which}]`).textContent;
    return Number(shown.replaceAll(',', '')) >= least;
  }, [side, part, value]);
}

/** Waits until the line of a client is in the state: 'connected', 'cut', 'refused' and so on. */
export async function lineIs(page, side, state) {
  await until(page, ([name, wanted]) => document.querySelector(`#plug-${name}`).dataset.line === wanted, [side, state]);
}

/** Waits until a client shows this transport. */
export async function uses(page, side, name) {
  await until(page, ([where, wanted]) => document.querySelector(`#plug-${where} [data-part=transport]`).textContent === wanted,
    [side, name]);
}

/** Pauses the ticker and waits until both clients have received everything that was sent. */
export async function settle(page) {
  await page.click('#ticker');
  await until(page, () => document.querySelector('#ticker').textContent === 'Start the ticker');
  await until(page, () => ['left', 'right'].every((side) => {
    const text = (part) => document.querySelector(`#plug-${side} [data-part=${part}]`).textContent;
    return text('waiting') === '0' && text('sent') !== '0';
  }));
}

/** The number of messages that the server has accepted from the publisher, as the page shows it. */
export async function accepted(page) {
  const text = await page.textContent('#ticker-counts');
  return Number(/^([\d,]+) accepted/.exec(text)[1].replaceAll(',', ''));
}

/** Records the connections of one client, seen from outside of the page. */
export function recordLine(page, side) {
  const seen = { sockets: 0, closed: 0, streams: 0, requests: 0, aborted: 0 };
  const isOwn = (url) => url.includes(`/line-${side}`);
  page.on('websocket', (socket) => {
    if (!isOwn(socket.url())) return;
    seen.sockets += 1;
    socket.on('close', () => { seen.closed += 1; });
  });
  page.on('request', (request) => {
    if (!isOwn(request.url())) return;
    if (request.resourceType() === 'eventsource') seen.streams += 1;
    else if (request.method() === 'POST') seen.requests += 1;
  });
  page.on('requestfailed', (request) => {
    if (isOwn(request.url())) seen.aborted += 1;
  });
  return seen;
}
