// The board: publishes changes of cards, and draws those that other windows and
// back ends publish. The server keeps nothing, so a window that opens later asks
// the others, and a window with a newer state replies.

import { BoardView, COLUMN_NAMES } from './board-view.js';
import { Cards, COLUMNS } from './cards.js';
import { curlLine } from './curl.js';
import { makeDraggable } from './drag.js';

const CARDS = '/demo/board/cards/';
const ASK = '/demo/board/ask';
const STATE = '/demo/board/state';
/** Windows reply after a random delay, so that mostly one does. */
const ANSWER_MILLISECONDS = 250;
/** Between two replies of a window, so that invalid messages do not make it publish all the time. */
const PAUSE_MILLISECONDS = 2000;

export function connectBoard(connection, url, credential) {
  const board = document.getElementById('board');
  const problem = document.getElementById('board-problem');
  const news = document.getElementById('board-news');
  const form = document.getElementById('card-form');
  const input = document.getElementById('card-text');
  const cards = new Cards();
  const view = new BoardView(board, cards);
  let isDragging = false;
  let answerTimer = null;
  let quietUntil = 0;

  function draw(moved = [], change = undefined) {
    // Cards keep their places during a drag; the drop draws them.
    if (!isDragging) view.update(change, moved);
    showLine();
  }

  /** The line moves a card that is not done yet, to the next column. */
  function showLine() {
    const card = COLUMNS.flatMap((column) => cards.inColumn(column))[0];
    const to = COLUMNS[(COLUMNS.indexOf(card.column) + 1) % COLUMNS.length];
    const text = `A back end moves cards too. This line moves “${card.text}” to ${COLUMN_NAMES[to]}:`;
    document.getElementById('board-hint').textContent = text;
    const line = curlLine(url, CARDS + card.id, JSON.stringify({ column: to }), credential.variable);
    document.getElementById('board-curl').textContent = line;
  }

  function announce({ text, column }) {
    news.textContent = `“${text}” is in ${COLUMN_NAMES[column]} now`;
  }

  /** Publishes a change of this window; reverts it if the server does not accept it. */
  async function publish(card, former) {
    const { id, ...data } = card;
    try {
      await connection.publish(CARDS + id, data);
      problem.textContent = '';
      return true;
    } catch (error) {
      problem.textContent = `Not ${former ? 'moved' : 'added'}: ${error.message}.`;
      cards.undo(card, former);
      draw();
      return false;
    }
  }

  function move(id, column, index, release) {
    const former = cards.get(id);
    const card = cards.move(id, column, index);
    draw([id], release);
    announce(card);
    publish(card, former);
  }

  board.addEventListener('click', ({ target }) => {
    const arrow = target.closest('.arrows button');
    if (arrow) move(arrow.closest('.card').dataset.id, arrow.dataset.to);
  });

  board.addEventListener('keydown', (event) => {
    const node = event.target.closest('.card');
    if (!node || event.altKey || event.ctrlKey || event.metaKey) return;
    const { id, column } = cards.get(node.dataset.id);
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const along = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!across && !along) return;
    event.preventDefault();
    const next = COLUMNS[COLUMNS.indexOf(column) + across];
    if (next) move(id, next);
    if (!along) return;
    const inColumn = cards.inColumn(column);
    const index = inColumn.findIndex((card) => card.id === id) + along;
    if (index >= 0 && index < inColumn.length) move(id, column, index);
  });

  makeDraggable(board, view.lists, {
    start: () => { isDragging = true; },
    drop(id, column, index, release) {
      isDragging = false;
      const inColumn = cards.inColumn(column);
      // Dropped where it was taken from.
      if (inColumn[index]?.id === id) draw([], release);
      else move(id, column, index, release);
    },
    cancel(release) {
      isDragging = false;
      draw([], release);
    },
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    if (cards.isFull) {
      problem.textContent = 'Not added: the board is full.';
      return;
    }
    const card = cards.add(text);
    draw([card.id]);
    announce(card);
    input.value = '';
    const isAdded = await publish(card, undefined);
    if (!isAdded && !input.value) input.value = text;
  });

  function answerSoon() {
    if (answerTimer) return;
    const pause = Math.max(0, quietUntil - performance.now());
    answerTimer = setTimeout(() => {
      answerTimer = null;
      quietUntil = performance.now() + PAUSE_MILLISECONDS;
      // A window that misses the reply asks again when it is connected again.
      connection.publish(STATE, { cards: cards.all() }).catch(() => {});
    }, pause + Math.random() * ANSWER_MILLISECONDS);
  }

  function receiveCard(data, channel) {
    const id = channel.slice(CARDS.length);
    const outcome = cards.take(id, data);
    if (outcome === 'older') answerSoon();
    if (outcome !== 'taken') return;
    draw([id]);
    announce(cards.get(id));
  }

  function receiveState(data) {
    const { taken, knowsMore } = cards.takeAll(Object(data).cards);
    if (taken.length > 0) draw(taken);
    if (knowsMore) answerSoon();
    else {
      clearTimeout(answerTimer);
      answerTimer = null;
    }
  }

  function receiveAsk(data) {
    if (cards.knowsMoreThan(Object(data).versions)) answerSoon();
  }

  const refusals = new Map();
  const settleWith = (pattern) => (error) => {
    if (error) refusals.set(pattern, error);
    else refusals.delete(pattern);
    const [first] = refusals.values();
    problem.textContent = first ? `The board does not receive: ${first.message}.` : '';
  };
  // The question follows the subscriptions: their outcome must not be missed.
  const ready = new Promise((resolve) => {
    connection.subscribe(`${CARDS}*`, receiveCard, settleWith(CARDS));
    connection.subscribe(ASK, receiveAsk, settleWith(ASK));
    connection.subscribe(STATE, receiveState, (error) => {
      settleWith(STATE)(error);
      resolve();
    });
  });

  // Other windows may know changes that this one missed while the server was unavailable.
  let wasConnected = false;
  connection.watch(async ({ state }) => {
    const isNews = state === 'connected' && !wasConnected;
    wasConnected = state === 'connected';
    // Still connected: nothing was missed.
    if (!isNews) return;
    await ready;
    connection.publish(ASK, { versions: cards.versions() }).catch(() => {});
  });

  credential.watch(showLine);
  draw();
}
