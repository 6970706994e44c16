// The tabs of "From your code": one panel that shows the snippet of the chosen
// language for the channel and data of the publish box.

import { snippet } from './snippets.js';

const NOTES = {
  curl: 'In a shell.',
  ruby: 'With the standard library, such as in a Rails job.',
  php: 'Without extensions, such as in a Laravel listener.',
  python: 'With the standard library, such as in a Django view.',
  node: 'Node 18 or later, without packages.',
  browser: 'A page on any site. It receives and publishes.',
  react: 'With the package faye-client.',
};
const keyNote = (variable) => (variable ? ` The ${variable === 'FAYE_TOKEN' ? 'token' : 'push secret'} is in the environment `
  + `variable ${variable}.` : '');
const BACK_ENDS = ['curl', 'ruby', 'php', 'python', 'node'];

export function connectTabs(url, credential) {
  const tabs = [...document.querySelectorAll('#languages [role=tab]')];
  const panel = document.getElementById('snippet-panel');
  const text = document.getElementById('snippet');
  const note = document.getElementById('snippet-note');
  let chosen = tabs[0];
  let what;

  function show() {
    const { language } = chosen.dataset;
    const { kind, variable } = credential;
    for (const tab of tabs) {
      tab.setAttribute('aria-selected', String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    panel.setAttribute('aria-labelledby', chosen.id);
    const isBackEnd = BACK_ENDS.includes(language);
    note.textContent = NOTES[language] + (isBackEnd ? keyNote(variable)
      : kind === 'token' ? ' Your application serves a token for each user at /token.' : '');
    if (what) text.textContent = snippet(language, { url, ...what, kind, variable });
  }

  function choose(tab) {
    chosen = tab;
    show();
  }

  for (const tab of tabs) tab.addEventListener('click', () => choose(tab));
  document.getElementById('languages').addEventListener('keydown', (event) => {
    const at = tabs.indexOf(chosen);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(tabs[(next + tabs.length) % tabs.length]);
    chosen.focus();
  });
  credential.watch(show);

  return {
    /** Shows snippets for this channel and data, or dims the last ones while the data is not JSON. */
    show(channel, json) {
      what = json === undefined ? what : { channel, json };
      text.classList.toggle('stale', json === undefined);
      show();
    },
  };
}
