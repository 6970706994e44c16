// The publish box: publishes what was typed, and shows the line for curl that
// does the same.

import { curlLine } from './curl.js';

export function connectPublishBox(connection, url, feed) {
  const form = document.getElementById('publish-form');
  const channel = document.getElementById('publish-channel');
  const data = document.getElementById('publish-data');
  const note = document.getElementById('publish-note');
  const line = document.getElementById('curl');
  const button = form.querySelector('button');

  function say(text, isBad = false) {
    note.textContent = text;
    note.classList.toggle('bad', isBad);
  }

  /** Shows the line, or what is wrong with the data; then the last good line stays, dimmed. */
  function check() {
    let mistake = '';
    try {
      JSON.parse(data.value);
      line.textContent = curlLine(url, channel.value.trim(), data.value.trim());
    } catch (error) {
      mistake = `Not JSON: ${error.message}`;
    }
    say(mistake, true);
    data.setAttribute('aria-invalid', String(mistake !== ''));
    line.classList.toggle('stale', mistake !== '');
    return mistake === '';
  }

  form.addEventListener('input', check);
  channel.addEventListener('change', () => feed.follow(channel.value.trim()));
  // In a text area Enter is a new line.
  data.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!check()) return data.focus();
    const name = channel.value.trim();
    feed.follow(name);
    button.disabled = true;
    try {
      await connection.publish(name, JSON.parse(data.value));
      say(feed.hears(name) ? 'Published.' : `Published. The list below listens on ${feed.pattern} only.`);
    } catch (error) {
      say(`Not published: ${error.message}`, true);
    } finally {
      button.disabled = false;
    }
  });
  check();
}
