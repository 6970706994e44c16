// The keys j and k move between entries. They can be turned off (WCAG 2.2, 2.1.4).

const SETTING = 'lifestream-keys';

function isOff() {
  try {
    return localStorage.getItem(SETTING) === 'off';
  } catch {
    return false;
  }
}

function set(off) {
  try {
    localStorage.setItem(SETTING, off ? 'off' : 'on');
  } catch {
    // Without storage the choice holds for this page.
  }
}

function move(step) {
  const articles = [...document.querySelectorAll('#stream > article')];
  const present = articles.findIndex((element) => element.contains(document.activeElement));
  const inView = articles.findIndex((element) => element.getBoundingClientRect().bottom > 80);
  const next = present < 0 ? inView : present + step;
  const target = articles[Math.min(Math.max(next, 0), articles.length - 1)];
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: 'start', behavior: 'instant' });
}

/** Begins to listen, and shows a hint with a switch. */
export function listenForKeys(hint) {
  let off = isOff();
  const text = document.createElement('span');
  const button = document.createElement('button');
  button.type = 'button';
  const show = () => {
    text.textContent = off ? 'Keyboard shortcuts are off.' : 'Press j and k to move between entries.';
    button.textContent = off ? 'Turn on' : 'Turn off';
    button.setAttribute('aria-label', `${button.textContent} keyboard shortcuts`);
  };
  button.addEventListener('click', () => {
    off = !off;
    set(off);
    show();
  });
  show();
  hint?.replaceChildren(text, ' ', button);
  if (hint) hint.hidden = false;
  document.addEventListener('keydown', (event) => {
    if (off || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, audio, video')) return;
    if (event.key === 'j') move(1);
    else if (event.key === 'k') move(-1);
  });
}
