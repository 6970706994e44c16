// Moves a card with a pointer: mouse and pen take it anywhere, a finger at its
// grip, so that swiping over cards still scrolls.

/** A press that moves less than this is no drag. */
const SLACK_PIXELS = 4;
/** So near to an edge of the window the page scrolls. */
const EDGE_PIXELS = 56;
const SCROLL_PIXELS = 9;

const contains = (box, x, y) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;

/** The column and the place in it that the pointer is over, or null. */
function placeUnder(lists, dragged, x, y) {
  const list = lists.find((one) => contains(one.parentElement.getBoundingClientRect(), x, y));
  if (!list) return null;
  const others = [...list.querySelectorAll('.card')].filter((card) => card !== dragged);
  const below = others.findIndex((card) => {
    const box = card.getBoundingClientRect();
    return y < box.top + box.height / 2;
  });
  return { list, index: below < 0 ? others.length : below, before: others[below] ?? null };
}

/**
 * @param lists    the columns' lists
 * @param handlers start(), drop(id, column, index, release), cancel(release);
 *                 `release` puts the card back into the flow
 */
export function makeDraggable(board, lists, { start, drop, cancel }) {
  let drag = null;

  function follow() {
    const { node, x, y, offsetX, offsetY } = drag;
    node.style.left = `${x - offsetX}px`;
    node.style.top = `${y - offsetY}px`;
    drag.target = placeUnder(lists, node, x, y);
    for (const list of lists) list.parentElement.classList.toggle('target', list === drag.target?.list);
    if (!drag.target) return;
    const { list, before } = drag.target;
    const isThere = drag.gap.parentElement === list && nextCard(drag.gap, node) === before;
    if (!isThere) list.insertBefore(drag.gap, before);
  }

  function nextCard(gap, dragged) {
    let next = gap.nextElementSibling;
    if (next === dragged) next = next.nextElementSibling;
    return next;
  }

  function lift() {
    const box = drag.node.getBoundingClientRect();
    const gap = document.createElement('li');
    gap.className = 'gap';
    gap.setAttribute('aria-hidden', 'true');
    gap.style.height = `${box.height}px`;
    drag.node.before(gap);
    drag.node.style.width = `${box.width}px`;
    drag.node.classList.add('dragged');
    document.documentElement.classList.add('dragging');
    Object.assign(drag, { gap, isLifted: true, offsetX: drag.x - box.left, offsetY: drag.y - box.top });
    start();
    scrollAtEdges();
  }

  function scrollAtEdges() {
    if (!drag?.isLifted) return;
    const step = drag.y < EDGE_PIXELS ? -SCROLL_PIXELS : drag.y > innerHeight - EDGE_PIXELS ? SCROLL_PIXELS : 0;
    if (step) {
      scrollBy({ top: step, behavior: 'instant' });
      follow();
    }
    requestAnimationFrame(scrollAtEdges);
  }

  function end(isDropped) {
    const { node, gap, target, isLifted } = drag;
    drag = null;
    for (const [type, listener] of Object.entries(listeners)) removeEventListener(type, listener);
    if (!isLifted) return;
    const release = () => {
      gap.remove();
      node.classList.remove('dragged');
      node.removeAttribute('style');
      document.documentElement.classList.remove('dragging');
      for (const list of lists) list.parentElement.classList.remove('target');
    };
    if (isDropped && target) drop(node.dataset.id, target.list.dataset.column, target.index, release);
    else cancel(release);
  }

  const listeners = {
    pointermove(event) {
      if (event.pointerId !== drag.pointer) return;
      drag.x = event.clientX;
      drag.y = event.clientY;
      if (!drag.isLifted && Math.hypot(drag.x - drag.startX, drag.y - drag.startY) > SLACK_PIXELS) lift();
      if (drag.isLifted) follow();
    },
    pointerup(event) {
      if (event.pointerId === drag.pointer) end(true);
    },
    pointercancel(event) {
      if (event.pointerId === drag.pointer) end(false);
    },
    keydown(event) {
      if (event.key === 'Escape') end(false);
    },
  };

  board.addEventListener('pointerdown', (event) => {
    const node = event.target.closest('.card');
    const isGrip = event.target.closest('.grip');
    if (drag || !node || event.button !== 0 || event.target.closest('button')) return;
    if (event.pointerType === 'touch' && !isGrip) return;
    // No text is selected on the way.
    event.preventDefault();
    const [x, y] = [event.clientX, event.clientY];
    drag = { node, pointer: event.pointerId, x, y, startX: x, startY: y, isLifted: false };
    for (const [type, listener] of Object.entries(listeners)) addEventListener(type, listener);
  });
}
