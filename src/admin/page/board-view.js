// Draws the cards into the columns and lets them glide to their new places.
// What a card is called and where it stands comes from cards.js.

import { COLUMNS } from './cards.js';

const GLIDE_MILLISECONDS = 260;
export const COLUMN_NAMES = { todo: 'To do', doing: 'Doing', done: 'Done' };

function button(className, label, sign) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = className;
  made.setAttribute('aria-label', label);
  made.textContent = sign;
  return made;
}

export class BoardView {
  #cards;
  #nodes = new Map();
  #lists = new Map();

  constructor(board, cards) {
    this.#cards = cards;
    for (const list of board.querySelectorAll('[data-column]')) this.#lists.set(list.dataset.column, list);
  }

  node(id) { return this.#nodes.get(id); }

  get lists() { return [...this.#lists.values()]; }

  /** Makes a change and lets every card glide from where it was. */
  update(change = () => {}, moved = []) {
    const before = new Map([...this.#nodes].map(([id, node]) => [id, node.getBoundingClientRect()]));
    const focused = document.activeElement;
    change();
    this.#place();
    // A node that is put elsewhere loses the focus.
    if (focused !== document.activeElement && focused?.isConnected) {
      const target = focused.hidden ? focused.parentElement.querySelector('button:not([hidden])') : focused;
      target.focus({ preventScroll: true });
    }
    this.#glide(before, moved);
  }

  #place() {
    const shown = new Set();
    for (const [column, list] of this.#lists) {
      const cards = this.#cards.inColumn(column);
      cards.forEach((card, index) => {
        const node = this.#nodes.get(card.id) ?? this.#make(card);
        this.#describe(node, card);
        if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
        shown.add(card.id);
      });
      list.parentElement.querySelector('.count').textContent = cards.length;
    }
    for (const [id, node] of this.#nodes) {
      if (shown.has(id)) continue;
      node.remove();
      this.#nodes.delete(id);
    }
  }

  #make(card) {
    const node = document.createElement('li');
    node.className = 'card';
    node.dataset.id = card.id;
    const grip = document.createElement('span');
    grip.className = 'grip';
    grip.setAttribute('aria-hidden', 'true');
    const text = document.createElement('span');
    text.className = 'text';
    const arrows = document.createElement('span');
    arrows.className = 'arrows';
    arrows.append(button('back', '', '←'), button('on', '', '→'));
    node.append(grip, text, arrows);
    this.#nodes.set(card.id, node);
    return node;
  }

  #describe(node, card) {
    node.querySelector('.text').textContent = card.text;
    const at = COLUMNS.indexOf(card.column);
    for (const [className, column] of [['back', COLUMNS[at - 1]], ['on', COLUMNS[at + 1]]]) {
      const arrow = node.querySelector(`.${className}`);
      arrow.hidden = !column;
      arrow.dataset.to = column ?? '';
      arrow.setAttribute('aria-label', `Move “${card.text}” to ${COLUMN_NAMES[column]}`);
    }
  }

  #glide(before, moved) {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    for (const [id, node] of this.#nodes) {
      const isMoved = moved.includes(id);
      if (isMoved) {
        node.classList.remove('moved');
        // Read the layout in between, or the animation of the mark does not restart.
        void node.offsetWidth;
        node.classList.add('moved');
      }
      const from = before.get(id);
      if (isCalm || !from) continue;
      const to = node.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (!x && !y) continue;
      // Above the others on its way; for those that make room a layer does not matter.
      const zIndex = isMoved ? 2 : 1;
      node.animate([{ transform: `translate(${x}px, ${y}px)`, zIndex }, { transform: 'none', zIndex }],
        { duration: GLIDE_MILLISECONDS, easing: 'cubic-bezier(.2, .8, .2, 1)' });
    }
  }
}
